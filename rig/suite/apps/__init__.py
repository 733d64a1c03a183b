"""Apps to learn from: README.md walks through them."""
