"""Diag's own voice client for the Live API, and its stages, which do no I/O themselves."""
