"""Unit conversions, values formatted with their unit, Live API sample rates, and the rate in a MIME type."""

from __future__ import annotations

import math
import re

from diag.core.messages import Message, msg

SILENCE_DBFS = -120.0
"""Lowest level in dBFS that is returned; more than 20 dB below the quantisation noise of 16-bit audio."""


def db_from_amplitude(ratio: float) -> float:
    """Return the level of an amplitude ratio in dB, no lower than `SILENCE_DBFS`.

    Parameters
    ----------
    ratio : float
        Amplitude relative to full scale or to another amplitude, >= 0.
    """
    if ratio <= 0:
        return SILENCE_DBFS
    return max(20.0 * math.log10(ratio), SILENCE_DBFS)


MINUS = "−"
"""Minus sign of figures in text."""


def with_minus(text: str) -> str:
    """Return a text with a minus sign in place of the hyphen before each negative number."""
    spelled = re.sub(r"(?<![\w.-])-(?=[\d.])", MINUS, text)
    return text.spelled(spelled) if isinstance(text, Message) else spelled


def format_seconds(value_s: float) -> str:
    """Return a duration as text: '85 ms' below one second, '1.93 s' above."""
    return with_minus(f"{value_s * 1000:.0f} ms" if abs(value_s) < 0.9995 else f"{value_s:.2f} s")


def format_minutes(value_s: float) -> str:
    """Return a duration in whole seconds as text: '50 s' below one minute, '2 min 7 s' above."""
    minutes, seconds = divmod(round(value_s), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


NOUNS = (
    "chunk", "connection", "core", "gap", "more finding", "more part", "other sound", "pair", "place", "prompt",
    "session", "take", "time", "tool call", "turn", "underrun",
)  # fmt: skip
"""Nouns of `counted` that catalogues of other languages have."""


def counted(count: float, noun: str) -> Message:
    """Return a number with its noun as text: '1 turn', '2 turns'."""
    template = f"{{count:.0f}} {noun if count == 1 else f'{noun}s'}"
    return msg(template, count=count)


def format_hz(value_hz: float) -> str:
    """Return a frequency as text: '24000 Hz' for whole hundreds or below 1 kHz, otherwise rounded, as '11.2 kHz'."""
    if value_hz >= 1000 and value_hz % 100:
        return f"{value_hz / 1000:.1f} kHz"
    return f"{value_hz:.0f} Hz"


_WITH_UNIT = {"s": format_seconds, "Hz": format_hz}


def format_value(value: float | None, unit: str) -> str:
    """Return a value with its unit as text; 'not measured' if it is None."""
    if value is None:
        return "not measured"
    if unit in _WITH_UNIT:
        return _WITH_UNIT[unit](value)
    if unit in ("1", ""):
        return with_minus(f"{value:.4g}")
    return with_minus(f"{value:.1f}") + ("/s" if unit == "1/s" else f" {unit}")


LIVE_INPUT_RATE_HZ, LIVE_OUTPUT_RATE_HZ = 16000, 24000
"""Native sample rates of the Live API's input and output (Live API guide, "Audio formats"). The input rate is also
assumed if a client declares none."""
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 4000, 384000
"""Range of sample rates that can be read and played; a declared rate outside it is an error."""
_MOST_DIGITS = 12


def mime_rate_hz(mime_type: str) -> int | None:
    """Return the rate in a MIME type such as `audio/pcm;rate=16000`, without a range check; None if it has none."""
    digits = (mime_parameter(mime_type, "rate") or "")[:_MOST_DIGITS]
    return (int(digits) or None) if digits.isascii() and digits.isdecimal() else None


def mime_parameter(mime_type: str, name: str) -> str | None:
    """Return the value of a MIME type's parameter, without quotes; None if it is absent. `name` is in lower case."""
    for parameter in mime_type.split(";")[1:]:
        key, equals, value = parameter.partition("=")
        if equals and key.strip().lower() == name:
            return value.strip().strip('"')
    return None


def playable_rate_hz(mime_type: str, default_hz: int) -> int:
    """Return the rate at which to play audio of a MIME type.

    It is the declared rate, or `default_hz` if none is declared or it is outside 4 to 384 kHz.
    """
    rate_hz = mime_rate_hz(mime_type)
    return rate_hz if rate_hz is not None and LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ else default_hz
