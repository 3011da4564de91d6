"""Reports for people: the HTML report of a run and the card of a model."""
