"""Everything both ends must agree on: names, bytes, keys and protocol steps. No I/O and no clock."""
