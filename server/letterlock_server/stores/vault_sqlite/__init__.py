"""The realm's store in one SQLite file, and the keys of its records in slots beside it."""
