"""API keys: where they are read from, and how they are removed from all text that is written or shown.

Keys are read from environment variables only. Every text that is saved or printed passes through `without_keys`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Mapping
from typing import Any

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


_SECRET_FIELD = re.compile(r"api_?key|x-goog-api-key|authorization|access_?token|^handle$|^password$", re.IGNORECASE)


def without_secrets(value: Any, secrets: Collection[str] = ()) -> Any:
    """Return JSON data with every key, token and resumption handle in it replaced by `HIDDEN`.

    Parameters
    ----------
    value : JSON data
        Text, numbers, lists and mappings.
    secrets : collection of str
        Keys and tokens that are known; they are removed wherever they occur, also within longer text.
    """
    if isinstance(value, str):
        for secret in secrets:
            if len(secret) >= SHORTEST_KEY:
                value = value.replace(secret, HIDDEN)
        return without_keys(value)
    if isinstance(value, Mapping):
        return {
            name: HIDDEN
            if isinstance(inner, str) and _SECRET_FIELD.search(str(name))
            else without_secrets(inner, secrets)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [without_secrets(inner, secrets) for inner in value]
    return value
