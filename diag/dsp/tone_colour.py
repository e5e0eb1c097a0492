"""Measure how a segment changes the balance between the bands of a voice below its treble."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from diag.dsp.aligned import AlignedPair

TONE_WARN_DB = 7.0
"""Limit for the change in one band. Listeners notice a dip of about 6 dB and a third of an octave in speech. Codecs
(Opus from 12 kbit/s, MP3 from 32 kbit/s), telephony and 20 dB of noise stay within 3 dB in these bands."""
LOWEST_HZ, BANDS = 400.0, 9
"""Centre of the lowest band, and number of third-octave bands, up to 2.5 kHz. Below lies what telephony and high-pass
filters against rumble remove; above begins the treble, which is measured elsewhere."""
_WIDTH = 2.0 ** (1.0 / 6.0)
_LEAST_SHARE_DB = -40.0
_FLOOR = 1e-12


@dataclass(frozen=True)
class ToneChange:
    """The change of tone colour.

    Parameters
    ----------
    change_db : float
        Gain in the band that changes most, relative to the median of all bands; 0 if no band differs.
    low_hz, high_hz : float
        Edges of that band, and of those beside it that change by more than half as much in the same direction.
    """

    change_db: float
    low_hz: float
    high_hz: float


UNCHANGED = ToneChange(0.0, LOWEST_HZ, LOWEST_HZ)


def tone_change(pair: AlignedPair) -> ToneChange | None:
    """Return how the filter from reference to estimated changes the balance of the bands.

    None if the reference has speech in fewer than half of the bands. The gain of a band is the power of the filtered
    reference relative to that of the reference, so that added noise does not change it.
    """
    if not pair.active.any():
        return None
    own = pair.power[0][pair.active].sum(axis=0, dtype=np.float64)
    filtered = own * np.abs(pair.response).astype(np.float64) ** 2
    frequency_hz = np.arange(own.size) * pair.bin_hz
    edges_hz = LOWEST_HZ / _WIDTH * _WIDTH ** (2 * np.arange(BANDS + 1))
    inside = [(frequency_hz >= low) & (frequency_hz < high) for low, high in pairwise(edges_hz)]
    power = np.array([own[band].sum() for band in inside])
    there = power > 10.0 ** (_LEAST_SHARE_DB / 10.0) * power.max(initial=0.0)
    if there.sum() < BANDS / 2:
        return None
    passed = np.array([filtered[band].sum() for band in inside])
    gain_db = 10.0 * np.log10(np.maximum(passed, _FLOOR * passed.max(initial=_FLOOR)) / np.maximum(power, _FLOOR))
    change_db = np.where(there, gain_db - np.median(gain_db[there]), 0.0)
    place = int(np.argmax(np.abs(change_db)))
    alike = change_db * np.sign(change_db[place]) > np.abs(change_db[place]) / 2.0
    first = last = place
    while first > 0 and alike[first - 1]:
        first -= 1
    while last < BANDS - 1 and alike[last + 1]:
        last += 1
    return ToneChange(float(change_db[place]), float(edges_hz[first]), float(edges_hz[last + 1]))
