"""What an app's package declares: who it is, what its process runs, its background tasks. Read from appx XML or from TOML."""
