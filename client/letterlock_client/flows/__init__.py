"""The paths a message takes through a client, each one a sentence."""
