"""DistilBERT's triple loss (Sanh, Debut, Chaumond & Wolf 2019)."""
