"""Emulator of the Live API, which can be made to fail in the ways that the real service fails.

It shares no protocol code with the clients of this project. Otherwise one bug could be on both sides and go unnoticed.
"""
