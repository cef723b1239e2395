"""Backups: what changed goes out sealed, and all of it comes back."""
