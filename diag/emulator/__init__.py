"""A Live API server that can fail in every way that the real service does.

It shares no protocol code with the clients of this project: one bug must not be able to hide on both sides.
"""
