"""What apps and the bench ask of the system: a class a group of messages, a method a message."""
