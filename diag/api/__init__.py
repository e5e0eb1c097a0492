"""The public operations, one module for each command."""
