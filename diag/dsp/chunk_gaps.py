"""Find gaps at every chunk by the delays of the pieces between them, which form a staircase.

In noise or behind a codec many of the gaps cannot be seen one by one: a quiet chunk is not found, and one that sounds
like its neighbour is taken for it. But each gap delays the rest by the same time, and comes after the same time of the
reference. So the pieces that are found show the gaps between those that are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diag.dsp.follow import Piece

LEAST_GAPS = 5
SHORTEST_S, LONGEST_S = 0.0015, 0.04
"""Of one gap."""
_OFF_SHARE, _OFF_S = 0.15, 0.0004
"""Largest distance of a delay from a whole number of gaps."""
_MOST_AWAY = 0.5
_FITTING = 0.8
_SINGLE_SHARE = 0.3
_PIECE_NATS = 60.0


@dataclass(frozen=True)
class ChunkGaps:
    """Gaps of one length after chunks of one length.

    Parameters
    ----------
    first, period : float
        Sample of the reference at which the first gap lies, and samples from one gap to the next.
    gap : float
        Length of a gap in samples.
    count : int
        Number of gaps from the first to the last piece.
    """

    first: float
    period: float
    gap: float
    count: int


def chunk_gaps(pieces: Sequence[Piece], rate_hz: float) -> ChunkGaps | None:
    """Return the gaps at every chunk that explain the delays of pieces; None where they are not regular.

    Parameters
    ----------
    pieces : sequence of Piece
        In order of the estimated signal.
    rate_hz : float
    """
    sure = [piece for piece in pieces if piece.score > _PIECE_NATS]
    if len(sure) < LEAST_GAPS:
        return None
    delay = np.array([piece.delay for piece in sure])
    middle = np.array([0.5 * (piece.first + piece.last) for piece in sure])
    steps = np.diff(delay)
    some = steps[steps > SHORTEST_S * rate_hz]
    if some.size < LEAST_GAPS - 1 or (steps < -_OFF_S * rate_hz).any() or (np.diff(middle) <= 0.0).any():
        return None
    single = some[some < 1.5 * float(np.percentile(some, 15))]
    gap = float(np.median(single))
    if single.size < max(2, _SINGLE_SHARE * some.size) or not gap <= LONGEST_S * rate_hz:
        return None
    for _ in range(2):
        turns = np.rint((delay - delay[0]) / gap)
        if turns[-1] < LEAST_GAPS:
            return None
        gap = float(np.dot(turns, delay - delay[0]) / np.dot(turns, turns))
    off = np.abs(steps - np.diff(turns) * gap)
    period, first = np.polyfit(turns, middle, 1)
    away = np.abs(middle - first - turns * period)
    regular = float(np.mean(off < max(_OFF_SHARE * gap, _OFF_S * rate_hz))) >= _FITTING
    in_place = float(np.mean(away < _MOST_AWAY * period)) >= _FITTING
    if not regular or not in_place or period < 2.0 * gap:
        return None
    return ChunkGaps(float(first) + 0.5 * float(period), float(period), gap, int(turns[-1]))
