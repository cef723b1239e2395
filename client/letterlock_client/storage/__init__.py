"""The encrypted database of one profile."""
