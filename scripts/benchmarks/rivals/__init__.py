"""The relay's rivals: how to start each one, and a small raw client for what it speaks."""
