"""Decoding of what clients send: JSON with camelCase or snake_case keys, base64, and declared audio rates."""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping
from typing import Any

from diag.core.live_setup import canonical
from diag.core.units import LIVE_INPUT_RATE_HZ, mime_parameter, mime_rate_hz
from diag.emulator.closing import CLOSES, Refused

_LOWEST_RATE_HZ, _HIGHEST_RATE_HZ = 1000, 192000
_NOT_DATA = str.maketrans("", "", " \r\n\t=")


def read_frame(data: str | bytes) -> dict[str, Any]:
    """Return one client frame, text or binary, as JSON with camelCase keys.

    Raises
    ------
    Refused
        1007, if it is not a JSON object in UTF-8.
    """
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        message = json.loads(text)
        if not isinstance(message, dict):
            raise Refused(1007, "Invalid JSON payload received. Expected an object.")
        result: dict[str, Any] = canonical(message)
    except (ValueError, RecursionError):
        raise Refused(1007, "Invalid JSON payload received. Parsing terminated before end of input.") from None
    return result


def mapping(value: object) -> Mapping[str, Any]:
    """Return the JSON object that is expected here; an empty one for null.

    Raises
    ------
    Refused
        1007, if it is anything else.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise CLOSES["invalid_argument"].refused()
    return value


def sequence(value: object) -> list[Any]:
    """Return the JSON list that is expected here; an empty one for null, and a list of one for a single object.

    Raises
    ------
    Refused
        1007, if it is anything else.
    """
    if value is None:
        return []
    if isinstance(value, Mapping):
        return [value]
    if not isinstance(value, list):
        raise CLOSES["invalid_argument"].refused()
    return value


def decode_bytes(data: object, place: str) -> bytes:
    """Return the decoded bytes of base64 in the standard or the URL-safe alphabet, with or without padding.

    Parameters
    ----------
    place : str
        Path of the field, for the error message.

    Raises
    ------
    Refused
        1007, if it is not base64.
    """
    if isinstance(data, str):
        standard = data.replace("-", "+").replace("_", "/")
        try:
            return binascii.a2b_base64(standard, strict_mode=True)
        except ValueError:
            pass  # it may have no padding, or line breaks
        plain = standard.translate(_NOT_DATA)
        try:
            return binascii.a2b_base64(plain + "=" * (-len(plain) % 4), strict_mode=True)
        except ValueError:
            pass
    raise Refused(1007, f"Invalid value at '{place}' (TYPE_BYTES), Base64 decoding failed for \"{str(data)[:24]}\"")


def declared_rate_hz(mime_type: object) -> int | None:
    """Return the rate in Hz that an audio MIME type declares; the Live API's input rate if it declares none.

    Returns
    -------
    int or None
        For example 48000 for `audio/pcm;rate=48000`. None if the type is not raw PCM, or the rate is not a number from
        1000 to 192000.
    """
    text = str(mime_type or "")
    if text.partition(";")[0].strip().lower() not in ("audio/pcm", "audio/l16", "audio/x-pcm"):
        return None
    if not declares_rate(text):
        return LIVE_INPUT_RATE_HZ
    rate_hz = mime_rate_hz(text)
    return rate_hz if rate_hz is not None and _LOWEST_RATE_HZ <= rate_hz <= _HIGHEST_RATE_HZ else None


def declares_rate(mime_type: object) -> bool:
    """Return whether a MIME type declares a rate."""
    return mime_parameter(str(mime_type or ""), "rate") is not None
