"""Many flow runs at a time: in processes of this machine, or on the workers of a work pool."""
