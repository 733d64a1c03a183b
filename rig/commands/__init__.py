"""What a person types: one module a command, each with `register(app)`."""
