"""Sans-I/O stages: bytes and time in, bytes and events out."""
