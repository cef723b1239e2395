"""The relay: forwards and keeps sealed messages that it cannot open."""
