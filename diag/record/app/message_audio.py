"""Audio inside a WebSocket message, in whatever form pages send it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from diag.core.json_reading import read_json

LEAST_BASE64 = 64
"""Shorter texts in a JSON message are not taken for audio."""
_DATA_URL = re.compile(r"data:([^,]*?)(?:;base64)?,", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-]+={0,2}")


def audio_in_message(payload: bytes, *, binary: bool) -> tuple[bytes, str | None] | None:
    """Return the audio in a WebSocket message and its MIME type; None if it holds none.

    Audio is a whole binary message, a long base64 text anywhere in a JSON message, or a data URL there.
    """
    message = json_message(payload)
    if message is None:
        return (payload, None) if binary and payload else None
    found = list(_audio_texts(message, None))
    return (b"".join(data for data, _ in found), found[0][1]) if found else None


def json_message(payload: bytes) -> Any:
    """Return a message in JSON, which some services send as binary messages; None if it is none."""
    try:
        return read_json(payload)
    except ValueError:
        return None


def _audio_texts(value: Any, mime_type: str | None) -> Iterator[tuple[bytes, str | None]]:
    if isinstance(value, Mapping):
        stated = value.get("mimeType") or value.get("mime_type") or mime_type
        for inner in value.values():
            yield from _audio_texts(inner, stated)
    elif isinstance(value, list):
        for inner in value:
            yield from _audio_texts(inner, mime_type)
    elif isinstance(value, str) and len(value) >= LEAST_BASE64:
        head = _DATA_URL.match(value)
        text = value[head.end() :] if head else value
        if _BASE64.fullmatch(text):
            plain = text.rstrip("=").replace("-", "+").replace("_", "/")
            try:
                data = base64.b64decode(plain + "=" * (-len(plain) % 4))
            except binascii.Error:
                return
            yield data, head[1] if head else mime_type
