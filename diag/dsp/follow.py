"""Find the pieces of a reference in an estimated signal, in any order and at any delays.

The method is the seed-and-extend search for similar parts of DNA (Altschul et al., "Basic local alignment search tool",
1990). A short window (seed) that no piece explains is searched in the other signal. If it is found, the piece is
extended in both directions at its delay until the evidence of `diag.dsp.diagonal` falls. A healthy copy needs one seed.
First, windows of the reference are searched in the estimated signal. Then active parts of the estimated signal that no
piece explains are searched in the reference, which finds repeats.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from diag.dsp import fourier
from diag.dsp.arrays import Array, Flags
from diag.dsp.diagonal import FRAME_S, Floats, Side, agreement, likelihood, refined_delay, unmasked
from diag.dsp.runs import runs

SEED_FRAMES = 24
"""Length of a seed (120 ms): long enough to be found in noise, short enough to find a chunk of 20 ms inside it."""
SHORT_FRAMES = 6
CHUNK_FRAMES = 5
_SEED_NATS = 25.0
_NEAR_S, _CLOSE_S = 0.6, 0.1
_FAR_LIMIT = 16
"""Largest number of searches in the whole of the other signal. Each costs as much as a transform of it."""
_COST_SHARE = 0.35
"""Frames with less than this share of the typical evidence count against a piece. Similar pitch periods reach a third
of the evidence of a digital copy."""
_LEAST_COST, _MOST_COST = 1.0, 16.0
_DROP_NATS = 40.0
_DROP_FRAMES = 6.0
_PIECE_NATS, _FAR_NATS = 35.0, 100.0
"""Least evidence of a piece near its neighbours, and anywhere. Anywhere needs more, because a search over more places
finds more by chance. A chunk of 20 ms of a digital copy has 180."""
_WELL_SHARE = 0.45
_BETTER_NATS = 30.0
_BRIDGED_FRAMES = 3
_LOUD_SEEDS = 5
EXACT_NATS = 50.0
"""Least typical evidence per frame, in nats, of a copy that no codec changed."""
WEAK_COST = 2.0
"""Cost per frame, in nats, for a continuation at a known delay. Unrelated sound has an evidence of 0.5 nats per
frame."""
_WEAK_FRAMES = 30
_CORE_FRAMES = 60
_SURE_NATS, _SURE_SCORE, _FAIR_SCORE = 25.0, 800.0, 500.0
"""Evidence from which on the first piece is clear enough, so that no other loud window is searched."""
_MOST_PIECES = 2000
_DOUBT_FRAMES = 4
_SAME_SAMPLES = 0.6
"""Delays closer than this, in samples at 8 kHz, count as one delay, because the delay of a short piece is less
exact."""


@dataclass(frozen=True)
class Piece:
    """A part of the reference that is in the estimated signal at one delay.

    Parameters
    ----------
    first, last : int
        First sample of the reference, and one past the last.
    delay : float
        In samples: sample n of the reference is at n + delay in the estimated signal.
    score : float
        Evidence in nats.
    typical : float
        Median evidence of its active frames, in nats per frame.
    """

    first: int
    last: int
    delay: float
    score: float
    typical: float

    @property
    def begin(self) -> float:
        """First sample in the estimated signal."""
        return self.first + self.delay

    @property
    def end(self) -> float:
        """Last sample + 1 in the estimated signal."""
        return self.last + self.delay


@dataclass(frozen=True, eq=False)
class Pair:
    """The two signals and the properties of their match.

    Parameters
    ----------
    x, y : Side
        Reference and estimated signal.
    rate_hz : float
    polarity : int
        1, or -1 if the copy is inverted.
    typical : float
        Median evidence of active frames where the copy was found, in nats per frame.
    recognisable : ndarray of bool, shape (frames of x,)
        Frames of the reference that can be recognised.
    """

    x: Side
    y: Side
    rate_hz: float
    polarity: int
    typical: float
    recognisable: Flags

    @property
    def cost(self) -> float:
        """Evidence in nats that a frame must have in order not to count against a piece."""
        return float(np.clip(_COST_SHARE * self.typical, _LEAST_COST, _MOST_COST))

    def scores(self, delay: float, first: int, last: int) -> Floats:
        """Return the evidence in nats of frames [first, last) of the reference at a delay; shape (last - first,)."""
        return likelihood(self.polarity * agreement(self.x, self.y, delay, first, last), self.x.frame)


def _search(template: Array, signal: Array) -> Floats:
    """Return the normalised correlation of a template at every position of a signal that is at least as long."""
    size = fourier.next_fast_len(signal.size)
    product = fourier.irfft(fourier.rfft(signal, size) * np.conj(fourier.rfft(template, size)), size)
    sums = np.concatenate(([0.0], np.cumsum(np.square(signal, dtype=np.float64))))
    energy = sums[template.size :] - sums[: -template.size]
    own = float(np.dot(template, template))
    floor = max(float(energy.max(initial=0.0)) * 1e-6, 1e-12)
    correlation = product[: energy.size] / np.sqrt(np.maximum(energy, floor) * max(own, 1e-12))
    return np.asarray(correlation, dtype=np.float64)


def _peaks(correlation: Floats, count: int, apart: int) -> Iterator[tuple[int, float]]:
    """Yield the positions of the highest values and the values, at least `apart` samples apart."""
    left = correlation.copy()
    for _ in range(count):
        place = int(np.argmax(left))
        if left[place] <= 0.0:
            return
        yield place, float(correlation[place])
        left[max(0, place - apart) : place + apart + 1] = 0.0


def _nats(correlation: float, samples: int) -> float:
    return float(-0.25 * samples * np.log(1.0 - min(correlation, 0.9999) ** 2))


def extended(pair: Pair, first: int, last: int, delay: float) -> Piece | None:
    """Return the piece around some frames of the reference at a delay; None if there is too little evidence.

    Parameters
    ----------
    pair : Pair
    first, last : int
        Frames of the reference for which the delay was found.
    delay : float
        In samples, exact to about one sample.
    """
    x, frame = pair.x, pair.x.frame
    delay = refined_delay(x, pair.y, delay, first * frame, last * frame, pair.polarity)
    low = max(0, int(np.ceil(-delay / frame)))
    high = min(x.frames, int((pair.y.samples.size - delay) // frame))
    first, last = max(first, low), min(last, high)
    if last <= first:
        return None
    for turn in range(2):
        along = _Along(pair, delay)
        gains = along.gains(first, last)
        window = min(8, gains.size)
        sums = np.convolve(gains, np.ones(window), mode="valid")
        centre = first + int(np.argmax(sums)) + window // 2
        right = centre + _reach(along, centre, high, 1)
        left = centre - _reach(along, centre, low, -1)
        if right - left < 2:
            return None
        if turn == 0:
            middle = slice(max(left, centre - 200) * frame, min(right, centre + 200) * frame)
            better = refined_delay(x, pair.y, delay, middle.start, middle.stop, pair.polarity)
            if abs(better - delay) < 0.02:
                break
            delay, first, last = better, left, right
    scores = along.scores(left, right)
    recognisable = pair.recognisable[left:right]
    total = float(_worth(scores, recognisable, pair.cost).sum())
    if total < _PIECE_NATS or not recognisable.any():
        return None
    return Piece(left * frame, right * frame, delay, total, float(np.median(scores[recognisable])))


def _worth(scores: Floats, recognisable: Flags, cost: float) -> Floats:
    """Return what each frame adds to the score of a piece; frames that cannot be recognised subtract nothing."""
    worth = scores - cost
    return np.where(recognisable, worth, np.maximum(worth, 0.0))


class _Along:
    """Evidence of frames of the reference at one delay, computed once for each frame."""

    def __init__(self, pair: Pair, delay: float) -> None:
        self.pair, self._delay = pair, delay
        self._scores = np.zeros(pair.x.frames)
        self._first = self._last = 0

    def scores(self, first: int, last: int) -> Floats:
        """Return the evidence in nats of frames [first, last); shape (last - first,)."""
        if last <= self._first or first >= self._last:
            self._first = self._last = first
        for begin, end in ((first, min(self._first, last)), (max(self._last, first), last)):
            if end > begin:
                self._scores[begin:end] = self.pair.scores(self._delay, begin, end)
        self._first, self._last = min(first, self._first), max(last, self._last)
        return self._scores[first:last]

    def gains(self, first: int, last: int) -> Floats:
        """Return what each of the frames [first, last) adds to the score of a piece."""
        return _worth(self.scores(first, last), self.pair.recognisable[first:last], self.pair.cost)


def _reach(along: _Along, centre: int, limit: int, way: int) -> int:
    """Return by how many frames a piece extends from a frame on, up to the maximum of its summed evidence."""
    drop = max(_DROP_NATS, _DROP_FRAMES * along.pair.cost)
    span = 200
    while True:
        end = min(centre + span, limit) if way > 0 else max(centre - span, limit)
        gains = along.gains(centre, end) if way > 0 else along.gains(end, centre)[::-1]
        if gains.size == 0:
            return 0
        total = np.cumsum(gains)
        best = np.maximum.accumulate(np.maximum(total, 0.0))
        fallen = np.flatnonzero(best - total > drop)
        if fallen.size or end == limit:
            kept = total[: int(fallen[0])] if fallen.size else total
            if kept.size == 0 or kept.max() <= 0.0:
                return 0
            return int(np.argmax(kept)) + 1
        span *= 4


def opened(x: Side, y: Side, rate_hz: float) -> tuple[Pair, Piece] | None:
    """Return the pair with its polarity and typical evidence, and the first piece; None if they share no sound.

    The loudest windows of the reference are searched in the whole of the estimated signal.
    """
    if not x.active.any() or not y.active.any():
        return None
    pair = Pair(x, y, rate_hz, 1, 0.0, x.active)
    seeds: list[tuple[Pair, Piece]] = []
    # If every chunk of 20 ms has its own delay, a window of 120 ms matches at none of them, so a shorter one is tried.
    most = min(x.frames, y.frames)
    for width in (min(SEED_FRAMES, most), min(CHUNK_FRAMES, most)):
        for first in _loud_windows(x, width):
            template = x.samples[first * x.frame : (first + width) * x.frame]
            correlation = _search(template, y.samples)
            for place, value in _peaks(np.abs(correlation), 2, 8):
                if _nats(value, template.size) < _SEED_NATS:
                    continue
                known = replace(pair, polarity=1 if correlation[place] > 0 else -1)
                piece = extended(known, first, first + width, place - first * x.frame)
                if piece is not None:
                    seeds.append(known_by(known, piece))
            if any(known.typical > _SURE_NATS and piece.score > _SURE_SCORE for known, piece in seeds):
                break
        if any(piece.score > _FAIR_SCORE for _, piece in seeds):
            break
    # A long, uncertain piece may have more evidence than a chunk of 20 ms that fits exactly, so the typical evidence
    # counts too.
    return max(seeds, key=lambda seed: seed[1].score * seed[0].typical, default=None)


def known_by(pair: Pair, piece: Piece) -> tuple[Pair, Piece]:
    """Return the pair with the typical evidence of a piece, and the piece extended again with it.

    A piece that was found without this value may extend far beyond its copy. So the value is first taken from the best
    third of a second of the piece, then from the piece that results.
    """
    frame = pair.x.frame
    pair = replace(pair, recognisable=_recognisable_frames(pair, piece))
    for turn in range(3):
        first, last = piece.first // frame, piece.last // frame
        scores = pair.scores(piece.delay, first, last)
        recognisable = pair.recognisable[first:last]
        if turn == 0 and scores.size > _CORE_FRAMES:
            sums = np.convolve(np.where(recognisable, scores, 0.0), np.ones(_CORE_FRAMES), mode="valid")
            core = int(np.argmax(sums))
            scores, recognisable = scores[core : core + _CORE_FRAMES], recognisable[core : core + _CORE_FRAMES]
            first, last = first + core, first + core + _CORE_FRAMES
        if not recognisable.any():
            break
        typical = float(np.median(scores[recognisable]))
        settled = turn > 0 and abs(typical - pair.typical) < 0.1 * typical
        pair = replace(pair, typical=typical)
        if settled:
            break
        piece = extended(pair, first, last, piece.delay) or piece
        pair = replace(pair, recognisable=_recognisable_frames(pair, piece))
    return pair, piece


def _recognisable_frames(pair: Pair, piece: Piece) -> Flags:
    """Return the frames of the reference that are above the noise of the estimated signal, by the gain of a piece."""
    frame = pair.x.frame
    first, last = piece.first // frame, piece.last // frame
    own = pair.x.energy[first:last]
    begin = round(piece.begin / frame)
    other = pair.y.energy[max(0, begin) : begin + last - first]
    own = own[: other.size]
    loud = own >= np.percentile(own, 60) if own.size else own > 0
    gain = float(np.median(other[loud] / np.maximum(own[loud], 1e-12))) if loud.any() else 1.0
    return unmasked(pair.x, pair.y, gain)


def _loud_windows(side: Side, width: int) -> Iterator[int]:
    sums = np.concatenate(([0.0], np.cumsum(np.sqrt(side.energy))))
    level = sums[width:] - sums[:-width]
    for _ in range(_LOUD_SEEDS):
        first = int(np.argmax(level))
        if level[first] <= 0.0:
            return
        yield first
        level[max(0, first - 2 * width) : first + 2 * width] = 0.0


def pieces_of(pair: Pair, first_piece: Piece) -> list[Piece]:
    """Return every piece of the reference that was found in the estimated signal, in order of the estimated signal.

    Pieces may overlap: a piece also keeps its ends where another piece explains the sound equally well.
    """
    pieces = [first_piece]
    _fill_reference(pair, pieces)
    _fill_estimated(pair, pieces)
    return sorted(_united(pair, pieces), key=lambda piece: piece.begin)


def _united(pair: Pair, pieces: Sequence[Piece]) -> list[Piece]:
    """Return the pieces, with those of one delay that overlap or are adjacent merged."""
    result: list[Piece] = []
    for piece in sorted(pieces, key=lambda piece: (piece.first, piece.last)):
        for place, other in enumerate(result):
            if abs(other.delay - piece.delay) < _SAME_SAMPLES and piece.first <= other.last + pair.x.frame:
                longer = max(other, piece, key=lambda part: part.last - part.first)
                result[place] = replace(
                    longer, first=min(other.first, piece.first), last=max(other.last, piece.last),
                    score=max(other.score, piece.score),
                )  # fmt: skip
                break
        else:
            result.append(piece)
    return result


def covered(pair: Pair, pieces: Sequence[Piece]) -> Flags:
    """Return the frames of the reference that lie in a piece."""
    result = np.zeros(pair.x.frames, dtype=bool)
    for piece in pieces:
        result[piece.first // pair.x.frame : piece.last // pair.x.frame] = True
    return result


def covered_estimated(pair: Pair, pieces: Sequence[Piece]) -> Flags:
    """Return the frames of the estimated signal that a piece explains."""
    result = np.zeros(pair.y.frames, dtype=bool)
    for piece in pieces:
        result[max(0, round(piece.begin / pair.y.frame)) : max(0, round(piece.end / pair.y.frame))] = True
    return result


def _fill_reference(pair: Pair, pieces: list[Piece]) -> None:
    """Search the parts of the reference that no piece explains well, and add the pieces that are found."""
    dead = np.zeros(pair.x.frames, dtype=bool)
    best = np.zeros(pair.x.frames)
    for piece in tuple(pieces):
        _note(pair, piece, best)
        _go_on(pair, piece, pieces, best)
    far, doubts = 0, 0
    most_doubts = 8 + round(pair.x.frames * FRAME_S)
    while len(pieces) < _MOST_PIECES:
        poor = _poor(pair, best) & ~dead
        open_runs = [run for run in runs(poor, _BRIDGED_FRAMES) if run[1] - run[0] >= 2]
        if not open_runs:
            return
        found = None
        for first, last in open_runs:
            window = _window(pair, first, last)
            near = max((p for p in pieces if p.first < last * pair.x.frame), key=lambda p: p.last, default=pieces[0])
            chunked = near.last - near.first <= 2 * CHUNK_FRAMES * pair.x.frame
            dead[first : first + min(last - first, CHUNK_FRAMES - 2 if chunked else SEED_FRAMES // 2)] = True
            unfound = bool((best[first:last] <= 0.0).any())
            if not unfound:
                # A known delay explains it, though poorly. The cause is a codec far more often than a break.
                if doubts > most_doubts or last - first < _DOUBT_FRAMES:
                    continue
                doubts += 1
            found = _near(pair, window, pieces, best, _NEAR_S)
            if found is None and unfound:
                found = _near(pair, (first, min(pair.x.frames, first + CHUNK_FRAMES)), pieces, best, _CLOSE_S)
            if found is None and unfound and far < _FAR_LIMIT and last - first >= SHORT_FRAMES:
                far += 1
                found = _anywhere(pair, window, best)
            if found is not None:
                pieces.append(found)
                _note(pair, found, best)
                _go_on(pair, found, pieces, best)
                break


def _go_on(pair: Pair, piece: Piece, pieces: list[Piece], best: Floats) -> None:
    """Add continuations of a piece at its delay, where a codec has changed the waveform more than elsewhere.

    At a known delay, much less evidence is needed than at a new one.
    """
    if pair.typical > EXACT_NATS or piece.typical < _LEAST_COST:
        return
    frame = pair.x.frame
    low = max(0, int(np.ceil(-piece.delay / frame)))
    high = min(pair.x.frames, int((pair.y.samples.size - piece.delay) // frame))
    if high - low < _WEAK_FRAMES:
        return
    recognisable = pair.recognisable[low:high]
    worth = np.where(recognisable, pair.scores(piece.delay, low, high) - WEAK_COST, 0.0)
    window = np.ones(_WEAK_FRAMES)
    sums, counts = (np.convolve(part, window, mode="same") for part in (worth, recognisable.astype(np.float64)))
    goes_on = recognisable & (sums > 0.0) & (counts > 0.3 * _WEAK_FRAMES) & (best[low:high] <= 0.0)
    for first, last in runs(goes_on, _WEAK_FRAMES):
        inside = slice(first, last)
        total = float(worth[inside].sum())
        if total < _PIECE_NATS:
            continue
        typical = float(np.median(worth[inside][recognisable[inside]])) + WEAK_COST
        weak = Piece((low + first) * frame, (low + last) * frame, piece.delay, total, typical)
        pieces.append(weak)
        _note(pair, weak, best)


def _note(pair: Pair, piece: Piece, best: Floats) -> None:
    """Update the best evidence of each frame of the reference with that of a piece."""
    first, last = piece.first // pair.x.frame, piece.last // pair.x.frame
    best[first:last] = np.maximum(best[first:last], np.maximum(pair.scores(piece.delay, first, last), 1e-3))


def _poor(pair: Pair, best: Floats) -> Flags:
    """Return the frames that can be recognised and whose evidence, over 25 ms, is far below the typical."""
    recognisable = pair.recognisable
    weight = np.convolve(recognisable, np.ones(5), mode="same")
    mean = np.convolve(np.where(recognisable, best, 0.0), np.ones(5), mode="same") / np.maximum(weight, 1.0)
    poor: Flags = recognisable & (
        (best <= 0.0) | ((mean < _WELL_SHARE * pair.typical) & (best < _WELL_SHARE * pair.typical))
    )
    return poor


def _window(pair: Pair, first: int, last: int) -> tuple[int, int]:
    """Return the frames of a run to search: its first 120 ms, or a shorter run as a whole with some frames around."""
    if last - first >= SHORT_FRAMES:
        return first, min(last, first + SEED_FRAMES)
    middle = (first + last) // 2
    begin = max(0, middle - SHORT_FRAMES // 2)
    return begin, min(pair.x.frames, begin + SHORT_FRAMES)


def _near(pair: Pair, window: tuple[int, int], pieces: Sequence[Piece], best: Floats, reach_s: float) -> Piece | None:
    """Return a piece for frames of the reference at delays around those of its neighbours."""
    frame = pair.x.frame
    first, last = window[0] * frame, window[1] * frame
    before = max((p for p in pieces if p.first < last), key=lambda p: min(p.last, first), default=pieces[0])
    after = min((p for p in pieces if p.last > first), key=lambda p: max(p.first, last), default=before)
    delays = before.delay, after.delay
    reach = round(reach_s * pair.rate_hz)
    begin = max(0, first + int(min(delays)) - reach)
    end = min(pair.y.samples.size, last + int(max(delays)) + reach)
    return _sought(pair, window, begin, end, best)


def _anywhere(pair: Pair, window: tuple[int, int], best: Floats) -> Piece | None:
    found = _sought(pair, window, 0, pair.y.samples.size, best)
    return found if found is not None and found.score > _FAR_NATS else None


def _sought(pair: Pair, window: tuple[int, int], begin: int, end: int, best: Floats) -> Piece | None:
    """Return the best piece for frames of the reference in a part of the estimated signal, if it improves on `best`."""
    frame = pair.x.frame
    template = pair.x.samples[window[0] * frame : window[1] * frame]
    if end - begin < template.size or template.size == 0:
        return None
    correlation = pair.polarity * _search(template, pair.y.samples[begin:end])
    found: Piece | None = None
    for place, value in _peaks(correlation, 3, 6):
        if _nats(value, template.size) < 0.5 * _SEED_NATS:
            break
        piece = extended(pair, *window, begin + place - window[0] * frame)
        if piece is None:
            continue
        worth = _gain_over(pair, piece, best)
        if worth > _BETTER_NATS and (found is None or worth > _gain_over(pair, found, best)):
            found = piece
    return found


def _gain_over(pair: Pair, piece: Piece, best: Floats) -> float:
    """Return by how much a piece improves the best evidence so far."""
    first, last = piece.first // pair.x.frame, piece.last // pair.x.frame
    recognisable = pair.recognisable[first:last]
    gain = pair.scores(piece.delay, first, last) - np.maximum(best[first:last], pair.cost)
    return float(np.maximum(gain, 0.0)[recognisable].sum())


def _fill_estimated(pair: Pair, pieces: list[Piece]) -> None:
    """Search unexplained active sound of the estimated signal in the reference, and add the repeats found."""
    frame = pair.y.frame
    dead = np.zeros(pair.y.frames, dtype=bool)
    loud = pair.y.active & (pair.y.energy > 4.0 * pair.y.floor)
    far = 0
    while far < 4 * _FAR_LIMIT and len(pieces) < _MOST_PIECES:
        open_runs = runs(loud & ~covered_estimated(pair, pieces) & ~dead, _BRIDGED_FRAMES)
        open_runs = [run for run in open_runs if run[1] - run[0] >= SHORT_FRAMES]
        if not open_runs:
            return
        first, last = max(open_runs, key=lambda run: run[1] - run[0])
        far += 1
        last = min(last, first + SEED_FRAMES)
        template = pair.y.samples[first * frame : last * frame]
        if template.size > pair.x.samples.size:
            return
        correlation = pair.polarity * _search(template, pair.x.samples)
        found = None
        for place, value in _peaks(correlation, 3, 6):
            if _nats(value, template.size) < _SEED_NATS:
                break
            begin = place // frame
            piece = extended(pair, begin, min(pair.x.frames, begin + last - first), first * frame - place)
            if piece is not None and piece.score > max(_FAR_NATS, found.score if found else 0.0):
                found = piece
        if found is not None:
            pieces.append(found)
        dead[first : first + max(2, (last - first) // 2)] = True
