"""One relay process, from the socket to the store."""
