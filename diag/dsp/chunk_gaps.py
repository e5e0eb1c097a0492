"""Find gaps or overlaps at every chunk by the delays of the pieces, which form a staircase.

In noise or behind a codec many of them cannot be seen one by one: a quiet chunk is not found, and one that sounds like
its neighbour is taken for it. But each gap delays the rest by the same time, and comes after the same time of the
reference. So the pieces that are found show the gaps between those that are not. Overlaps make the rest earlier.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from diag.dsp.borders import gain_of
from diag.dsp.diagonal import sliced
from diag.dsp.follow import Pair, Piece

LEAST_GAPS = 5
SHORTEST_S, LONGEST_S, LONGEST_OVERLAP_S = 0.0015, 0.04, 0.15
"""Of one gap, and of one overlap."""
_BORDER_STEP_S = 0.002
_BOTH_SHARE = 0.7
"""Least share of the gain of a piece with which both chunks sound where they overlap. Chunks that are cut short sound
one after the other, each for half of the time."""
_MIXED_SHARE = 0.5
"""Most that the sum of both chunks may leave of the sound, relative to what one chunk after the other leaves."""
_OFF_SHARE, _OFF_S = 0.15, 0.0004
"""Largest distance of a delay from a whole number of gaps."""
_MOST_AWAY = 0.5
_FITTING = 0.8
_SINGLE_SHARE = 0.2
_PIECE_NATS, _USUAL = 60.0, 2.0


@dataclass(frozen=True)
class ChunkSteps:
    """Gaps or overlaps of one length after chunks of one length.

    Parameters
    ----------
    first, period : float
        Sample of the reference at which the first gap lies, and samples from one gap to the next.
    gap : float
        Length of a gap in samples; negative for overlaps.
    count : int
        Number of them from the first to the last piece.
    """

    first: float
    period: float
    gap: float
    count: int


def chunk_gaps(pieces: Sequence[Piece], rate_hz: float) -> ChunkSteps | None:
    """Return the gaps at every chunk that explain the delays of pieces; None where they are not regular.

    Parameters
    ----------
    pieces : sequence of Piece
        In order of the estimated signal.
    rate_hz : float
    """
    return _steps(pieces, rate_hz, 1, LONGEST_S * rate_hz)


def chunk_overlaps(pair: Pair, pieces: Sequence[Piece]) -> ChunkSteps | None:
    """Return the overlaps at every chunk that explain the delays of pieces; None where there are none.

    Where a part of each chunk is left out instead, only one of two neighbours sounds at their border.
    """
    found = _steps(pieces, pair.rate_hz, -1, LONGEST_OVERLAP_S * pair.rate_hz)
    if found is None:
        return None
    # The middles of pieces, of which some are cut short, give the place of the borders only roughly.
    away = np.arange(-0.4 * found.period, 0.4 * found.period, _BORDER_STEP_S * pair.rate_hz)
    longest = max(pieces, key=lambda piece: piece.last - piece.first)
    gain = abs(gain_of(pair, longest, longest.first, longest.last))
    tried = [(_fainter_gain(pair, pieces[0].delay, replace(found, first=found.first + by)), by) for by in away]
    fainter, by = max(tried)
    found = replace(found, first=found.first + float(by))
    mixed = fainter > _BOTH_SHARE * gain and _are_mixed(pair, pieces[0].delay, found, gain)
    return found if mixed else None


_Border = tuple[NDArray[np.float64], NDArray[np.float64]]


def _at_borders(pair: Pair, delay: float, found: ChunkSteps) -> Iterator[_Border]:
    """Yield the end of the earlier and the beginning of the later chunk, shape (2, n), and the sound in their place."""
    width = round(-found.gap)
    for number in range(found.count):
        border = round(found.first + number * found.period)
        if border < width or border + width > pair.x.samples.size:
            continue
        ends = np.stack((pair.x.samples[border - width : border], pair.x.samples[border : border + width]))
        there = pair.polarity * sliced(pair.y.samples, border - width + delay + number * found.gap, width)
        yield ends.astype(np.float64), there.astype(np.float64)


def _fainter_gain(pair: Pair, delay: float, found: ChunkSteps) -> float:
    """Return the gain of the fainter of two neighbours where they overlap, over all borders together."""
    gram, shared = np.zeros((2, 2)), np.zeros(2)
    for ends, there in _at_borders(pair, delay, found):
        gram += ends @ ends.T
        shared += ends @ there
    gains = np.linalg.solve(gram + np.eye(2) * (1e-9 * float(np.trace(gram)) + 1e-12), shared)
    return float(gains.min())


def _are_mixed(pair: Pair, delay: float, found: ChunkSteps, gain: float) -> bool:
    """Return whether the sum of both chunks fits the sound in their place better than one chunk after the other."""
    mixed = switched = 0.0
    for ends, there in _at_borders(pair, delay, found):
        mixed += float(np.square(there - gain * ends.sum(axis=0)).sum())
        earlier, later = np.cumsum(np.square(there - gain * ends), axis=1)
        left = np.concatenate(([0.0], earlier)) + later[-1] - np.concatenate(([0.0], later))
        switched += float(left.min())
    return mixed < _MIXED_SHARE * switched


def _steps(pieces: Sequence[Piece], rate_hz: float, way: int, longest: float) -> ChunkSteps | None:
    sure = _in_one_direction([piece for piece in pieces if piece.score > _PIECE_NATS], way, _OFF_S * rate_hz)
    delay = way * np.array([piece.delay for piece in sure])
    middle = np.array([0.5 * (piece.first + piece.last) for piece in sure])
    steps = np.diff(delay)
    some = steps[steps > SHORTEST_S * rate_hz]
    if len(sure) < LEAST_GAPS or some.size < LEAST_GAPS - 1 or (np.diff(middle) <= 0.0).any():
        return None
    single = some[some < 1.5 * float(np.percentile(some, 15))]
    gap = float(np.median(single))
    if single.size < max(2, _SINGLE_SHARE * some.size) or not gap <= longest:
        return None
    for _ in range(2):
        turns = np.rint((delay - delay[0]) / gap)
        gap = float(np.dot(turns, delay - delay[0]) / max(float(np.dot(turns, turns)), 1.0))
    off = np.abs(steps - np.diff(turns) * gap)
    # A piece may reach far into a pause.
    length = np.array([piece.last - piece.first for piece in sure])
    usual = length < _USUAL * float(np.median(length))
    if np.ptp(turns[usual]) < LEAST_GAPS - 1:
        return None
    period, first = np.polyfit(turns[usual], middle[usual], 1)
    away = np.abs(middle - first - turns * period)[usual]
    regular = float(np.mean(off < max(_OFF_SHARE * gap, _OFF_S * rate_hz))) >= _FITTING
    in_place = float(np.mean(away < _MOST_AWAY * period)) >= _FITTING
    if not regular or not in_place or period < 2.0 * gap:
        return None
    return ChunkSteps(float(first) + 0.5 * float(period), float(period), way * gap, int(turns[-1]))


def _in_one_direction(pieces: Sequence[Piece], way: int, off: float) -> list[Piece]:
    """Return the pieces without weak ones whose delays go back; none where many do.

    Behind a codec another pitch period may fit a little better than the right one.
    """
    kept = list(pieces)
    place = 1
    while place < len(kept):
        before, piece = kept[place - 1 : place + 1]
        if way * (piece.delay - before.delay) >= -off:
            place += 1
            continue
        del kept[place - 1 if before.score < piece.score else place]
        place = max(1, place - 1)
    return kept if len(kept) >= _FITTING * len(pieces) else []
