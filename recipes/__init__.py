"""Recipes that can be named; a package, so that they are found wherever Coldpress is installed."""
