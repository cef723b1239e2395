"""The vault, seen by its owner: registered, asked, watched, forgotten."""
