"""Measures takes and recordings: metrics and the engine that runs them."""
