"""Background transfers, as the system sees them: whose they are, what may run, and what comes of their end. The bytes are another
process's (rig/standby/transfers/)."""
