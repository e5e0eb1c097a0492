"""Compare a segment with its reference: its speed, its pieces, and the events between the pieces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from diag.core.messages import msg
from diag.dsp.borders import with_exact_ends, with_moved_parts, without_lookalikes
from diag.dsp.chunk_gaps import chunk_gaps
from diag.dsp.diagonal import FRAME_S, Side, agreement, refined_delay, side_of, sliced
from diag.dsp.follow import Pair, Piece, covered_estimated, opened, pieces_of
from diag.dsp.pitch_scale import spectral_candidates
from diag.dsp.replaced import with_replaced
from diag.dsp.resample import SAME_SPEED_WITHIN, WORK_HZ, rescale
from diag.dsp.rumble import alike_below_voice
from diag.dsp.second_copy import SecondCopy, find_second_copy, without_second_copy
from diag.dsp.segment_events import Event, EventKind, Story, events_of, loudness_of
from diag.dsp.spectrum import NARROW_CUT, Sound, short_time_power_at

SHORTEST_S = 0.1
LEAST_SHARE = 0.12
"""Least share of the reference's sound that must be found again before a clip counts as a copy of it."""
LEAST_FOUND_S = 0.1
PROOF_NATS = 600.0
"""Evidence of the best piece before a clip counts as a copy at all. Other text of the same voice reached 510
(synthesised, which repeats its sounds exactly) and 260 (real); copies in noise of 0 dB SNR brought 750 and more."""
_LEAST_PROOF_NATS = 250.0
"""Evidence of the first piece from which on others are searched. A chunk of 80 ms after Opus at 24 kbit/s has 300."""
_CLEAR_SHARE = 0.5
_LEAST_TYPICAL = 1.0
_EXACT_NATS = 40.0
_CHUNKS_SHARE = 0.35
"""Least share of the reference in many short, exact pieces, which are proof too: 20 ms chunks with a gap after each."""
USUAL_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
"""Usual sample rates. A mistaken sample rate gives a speed that is the ratio of two of these."""
_HALVED_LEAST_S, _HALVED_SHARE = 0.5, 0.5
_SPECTRA_ERROR = 0.025
_GRID = 0.0025
_DRIFT_SAMPLES = 0.15
_TURNS = 4
_LEAST_FIT = 0.5


@dataclass(frozen=True)
class SegmentPiece:
    """A part of the reference that was found.

    Parameters
    ----------
    reference_start_s, reference_end_s : float
    estimated_start_s, estimated_end_s : float
    delay_s : float
        In seconds of the reference: reference time t is at (t + delay_s) / rate_ratio of the estimated clip.
    confidence : float
        0 to 1: typical correlation of its 5 ms frames, pre-emphasised, up to 3.6 kHz.
    """

    reference_start_s: float
    reference_end_s: float
    estimated_start_s: float
    estimated_end_s: float
    delay_s: float
    confidence: float


@dataclass(frozen=True)
class SegmentComparison:
    """The result of the comparison of an estimated clip with its reference.

    Parameters
    ----------
    rate_ratio : float or None
        Speed of the estimated clip; None if the reference was not found in it.
    precision : float or None
        Standard error of the speed; None where the pieces are too short to tell.
    polarity : int
        1, or -1 where the copy is upside down.
    pieces : tuple of SegmentPiece
        In order of the estimated clip.
    events : tuple of Event
        In order of the estimated clip.
    found_share : float
        Share of the active time of the reference that was found, 0 to 1.
    reason : str or None
        Why nothing could be compared.
    """

    rate_ratio: float | None
    precision: float | None
    polarity: int
    pieces: tuple[SegmentPiece, ...]
    events: tuple[Event, ...]
    found_share: float
    reason: str | None = None

    def total_s(self, *kinds: EventKind) -> float:
        """Return the summed duration of events of some kinds, in seconds."""
        return float(sum(event.duration_s for event in self.events if event.kind in kinds))

    @property
    def inserted_silence_s(self) -> float:
        """Duration of silence that was inserted, or is in place of sound."""
        return self.total_s(EventKind.STALL, EventKind.DROPOUT, EventKind.SEAMS)

    @property
    def skipped_s(self) -> float:
        """Duration of sound that is missing between the beginning and the end."""
        return self.total_s(EventKind.SKIP)

    @property
    def repeated_s(self) -> float:
        """Duration of sound that was repeated."""
        return self.total_s(EventKind.REPEAT)

    @property
    def head_lost_s(self) -> float:
        """Duration of sound that is missing at the beginning."""
        return self.total_s(EventKind.HEAD_LOST)

    @property
    def tail_lost_s(self) -> float:
        """Duration of sound that is missing at the end."""
        return self.total_s(EventKind.TAIL_LOST)

    @property
    def other_sound_s(self) -> float:
        """Duration of sound that is not in the reference."""
        return self.total_s(EventKind.OTHER_SOUND)


