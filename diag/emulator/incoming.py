"""What clients send: JSON in either spelling of its keys, base64 in either alphabet, audio with a declared rate."""

from __future__ import annotations

import binascii
import functools
import json
from collections.abc import Mapping
from typing import Any

from diag.core.units import LIVE_INPUT_RATE_HZ, mime_parameter, mime_rate_hz
from diag.emulator.closing import CLOSES, Refused

OPAQUE_KEYS = frozenset(
    {"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema", "labels"}
)
"""Below these the keys belong to the user: arguments, results and schemas keep their spelling."""

_LOWEST_RATE_HZ, _HIGHEST_RATE_HZ = 1000, 192000
_NOT_DATA = str.maketrans("", "", " \r\n\t=")


@functools.lru_cache(maxsize=4096)
def camel(key: str) -> str:
    """A key in camelCase, whichever way it was spelt: `mime_type` and `mimeType` give `mimeType`."""
    head, *tail = key.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in tail) if tail and head else key


@functools.lru_cache(maxsize=4096)
def snake(key: str) -> str:
    """A key in snake_case, as the service's own error messages spell it."""
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in key)


def normalised(value: object) -> Any:
    """The same JSON with camelCase keys, except below `OPAQUE_KEYS`."""
    if isinstance(value, dict):
        result = {}
        for key, inner in value.items():
            name = camel(key)
            result[name] = inner if name in OPAQUE_KEYS else normalised(inner)
        return result
    if isinstance(value, list):
        return [normalised(item) for item in value]
    return value


def read_frame(data: str | bytes) -> dict[str, Any]:
    """One client frame, text or binary, as JSON with camelCase keys.

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
        result: dict[str, Any] = normalised(message)
    except (ValueError, RecursionError):
        raise Refused(1007, "Invalid JSON payload received. Parsing terminated before end of input.") from None
    return result


def mapping(value: object) -> Mapping[str, Any]:
    """A JSON object where one is expected; null stands for an empty one.

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
    """A JSON list where one is expected; a lone object counts as a list of one, null as an empty one.

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
    """Bytes of base64 in the standard or the URL-safe alphabet, with or without padding.

    Raises
    ------
    Refused
        1007, if it is neither.
    """
    if isinstance(data, str):
        standard = data.replace("-", "+").replace("_", "/")
        try:
            return binascii.a2b_base64(standard, strict_mode=True)
        except ValueError:
            pass  # without padding, or in lines
        plain = standard.translate(_NOT_DATA)
        try:
            return binascii.a2b_base64(plain + "=" * (-len(plain) % 4), strict_mode=True)
        except ValueError:
            pass
    raise Refused(1007, f"Invalid value at '{place}' (TYPE_BYTES), Base64 decoding failed for \"{str(data)[:24]}\"")


def declared_rate_hz(mime_type: object) -> int | None:
    """Rate that an audio MIME type declares: `audio/pcm;rate=48000` gives 48000, `audio/pcm` the native rate.

    Returns
    -------
    int or None
        None where the type is not raw PCM, or the rate is no rate.
    """
    text = str(mime_type or "")
    if text.partition(";")[0].strip().lower() not in ("audio/pcm", "audio/l16", "audio/x-pcm"):
        return None
    if not declares_rate(text):
        return LIVE_INPUT_RATE_HZ
    rate_hz = mime_rate_hz(text)
    return rate_hz if rate_hz is not None and _LOWEST_RATE_HZ <= rate_hz <= _HIGHEST_RATE_HZ else None


def declares_rate(mime_type: object) -> bool:
    """Whether a MIME type says its rate at all."""
    return mime_parameter(str(mime_type or ""), "rate") is not None
