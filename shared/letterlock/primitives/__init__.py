"""The only folder that touches libsodium and OpenSSL."""