def compare_segment(
    reference: Sound, estimated: Sound, *, rate_ratio: float | None = None, window: bool = False
) -> SegmentComparison:
    """Find the speed and the pieces of a reference in an estimated clip, and the events between the pieces.

    Parameters
    ----------
    reference, estimated : Sound
        Of any rates. Up to about a minute: the cost grows with the number of pieces times the length.
    rate_ratio : float or None
        Speed of the estimated clip, if it is known; otherwise it is searched, beginning with 1.
    window : bool
        Whether the two are windows of longer recordings. Sound of the estimated window before the first and after the
        last piece then belongs to other windows, and is not an event.
    """
    for name, sound in ((msg("reference"), reference), (msg("estimated clip"), estimated)):
        if sound.duration_s < SHORTEST_S:
            return _nothing(msg("the {name} is shorter than {shortest_s:g} s", name=name, shortest_s=SHORTEST_S))
    reference, estimated = alike_below_voice(reference, estimated)
    x, factor = reference.narrow
    scale = factor * reference.rate_hz
    side = side_of(x, scale)
    if not side.active.any():
        return _nothing(msg("the reference is silent"))
    bench = _Bench(reference, estimated, side, scale)
    best: _Attempt | None = None
    for ratio in (rate_ratio,) if rate_ratio is not None else _ratios(bench):
        attempt = _attempt(bench, ratio)
        if attempt is not None and (best is None or attempt.score > best.score):
            best = attempt
        if best is not None and best.share >= _CLEAR_SHARE:
            break
    if best is None:
        return _nothing(msg("nothing of the reference was found in the estimated clip"))
    found = _finished(bench, best)
    return _inside(found) if window else _with_half_speed(found, reference, estimated)


def _with_half_speed(found: SegmentComparison, reference: Sound, estimated: Sound) -> SegmentComparison:
    """Return the comparison with other sound named that is the rest of the reference at half the speed.

    From the moment on at which a player reads two channels as one, each sample comes twice.
    """
    events = list(found.events)
    for place, event in enumerate(events):
        if event.kind is not EventKind.OTHER_SOUND or event.duration_s < _HALVED_LEAST_S:
            continue
        rest = estimated.cut(event.estimated_s, event.estimated_s + event.duration_s)
        ahead = reference.cut(max(0.0, event.reference_s - FRAME_S), event.reference_s + event.duration_s)
        if ahead.duration_s < SHORTEST_S:
            continue
        halved = compare_segment(ahead, rest, rate_ratio=0.5, window=True)
        covered_s = sum(piece.estimated_end_s - piece.estimated_start_s for piece in halved.pieces)
        if covered_s > _HALVED_SHARE * event.duration_s:
            events[place] = replace(event, kind=EventKind.HALF_SPEED)
    return replace(found, events=tuple(events))


def _inside(found: SegmentComparison) -> SegmentComparison:
    """Return the comparison without other sound before the first and behind the last piece."""
    first_s, last_s = found.pieces[0].estimated_start_s, found.pieces[-1].estimated_end_s
    kept = tuple(
        event
        for event in found.events
        if event.kind is not EventKind.OTHER_SOUND or first_s - FRAME_S <= event.estimated_s < last_s - FRAME_S
    )
    return replace(found, events=kept)


def _nothing(reason: str) -> SegmentComparison:
    return SegmentComparison(None, None, 1, (), (), 0.0, reason)


@dataclass(frozen=True, eq=False)
class _Bench:
    """The two clips; the reference prepared at its working rate."""

    reference: Sound
    estimated: Sound
    x: Side
    rate_hz: float

    def at(self, ratio: float) -> tuple[Side, float]:
        """Return the estimated clip on the time scale of the reference at a speed, and the exact speed reached."""
        if abs(self.rate_hz * ratio / WORK_HZ - 1.0) * self.x.samples.size < SAME_SPEED_WITHIN:
            y, exact = self.estimated.narrow
        else:
            y, exact = rescale(self.estimated.samples, self.rate_hz * ratio / self.estimated.rate_hz, cut=NARROW_CUT)
        return side_of(y, self.rate_hz), exact * self.estimated.rate_hz / self.rate_hz


