"""Clients of the Live API and what their failures tell."""
