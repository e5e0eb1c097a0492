"""API keys: where they are read from, and how they are removed from all text that is written or shown.

Keys are read from environment variables only. Every text that is saved or printed passes through `without_keys`.
"""

from __future__ import annotations

import json
import os
import re

KEY_VARIABLES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
SHORTEST_KEY = 8
"""Shorter values are not keys. Replacing them would damage ordinary words."""
HIDDEN = "(key hidden)"
_SHAPES = re.compile(r"AIza[0-9A-Za-z_\-]{30,}|auth_tokens/[0-9A-Za-z_\-]{8,}")


def key_variable() -> str | None:
    """Return the name of the environment variable that holds the key, or None."""
    return next((name for name in KEY_VARIABLES if os.environ.get(name)), None)


def without_keys(text: str) -> str:
    """Return the text with every key replaced by `HIDDEN`.

    Replaced are the keys in the environment, as they are or escaped for JSON, and everything with the form of a key.
    """
    for name in KEY_VARIABLES:
        key = os.environ.get(name, "").strip()
        if len(key) >= SHORTEST_KEY:
            text = text.replace(key, HIDDEN).replace(json.dumps(key, ensure_ascii=False)[1:-1], HIDDEN)
    return _SHAPES.sub(HIDDEN, text)
