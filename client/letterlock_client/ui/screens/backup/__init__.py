"""Chat backup: its landing, the end-to-end encrypted part, and what leads through each change."""
