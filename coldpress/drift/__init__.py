"""Fresh rows beside those that a model was judged on: have they changed, and does it matter."""
