"""Results by class and by slice of the test rows."""
