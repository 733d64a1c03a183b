"""Background tasks: what is registered for a trigger, and the instances that run."""
