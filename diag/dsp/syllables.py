"""Count the syllables of a recording of speech, at any playing speed."""

from __future__ import annotations

import numpy as np

from diag.dsp.spectrum import Spectrum

BAND_HZ = (200.0, 3400.0)
"""Vowels are loudest here; hiss and hum lie outside."""
DIP_DB = 4.0
"""Two syllables are separated by a dip of the level by at least this."""
LOUD_DB = 20.0
"""A syllable is at most this far below the loud moments (95th percentile)."""


def syllable_count(spectrum: Spectrum) -> int:
    """Return the number of loud peaks of the level between 200 Hz and 3.4 kHz that are separated by dips of 4 dB.

    Each vowel makes one peak (P. Mermelstein, "Automatic segmentation of speech into syllabic units", 1975). The level
    is the mean of three windows, so that the pulses of a deep voice are not counted.
    """
    if spectrum.frames == 0:
        return 0
    power = np.convolve(spectrum.band_power(*BAND_HZ), (0.25, 0.5, 0.25), mode="same")
    level = 10.0 * np.log10(np.maximum(power, 1e-12))
    least = float(np.percentile(level, 95)) - LOUD_DB
    count, rising, extreme = 0, False, float(level[0])
    for value in level.tolist():
        extreme = max(extreme, value) if rising else min(extreme, value)
        if abs(value - extreme) >= DIP_DB:
            count += rising and extreme >= least
            rising, extreme = not rising, value
    return count + int(rising and extreme >= least)
