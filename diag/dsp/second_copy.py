"""A second copy of the same sound on top of the first: two players, or one strong echo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diag.dsp import fourier
from diag.dsp.diagonal import Side, emphasised_side, sliced
from diag.dsp.follow import Pair, Piece

LONGEST_S = 1.0
SHORTEST_S = 0.008
LEAST_LEVEL_DB = -20.0
_BLOCK_S = 0.25
_LEAST_RESIDUAL = 0.008
_LEAST_CORRELATION = 0.35
_BLOCKS_AGREEING = 0.6
_EQUAL_DB = 3.0


@dataclass(frozen=True)
class SecondCopy:
    """Delay and level of the second copy.

    Parameters
    ----------
    first_delay : float
        Delay of the first copy against the reference, in samples.
    delay : float
        How much later the second copy plays, in samples.
    gains : tuple of float
        Factors of the first and of the second copy.
    level_db : float
        Level of the second relative to the first.
    """

    first_delay: float
    delay: float
    gains: tuple[float, float]
    level_db: float


def find_second_copy(pair: Pair, piece: Piece) -> SecondCopy | None:
    """Return the second copy that sounds at the same time as the first; None if there is none.

    The estimated signal minus the first copy is correlated with the reference. The second copy must be found in most
    quarter seconds in which the first one sounds. That excludes repeats and stalls, which move sound but add none.

    Parameters
    ----------
    pair : Pair
    piece : Piece
        Of the first copy, or of either.
    """
    x, y, rate = pair.x.samples, pair.y.samples, pair.rate_hz
    block = round(_BLOCK_S * rate)
    count = x.size // block
    if count < 3:
        return None
    size = count * block
    own = x[:size].reshape(count, block)
    other = sliced(y, piece.delay, size).reshape(count, block)
    energy, power = _dots(own, own), _dots(other, other)
    product = _dots(own, other)
    sounding = energy > 0.02 * float(np.percentile(energy, 90))
    agreeing = sounding & (pair.polarity * product > 0.25 * np.sqrt(np.maximum(energy * power, 1e-20)))
    if agreeing.sum() < 3 or agreeing.sum() < 0.5 * sounding.sum():
        return None
    gain = float(product[agreeing].sum() / energy[agreeing].sum())
    residual = np.where(agreeing[:, None], other - np.float32(gain) * own, np.float32(0.0)).reshape(-1)
    left = float(np.dot(residual, residual))
    if left < _LEAST_RESIDUAL * float(power[agreeing].sum()):
        return None
    lag = _best_lag(pair, residual)
    if lag is None:
        return None
    return _judged(pair, piece, lag, agreeing, block)


def _dots(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(np.einsum("ij,ij->i", a, b), dtype=np.float64)


def _best_lag(pair: Pair, residual: NDArray[np.float32]) -> int | None:
    """Return the lag in samples of the reference in the residual; None if there is no clear peak."""
    reach, nearest = round(LONGEST_S * pair.rate_hz), round(SHORTEST_S * pair.rate_hz)
    size = fourier.next_fast_len(residual.size + reach)
    own = fourier.rfft(pair.x.samples[: residual.size], size)
    correlation = fourier.irfft(fourier.rfft(residual, size) * np.conj(own), size)
    lags = np.concatenate((np.arange(nearest, reach), np.arange(-reach, -nearest)))
    values = correlation[lags]
    place = int(np.argmax(np.abs(values)))
    scale = float(np.linalg.norm(residual)) * float(np.linalg.norm(pair.x.samples))
    if scale <= 0.0 or abs(float(values[place])) < 0.5 * _LEAST_CORRELATION * scale:
        return None
    return int(lags[place])


def _judged(pair: Pair, piece: Piece, lag: int, agreeing: NDArray[np.bool_], block: int) -> SecondCopy | None:
    """Return the two copies, where both are heard together most of the time."""
    size = agreeing.size * block
    own = pair.x.samples[:size].reshape(-1, block).astype(np.float64)
    late = sliced(pair.x.samples, -float(lag), size).reshape(-1, block).astype(np.float64)
    other = sliced(pair.y.samples, piece.delay, size).reshape(-1, block).astype(np.float64)
    loud = (late**2).sum(axis=1)
    used = agreeing & (loud > 0.02 * float(np.percentile(loud, 90)))
    if used.sum() < 3:
        return None
    a, b, c = own[used], late[used], other[used]
    matrix = np.array([[np.sum(a * a), np.sum(a * b)], [np.sum(a * b), np.sum(b * b)]])
    gains = np.linalg.solve(matrix, np.array([np.sum(a * c), np.sum(b * c)]))
    left = c - gains[0] * a
    agreement = (left * b).sum(axis=1) / np.sqrt(np.maximum((left**2).sum(axis=1) * (b**2).sum(axis=1), 1e-20))
    agreement *= np.sign(gains[1])
    if float(np.mean(agreement > _LEAST_CORRELATION)) < _BLOCKS_AGREEING:
        return None
    level_db = 20.0 * np.log10(max(abs(gains[1]), 1e-9) / max(abs(gains[0]), 1e-9))
    first_delay, delay = piece.delay, float(lag)
    if level_db < LEAST_LEVEL_DB or -level_db < LEAST_LEVEL_DB:
        return None
    pairs = float(gains[0]), float(gains[1])
    if (lag < 0 and level_db > -_EQUAL_DB) or level_db > _EQUAL_DB:
        # The one that was found first is the second copy.
        first_delay, delay = piece.delay + lag, -float(lag)
        pairs = pairs[1], pairs[0]
        level_db = -level_db
    return SecondCopy(first_delay, delay, pairs, float(level_db))


def without_second_copy(pair: Pair, second: SecondCopy) -> Side:
    """Return the estimated signal minus the second copy."""
    y = pair.y.samples
    late = sliced(pair.x.samples, -(second.first_delay + second.delay), y.size)
    return emphasised_side(np.asarray(y - np.float32(second.gains[1]) * late, dtype=np.float32), pair.y.frame)
