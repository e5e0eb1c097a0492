"""Formats that a report is exported to, one module each; the name of the module is the name of the format."""
