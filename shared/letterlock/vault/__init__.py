"""A secret behind a password, shared among realms that count the guesses: threshold OPAQUE."""
