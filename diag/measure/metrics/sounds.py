"""Cached analyses that several metrics need of the same clip or pair: spectra, matches, events.

Clips are immutable and compared by identity, so results are cached for the lifetime of the clip. Small results are kept
longer, for other clips with the same samples: takes of one prompt share many recordings.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from statistics import median
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from diag.core.clip import Clip, Samples
from diag.core.messages import msg
from diag.core.missing import Missing, MissingCode
from diag.dsp import phase
from diag.dsp.additions import PLAIN_COPY_DB, Additions, measure_additions, plain_copy
from diag.dsp.aligned import LEAST_FRAMES, Piece, align_pair, shifted_pair
from diag.dsp.arrays import Array
from diag.dsp.byte_formats import ByteReading
from diag.dsp.byte_readings import wrong_reading
from diag.dsp.mirrored import Mirrored, aliasing
from diag.dsp.rate import Match, match_clips
from diag.dsp.resample import rescale
from diag.dsp.segment import SegmentComparison, SegmentPiece, compare_segment
from diag.dsp.segment_events import EventKind
from diag.dsp.spectrum import Sound, sound_of
from diag.dsp.speech_likeness import speech_likeness
from diag.dsp.track import DelayTrack
from diag.measure.reasons import STRETCHED, TOO_LITTLE, wrong_speed

T = TypeVar("T")
_LONG_S, _SLICE_S, _SLICE_EDGE_S, _CLEARLY_DB = 5.0, 1.0, 0.05, PLAIN_COPY_DB + 3.0
_SAME_RATE_WITHIN = 0.5
"""Two sample rates are the same where clips differ by less than this number of samples at their ends; the rest is a
drift, which the alignment follows."""
_LOWER_BY = 0.01
"""Share by which an output's sample rate must be below its input's to be the lower one."""
_NO_DRIFT, _ALIASES_S = 1e-4, 12.0
"""Largest drift, and length of sound, with which aliases are searched at the higher of two rates."""

_kept: WeakKeyDictionary[Clip, dict[Any, Any]] = WeakKeyDictionary()
_pairs: WeakKeyDictionary[Clip, WeakKeyDictionary[Clip, dict[str, Any]]] = WeakKeyDictionary()


def remembered(clip: Clip, key: Any, compute: Callable[[], T]) -> T:
    """Return the result of `compute`, computed once per clip and key."""
    kept = _kept.setdefault(clip, {})
    if key not in kept:
        kept[key] = compute()
    result: T = kept[key]
    return result


def of_pair(reference: Clip, estimated: Clip, key: str, compute: Callable[[], T]) -> T:
    """Return the result of `compute`, computed once per pair of clips and key."""
    kept = _pairs.setdefault(reference, WeakKeyDictionary()).setdefault(estimated, {})
    if key not in kept:
        kept[key] = compute()
    result: T = kept[key]
    return result


_MOST_KEPT = 20_000
"""Results that are kept by content. A take of one turn has about 250, most of them single numbers."""
_by_content: OrderedDict[Hashable, Any] = OrderedDict()


def once_for_content(key: Hashable, clips: Sequence[Clip], compute: Callable[[], T]) -> T:
    """Return the result of `compute`, computed once per key and content of the clips.

    Takes of one prompt have the same prompt, often the same reply, and in a chain without clocks of its own the same
    copies of both. The result must follow from samples and sample rates alone, and be small: no arrays.
    """
    whole = (key, *(_content(clip) for clip in clips))
    if whole not in _by_content:
        _by_content[whole] = compute()
        if len(_by_content) > _MOST_KEPT:
            _by_content.popitem(last=False)
    result: T = _by_content[whole]
    return result


def _content(clip: Clip) -> bytes:
    """Return a digest of the samples and the sample rate of a clip."""

    def compute() -> bytes:
        digest = hashlib.blake2b(f"{clip.samples.shape} {clip.sample_rate_hz} ".encode(), digest_size=16)
        digest.update(clip.samples.tobytes())
        return digest.digest()

    return remembered(clip, "content", compute)


def sound(clip: Clip) -> Sound:
    """Return the clip as a mono signal whose spectrum is computed once."""
    return remembered(clip, "sound", lambda: sound_of(clip.samples, clip.sample_rate_hz))


def not_speech(clip: Clip) -> Missing | None:
    """Return why a clip cannot be judged as a voice; None if it is speech."""
    found = remembered(clip, "speech likeness", lambda: speech_likeness(sound(clip).spectrum))
    return (
        None if found.reason is None else Missing(MissingCode.NO_VOICE, msg("no speech: {reason}", reason=found.reason))
    )


def misread(clip: Clip) -> ByteReading | None:
    """Return how the bytes of a clip were misread; None if they were not."""
    return remembered(clip, "misread", lambda: wrong_reading(sound(clip).samples, clip.sample_rate_hz))


def match(reference: Clip, estimated: Clip) -> Match:
    """Return speed and delays of an estimated clip relative to its reference.

    Short gaps at every chunk look like a slower speed. Where no piece of the reference is found at that speed but some
    are at another, no single speed is returned.
    """
    found = _matched(reference, estimated)
    if found.rate_ratio is None or found.track is None or abs(found.rate_ratio - 1.0) <= HEALTHY_RATIO:
        return found
    at_pieces = _comparison(reference, estimated).rate_ratio
    if at_pieces is None or abs(at_pieces / found.rate_ratio - 1.0) <= HEALTHY_RATIO:
        return found
    return replace(found, rate_ratio=None, time_ratio=None, track=None, precision=None, missing=STRETCHED)


def _matched(reference: Clip, estimated: Clip) -> Match:
    """Return speed and delays of an estimated clip by its spectra and its waveform as a whole."""

    def compute() -> Match:
        return match_clips(sound(reference), sound(estimated))

    return of_pair(reference, estimated, "match", lambda: once_for_content("match", (reference, estimated), compute))


@dataclass(frozen=True)
class Tracked:
    """A pair whose speed is known and whose delays could be followed.

    Parameters
    ----------
    rate_ratio : float
        Speed of the estimated clip.
    track : DelayTrack
        Delays in seconds of the reference.
    confidence : float
        0 to 1.
    polarity : int
        1 or -1.
    """

    rate_ratio: float
    track: DelayTrack
    confidence: float
    polarity: int


def tracked(reference: Clip, estimated: Clip) -> Tracked | Missing:
    """Return speed and delays of a pair, or why its delays could not be followed."""
    found = match(reference, estimated)
    if found.rate_ratio is None or found.track is None:
        return found.missing or STRETCHED
    return Tracked(found.rate_ratio, found.track, found.confidence, found.polarity)


HEALTHY_RATIO = 0.005
"""A speed that is off by more than 0.5 % is a wrong rate. Less is the drift of two clocks (a bad crystal has 200
ppm)."""
MOST_ODD_EVENTS, LONGEST_SPLICE_S = 3, 0.04
"""A copy whose time was stretched looks like many short skips and repeats. A copy with more of them than the first
counts as stretched, unless their median is longer than the second: programs that stretch time join windows of 20 to
40 ms. In 40 copies of 5 development voices that were stretched by 0.9 to 1.5 in two ways, the median was at most 35 ms.
"""
_SAME_PHASE = 0.99
"""Agreement of waveforms from which on no phase was changed."""
_ORDINARY = (
    EventKind.STALL, EventKind.DROPOUT, EventKind.SEAMS, EventKind.HEAD_LOST, EventKind.TAIL_LOST,
    EventKind.SECOND_COPY, EventKind.OVERLAP,
)  # fmt: skip


def compared(reference: Clip, estimated: Clip) -> SegmentComparison | Missing:
    """Return where each piece of the reference is in the estimated clip, or why they cannot be compared."""
    found = match(reference, estimated)
    result = _comparison(reference, estimated)
    if result.rate_ratio is None:
        return found.missing or Missing(MissingCode.NO_MATCH, result.reason or msg("nothing of the input was found"))
    odd_s = [event.duration_s for event in result.events if event.kind not in _ORDINARY]
    overlaps = sum(event.kind is EventKind.OVERLAP for event in result.events)
    many = len(odd_s) > max(MOST_ODD_EVENTS, overlaps)
    if found.rate_ratio is not None and found.track is None and many and median(odd_s) <= LONGEST_SPLICE_S:
        return STRETCHED
    return result


def _comparison(reference: Clip, estimated: Clip) -> SegmentComparison:
    """Return the comparison at the speed of the match, if delays could be followed at it."""
    found = _matched(reference, estimated)
    known = found.rate_ratio if found.track is not None else None

    def compute() -> SegmentComparison:
        return _comparison_at(reference, estimated, known)

    return of_pair(
        reference, estimated, "comparison", lambda: once_for_content("comparison", (reference, estimated), compute)
    )


def _comparison_at(reference: Clip, estimated: Clip, known: float | None) -> SegmentComparison:
    """Return the comparison at a known speed, or at another one if nothing is found at it.

    A speed near 1 may be the error of a match of short clips. Then the comparison finds the drift of two clocks itself,
    and the known speed is used only if more is found by it.
    """
    own, other = sound(reference), sound(estimated)
    if known is not None and abs(known - 1.0) > HEALTHY_RATIO:
        at_speed = compare_segment(own, other, rate_ratio=known)
        if at_speed.rate_ratio is not None:
            return at_speed
    free = compare_segment(own, other)
    if known is None or abs(known - 1.0) > HEALTHY_RATIO:
        return free
    if free.rate_ratio is not None and len(free.pieces) == 1 and not free.events:
        return free
    at_speed = compare_segment(own, other, rate_ratio=known)
    return max((free, at_speed), key=lambda result: (result.found_share, -len(result.events)))


def with_phase_of(reference: Clip, estimated: Clip) -> Clip:
    """Return the reference with the phase of its copy where an all-pass filter changed only that, else itself."""
    return of_pair(reference, estimated, "phase", lambda: _with_phase(reference, estimated))


def _with_phase(reference: Clip, estimated: Clip) -> Clip:
    found = match(reference, estimated)
    result = _comparison(reference, estimated)
    ratio = result.rate_ratio if result.rate_ratio is not None else found.rate_ratio
    longest = max(result.pieces, key=lambda piece: piece.reference_end_s - piece.reference_start_s, default=None)
    agreement = 0.0 if longest is None else longest.confidence
    if ratio is None or abs(ratio - 1.0) > HEALTHY_RATIO or agreement > _SAME_PHASE:
        return reference
    other = sound(estimated)
    if abs(ratio - 1.0) * other.samples.size > _SAME_RATE_WITHIN:
        # Clocks that drift apart turn the phase too, and more and more so.
        other = Sound(other.samples, other.rate_hz / ratio)
    turned = phase.with_phase_of(sound(reference), other)
    return reference if turned is None else replace(reference, samples=turned)


def input_time_s(reference: Clip, estimated: Clip, at_s: float) -> float:
    """Return the reference time that plays at a time of the estimated clip, or at which the clip is interrupted.

    Parameters
    ----------
    reference, estimated : Clip
        If they cannot be compared, `at_s` itself is returned.
    at_s : float
        In seconds of the estimated clip.
    """
    found = compared(reference, estimated)
    if isinstance(found, Missing) or not found.pieces:
        return at_s
    before = [piece for piece in found.pieces if piece.estimated_start_s <= at_s]
    piece = before[-1] if before else found.pieces[0]
    inside_s = min(at_s, piece.estimated_end_s) - piece.estimated_start_s
    return max(0.0, piece.reference_start_s + inside_s * (found.rate_ratio or 1.0))


@dataclass(frozen=True)
class Speed:
    """Speed of an estimated clip by pitch and by duration alone, and the confidence, 0 to 1."""

    by_pitch: float
    by_time: float
    confidence: float


def speed(reference: Clip, estimated: Clip) -> Speed | Missing:
    """Return the speed of a pair, even if parts are missing or inserted, or why it is not known."""
    found = match(reference, estimated)
    if found.rate_ratio is not None and found.track is not None:
        by_time = found.time_ratio if found.time_ratio is not None else found.rate_ratio
        return Speed(found.rate_ratio, by_time, found.confidence)
    pieces = compared(reference, estimated)
    if not isinstance(pieces, Missing) and pieces.rate_ratio is not None:
        return Speed(pieces.rate_ratio, pieces.rate_ratio, pieces.found_share)
    if found.rate_ratio is not None and found.time_ratio is not None:
        return Speed(found.rate_ratio, found.time_ratio, found.confidence)
    return found.missing or pieces if isinstance(pieces, Missing) else STRETCHED


def spliced(reference: Clip, estimated: Clip) -> tuple[Clip, Clip]:
    """Return the corresponding parts of both clips, joined, if no single delay track fits the pair.

    Inserted, lost and repeated sound is removed, so that treble, clicks and images can be compared. A pair that one
    delay track fits is returned unchanged.
    """
    pieces = compared(reference, estimated)
    if match(reference, estimated).track is not None or isinstance(pieces, Missing):
        return reference, estimated
    return of_pair(reference, estimated, "spliced", lambda: _splice(reference, estimated, pieces))


_FADE_S = 0.005


def _splice(reference: Clip, estimated: Clip, found: SegmentComparison) -> tuple[Clip, Clip]:
    own, other = [], []
    for piece in found.pieces:
        if piece.reference_end_s - piece.reference_start_s > 4 * _FADE_S:
            own.append(_faded(reference, piece.reference_start_s, piece.reference_end_s))
            other.append(_faded(estimated, piece.estimated_start_s, piece.estimated_end_s))
    if not own:
        return reference, estimated
    return (
        Clip(samples=np.concatenate(own), sample_rate_hz=reference.sample_rate_hz),
        Clip(samples=np.concatenate(other), sample_rate_hz=estimated.sample_rate_hz),
    )


def _faded(clip: Clip, start_s: float, end_s: float) -> Samples:
    """Return a part of a clip with short fades at both ends, so that the joins make no clicks."""
    rate_hz = clip.sample_rate_hz
    samples: Samples = np.array(clip.samples[round(start_s * rate_hz) : round(end_s * rate_hz)])
    width = min(round(_FADE_S * rate_hz), len(samples) // 2)
    ramp = np.linspace(0.0, 1.0, width, dtype=np.float32)
    samples[:width] *= ramp
    samples[len(samples) - width :] *= ramp[::-1]
    return samples


def additions(reference: Clip, estimated: Clip) -> Additions | Missing:
    """Return what the estimated clip has beyond a filtered copy of the reference, or why it was not measured."""
    pieces = compared(reference, estimated)
    if isinstance(pieces, Missing):
        return pieces
    ratio = pieces.rate_ratio or 1.0
    if abs(ratio - 1.0) > HEALTHY_RATIO:
        return wrong_speed(ratio)
    return of_pair(reference, estimated, "additions", lambda: _additions(reference, estimated, pieces, ratio))


def _additions(reference: Clip, estimated: Clip, found: SegmentComparison, ratio: float) -> Additions | Missing:
    rate_hz = float(estimated.sample_rate_hz)
    own = sound(reference)
    factor = rate_hz / (own.rate_hz * ratio)
    # At the same rate nothing is resampled: the taper of a low-pass would leave the filter unknown at the highest
    # frequencies, where it would then ring.
    same = abs(factor - 1.0) * own.samples.size < _SAME_RATE_WITHIN
    moved, scale = (own.samples, 1.0) if same else rescale(own.samples, factor, cut=0.5)
    pieces = _in_samples(found.pieces, scale * own.rate_hz, rate_hz)
    heard = sound(estimated).samples * found.polarity
    plain = _plain_copy(own, heard, pieces, rate_hz)
    if plain is not None:
        return plain
    pair = align_pair(moved, heard, pieces, rate_hz)
    if pair.active.sum() < LEAST_FRAMES:
        return TOO_LITTLE
    added = measure_additions(pair)
    if factor > 1.0 - _LOWER_BY or abs(ratio - 1.0) > _NO_DRIFT:
        return added
    return replace(added, aliasing=_aliasing_at_own_rate(own, heard, found, rate_hz))


def _aliasing_at_own_rate(own: Sound, heard: Array, found: SegmentComparison, rate_hz: float) -> Mirrored | None:
    """Return the aliases in heard samples of a lower rate than the reference's.

    What lies above the lower Nyquist frequency, and may be mirrored below it, is in the reference at its own rate only.
    """
    raised, _ = rescale(heard, own.rate_hz / rate_hz)
    kept: list[SegmentPiece] = []
    for piece in found.pieces:
        if sum(part.estimated_end_s - part.estimated_start_s for part in kept) < _ALIASES_S:
            kept.append(
                replace(piece, estimated_end_s=min(piece.estimated_end_s, piece.estimated_start_s + _ALIASES_S))
            )
    last = round((max(piece.estimated_end_s for piece in kept) + _SLICE_EDGE_S) * own.rate_hz)
    pair = align_pair(own.samples, raised[:last], _in_samples(kept, own.rate_hz, own.rate_hz), own.rate_hz)
    return aliasing(pair) if pair.active.sum() >= LEAST_FRAMES else None


def _in_samples(pieces: Sequence[SegmentPiece], own_hz: float, other_hz: float) -> list[Piece]:
    """Return pieces in samples of the reference and of the estimated clip."""
    return [
        Piece(
            round(piece.reference_start_s * own_hz),
            round(piece.estimated_start_s * other_hz),
            round((piece.estimated_end_s - piece.estimated_start_s) * other_hz),
        )
        for piece in pieces
    ]


def _clearly_differs(own: Sound, heard: Array, delay: int, rate_hz: float) -> bool:
    """Return whether one loud second shows that heard samples are not the reference at this delay and one gain.

    It saves resampling and comparing a long reference. False where one second cannot tell.
    """
    factor = Fraction(rate_hz / own.rate_hz).limit_denominator(64)
    if abs(float(factor) * own.rate_hz - rate_hz) > 1e-9 or own.duration_s < _LONG_S:
        return False
    width, unit = round(_SLICE_S * own.rate_hz), factor.denominator
    energy = np.square(own.samples[: own.samples.size // width * width].reshape(-1, width)).sum(axis=1)
    first = int(np.argmax(energy)) * width // unit * unit
    slice_ = rescale(own.samples[first : first + width], float(factor))[0].astype(np.float64)
    margin = round(_SLICE_EDGE_S * rate_hz)
    place = first // unit * factor.numerator + delay + margin
    mine = slice_[margin : slice_.size - margin]
    other = np.asarray(heard[max(0, place) : max(0, place) + mine.size], dtype=np.float64)
    if place < 0 or other.size < mine.size:
        return False
    power = float(mine @ mine)
    gain = float(mine @ other) / max(power, 1e-20)
    rest = other - gain * mine
    return gain <= 0.0 or float(rest @ rest) > 10 ** (_CLEARLY_DB / 10) * gain**2 * power


def _plain_copy(own: Sound, heard: Array, pieces: Sequence[Piece], rate_hz: float) -> Additions | None:
    """Return the additions if all heard samples are the reference at one delay and one gain, else None."""
    delays = [piece.estimated_start - piece.reference_start for piece in pieces]
    if max(delays) - min(delays) > 1:
        return None
    # The delay that was found is the likeliest one.
    near = sorted(range(min(delays) - 1, max(delays) + 2), key=lambda delay: abs(delay - delays[0]))
    possible = [delay for delay in near if not _clearly_differs(own, heard, delay, rate_hz)]
    if not possible:
        return None
    moved = own.samples if own.rate_hz == rate_hz else rescale(own.samples, rate_hz / own.rate_hz)[0]
    for delay in possible:
        if (found := plain_copy(shifted_pair(moved, heard, delay, rate_hz))) is not None:
            return found
    return None
