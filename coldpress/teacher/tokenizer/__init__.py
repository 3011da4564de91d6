"""The teacher's tokenizer."""
