"""Bringing a backup back, from the first-run screen: where it is, what opens it, what is in it, the work."""
