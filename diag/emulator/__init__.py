"""A Live API server that can fail in every way that the real service does."""
