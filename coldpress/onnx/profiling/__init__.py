"""Where an exported graph spends its time, and how much of the machine it reaches."""
