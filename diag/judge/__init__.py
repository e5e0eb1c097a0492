"""Judges measurements: rules and the engine that runs them, comparison, exit codes."""
