"""How one device seals a message for another."""
