"""Place the ends of the pieces of a copy exactly to the sample, and remove false matches.

`diag.dsp.follow` finds the ends of pieces to a frame of 5 ms. Here each border is set where the two neighbours together
leave the smallest residual of the estimated signal. A false match is a piece that only resembles the sound there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from diag.dsp.diagonal import alike, sliced
from diag.dsp.follow import EXACT_NATS, WEAK_COST, Pair, Piece
from diag.dsp.runs import runs

MARGIN_S = 0.015
"""Largest distance of a border from its position by frames."""
SAME_S = 0.0004
"""Smaller changes of delay are ignored: they come from a resampler or from estimation errors."""
_LEAST_NATS = 35.0
_LEAST_SHARE = 0.3
_SURE_SHARE = 0.7
_DETOUR_S = 0.3
_REFUSED_FRAMES = 2
_BACK_SHARE = 0.7
_MET_SHARE = 0.08
_MIXED_LEFT = 0.4
_MIXED_S = 0.008
_SHORTEST_S = 0.004
_MOVED_S, _MOVED_OFF_S = 0.04, 0.003
_MOVED_FIT, _FREE_SHARE = 5.0, 0.25
"""Least correlation of a moved part, in standard errors of that of unrelated sound, of whose samples a quarter is
independent."""


@dataclass(frozen=True)
class Join:
    """The transition between two consecutive pieces of the estimated signal.

    Parameters
    ----------
    overlap : int
        Number of samples of the estimated signal in which both pieces sound at once; 0 for none.
    """

    overlap: int = 0


def without_lookalikes(pair: Pair, pieces: Sequence[Piece]) -> list[Piece]:
    """Return the pieces that explain a part of the estimated signal that stronger pieces do not explain.

    The others are false matches: lost or inserted sound may resemble other sound of the same voice for some pitch
    periods.
    """
    taken = np.zeros(pair.y.frames + 1, dtype=bool)
    found = np.zeros(pair.x.frames, dtype=bool)
    kept: list[Piece] = []
    for piece in sorted(pieces, key=lambda part: -part.score):
        shared = any(abs(piece.delay - other.delay) * 2 < SAME_S * pair.rate_hz for other in kept)
        if not shared and piece.typical < _LEAST_SHARE * pair.typical and piece.score < 10 * _LEAST_NATS:
            continue
        frame = pair.x.frame
        first, last = piece.first // frame, piece.last // frame
        begin = round(piece.begin / frame)
        places = np.clip(np.arange(begin, begin + last - first), 0, taken.size - 1)
        own = pair.recognisable[first:last] & ~taken[places]
        cost = pair.cost
        if shared and pair.typical < EXACT_NATS:
            # A continuation at a known delay needs less evidence, if no better piece covers it.
            cost, own = WEAK_COST, own & ~found[first:last]
        scores = pair.scores(piece.delay, first, last) - cost
        if float(np.maximum(scores, 0.0)[own].sum()) < _LEAST_NATS or int(own.sum()) < 2:
            continue
        kept.append(piece)
        taken[places] = True
        found[first:last] = True
    return _without_detours(pair, sorted(kept, key=lambda part: part.begin))


def _without_detours(pair: Pair, pieces: list[Piece]) -> list[Piece]:
    """Return the pieces without short, weak ones between two pieces of one delay, if that delay fits there too.

    If a codec has changed the waveform, another part of the same voice may fit better than the right one.
    """
    kept: list[Piece] = []
    for place, piece in enumerate(pieces):
        exact = pair.typical > EXACT_NATS and piece.typical >= _SURE_SHARE * pair.typical
        strong = exact or piece.last - piece.first > _DETOUR_S * pair.rate_hz
        if strong or not kept:
            kept.append(piece)
            continue
        after = next((part for part in pieces[place + 1 :] if part.score > 3.0 * piece.score), None)
        before = max(kept[-3:], key=lambda part: part.score)
        same = after is None or abs(after.delay - before.delay) < SAME_S * pair.rate_hz
        first = round(piece.begin - before.delay)
        last = min(first + piece.last - piece.first, pair.x.samples.size)
        if not same or first < 0 or last <= first or before.score < 3.0 * piece.score:
            kept.append(piece)
            continue
        gain = abs(gain_of(pair, before, before.first, before.last))
        own = pair.x.samples[first:last]
        if not alike(own, sliced(pair.y.samples, first + before.delay, own.size), gain):
            kept.append(piece)
    return kept


def with_exact_ends(pair: Pair, pieces: Sequence[Piece]) -> tuple[list[Piece], list[Join]]:
    """Return the pieces with exact ends, in order of the estimated signal, and the joins between them.

    Parameters
    ----------
    pair : Pair
    pieces : sequence of Piece
        In order of the estimated signal.

    Returns
    -------
    pieces : list of Piece
    joins : list of Join
        One fewer than the pieces.
    """
    result = [pieces[0]]
    joins: list[Join] = []
    for piece in pieces[1:]:
        before, after, join = _joined(pair, result[-1], piece)
        if before is None:
            # A false match vanishes once its neighbours have their exact ends.
            result.pop()
            if result:
                joins.pop()
                before, after, join = _joined(pair, result[-1], piece)
                if before is None:
                    before = result[-1]
            else:
                result.append(piece)
                continue
        if before is not None:
            result[-1] = before
        if after is None:
            continue
        if join is None:
            result[-1] = after
            continue
        result[-1], after = _with_silence(pair, result[-1], after)
        result.append(after)
        joins.append(join)
    result[0] = replace(result[0], first=min(_own_start(pair, result[0]), result[0].last - 1))
    result[-1] = replace(result[-1], last=max(_own_end(pair, result[-1]), result[-1].first + 1))
    return result, joins


def gain_of(pair: Pair, piece: Piece, first: int, last: int) -> float:
    """Return the factor that brings samples `first` to `last` of the reference to the level of the copy."""
    own = pair.x.samples[first:last]
    other = sliced(pair.y.samples, first + piece.delay, own.size)
    power = float(np.dot(own, own))
    return float(np.dot(own, other)) / power if power > 0.0 else 0.0


def missed(pair: Pair, piece: Piece, first: int, last: int) -> NDArray[np.float64]:
    """Return the squared residual that a piece leaves of the estimated signal, per sample of the reference."""
    gain = _gain_near(pair, piece, first, last)
    own = np.zeros(last - first, dtype=np.float32)
    begin, end = max(0, first), min(pair.x.samples.size, last)
    if end > begin:
        own[begin - first : end - first] = pair.x.samples[begin:end]
    other = sliced(pair.y.samples, first + piece.delay, own.size)
    return np.asarray(np.square(other - np.float32(gain) * own), dtype=np.float64)


def _gain_near(pair: Pair, piece: Piece, first: int, last: int) -> float:
    """Return the gain of a piece near some samples, from the part of them in the piece, or from samples beside it."""
    width = round(0.1 * pair.rate_hz)
    begin, end = max(piece.first, first - width), min(piece.last, last + width)
    if end - begin < 16:
        begin, end = piece.first, piece.last
    return gain_of(pair, piece, begin, end)


def with_moved_parts(pair: Pair, pieces: Sequence[Piece], joins: Sequence[Join]) -> tuple[list[Piece], list[Join]]:
    """Return the pieces and joins with parts that are missing at one place and sound at another.

    A stretch of the copy that no piece explains may be a missing part of the reference of the same length. Its delay
    is then known, and less evidence is needed than for a search over all delays.

    Parameters
    ----------
    pair : Pair
    pieces : sequence of Piece
        With exact ends, in order of the estimated signal.
    joins : sequence of Join
    """
    rate_hz = pair.rate_hz
    covered: list[tuple[int, int]] = sorted((piece.first, piece.last) for piece in pieces)
    reached, missing = covered[0][1], []
    for first, last in covered[1:]:
        if first - reached > _MOVED_S * rate_hz:
            missing.append((reached, first))
        reached = max(reached, last)
    result, between = [pieces[0]], []
    for before, after, join in zip(pieces, pieces[1:], joins, strict=False):
        begin, size = before.end, after.begin - before.end
        for part in list(missing):
            delay = begin - part[0]
            moved = min(abs(delay - before.delay), abs(delay - after.delay)) > SAME_S * rate_hz
            if not moved or abs(part[1] - part[0] - size) > _MOVED_OFF_S * rate_hz:
                continue
            fit, late = _fit_near(pair, part, delay)
            if fit > _MOVED_FIT / np.sqrt(_FREE_SHARE * size):
                last = part[0] + min(part[1] - part[0], int(size - max(0.0, late)))
                piece = Piece(part[0], last, delay + max(0.0, late), 0.0, pair.typical)
                result.append(piece)
                between.append(Join())
                missing.remove(part)
                break
        result.append(after)
        between.append(join)
    return result, between


def _fit_near(pair: Pair, part: tuple[int, int], delay: float) -> tuple[float, float]:
    """Return the largest correlation of a part of the reference near a delay, and how much later it is there."""
    reach = round(_MOVED_OFF_S * pair.rate_hz)
    own = pair.x.samples[part[0] : part[1]]
    other = sliced(pair.y.samples, part[0] + delay - reach, own.size + 2 * reach)
    products = pair.polarity * np.correlate(other, own, mode="valid")
    power = np.convolve(np.square(other), np.ones(own.size, dtype=np.float32), mode="valid")
    fits = products / np.sqrt(np.maximum(power, 1e-20) * max(float(np.dot(own, own)), 1e-20))
    best = int(np.argmax(fits))
    return float(fits[best]), float(best - reach)


def _joined(  # noqa: PLR0911 (one line a case)
    pair: Pair, before: Piece, after: Piece
) -> tuple[Piece | None, Piece | None, Join | None]:
    """Return both pieces with the border between them. A piece that vanishes is None; one single piece has no join."""
    change = after.delay - before.delay
    margin = round(MARGIN_S * pair.rate_hz)
    if abs(change) < SAME_S * pair.rate_hz and after.first >= before.first:
        if _refused(pair, before, before.last, after.first) <= _REFUSED_FRAMES:
            longer = max(before, after, key=lambda part: part.last - part.first)
            last = max(before.last, after.last)
            whole = replace(longer, first=before.first, last=last, score=before.score + after.score)
            return whole, whole, None
        return _apart(pair, before, after)
    if after.last <= before.first or abs(after.first - before.last) > 2.0 * abs(change) + 60 * margin:
        return _apart(pair, before, after)
    tried = _inserted(pair, before, after) if change > 0 else _left_out(pair, before, after)
    if change < -_MIXED_S * pair.rate_hz and (tried is None or _poorly_met(pair, *tried)):
        overlap = _overlap(pair, before, after)
        if overlap is not None:
            return overlap
    if tried is None:
        return _apart(pair, before, after)
    first, second = tried
    shortest = _SHORTEST_S * pair.rate_hz
    if first.last - first.first < shortest:
        return None, None, None
    if second.last - second.first < shortest:
        return before, None, None
    return first, second, Join()


def _poorly_met(pair: Pair, before: Piece, after: Piece) -> bool:
    """Return whether two adjacent pieces leave a large residual around their border, as overlapping pieces do."""
    width = round(after.first - before.last) + round(MARGIN_S * pair.rate_hz)
    low, high = max(before.first, before.last - width), min(after.last, after.first + width)
    left = float(missed(pair, before, low, before.last).sum()) + float(missed(pair, after, after.first, high).sum())
    heard = sliced(pair.y.samples, low + before.delay, before.last - low + high - after.first)
    return left > _MET_SHARE * float(np.dot(heard, heard))


def _refused(pair: Pair, piece: Piece, first: int, last: int) -> int:
    """Return the number of recognisable frames between two samples of the reference that speak against a piece."""
    frame = pair.x.frame
    low, high = max(0, -(-first // frame)), min(pair.x.frames, last // frame)
    if high <= low:
        return 0
    scores = pair.scores(piece.delay, low, high)
    return int((pair.recognisable[low:high] & (scores < pair.cost)).sum())


def _inserted(pair: Pair, before: Piece, after: Piece) -> tuple[Piece, Piece] | None:
    """Return the pieces if sound was inserted between them, or if the reference goes back; None if neither fits.

    Of the two, the one with the smaller residual is taken: inserted silence leaves none, and pieces that repeat a part
    of the reference are adjacent.
    """
    margin = round(MARGIN_S * pair.rate_hz)
    low = max(before.first, min(before.last, after.first) - margin)
    high = min(after.last, max(before.last, after.first) + margin)
    if high - low < 2:
        return _left_out(pair, before, after)
    early, late = missed(pair, before, low, high), missed(pair, after, low, high)
    total = np.concatenate(([0.0], np.cumsum(early - late)))
    place = low + int(np.argmin(total))
    apart = replace(before, last=place), replace(after, first=place)
    back = _left_out(pair, before, after)
    if back is not None and _heard_twice(pair, *back):
        left, right = _unexplained(pair, *back, low, high), _unexplained(pair, *apart, low, high)
        if left < _BACK_SHARE * right:
            return back
    refused = _refused(pair, before, before.last, place) + _refused(pair, after, place, after.first)
    return apart if refused <= _REFUSED_FRAMES else None


def _heard_twice(pair: Pair, before: Piece, after: Piece) -> bool:
    """Return whether the part of the reference that is in both pieces can be recognised."""
    frame = pair.x.frame
    return bool(pair.recognisable[max(0, after.first // frame) : -(-before.last // frame)].any())


def _unexplained(pair: Pair, before: Piece, after: Piece, low: int, high: int) -> float:
    """Return the energy of the residual around the border of two pieces with silence between them."""
    begin, end = round(low + before.delay), round(high + after.delay)
    last, first = round(before.end), round(after.begin)
    left = 0.0
    if last > begin:
        left += float(missed(pair, before, begin - round(before.delay), last - round(before.delay)).sum())
    if end > first:
        left += float(missed(pair, after, first - round(after.delay), end - round(after.delay)).sum())
    if first > last:
        left += float(np.square(sliced(pair.y.samples, last, first - last), dtype=np.float64).sum())
    return left


def _left_out(pair: Pair, before: Piece, after: Piece) -> tuple[Piece, Piece] | None:
    """Return the pieces with a border at which the estimated signal has no gap: sound was lost, or is repeated."""
    margin = round(MARGIN_S * pair.rate_hz)
    low = max(int(before.begin), int(min(before.end, after.begin)) - margin)
    high = min(int(after.end), int(max(before.end, after.begin)) + margin)
    if high - low < 2:
        return None
    early = missed(pair, before, low - round(before.delay), high - round(before.delay))
    late = missed(pair, after, low - round(after.delay), high - round(after.delay))
    total = np.concatenate(([0.0], np.cumsum(early - late)))
    place = low + int(np.argmin(total))
    last, first = round(place - before.delay), round(place - after.delay)
    refused = _refused(pair, before, before.last, last) + _refused(pair, after, first, after.first)
    if refused > _REFUSED_FRAMES:
        return None
    last, first = min(last, pair.x.samples.size), max(first, 0)
    return replace(before, last=last), replace(after, first=first)


def _apart(pair: Pair, before: Piece, after: Piece) -> tuple[Piece, Piece, Join]:
    """Return both pieces with separate ends. Sound of the reference and of the copy may lie between them."""
    first = replace(before, last=max(_own_end(pair, before), before.first + 1))
    second = replace(after, first=min(_own_start(pair, after), after.last - 1))
    over = first.end - second.begin
    if over > 0:
        # Both cover these samples of the copy; the later one keeps those that it explains.
        cut = _left_out(pair, before, after)
        if cut is not None:
            return (*cut, Join())
        first = replace(first, last=max(first.first + 1, first.last - int(np.ceil(over))))
    return first, second, Join()


def _with_silence(pair: Pair, before: Piece, after: Piece) -> tuple[Piece, Piece]:
    """Return both pieces extended by silence of the reference, if the second begins before the end of the first.

    The silence after the first and before the second is added, as far as the copy is silent there.
    """
    gap = int(after.begin - before.end)
    frame = pair.x.frame
    if after.first >= before.last or gap < frame:
        return before, after
    heard = runs(pair.y.active[max(0, round(before.end) // frame + 1) : max(0, round(after.begin) // frame)])
    quiet = (heard[0][0] * frame, gap - heard[-1][1] * frame) if heard else (gap, gap)
    behind = np.flatnonzero(pair.x.active[-(-before.last // frame) :])
    end = -(-before.last // frame) * frame + int(behind[0]) * frame if behind.size else pair.x.samples.size
    before = replace(before, last=before.last + max(0, min(end - before.last, quiet[0])))
    gap = int(after.begin - before.end)
    ahead = np.flatnonzero(pair.x.active[: after.first // frame])
    begin = int(ahead[-1] + 1) * frame if ahead.size else 0
    return before, replace(after, first=after.first - max(0, min(gap, after.first - begin, quiet[1])))


def _own_end(pair: Pair, piece: Piece) -> int:
    """Return the sample of the reference from which on the copy is better explained without the piece."""
    margin = round(MARGIN_S * pair.rate_hz)
    low, high = max(piece.first, piece.last - margin), min(pair.x.samples.size, piece.last + margin)
    if high - low < 2:
        return piece.last
    with_it = missed(pair, piece, low, high)
    without = np.square(sliced(pair.y.samples, low + piece.delay, high - low), dtype=np.float64)
    total = np.concatenate(([0.0], np.cumsum(with_it - without)))
    return low + int(total.size - 1 - np.argmin(total[::-1]))


def _own_start(pair: Pair, piece: Piece) -> int:
    margin = round(MARGIN_S * pair.rate_hz)
    low, high = max(0, piece.first - margin), min(piece.last, piece.first + margin)
    if high - low < 2:
        return piece.first
    with_it = missed(pair, piece, low, high)
    without = np.square(sliced(pair.y.samples, low + piece.delay, high - low), dtype=np.float64)
    total = np.concatenate(([0.0], np.cumsum(without - with_it)))
    return low + int(np.argmin(total))


def _overlap(pair: Pair, before: Piece, after: Piece) -> tuple[Piece, Piece, Join] | None:
    """Return both pieces and their join if they sound at once for a while; None if they do not.

    The sum of the two must explain the copy much better than either of them.
    """
    change = after.delay - before.delay
    if change > -_MIXED_S * pair.rate_hz:
        return None
    # Chunks follow each other in the reference, so the later one begins where the earlier one ends.
    border = _contiguous(pair, before, after)
    if border is None:
        return None
    begin, size = round(border + after.delay), round(-change)
    other = sliced(pair.y.samples, begin, size).astype(np.float64)
    early = sliced(pair.x.samples, begin - before.delay, size).astype(np.float64)
    late = sliced(pair.x.samples, begin - after.delay, size).astype(np.float64)
    power = float(other @ other)
    if power <= 0.0 or not early.any() or not late.any():
        return None
    both = np.stack((early, late), axis=1)
    factors = np.linalg.lstsq(both, other, rcond=None)[0]
    left = float(np.square(other - both @ factors).sum())
    single = min(
        power - float(part @ other) ** 2 / max(float(part @ part), 1e-12) for part in (early, late)
    )  # fmt: skip
    if left > _MIXED_LEFT * single or single < 0.02 * power:
        return None
    return replace(before, last=border), replace(after, first=border), Join(size)


def _contiguous(pair: Pair, before: Piece, after: Piece) -> int | None:
    """Return the sample of the reference at which the earlier chunk ends and the later one, mixed with it, begins."""
    change = after.delay - before.delay
    size = round(-change)
    middle = (before.last + after.first) // 2
    reach = size // 2 + round(MARGIN_S * pair.rate_hz)
    low, high = middle - reach, middle + reach
    if low < before.first or high > after.last or low < 0 or high > pair.x.samples.size:
        return None
    best, place = np.inf, None
    for border in range(low, high, max(1, round(0.002 * pair.rate_hz))):
        left = _left_of_mix(pair, before, after, border, size)
        if left < best:
            best, place = left, border
    return place


def _left_of_mix(pair: Pair, before: Piece, after: Piece, border: int, size: int) -> float:
    """Return the share of the copy's energy that remains around an overlap that begins at a given sample."""
    around = round(0.01 * pair.rate_hz)
    begin = round(border + after.delay) - around
    count = size + 2 * around
    other = sliced(pair.y.samples, begin, count).astype(np.float64)
    early = sliced(pair.x.samples, begin - before.delay, count).astype(np.float64)
    late = sliced(pair.x.samples, begin - after.delay, count).astype(np.float64)
    early[around + size :] = 0.0
    late[:around] = 0.0
    gain = 0.5 * (gain_of(pair, before, before.first, before.last) + gain_of(pair, after, after.first, after.last))
    return float(np.square(other - gain * (early + late)).sum()) / max(float(other @ other), 1e-12)
