"""8-bit integers with dynamic or static activation ranges."""
