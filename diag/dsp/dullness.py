"""Measure how much treble a copy has lost against its original."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diag.dsp.joins import Stretch
from diag.dsp.spectrum import HOP_S, WINDOW_S, Sound, Spectrum

BANDS_HZ = ((3500.0, 5000.0), (5000.0, 7000.0), (7000.0, 9000.0), (9000.0, 10800.0))
LEVEL_BAND_HZ = (300.0, 3000.0)
NYQUIST_SHARE = 0.95
"""Bands are compared up to this share of the Nyquist frequency. Good resamplers may roll off in the last 5 %."""
DEEPEST_DB = 60.0
LOUD_RANGE_DB = 12.0
EDGE_S = 0.03
"""Time that is left out at the ends of a stretch next to a break, because the jump adds treble."""
_CLEAR_SHARE, _KEPT_QUANTILE, _KEPT_WITHIN_DB = 0.03, 0.9, 0.5
_CODED_MOST_DB = 12.0
"""A band that lost more was cut off, not coded with few bits. Opus at 24 kbit/s takes up to 6 dB."""
_LEAST_FRAMES = 8
_LEAST_BAND_DB = -70.0
"""A band of the original is not compared if its level relative to the speech band is below this."""


@dataclass(frozen=True)
class TrebleLoss:
    """Loss of treble per band in dB; positive means duller; None for a band that could not be compared."""

    bands_db: tuple[float | None, ...]

    @property
    def mean_db(self) -> float | None:
        """Mean loss in dB over the bands that could be compared; None if there are none."""
        known = [value for value in self.bands_db if value is not None]
        return float(np.mean(known)) if known else None


def treble_loss(reference: Sound, estimated: Sound, stretches: tuple[Stretch, ...], speed: float = 1.0) -> TrebleLoss:
    """Return the loss per band between a clip and its copy at the same speed, level-matched from 300 to 3000 Hz.

    Both are cut along the stretches of their delay track, so that their windows contain the same sound. Each band is
    compared in the windows of the original that are within 12 dB of its loud ones in this band. The noise power in the
    quietest windows is subtracted.

    Parameters
    ----------
    reference, estimated : Sound
    stretches : tuple of Stretch
        Where the sound of the reference is in the estimated clip.
    speed : float
        Speed of the estimated clip, near 1 (its clock may drift).
    """
    x, y = _paired_windows(reference, estimated, stretches, speed)
    if x is None or y is None or x.frames < _LEAST_FRAMES or not x.active.any():
        return TrebleLoss((None,) * len(BANDS_HZ))
    limit = NYQUIST_SHARE * min(x.nyquist_hz, y.nyquist_hz)
    level = _band_ratio_db(x, y, *LEVEL_BAND_HZ)
    if level is None:
        return TrebleLoss((None,) * len(BANDS_HZ))
    speech = x.ltas_band(*LEVEL_BAND_HZ)
    losses: list[float | None] = []
    kept: list[float | None] = []
    for low, high in BANDS_HZ:
        known = high <= limit and x.ltas_band(low, high) > speech * 10 ** (_LEAST_BAND_DB / 10)
        ratio = _band_ratio_db(x, y, low, high) if known else None
        loss = None if ratio is None else float(np.clip(level - ratio, -DEEPEST_DB, DEEPEST_DB))
        losses.append(loss)
        kept.append(None if loss is None else min(loss, level - _kept_db(x, y, low, high)))
    if max((loss for loss in losses if loss is not None), default=0.0) < _CODED_MOST_DB:
        losses = kept
    return TrebleLoss(tuple(losses))


def _band_ratio_db(x: Spectrum, y: Spectrum, low_hz: float, high_hz: float) -> float | None:
    """Return the gain from x to y in a band, noise subtracted; None if x has nothing above its own noise there."""
    own, other = x.band_power(low_hz, high_hz), y.band_power(low_hz, high_hz)
    order = np.argsort(own)
    top = float(np.percentile(own, 98))
    count = max(_LEAST_FRAMES // 2, int((own > top * 10 ** (-LOUD_RANGE_DB / 10)).sum()))
    loud, quiet = order[-count:], order[: max(2, own.size // 20)]
    # A click in one quiet window is no noise.
    own_loud, own_quiet = float(own[loud].mean()), float(np.median(own[quiet]))
    other_loud, other_quiet = float(other[loud].mean()), float(np.median(other[quiet]))
    if own_loud < 4.0 * own_quiet:
        own_quiet = other_quiet = 0.0
    if own_loud <= 0.0:
        return None
    own_power = own_loud - own_quiet
    share = own_quiet / own_loud
    other_noise = max(other_quiet - share * other_loud, 0.0)
    other_power = max(other_loud - other_noise, 0.05 * other_noise, own_power * 10 ** (-2 * DEEPEST_DB / 10))
    return float(10.0 * np.log10(other_power / (own_power + own_quiet)))


def _kept_db(x: Spectrum, y: Spectrum, low_hz: float, high_hz: float) -> float:
    """Return the gain in a band that the upper tenth of its loud windows keeps; -inf where noise may hide it.

    A filter takes the same from every window. A codec takes most from those for which it has no bits, which is not lost
    treble. With a tenth, 56 development recordings behind Opus at 24 and 32 kbit/s lose at most 1.8 dB (2.5 dB with a
    quarter), and filters lose the same as before.
    """
    own, other = x.band_power(low_hz, high_hz), y.band_power(low_hz, high_hz)
    order = np.argsort(own)
    count = max(_LEAST_FRAMES // 2, int((own > float(np.percentile(own, 98)) * 10 ** (-LOUD_RANGE_DB / 10)).sum()))
    loud, quiet = order[-count:], order[: max(2, own.size // 20)]
    if float(np.median(other[quiet])) >= _CLEAR_SHARE * float(other[loud].mean()):
        return -np.inf
    kept = float(np.quantile(other[loud] / np.maximum(own[loud], 1e-20), _KEPT_QUANTILE))
    return float(10.0 * np.log10(max(kept, 1e-12))) - _KEPT_WITHIN_DB


def _paired_windows(
    reference: Sound, estimated: Sound, stretches: tuple[Stretch, ...], speed: float
) -> tuple[Spectrum | None, Spectrum | None]:
    pieces: list[tuple[Spectrum, Spectrum]] = []
    for stretch in stretches:
        margin = 0.0 if len(stretches) == 1 else EDGE_S
        start, end = stretch.start_s + margin, stretch.end_s - margin
        start = max(start, -stretch.delay_s, 0.0)
        piece_s = 10.0 if abs(speed - 1.0) > 2e-6 else max(end - start, WINDOW_S)
        while end - start >= WINDOW_S:
            stop = min(end, start + piece_s)
            x = reference.cut(start, stop)
            y = estimated.cut((start + stretch.delay_s) / speed, (stop + stretch.delay_s) / speed)
            if min(x.duration_s, y.duration_s) >= WINDOW_S:
                pieces.append((x.spectrum, y.spectrum))
            start = stop - (WINDOW_S - HOP_S) if stop < end else end
    if not pieces:
        return None, None
    frames = [min(x.frames, y.frames) for x, y in pieces]
    return _together([x for x, _ in pieces], frames), _together([y for _, y in pieces], frames)


def _together(parts: list[Spectrum], frames: list[int]) -> Spectrum:
    if len(parts) == 1 and frames[0] == parts[0].frames:
        return parts[0]
    power = np.concatenate([part.power[:count] for part, count in zip(parts, frames, strict=True)])
    return Spectrum(power, parts[0].sample_rate_hz, parts[0].bin_hz)
