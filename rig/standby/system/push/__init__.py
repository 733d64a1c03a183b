"""Push: the host's one line to its push service, kept over sleeps, and the way of a raw notification to handlers and tasks."""
