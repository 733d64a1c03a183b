"""Control channels as the system sees them: construction, transports, slots, set-up, keep-alive tasks."""
