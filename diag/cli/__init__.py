"""The command line: one module per command. It parses options, calls `diag.api` and shows the result."""
