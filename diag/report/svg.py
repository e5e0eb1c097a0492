"""Small inline drawings: numbers, ticks and paths of SVG, without a library."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray


def points(xs: Iterable[float], ys: Iterable[float]) -> str:
    """Return a polyline as an SVG path with coordinates rounded to a tenth of a unit."""
    pairs = [f"{number(x)} {number(y)}" for x, y in zip(xs, ys, strict=True)]
    return f"M{'L'.join(pairs)}" if pairs else ""


def number(value: float) -> str:
    """Return a coordinate with at most one decimal."""
    return f"{value:.1f}".rstrip("0").rstrip(".") if value else "0"


def ticks(low: float, high: float, most: int = 6) -> tuple[float, ...]:
    """Return about `most` round positions from `low` to `high`, at steps of 1, 2 or 5 times a power of ten."""
    if not high > low or most < 1:
        return ()
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(round(index * step, 9) for index in range(first, last + 1))


def peaks(samples: NDArray[np.float32], columns: int) -> tuple[tuple[float, float], ...]:
    """Return the lowest and highest sample of each of at most `columns` equal spans."""
    if samples.size == 0:
        return ()
    edges = np.linspace(0, samples.size, min(columns, samples.size) + 1).astype(int)[:-1]
    lows = np.minimum.reduceat(samples, edges)
    highs = np.maximum.reduceat(samples, edges)
    return tuple(zip(lows.tolist(), highs.tolist(), strict=True))


def envelope(extremes: Sequence[tuple[float, float]], *, x: float, width: float, middle: float, half: float) -> str:
    """Return the path of a filled waveform: along the highest samples and back along the lowest.

    `half` is the height of full scale. Silence is drawn as a thin line so that it can be seen.
    """
    if not extremes:
        return ""
    step = width / len(extremes)
    xs = [x + (index + 0.5) * step for index in range(len(extremes))]
    top = [middle - max(high, 0.0) * half - 0.4 for _, high in extremes]
    bottom = [middle - min(low, 0.0) * half + 0.4 for low, _ in extremes]
    return f"{points(xs + xs[::-1], top + bottom[::-1])}Z"
