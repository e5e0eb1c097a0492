"""The command line: a thin face over the Python API. One file a subcommand, no logic of its own."""
