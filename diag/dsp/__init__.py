"""Signal processing: pure functions of arrays."""
