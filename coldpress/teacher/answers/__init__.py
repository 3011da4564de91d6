"""A teacher that is known by its answers alone: files of probabilities, numbers or vectors."""
