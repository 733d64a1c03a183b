"""What fires background tasks: a file a kind."""
