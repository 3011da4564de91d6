"""Packaged recipes, which can be run by name; a package, so that they are installed."""
