"""What the relay does for each request, one noun a file."""
