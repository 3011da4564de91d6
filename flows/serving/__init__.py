"""The HTTP service of `coldpress serve`: predictions of the version that an alias names."""
