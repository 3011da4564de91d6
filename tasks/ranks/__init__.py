"""Stage bodies in several processes, under torchrun."""
