"""The broker of sockets: apps give it theirs, and it runs their tasks when something comes on them."""
