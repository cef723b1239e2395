"""Who an account is: its root key, its list key, and the signed list of its devices."""
