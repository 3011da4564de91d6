"""Home directory, environment variables, processes and signals."""
