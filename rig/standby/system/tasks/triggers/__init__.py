"""A file a kind of trigger: which registrations it takes, and when it fires."""
