"""Diagnostics and benchmarks for voice conversations on the Gemini Live API."""

__version__ = "0.1.0"
