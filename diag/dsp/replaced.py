"""Find sound that something else replaced within a piece of an exact copy: earlier sound again, or other sound.

Concealment of lost packets plays the last packet once more, and nothing that follows is late. In voiced sound such a
packet resembles the one that it replaces, so that the search for pieces passes over it. The waveform shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from diag.dsp import fourier
from diag.dsp.arrays import Array, Flags
from diag.dsp.borders import SAME_S, Join
from diag.dsp.diagonal import nats_of_energy, sliced
from diag.dsp.follow import EXACT_NATS, Pair, Piece
from diag.dsp.runs import runs

SHORTEST_S, LONGEST_S = 0.005, 0.12
"""Shortest and longest sound that is looked for again. Packets have 10 to 120 ms."""
GONE_SHORTEST_S = 0.06
"""Shorter sound of which the waveform is gone, with nothing of the reference in its place, is judged as clicks."""
_STEP_S, _SMOOTH_STEPS, _LEAST_STEPS = 0.001, 3, 50
_CHANGED_SHARE = 0.1
"""Least energy of the residual, relative to the expected sound, where sound counts as replaced."""
_ABOVE_USUAL = 30.0
"""The residual must be this many times what is usual at that level, which is noise and rounding."""
_BRIDGED_STEPS = 4
_USUAL_ERRORS, _LEAST_ERROR, _MOST_ERROR = 4.0, 0.003, 0.06
"""Most residual of sound that is there again, relative to its energy: some times the usual one, within limits. In a
steady vowel one period differs by more from the next."""
_BETTER = 0.2
"""The same, relative to the residual at its own place."""
_FINER = 4
_PARTS = np.linspace(-0.125, 0.125, 5)
_AROUND_S = 0.5
_GONE_SHARE = 0.25
"""Most of the reference, as a factor, that may be left where its sound is gone."""
_LEAST_LEVEL = 0.05
_EDGE_S = 0.003
_CHANGED_STEPS = 0.4
_AUDIBLE_BELOW_DB = 40.0


def with_replaced(pair: Pair, pieces: Sequence[Piece], joins: Sequence[Join]) -> tuple[list[Piece], list[Join]]:
    """Return the pieces and joins, with pieces split where sound was replaced within them.

    Where it was replaced by earlier sound, that is a piece of its own.

    Parameters
    ----------
    pair : Pair
    pieces : sequence of Piece
        With exact ends, in order of the estimated signal.
    joins : sequence of Join
    """
    if pair.typical <= EXACT_NATS:
        return list(pieces), list(joins)
    left, result, between = list(pieces), [], []
    for place in range(len(left)):
        parts = list(_split(pair, left[place]))
        if place < len(joins) and not joins[place].overlap:
            again = _in_gap(pair, left[place], left[place + 1])
            if again is not None:
                begin, end, lag = again
                parts[-1] = replace(parts[-1], last=begin)
                parts += _times(left[place], begin, end, lag)
                left[place + 1] = replace(left[place + 1], first=end)
        between += [Join()] * (len(parts) - 1)
        result += parts
        if place < len(joins):
            between.append(joins[place])
    return result, between


def _in_gap(pair: Pair, before: Piece, after: Piece) -> tuple[int, int, int] | None:
    """Return where earlier sound fills the gap between two pieces of one delay, as `_replaced` does, or None."""
    gap = after.first - before.last
    if not SHORTEST_S * pair.rate_hz <= gap <= LONGEST_S * pair.rate_hz:
        return None
    if abs(after.delay - before.delay) >= SAME_S * pair.rate_hz:
        return None
    around = round(_AROUND_S * pair.rate_hz)
    first, last = max(before.first, before.last - around), min(after.last, after.first + around)
    copy = _copy_of(pair, replace(before, first=first, last=last), round(_STEP_S * pair.rate_hz))
    again = None if copy is None else _again(pair, copy, before.last - first, after.first - first)
    if again is None or not _has_sound(pair, first, again):
        return None
    begin, end, lag = again
    inside = before.first < first + begin and first + end < after.last and begin >= lag
    return (first + begin, first + end, lag) if inside else None


def _split(pair: Pair, piece: Piece) -> Iterator[Piece]:
    """Yield the parts of a piece, and the earlier sound between them."""
    first = piece.first
    for begin, end, lag in _replaced(pair, piece):
        yield replace(piece, first=first, last=begin)
        if lag:
            yield from _times(piece, begin, end, lag)
        first = end
    yield replace(piece, first=first)


def _times(piece: Piece, begin: int, end: int, lag: int) -> Iterator[Piece]:
    """Yield a piece for each time that the sound of `lag` samples before a place is heard from there on."""
    times = max(1, round((end - begin) / lag))
    for again in range(begin, begin + times * lag, lag):
        size = end - again if again == begin + (times - 1) * lag else lag
        yield replace(piece, first=begin - lag, last=begin - lag + size, delay=piece.delay + again - begin + lag)


@dataclass(frozen=True, eq=False)
class _Copy:
    """A piece of the reference and its copy, pre-emphasised, sample by sample.

    Parameters
    ----------
    own, other : ndarray of float64, shape (n,)
    gain : float
        Factor from the reference to the copy.
    floor, error : float
        What usually is left of the copy: energy of a step, and the share of its own energy.
    """

    own: NDArray[np.float64]
    other: NDArray[np.float64]
    gain: float
    floor: float
    error: float

    @cached_property
    def rest(self) -> NDArray[np.float64]:
        """Squared residual of each sample."""
        return np.square(self.other - self.gain * self.own)


def _copy_of(pair: Pair, piece: Piece, step: int) -> _Copy | None:
    """Return a piece with its copy, in whole steps; None where there is too little to know what is usual."""
    count = (piece.last - piece.first) // step
    own = pair.x.samples[piece.first : piece.first + count * step].astype(np.float64)
    other = pair.polarity * sliced(pair.y.samples, piece.begin, own.size).astype(np.float64)
    power, shared = (np.einsum("ij,ij->i", own.reshape(-1, step), part.reshape(-1, step)) for part in (own, other))
    if count < _LEAST_STEPS or not power.any():
        return None
    loud = power > 0.05 * float(np.percentile(power, 95))
    gain = float(np.median(shared[loud] / power[loud]))
    rest = np.square(other - gain * own).reshape(-1, step).sum(axis=1)
    error = float(np.median(rest[loud] / np.maximum(gain**2 * power[loud], 1e-20)))
    return _Copy(own, other, gain, float(np.median(rest)), error)


def _replaced(pair: Pair, piece: Piece) -> list[tuple[int, int, int]]:
    """Return where sound of the reference was replaced: its samples, and how much earlier the sound in its place is.

    The last is 0 where no earlier sound is in its place.
    """
    step = round(_STEP_S * pair.rate_hz)
    copy = _copy_of(pair, piece, step)
    if copy is None:
        return []
    changed = _changed(copy, step)
    found = []
    for low, high in runs(changed, _BRIDGED_STEPS):
        if SHORTEST_S <= (high - low) * _STEP_S <= LONGEST_S:
            again = _again(pair, copy, low * step, high * step)
            # Silence that is repeated in place of sound is a dropout.
            found += [again] if again is not None and _has_sound(pair, piece.first, again) else []
    for low, high in runs(changed, round(GONE_SHORTEST_S / _STEP_S)):
        first, last = low * step, high * step
        apart = all(last <= begin or first >= end for begin, end, _ in found)
        long = (high - low) * _STEP_S >= GONE_SHORTEST_S and changed[low:high].mean() > _CHANGED_STEPS
        found += [(first, last, 0)] if apart and long and _is_gone(copy, first, last) else []
    inside, reached = [], 0
    for begin, end, lag in sorted(found):
        if begin > reached and end < copy.own.size and lag <= piece.first + begin:
            inside.append((piece.first + begin, piece.first + end, lag))
            reached = end
    return inside


def _has_sound(pair: Pair, origin: int, again: tuple[int, int, int]) -> bool:
    """Return whether the sound that is repeated can be heard."""
    begin, end, lag = again
    frame = pair.x.frame
    first = max(0, origin + begin - lag)
    return bool(pair.recognisable[first // frame : -(-(first + end - begin) // frame)].any())


def _changed(copy: _Copy, step: int) -> Flags:
    """Return the steps whose waveform is not that of the reference."""
    smooth = np.full(_SMOOTH_STEPS, 1.0 / _SMOOTH_STEPS)
    squares = copy.rest, np.square(copy.gain * copy.own), np.square(copy.other)
    rest, expected, heard = (np.convolve(part.reshape(-1, step).sum(axis=1), smooth, mode="same") for part in squares)
    level = np.maximum(expected, heard)
    audible = level > float(np.percentile(expected, 95)) * 10 ** (-_AUDIBLE_BELOW_DB / 10)
    usual = copy.floor + copy.error * expected
    return np.asarray(audible & (rest > _CHANGED_SHARE * level) & (rest > _ABOVE_USUAL * usual))


@dataclass(frozen=True)
class _Earlier:
    """Earlier sound of a signal that fits best to a stretch of it.

    Parameters
    ----------
    lag : int
        By how many samples it is earlier.
    gain : float
        Factor from the earlier sound to the stretch.
    left : float
        Energy of what differs, relative to that of the stretch.
    """

    lag: int
    gain: float
    left: float


def _earlier(samples: Array, low: int, high: int, rate_hz: float) -> _Earlier | None:
    """Return the earlier sound that fits best to samples `low` to `high`; None where there is none."""
    begin = max(0, low - round(LONGEST_S * rate_hz))
    core, past = samples[low:high], samples[begin : max(begin, high - round(SHORTEST_S * rate_hz))]
    power = float(core @ core)
    if past.size < core.size or power <= 0.0:
        return None
    size = fourier.next_fast_len(past.size)
    cross = fourier.rfft(past, size) * np.conj(fourier.rfft(core, size))
    # A packet may be no whole number of samples at this rate.
    shared = _FINER * fourier.irfft(cross, _FINER * size)
    sums = np.concatenate(([0.0], np.cumsum(np.square(past, dtype=np.float64))))
    energy = np.maximum(np.repeat(sums[core.size :] - sums[: -core.size], _FINER), 1e-20)
    place = int(np.argmax(np.maximum(shared[: energy.size], 0.0) / np.sqrt(energy))) / _FINER
    tried = [sliced(samples, begin + place + part, core.size) for part in _PARTS]
    best = max(tried, key=lambda part: float(core @ part) / np.sqrt(max(float(part @ part), 1e-20)))
    lag = low - begin - round(place)
    gain = float(core @ best) / max(float(best @ best), 1e-20)
    return _Earlier(lag, gain, float(np.square(core - gain * best).sum()) / power)


def _most_left(pair: Pair) -> float:
    """Return how much may be left of sound that is there again, relative to its energy."""
    usual = float(np.exp(-pair.typical / nats_of_energy(pair.x.frame)))
    return min(max(_LEAST_ERROR, _USUAL_ERRORS * usual), _MOST_ERROR)


def _again(pair: Pair, copy: _Copy, first: int, last: int) -> tuple[int, int, int] | None:
    """Return the exact samples of the copy that repeat earlier sound of it, and by how many; None if they do not."""
    edge, other, rest = round(_EDGE_S * pair.rate_hz), copy.other, copy.rest
    inner = min(edge, (last - first) // 4)
    low, high = first + inner, last - inner
    found = _earlier(other, low, high, pair.rate_hz)
    if found is None or found.left > _most_left(pair):
        return None
    if found.left * float(np.square(other[low:high]).sum()) > _BETTER * float(rest[low:high].sum()):
        return None
    # The ends are where the earlier sound explains the copy better than the reference does.
    lag, start, stop = found.lag, max(found.lag, first - edge), min(other.size, last + edge)
    better = rest[start:stop] - np.square(other[start:stop] - found.gain * other[start - lag : stop - lag])
    total = np.concatenate(([0.0], np.cumsum(better)))
    end = int(np.argmax(total - np.minimum.accumulate(total)))
    return start + int(np.argmin(total[: end + 1])), start + end, lag


def _is_gone(copy: _Copy, first: int, last: int) -> bool:
    """Return whether nothing of the reference is left in a stretch of the copy that is about as loud."""
    own, other = copy.gain * copy.own[first:last], copy.other[first:last]
    power = float(own @ own)
    return float(own @ other) < _GONE_SHARE * power and float(other @ other) > _LEAST_LEVEL * power
