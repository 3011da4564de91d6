"""The records that an evaluation writes."""
