"""Three apps to learn from: README.md walks through them."""
