"""The messenger core and its three faces: Textual, line mode and commands."""
