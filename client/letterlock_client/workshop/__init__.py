"""The live stage that shows every party's view."""
