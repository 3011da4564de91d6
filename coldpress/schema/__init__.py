"""Base classes and types that recipes and records share."""
