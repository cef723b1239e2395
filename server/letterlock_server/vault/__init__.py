"""One realm of the backup-key vault: what it holds, how many guesses it answers, and what it destroys."""
