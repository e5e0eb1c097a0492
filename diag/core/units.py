"""Conversions and plain formatting of the units used in names: s, ms, Hz, dB, dBFS, ppm."""

from __future__ import annotations

import math

SILENCE_DBFS = -120.0
"""Floor of every level in dBFS: below the quantisation noise of 16-bit audio by more than 20 dB."""


def db_from_amplitude(ratio: float) -> float:
    """Level of an amplitude ratio in dB, no lower than `SILENCE_DBFS`.

    Parameters
    ----------
    ratio : float
        Amplitude relative to full scale or to another amplitude, >= 0.
    """
    if ratio <= 0:
        return SILENCE_DBFS
    return max(20.0 * math.log10(ratio), SILENCE_DBFS)


def amplitude_from_db(level_db: float) -> float:
    """Amplitude ratio of a level in dB."""
    return float(10.0 ** (level_db / 20.0))


def format_seconds(value_s: float) -> str:
    """A duration as people read it: '85 ms' below one second, '1.93 s' above."""
    if abs(value_s) < 0.9995:
        return f"{value_s * 1000:.0f} ms"
    return f"{value_s:.2f} s"


def format_hz(value_hz: float) -> str:
    """A frequency or sample rate: '24000 Hz', '11.2 kHz' where a rounded figure is meant."""
    if value_hz >= 1000 and value_hz % 100:
        return f"{value_hz / 1000:.1f} kHz"
    return f"{value_hz:.0f} Hz"


_WITH_UNIT = {"s": format_seconds, "Hz": format_hz}


def format_value(value: float | None, unit: str) -> str:
    """A value with its unit; 'not measured' where there is none."""
    if value is None:
        return "not measured"
    if unit in _WITH_UNIT:
        return _WITH_UNIT[unit](value)
    if unit in ("1", ""):
        return f"{value:.4g}"
    return f"{value:.1f} {unit}"


LIVE_INPUT_RATE_HZ, LIVE_OUTPUT_RATE_HZ = 16000, 24000
"""Native sample rates of the Live API: of what it hears, also where a client declares no rate, and of what it speaks
(Live API guide, "Audio formats")."""
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 4000, 384000
"""Sample rates of audio that can be read and played; a label outside them is nonsense."""
_MOST_DIGITS = 12


def mime_rate_hz(mime_type: str) -> int | None:
    """Rate that a MIME type such as `audio/pcm;rate=16000` declares, however absurd; None where it declares none."""
    digits = (mime_parameter(mime_type, "rate") or "")[:_MOST_DIGITS]
    return (int(digits) or None) if digits.isascii() and digits.isdecimal() else None


def mime_parameter(mime_type: str, name: str) -> str | None:
    """Return the value of a MIME type's parameter, without quotes; None where it is absent. Case does not matter."""
    for parameter in mime_type.split(";")[1:]:
        key, equals, value = parameter.partition("=")
        if equals and key.strip().lower() == name:
            return value.strip().strip('"')
    return None


def playable_rate_hz(mime_type: str, default_hz: int) -> int:
    """Rate to play audio of a MIME type at: the declared one, or the default where that is none or nonsense."""
    rate_hz = mime_rate_hz(mime_type)
    return rate_hz if rate_hz is not None and LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ else default_hz
