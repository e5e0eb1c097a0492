"""Audio rigs (virtual, system, or wire without devices), and what plays and records at their ports."""
