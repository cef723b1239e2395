"""The Textual interface: knows intents and models, no keys, sockets or SQL."""
