"""Keys are read from the environment only, and never leave it: whatever is written or shown goes through here."""

from __future__ import annotations

import json
import os
import re

KEY_VARIABLES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
SHORTEST_KEY = 8
"""Shorter values are no keys; taking them out would cut ordinary words."""
HIDDEN = "(key hidden)"
_SHAPES = re.compile(r"AIza[0-9A-Za-z_\-]{30,}|auth_tokens/[0-9A-Za-z_\-]{8,}")


def key_variable() -> str | None:
    """Name of the environment variable that holds the key, or None."""
    return next((name for name in KEY_VARIABLES if os.environ.get(name)), None)


def without_keys(text: str) -> str:
    """The text with every key taken out: the environment's, plain or quoted for JSON, and what looks like one."""
    for name in KEY_VARIABLES:
        key = os.environ.get(name, "").strip()
        if len(key) >= SHORTEST_KEY:
            text = text.replace(key, HIDDEN).replace(json.dumps(key, ensure_ascii=False)[1:-1], HIDDEN)
    return _SHAPES.sub(HIDDEN, text)
