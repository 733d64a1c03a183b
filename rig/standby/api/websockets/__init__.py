"""WebSockets as transports of channels (RFC 6455): sans-I/O conversation, sockets of both kinds, the system's keep-alive task."""
