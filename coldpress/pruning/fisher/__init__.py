"""Post-training pruning by Fisher information (Kwon et al. 2022)."""
