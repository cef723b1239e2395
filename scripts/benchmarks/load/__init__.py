"""Putting load on a server over loopback, the same way for ours and for every rival."""
