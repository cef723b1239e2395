"""Parts of the interface that hold a messenger and turn intents into its calls, one a file."""
