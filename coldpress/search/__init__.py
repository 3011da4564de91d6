"""Search for the cheapest model within a budget: values to try, measurements, and the choice."""
