"""Operating points: a label at a threshold that was fixed on validation."""
