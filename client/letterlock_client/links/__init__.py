"""Connections to relays, kept alive and matched to their answers."""