@dataclass(frozen=True, eq=False)
class _Attempt:
    """The pieces that one speed gives."""

    pair: Pair
    pieces: tuple[Piece, ...]
    ratio: float
    precision: float | None
    second: SecondCopy | None
    share: float

    @property
    def score(self) -> float:
        """Evidence of all pieces, nats."""
        return sum(piece.score for piece in self.pieces)


def _ratios(bench: _Bench) -> Iterator[float]:
    """Yield speeds to try: 1, ratios of usual sample rates near the estimates from the spectra, then a grid there."""
    yield 1.0
    own, other = (
        short_time_power_at(part.samples, part.rate_hz, 0.080, 0.040) for part in (bench.reference, bench.estimated)
    )
    if not own.active.any() or not other.active.any():
        return
    candidates = spectral_candidates(own, other)
    usual = sorted({a / b for a in USUAL_RATES_HZ for b in USUAL_RATES_HZ if a != b})
    for candidate in candidates[:3]:
        for ratio in sorted(usual, key=lambda value: abs(value / candidate.ratio - 1.0)):
            if abs(ratio / candidate.ratio - 1.0) < _SPECTRA_ERROR:
                yield ratio
    for candidate in candidates[:1]:
        steps = np.arange(-_SPECTRA_ERROR, _SPECTRA_ERROR + _GRID / 2, _GRID)
        for step in sorted(steps, key=abs):
            yield candidate.ratio * (1.0 + float(step))


