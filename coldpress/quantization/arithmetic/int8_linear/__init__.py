"""Linear modules with integer weights and uint8 activations."""
