"""Process 1 of a standby host: starts the others, keeps what must outlast them, and ends with all that they have started."""
