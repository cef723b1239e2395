"""The servers: a relay that keeps sealed messages it cannot open, and the realms of the backup-key vault."""