def _attempt(bench: _Bench, ratio: float) -> _Attempt | None:
    """Return the pieces at a speed, refined by how delays drift inside them; None where nothing is found."""
    y, exact = bench.at(ratio)
    start = opened(bench.x, y, bench.rate_hz)
    if start is None:
        return None
    for _ in range(_TURNS):
        slope = _drift(start[0], (start[1],))
        if slope is None or abs(slope[0]) * bench.x.samples.size < _DRIFT_SAMPLES or not _drifts(slope):
            break
        y, other = bench.at(exact / (1.0 + slope[0]))
        again = opened(bench.x, y, bench.rate_hz)
        # The refined speed is right if the piece gets longer with it.
        if again is None or again[1].score <= start[1].score:
            break
        start, exact = again, other
    pair, piece = start
    if piece.score < _LEAST_PROOF_NATS and pair.typical < _EXACT_NATS:
        return None
    second = find_second_copy(pair, piece)
    if second is not None:
        cleared = opened(bench.x, without_second_copy(pair, second), bench.rate_hz)
        if cleared is not None:
            pair, piece = cleared
    pieces = without_lookalikes(pair, pieces_of(pair, piece))
    if not pieces:
        return None
    found = np.zeros(pair.x.frames, dtype=bool)
    for part in pieces:
        found[part.first // pair.x.frame : part.last // pair.x.frame] = True
    recognisable = pair.recognisable
    share = float((found & recognisable).sum()) / max(1, int(recognisable.sum()))
    if share < LEAST_SHARE or (found & recognisable).sum() * FRAME_S < LEAST_FOUND_S or pair.typical < _LEAST_TYPICAL:
        return None
    # No other text has the delays of gaps at every chunk.
    chunks = share >= _CHUNKS_SHARE and (pair.typical >= _EXACT_NATS or chunk_gaps(pieces, bench.rate_hz) is not None)
    if max(part.score for part in pieces) < PROOF_NATS and not chunks:
        return None
    # A clip that has only a small part of the reference and nothing else is a copy too.
    used = covered_estimated(pair, pieces) & pair.y.active
    share = max(share, float(used.sum()) / max(1, int(pair.y.active.sum())))
    slope = _drift(pair, tuple(pieces))
    if slope is not None and _drifts(slope):
        exact /= 1.0 + slope[0]
    return _Attempt(pair, tuple(pieces), exact, None if slope is None else slope[1], second, share)


def _drifts(slope: tuple[float, float]) -> bool:
    """Return whether a slope stands out of its standard error. That of a short or periodic sound does not."""
    return abs(slope[0]) >= 4.0 * slope[1]


@lru_cache(maxsize=1)  # a pair with one piece is asked for twice: to refine the speed, and for its precision
def _drift(pair: Pair, pieces: tuple[Piece, ...]) -> tuple[float, float] | None:
    """Return the growth of the delay inside pieces, per sample, and its standard error; None for too little sound."""
    width, times, delays, groups = round(0.1 * pair.rate_hz), [], [], []
    whole = sum(piece.last - piece.first for piece in pieces)
    step = max(width, whole // 48)
    frame = pair.x.frame
    for group, piece in enumerate(pieces):
        if piece.last - piece.first < 3 * width:
            continue
        for first in range(piece.first, piece.last - width + 1, step):
            recognisable = pair.recognisable[first // frame : (first + width) // frame]
            if recognisable.mean() < 0.7:
                continue
            delay = refined_delay(pair.x, pair.y, piece.delay, first, first + width, pair.polarity)
            own, other = pair.x.samples[first : first + width], sliced(pair.y.samples, first + delay, width)
            scale = float(np.linalg.norm(own) * np.linalg.norm(other)) + 1e-12
            fit = pair.polarity * float(np.dot(own, other)) / scale
            if abs(delay - piece.delay) < 4.0 and fit > _LEAST_FIT:
                times.append(first + width / 2)
                delays.append(delay)
                groups.append(group)
    if len(times) < 4:
        return None
    t, d, g = np.array(times), np.array(delays), np.array(groups)
    slope, error = 0.0, 0.0
    kept = np.ones(t.size, dtype=bool)
    for _ in range(3):
        if kept.sum() < 4:
            return None
        counts = np.maximum(np.bincount(g[kept], minlength=g.max() + 1), 1)
        ct = t - (np.bincount(g[kept], t[kept], counts.size) / counts)[g]
        cd = d - (np.bincount(g[kept], d[kept], counts.size) / counts)[g]
        spread = float((ct[kept] ** 2).sum())
        if spread <= 0.0:
            return None
        slope = float((ct[kept] * cd[kept]).sum()) / spread
        residual = cd - slope * ct
        scatter = float(np.sqrt((residual[kept] ** 2).sum() / max(1, kept.sum() - 2)))
        error = scatter / float(np.sqrt(spread))
        kept &= np.abs(residual) < max(0.02, 2.5 * float(np.median(np.abs(residual[kept])) * 1.48))
    return slope, error


def _finished(bench: _Bench, attempt: _Attempt) -> SegmentComparison:
    """Return the comparison of an attempt: exact ends, events, totals."""
    pair = attempt.pair
    pieces, joins = with_moved_parts(pair, *with_exact_ends(pair, attempt.pieces))
    pieces, joins = with_replaced(pair, pieces, joins)
    story = Story(
        pair,
        tuple(pieces),
        tuple(joins),
        loudness_of(bench.reference),
        loudness_of(bench.estimated),
        attempt.ratio,
        attempt.second.delay if attempt.second is not None else None,
    )
    events = events_of(story)
    if attempt.second is not None:
        first = pieces[0]
        copy = Event(
            EventKind.SECOND_COPY, story.reference_s(first.first), story.clip_s(first.begin + attempt.second.delay),
            story.clip_s(attempt.second.delay), level_db=attempt.second.level_db,
        )  # fmt: skip
        events = sorted((*events, copy), key=lambda event: event.estimated_s)
    rate = pair.rate_hz
    parts = tuple(
        SegmentPiece(
            piece.first / rate, piece.last / rate, story.clip_s(piece.begin), story.clip_s(piece.end),
            piece.delay / rate, _confidence(pair, piece),
        )
        for piece in pieces
    )  # fmt: skip
    found = np.zeros(pair.x.frames, dtype=bool)
    for piece in pieces:
        found[round(piece.first / pair.x.frame) : round(piece.last / pair.x.frame)] = True
    active = pair.x.active
    share = float((found & active).sum()) / max(1, int(active.sum()))
    return SegmentComparison(attempt.ratio, attempt.precision, pair.polarity, parts, tuple(events), share)


def _confidence(pair: Pair, piece: Piece) -> float:
    frame = pair.x.frame
    first, last = -(-piece.first // frame), piece.last // frame
    if last <= first:
        return 0.0
    correlation = pair.polarity * agreement(pair.x, pair.y, piece.delay, first, last)
    recognisable = pair.recognisable[first:last]
    return float(np.clip(np.median(correlation[recognisable]), 0.0, 1.0)) if recognisable.any() else 0.0
