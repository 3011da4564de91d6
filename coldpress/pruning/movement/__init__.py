"""Movement pruning (Sanh, Wolf & Rush 2020)."""
