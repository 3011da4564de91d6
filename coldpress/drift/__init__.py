"""Compare new rows with the rows that a model was evaluated on: drift and accuracy."""
