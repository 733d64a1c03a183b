"""The connected-standby host: a system service process and the app processes it governs."""
