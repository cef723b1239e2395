"""The settings: a tree of pages with a search, one file a page."""
