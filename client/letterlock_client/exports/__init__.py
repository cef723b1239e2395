"""A chat written to files that outlive the program: records that can be checked, pages, plain text."""
