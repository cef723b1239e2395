"""One verb each: what `letterlock VERB` does, for people and with --json for scripts."""
