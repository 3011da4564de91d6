"""What a person reads: the report of a run and the card of a model."""
