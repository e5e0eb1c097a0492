"""Diag's own Live API client and its sans-I/O stages."""
