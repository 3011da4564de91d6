"""Programs that run in the peers' environments; each imports the standard library and its peer."""
