"""Metrics, one file each; importing nothing but floors 0 and 1."""
