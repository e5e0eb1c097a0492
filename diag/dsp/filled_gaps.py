"""Find gaps that are filled: silence in place of sound that noise or a codec covers, so that no level falls to zero.

Within a piece of a copy, each millisecond is either a scaled copy of the reference in noise, or noise alone. The sum of
the log-likelihood ratios of the two is the evidence of a gap (a matched filter with the reference as template; Kay,
"Fundamentals of statistical signal processing: detection theory", 1998, chapter 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diag.dsp.diagonal import sliced
from diag.dsp.follow import Pair, Piece
from diag.dsp.runs import runs_of

SHORTEST_S = 0.008
"""Between the pulses of a voice a codec is silent for some milliseconds."""
STEP_S = 0.001
LEAST_NATS = 30.0
_FREE_SAMPLES = 0.5
"""Share of samples that count as independent, because neither speech nor noise is white."""
_GAIN_REACH_S, _GAIN_STEP_S = 0.75, 0.25
_LEFT_SHARE = 0.1
"""Most power that may be left of the sound beyond the noise: 10 dB less."""
_LIKE = 0.35
"""Largest correlation with the reference in a gap. Sound that is only turned down stays like its reference."""
_AUDIBLE_BELOW_DB = 25.0
_OVER_NOISE = 1.5
_EDGE_STEPS = 2
_LEAST_STEPS = 100
_QUARTILE = 0.63
"""Lower quartile of the power of 8 samples of white noise, divided by its mean (chi-square distribution)."""


@dataclass(frozen=True)
class FilledGap:
    """A gap: first sample of the reference that is missing, and one past the last."""

    first: int
    last: int


def filled_gaps(pair: Pair, piece: Piece) -> list[FilledGap]:
    """Return the gaps of at least 8 ms within a piece, in order of time.

    Parameters
    ----------
    pair : Pair
    piece : Piece
    """
    step = round(STEP_S * pair.rate_hz)
    count = (piece.last - piece.first) // step
    if count < _LEAST_STEPS:
        return []
    own = pair.x.samples[piece.first : piece.first + count * step].astype(np.float64)
    other = pair.polarity * sliced(pair.y.samples, piece.begin, own.size).astype(np.float64)
    rows, there = own.reshape(count, step), other.reshape(count, step)
    power, heard, shared = (np.einsum("ij,ij->i", a, b) for a, b in ((rows, rows), (there, there), (rows, there)))
    gain = _gains(power, shared)
    expected, shared = gain**2 * power, gain * shared
    noise = _noise(expected, heard, shared)
    evidence = _FREE_SAMPLES * step * (expected - 2.0 * shared) / (2.0 * noise)
    loud = float(np.percentile(expected[expected > 0.0], 95)) if (expected > 0.0).any() else 0.0
    found = []
    floor = float(np.percentile(noise, 10))
    for begin, end in _rises(evidence):
        # The hard edges of a gap are clicks.
        inside = slice(begin + _EDGE_STEPS, end - _EDGE_STEPS) if end - begin > 4 * _EDGE_STEPS else slice(begin, end)
        lost, left = float(expected[inside].mean()), float(heard[inside].mean())
        scale = float(expected[inside].sum()) * float(heard[inside].sum())
        like = float(shared[inside].sum()) / np.sqrt(max(scale, 1e-20))
        silent = left < 1.5 * floor + _LEFT_SHARE * lost and like < _LIKE
        audible = lost > max(loud * 10 ** (-_AUDIBLE_BELOW_DB / 10), _OVER_NOISE * floor)
        if silent and audible and (end - begin) * STEP_S >= SHORTEST_S:
            found.append(FilledGap(piece.first + begin * step, piece.first + end * step))
    return found


def _gains(power: NDArray[np.float64], shared: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the gain of the copy at each step: the median over 1.5 s of its loud steps, which no gap moves."""
    size = power.size
    sounding = power > 0.05 * float(np.percentile(power, 95))
    ratio = shared / np.maximum(power, 1e-20)
    reach, apart = round(_GAIN_REACH_S / STEP_S), round(_GAIN_STEP_S / STEP_S)
    centres = np.arange(0, size + apart, apart)
    whole = float(np.median(ratio[sounding])) if sounding.any() else 0.0
    medians = np.full(centres.size, whole)
    for place, centre in enumerate(centres):
        near = slice(max(0, centre - reach), centre + reach)
        if sounding[near].sum() >= reach // 4:
            medians[place] = float(np.median(ratio[near][sounding[near]]))
    return np.asarray(np.maximum(np.interp(np.arange(size), centres, medians), 0.0))


def _noise(
    expected: NDArray[np.float64], heard: NDArray[np.float64], shared: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the power of noise and coding errors expected at each step: a floor, and a share of the sound."""
    rest = np.maximum(heard - 2.0 * shared + expected, 0.0)
    floor = float(np.percentile(rest, 25)) / _QUARTILE
    sounding = expected > 0.05 * float(np.percentile(expected, 95))
    share = float(np.median(rest[sounding] / expected[sounding])) if sounding.any() else 1.0
    return np.asarray(np.maximum(floor + share * expected, 1e-12))


def _rises(evidence: NDArray[np.float64]) -> Iterator[tuple[int, int]]:
    """Yield the runs over which the summed evidence rises by at least `LEAST_NATS`, from their first to last step."""
    total = np.cumsum(evidence)
    fallen = np.concatenate(([0.0], total)) - np.minimum.accumulate(np.concatenate(([0.0], total)))
    for begin, end in runs_of(fallen[1:] > 0.0).tolist():
        top = begin + int(np.argmax(fallen[1:][begin:end])) + 1
        if fallen[top] >= LEAST_NATS:
            yield begin, top
