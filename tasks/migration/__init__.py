"""Migration of an embedded registry to a tracking server."""
