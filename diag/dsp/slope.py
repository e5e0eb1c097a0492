"""Measure how the delay changes along a pair of clips: the delay of single windows, and their common slope."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diag.dsp.align import normalised_cross_correlation, parabola_peak
from diag.dsp.arrays import Array
from diag.dsp.resample import MARGIN, slopes

WINDOW_S = 0.16
WIDE_S = 0.7
"""Largest change of delay by a stall or a skip in this search. The delay tracker follows larger sums of several."""
SURE = 0.8
_WINDOW_FIT = 0.6
_LEAST_OFF_S = 0.0001
"""A window whose delay is further from that of its neighbours may have been matched one pitch period, or one peak of
the correlation, beside its place. In an exact copy, three such windows of 34 moved the delay of all by 75 us."""
_LEAST_POLISHED, _MOST_POLISHED = 6, 160


@dataclass(frozen=True)
class Line:
    """A delay that grows along the reference.

    Parameters
    ----------
    offset_s : float
        Delay at time 0.
    slope : float
        Growth per second.
    consensus : float
        Share of the windows that lie on it, 0 to 1.
    slope_error : float or None
        Standard error of the slope.
    polarity : int
        1, or -1 if the copy is inverted.
    """

    offset_s: float
    slope: float
    consensus: float
    slope_error: float | None = None
    polarity: int = 1


@dataclass(frozen=True)
class Points:
    """Windows of the reference: their middle, their delay (NaN for none) and their signed correlation."""

    time_s: NDArray[np.float64]
    delay_s: NDArray[np.float64]
    fit: NDArray[np.float64]


def window_delays(x: Array, y: Array, rate_hz: float, line: Line, reach_s: float) -> Points:
    """Return the delay of up to 64 adjacent windows of the reference with sound, each searched near the line."""
    width, reach = round(WINDOW_S * rate_hz), round(reach_s * rate_hz)
    count = max(1, x.size // width)
    starts = (np.arange(count) * width).astype(int)
    energy = np.array([float(np.dot(x[s : s + width], x[s : s + width])) for s in starts])
    loud = starts[energy > 0.003 * np.percentile(energy, 95)]
    if loud.size > 64:
        loud = loud[np.linspace(0, loud.size - 1, 64).astype(int)]
    times, delays, fits = [], [], []
    delay = line.offset_s * rate_hz
    for start in loud:
        template = x[start : start + width]
        found, fit = _near(template, y, int(start + delay), reach)
        if abs(fit) < SURE:
            wide, wide_fit = _near(template, y, int(start + delay), max(reach, round(WIDE_S * rate_hz)))
            found, fit = (wide, wide_fit) if abs(wide_fit) > abs(fit) + 0.1 else (found, fit)
        times.append((start + width / 2) / rate_hz)
        delays.append((found - start) / rate_hz)
        fits.append(fit)
        if abs(fit) >= SURE:
            delay = found - start
    return Points(np.array(times), np.array(delays), np.array(fits))


def polish(x: Array, moved: Array, rate_hz: float, polarity: int) -> tuple[float, float] | None:
    """Return the residual slope of the delay and its standard error; None if no delay holds for most windows.

    The peak of a correlation is biased towards rising loudness. Once the copy is aligned to a fraction of a sample,
    least squares on the waveforms (difference against slope) does not have this bias.

    Parameters
    ----------
    x, moved : ndarray, shape (n,)
        The original, and the copy moved by the delay of most of it.
    rate_hz : float
    polarity : int
    """
    width = round(WINDOW_S * rate_hz)
    count = min(x.size, moved.size) // width
    if count < _LEAST_POLISHED:
        return None
    picked = np.unique(np.linspace(0, count - 1, min(count, _MOST_POLISHED)).astype(int))
    a, b = (_windows(part, picked, width) for part in (x, moved))
    own, other = _energies(a), _energies(b)
    agreement = polarity * np.einsum("ij,ij->i", a[:, MARGIN:-MARGIN], b[:, MARGIN:-MARGIN], dtype=np.float64)
    agreement /= np.sqrt(np.maximum(own * other, 1e-18))
    sounding = own > 0.003 * np.percentile(own, 95)
    fits = (agreement > SURE) & sounding
    if fits.sum() < max(_LEAST_POLISHED, 0.5 * sounding.sum()):
        return None
    a, b, own, other = a[fits], b[fits], own[fits], other[fits]
    b = b * (polarity * np.sqrt(own / other)).astype(np.float32)[:, None]
    rise = slopes(0.5 * (a + b))
    weight = (rise**2).sum(axis=1)
    delay = ((a - b)[:, MARGIN:-MARGIN] * rise).sum(axis=1) / np.maximum(weight, 1e-18)
    t, d, w = picked[fits] * width, delay, np.sqrt(weight)
    near = np.abs(d - np.median(d)) < max(0.05, 4.0 * float(np.median(np.abs(d - np.median(d)))))
    t, d, w = t[near], d[near], w[near]
    t = t - np.average(t, weights=w)
    spread = float(w @ t**2)
    if t.size < _LEAST_POLISHED or spread <= 0.0:
        return None
    slope = float(w @ (t * d)) / spread
    residual = d - np.average(d, weights=w) - slope * t
    return slope, float(np.sqrt(w**2 @ (t * residual) ** 2)) / spread


def _windows(samples: Array, picked: NDArray[np.int64], width: int) -> NDArray[np.float32]:
    """Return the windows side by side, those picked, with a margin at both ends; shape (picked, width + 2 * MARGIN)."""
    padded = np.pad(np.asarray(samples, dtype=np.float32), MARGIN + width)
    return np.lib.stride_tricks.sliding_window_view(padded, width + 2 * MARGIN)[(picked + 1) * width]


def _energies(windows: NDArray[np.float32]) -> NDArray[np.float64]:
    inner = windows[:, MARGIN:-MARGIN]
    return np.asarray(np.einsum("ij,ij->i", inner, inner, dtype=np.float64))


def _near(template: Array, y: Array, expected: int, reach: int) -> tuple[float, float]:
    """Return position and signed correlation of the best fit within `reach` of `expected`; (NaN, 0) for none."""
    begin, end = max(0, expected - reach), min(y.size, expected + reach + template.size)
    correlation = normalised_cross_correlation(template, y[begin : max(begin, end)])
    if correlation.size < 3:
        return float("nan"), 0.0
    peak = int(np.argmax(np.abs(correlation)))
    return begin + parabola_peak(np.abs(correlation), peak), float(correlation[peak])


def common_slope(points: Points, line: Line) -> Line:
    """Return the common slope of delays with steps (stalls, skips), fitted within the parts between the steps."""
    polarity = 1 if float(np.sum(points.fit)) >= 0 else -1
    good = (points.fit * polarity > _WINDOW_FIT) & np.isfinite(points.delay_s)
    t, d = points.time_s[good], points.delay_s[good]
    if t.size < 2:
        return Line(line.offset_s, 0.0, 0.0)
    steps = np.abs(np.diff(d)) > np.maximum(0.0015, 0.012 * np.diff(t))
    if (~steps).sum() == 0:
        return Line(line.offset_s, 0.0, 0.0)
    slope = float(np.median((np.diff(d) / np.diff(t))[~steps]))
    for _ in range(2):
        rest = d - slope * t
        group = np.concatenate(([0], np.cumsum(np.abs(np.diff(rest)) > 0.0006)))
        sizes = np.bincount(group)
        agreed = sizes[group] >= 2
        if agreed.sum() < 2:
            return Line(line.offset_s, 0.0, 0.0)
        usual = np.array([np.median(rest[group == part]) for part in range(sizes.size)])
        off = np.abs(rest - usual[group])
        kept = agreed & (off <= max(_LEAST_OFF_S, 4.0 * float(np.median(off[agreed]))))
        counts = np.bincount(group[kept], minlength=sizes.size)
        means_t = np.bincount(group[kept], t[kept], sizes.size) / np.maximum(counts, 1)
        means_d = np.bincount(group[kept], d[kept], sizes.size) / np.maximum(counts, 1)
        ct, cd = t[kept] - means_t[group[kept]], d[kept] - means_d[group[kept]]
        spread = float(ct @ ct)
        slope = float(ct @ cd) / spread if spread > 0 else slope
    residual = cd - slope * ct
    error = float(np.sqrt(np.sum(residual**2) / max(1, kept.sum() - 2) / max(spread, 1e-9)))
    biggest = int(np.argmax(counts))
    offset = float(means_d[biggest] - slope * means_t[biggest])
    return Line(offset, slope, float(agreed.sum()) / points.time_s.size, error, polarity)
