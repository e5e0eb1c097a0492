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
