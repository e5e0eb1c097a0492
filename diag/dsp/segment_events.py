"""Find the events between the pieces of a copy: inserted silence, and lost, repeated, moved or other sound."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from diag.dsp import fourier
from diag.dsp.arrays import Flags
from diag.dsp.borders import SAME_S, Join
from diag.dsp.chunk_gaps import LEAST_GAPS, chunk_gaps, chunk_overlaps
from diag.dsp.diagonal import FRAME_S, LIKE_DB, alike, sliced, unmasked
from diag.dsp.dropouts import DROPOUT_SHORTEST_S, Dropout, dropouts, filtered_out, response_of
from diag.dsp.filled_gaps import filled_gaps
from diag.dsp.follow import EXACT_NATS, Pair, Piece
from diag.dsp.joins import Stretch
from diag.dsp.runs import runs
from diag.dsp.spectrum import Sound

SHORTEST_S = 0.0015
"""Smaller changes of delay are ignored: they come from a resampler or from estimation errors."""
OTHER_SHORTEST_S = 0.06
LOST_END_S = 0.025
_NEAR_END_S = 0.3
AUDIBLE_BELOW_DB = 25.0
SILENT_BELOW_DB = 25.0
"""A stretch this far below the loud parts is silence, and one within 5 dB of the background noise."""
STEADY_BELOW_DB = 12.0
STEADY_DB = 2.5
NOISE_FLATNESS = 0.15
"""Limits of comfort noise, which is steady, has no tones and is well below the loud parts."""
_ABOVE_FLOOR_DB = 5.0
_AROUND_SOUND_S = 0.25
_RISE_DB = 4.0
_DECAY_FRAMES, _DECAY_DB, _BEHIND_S = 6, 4.0, 0.1
_ECHO_LONGEST_S, _ECHO_APART_S, _ECHO_NATS = 0.1, 0.02, 60.0
_CANCELLED_DB = 4.0
"""A gap that noise fills is at least 10 dB quieter than its sound."""
_BLUR_S = 0.0004
_GAP_FIT, _GAP_TOLD_S = 0.35, 0.015
_BETWEEN_FIT = 0.7
_LOUD_GAP_S, _LOUD_BELOW_DB = 0.15, 10.0
_EDGE_LONGEST_S = 0.2
_DIP_SHARE, _DIP_AROUND_S, _DIP_DB = 0.6, 0.03, 8.0
_CODED_DROPOUT_S = 0.008
"""Between the pulses of a voice a codec is silent for some milliseconds."""
_SOUNDING_FRAMES = 5
_FAINT_BELOW_DB = 42.0
_PAUSE_FRAMES = 30
_BRIDGED_S = 1.0
"""Pauses within other speech."""
_SEAM_LONGEST_S = 0.04
_MOST_OVERLAPS = 6
_STALLED_SHARE, _CHUNKS_AT_END = 0.3, 2.0
_SEAM_SCATTER = 0.06
_CONCEALED_S, _CONCEALED_WITHIN_S = 0.003, 0.12
_LOOP_SHORTEST_S, _LOOP_ALIKE = 0.015, 0.9
_AS_LOUD_DB, _GONE_SHARE = 10.0, 0.25


class EventKind(StrEnum):
    """What happened to the sound.

    `DROPOUT` is silence in place of sound and `CONCEALED` is earlier sound in place of sound: nothing that follows is
    late. `HALF_SPEED` is sound of the reference that goes on at half the speed.
    """

    STALL = "stall"
    DROPOUT = "dropout"
    SKIP = "skip"
    REPEAT = "repeat"
    CONCEALED = "repeat in place of sound"
    HEAD_LOST = "head lost"
    TAIL_LOST = "tail lost"
    OTHER_SOUND = "other sound"
    HALF_SPEED = "at half the speed"
    SWAPPED = "swapped"
    OVERLAP = "overlap"
    SECOND_COPY = "second copy"
    SEAMS = "seams"


@dataclass(frozen=True)
class Event:
    """One event.

    Parameters
    ----------
    kind : EventKind
    reference_s, estimated_s : float
        Start in the reference and in the estimated clip.
    duration_s : float
        Duration of the sound or silence that was inserted, lost, repeated or moved. For a second copy, its delay. For
        seams, the total of all.
    uncertain_s : float
        Uncertainty of the start in either direction: an event in a pause cannot be located exactly. Its duration is
        exact.
    level_db : float or None
        For other sound, its level in dBFS. For a second copy, its level in dB relative to the first.
    count : int
        For seams (gaps at the borders of chunks), their number; otherwise 1.
    period_s : float or None
        For seams, the time of the reference from one to the next, which is the length of a chunk.
    """

    kind: EventKind
    reference_s: float
    estimated_s: float
    duration_s: float
    uncertain_s: float = 0.0
    level_db: float | None = None
    count: int = 1
    period_s: float | None = None


@dataclass(frozen=True, eq=False)
class Loudness:
    """Level of the estimated clip over time, and what counts as silence in it.

    Parameters
    ----------
    sound : Sound
        The estimated clip.
    level_db : ndarray, shape (frames,)
        dBFS of each 5 ms, without the mean.
    loud_db, floor_db : float
        Level of the loud parts and of the background.
    """

    sound: Sound
    level_db: NDArray[np.float64]
    loud_db: float
    floor_db: float

    @property
    def silent_db(self) -> float:
        """Level below which a frame is silence."""
        return max(self.loud_db - SILENT_BELOW_DB, self.floor_db + _ABOVE_FLOOR_DB, -85.0)


def loudness_of(sound: Sound) -> Loudness:
    """Return the level of a clip over time."""
    count = int(sound.duration_s / FRAME_S)
    if count == 0:
        return Loudness(sound, np.full(0, -120.0), -120.0, -120.0)
    # At 44.1 kHz a frame is no whole number of samples: their edges must not drift.
    edges = np.rint(np.arange(count + 1) * FRAME_S * sound.rate_hz).astype(int)
    data = sound.samples[: edges[-1]].astype(np.float64)
    widths = np.diff(edges)
    means, squares = (np.add.reduceat(part, edges[:-1]) / widths for part in (data, data**2))
    level = 10.0 * np.log10(np.maximum(squares - means**2, 1e-12))
    heard = level[level > -95.0]
    if heard.size == 0:
        return Loudness(sound, level, -120.0, -120.0)
    return Loudness(sound, level, float(np.percentile(heard, 90)), float(np.percentile(heard, 3)))


def _silent_frames(loudness: Loudness, first: int, last: int) -> Flags:
    """Return which frames are silence, among them comfort noise."""
    level = loudness.level_db[first:last]
    silent = level < loudness.silent_db
    for begin, end in runs(~silent):
        if _is_comfort_noise(loudness, first + begin, first + end):
            silent[begin:end] = True
    return np.asarray(silent)


def _is_comfort_noise(loudness: Loudness, first: int, last: int) -> bool:
    """Return whether frames hold steady noise well below the loud parts; too short to tell is no."""
    level = loudness.level_db[first:last]
    if last - first < 8 or np.median(level) > loudness.loud_db - STEADY_BELOW_DB:
        return False
    if float(np.std(level[1:-1])) > STEADY_DB:
        return False
    frame = FRAME_S * loudness.sound.rate_hz
    samples = loudness.sound.samples[round((first + 1) * frame) : round((last - 1) * frame)]
    width = min(samples.size, round(4 * frame))
    rows = np.lib.stride_tricks.sliding_window_view(samples, width)[:: max(1, width // 2)] * np.hanning(width)
    power = (np.abs(np.fft.rfft(rows, axis=1)) ** 2).mean(axis=0)
    hz = np.fft.rfftfreq(width, 1.0 / loudness.sound.rate_hz)
    kept = power[(hz > 200.0) & (hz < 3400.0)] + 1e-20
    return bool(np.exp(np.log(kept).mean()) / kept.mean() > NOISE_FLATNESS)


def is_silent(loudness: Loudness, begin_s: float, end_s: float) -> bool:
    """Return whether a stretch of the estimated clip is silence, its blurred borders aside."""
    if end_s - begin_s >= 0.04:
        first, last = int(np.ceil(begin_s / FRAME_S)), int(end_s / FRAME_S)
        silent = _silent_frames(loudness, first, last)
        return silent.size == 0 or float(silent.mean()) > 0.5
    blur = min(_BLUR_S, 0.2 * (end_s - begin_s))
    return level_of(loudness.sound, begin_s + blur, end_s - blur) < loudness.silent_db


def level_of(sound: Sound, begin_s: float, end_s: float) -> float:
    """Return the level of a stretch in dBFS, without its mean; -120 for nothing."""
    first, last = max(0, round(begin_s * sound.rate_hz)), round(end_s * sound.rate_hz)
    samples = sound.samples[first:last].astype(np.float64)
    if samples.size == 0:
        return -120.0
    return float(10.0 * np.log10(max(float(np.mean(samples**2)) - float(samples.mean()) ** 2, 1e-12)))


@dataclass(frozen=True, eq=False)
class Story:
    """All data from which the events of a pair are determined.

    Parameters
    ----------
    pair : Pair
    pieces : tuple of Piece
        With exact ends, in order of the estimated signal.
    joins : tuple of Join
    own, loudness : Loudness
        Of the reference and of the estimated clip.
    speed : float
        Speed of the estimated clip: a second of the reference's time scale lasts 1 / speed in the clip.
    second : float or None
        How many samples later a second copy plays.
    """

    pair: Pair
    pieces: tuple[Piece, ...]
    joins: tuple[Join, ...]
    own: Loudness
    loudness: Loudness
    speed: float
    second: float | None = None

    def clip_s(self, samples: float) -> float:
        """Time in the estimated clip of a sample of the pair's estimated signal."""
        return samples / self.pair.rate_hz / self.speed

    def reference_s(self, samples: float) -> float:
        """Time in the reference."""
        return samples / self.pair.rate_hz


def events_of(story: Story) -> list[Event]:
    """Return the events, in order of the estimated clip."""
    story = _without_echo(story)
    moved = _moved(story.pieces)
    events = [*_repeats(story), *_swaps(story, moved), *_lost_ends(story)]
    events += _gaps(story)
    events += _overlaps(story)
    events += _other_sound(story)
    events += _dropouts(story)
    events = _with_like_overlaps(_with_concealed(events))
    events = sorted(events, key=lambda event: (event.estimated_s, event.reference_s))
    return _gaps_at_chunks(story, events) or _overlaps_at_chunks(story, events) or with_seams(events)


def _without_echo(story: Story) -> Story:
    """Return the story without a last piece that is no copy: reverberation resembles the end of the voice before it.

    Such a piece follows the piece before it at once, and the level falls steadily through it. It either seems to repeat
    the end, which would be as loud as before, or it has little evidence.
    """
    if len(story.pieces) < 2:
        return story
    before, last = story.pieces[-2:]
    rate_hz = story.pair.rate_hz
    short = (
        last.last - last.first < _ECHO_LONGEST_S * rate_hz and abs(last.begin - before.end) < _ECHO_APART_S * rate_hz
    )
    doubtful = last.delay > before.delay or last.score < _ECHO_NATS
    if not short or not doubtful or not _is_decay(story, before.end, last.end):
        return story
    return replace(story, pieces=story.pieces[:-1], joins=story.joins[:-1])


def _gaps_at_chunks(story: Story, events: Sequence[Event]) -> list[Event] | None:
    """Return the events with those between the first and the last piece as gaps at every chunk; None without such."""
    if len(events) < LEAST_GAPS:
        return None
    found = chunk_gaps(story.pieces, story.pair.rate_hz)
    stalled = sum(event.kind is EventKind.STALL for event in events)
    # Sound that is stretched in time also comes later at every chunk, but there is no silence between.
    if found is None or stalled < _STALLED_SHARE * found.count:
        return None
    sounding = np.flatnonzero(story.pair.x.active) * story.pair.x.frame
    # Quiet chunks at both ends are not found in noise, but the gaps go on.
    before = max(0, int((found.first - float(sounding[0])) / found.period))
    count = max(found.count, int((float(sounding[-1]) - found.first) / found.period) + 1) + before
    first = found.first - before * found.period
    seams = Event(
        EventKind.SEAMS, story.reference_s(first), story.clip_s(first + story.pieces[0].delay - before * found.gap),
        story.clip_s(found.gap * count), count=count, period_s=story.reference_s(found.period),
    )  # fmt: skip
    begin_s, end_s = story.clip_s(story.pieces[0].begin), story.clip_s(story.pieces[-1].end)
    around = [
        event for event in events
        if (event.estimated_s <= begin_s or event.estimated_s >= end_s)
        and not _end_of_chunks(event, story.reference_s(found.period))
    ]  # fmt: skip
    return sorted([*around, seams], key=lambda event: event.estimated_s)


def _overlaps_at_chunks(story: Story, events: Sequence[Event]) -> list[Event] | None:
    """Return the events with those between the first and the last piece as overlaps of chunks; None without such."""
    unclear = sum(event.kind in (EventKind.SKIP, EventKind.OTHER_SOUND) for event in events)
    if unclear < LEAST_GAPS:
        return None
    found = chunk_overlaps(story.pair, story.pieces)
    if found is None:
        return None
    begin_s, end_s = story.clip_s(story.pieces[0].begin), story.clip_s(story.pieces[-1].end)
    length_s = story.clip_s(-found.gap)
    overlaps = [
        Event(EventKind.OVERLAP, story.reference_s(border),
              story.clip_s(border + story.pieces[0].delay + (number + 1) * found.gap), length_s)
        for number in range(found.count)
        for border in (found.first + number * found.period,)
    ]  # fmt: skip
    around = [
        event for event in events
        if (event.estimated_s <= begin_s or event.estimated_s >= end_s)
        and not _end_of_chunks(event, story.reference_s(found.period))
    ]  # fmt: skip
    return sorted([*around, *overlaps], key=lambda event: event.estimated_s)


def _end_of_chunks(event: Event, period_s: float) -> bool:
    """Return whether an event is a quiet chunk at an end that was not found."""
    lost = event.kind in (EventKind.HEAD_LOST, EventKind.TAIL_LOST)
    return lost and event.duration_s < _CHUNKS_AT_END * period_s


def _moved(pieces: Sequence[Piece]) -> NDArray[np.bool_]:
    """Return the pieces that are not part of the heaviest sequence in which the reference only goes forward."""
    count = len(pieces)
    weight = np.array([float(piece.last - piece.first) for piece in pieces])
    total = weight.copy()
    back = np.full(count, -1)
    for place in range(count):
        middle = (pieces[place].first + pieces[place].last) / 2
        for before in range(place):
            other = (pieces[before].first + pieces[before].last) / 2
            if other < middle and total[before] + weight[place] > total[place]:
                total[place], back[place] = total[before] + weight[place], before
    moved = np.ones(count, dtype=bool)
    place = int(np.argmax(total))
    while place >= 0:
        moved[place] = False
        place = int(back[place])
    return moved


def _repeats(story: Story) -> list[Event]:
    """Return the parts of the reference that are repeated."""
    events = []
    seen = np.zeros(story.pair.x.samples.size, dtype=bool)
    for piece in story.pieces:
        again = seen[piece.first : piece.last]
        twice = int(again.sum())
        if twice >= SHORTEST_S * story.pair.rate_hz and _counts(story, piece, again):
            first = piece.first + int(np.argmax(again))
            events.append(
                Event(EventKind.REPEAT, story.reference_s(first), story.clip_s(first + piece.delay),
                      story.clip_s(twice))
            )  # fmt: skip
        seen[piece.first : piece.last] = True
    return events


def _counts(story: Story, piece: Piece, again: Flags) -> bool:
    """Return whether the repeated sound is audible."""
    frame = story.pair.x.frame
    first = piece.first + int(np.argmax(again))
    last = piece.last - int(np.argmax(again[::-1]))
    inside = story.pair.recognisable[first // frame : -(-last // frame)]
    return bool(inside.any())


def _swaps(story: Story, moved: NDArray[np.bool_]) -> list[Event]:
    """Return the pieces that are out of order without being repeated."""
    seen = np.zeros(story.pair.x.samples.size, dtype=np.int8)
    for piece in story.pieces:
        seen[piece.first : piece.last] = np.minimum(seen[piece.first : piece.last] + 1, 2)
    return [
        Event(EventKind.SWAPPED, story.reference_s(piece.first), story.clip_s(piece.begin),
              story.clip_s(piece.last - piece.first))
        for piece, out in zip(story.pieces, moved, strict=True)
        if out and piece.last > piece.first and float((seen[piece.first : piece.last] == 1).mean()) > 0.5
    ]  # fmt: skip


def _covered(story: Story) -> list[tuple[int, int]]:
    """Return the parts of the reference that are in the clip, in order."""
    result: list[tuple[int, int]] = []
    for piece in sorted(story.pieces, key=lambda part: part.first):
        if result and piece.first <= result[-1][1]:
            result[-1] = result[-1][0], max(result[-1][1], piece.last)
        else:
            result.append((piece.first, piece.last))
    return result


def _lost_ends(story: Story) -> list[Event]:
    """Return the losses at the beginning and at the end of the reference."""
    pair, frame = story.pair, story.pair.x.frame
    active = np.flatnonzero(pair.x.active)
    if active.size == 0:
        return []
    stretches = _covered(story)
    events = []
    first_piece = min(story.pieces, key=lambda piece: piece.first)
    last_piece = max(story.pieces, key=lambda piece: piece.last)
    head = _absent(story, first_piece, 0, stretches[0][0])
    if head * FRAME_S >= LOST_END_S:
        # Silence at the beginning of the clip may be the silence that the reference begins with.
        begin = first_piece.begin if first_piece is story.pieces[0] else 0.0
        lost = first_piece.first - min(max(begin, 0.0), float(active[0] * frame))
        events.append(
            Event(EventKind.HEAD_LOST, story.reference_s(first_piece.first - lost), 0.0, story.reference_s(lost))
        )
    tail = _absent(story, last_piece, stretches[-1][1], pair.x.samples.size)
    if tail * FRAME_S >= LOST_END_S:
        silence = pair.x.samples.size - int(active[-1] + 1) * frame
        behind = pair.y.samples.size - last_piece.end if last_piece is story.pieces[-1] else 0.0
        lost = pair.x.samples.size - last_piece.last - min(max(behind, 0.0), float(silence))
        events.append(
            Event(EventKind.TAIL_LOST, story.reference_s(last_piece.last), story.clip_s(last_piece.end),
                  story.reference_s(lost))
        )  # fmt: skip
    return events


def _absent(story: Story, piece: Piece, first: int, last: int) -> int:
    """Return the frames of an end of the reference that can be recognised and are not in the clip.

    If the clip continues at the delay of the piece and is as loud as the reference, only the waveform differs.
    """
    pair, frame = story.pair, story.pair.x.frame
    low, high = -(-first // frame), last // frame
    # Where the level falls towards the end, the rest may be below the noise.
    heard = unmasked(pair.x, pair.y, _gain(pair, _near(pair, piece, first)) ** 2)
    recognisable = (pair.recognisable & heard)[low:high]
    if not recognisable.any():
        return 0
    other = sliced(pair.y.samples, low * frame + piece.delay, (high - low) * frame).reshape(-1, frame)
    power = np.einsum("ij,ij->i", other, other).astype(np.float64)
    expected = pair.x.energy[low:high] * _gain(pair, piece) ** 2
    smooth = np.ones(min(3, power.size))
    there = np.convolve(power, smooth, mode="same") > 0.06 * np.convolve(expected, smooth, mode="same")
    begin = low * frame + piece.delay + np.arange(high - low) * frame
    inside = (begin >= 0) & (begin + frame <= pair.y.samples.size)
    present = float((there & inside)[recognisable].mean()) > 0.5
    # Reverberation goes on behind the end.
    begun = float(begin[recognisable][0])
    ended = min(float(begin[recognisable][-1]) + frame + _BEHIND_S * pair.rate_hz, float(pair.y.samples.size))
    if present and (_similar(pair, piece, low, high, inside) or _is_decay(story, begun, ended)):
        return 0
    return int(recognisable.sum())


def _near(pair: Pair, piece: Piece, place: int) -> Piece:
    """Return the 0.3 s of a piece that are nearest to a sample of the reference."""
    width = round(_NEAR_END_S * pair.rate_hz)
    if place < piece.last:
        return replace(piece, last=min(piece.last, piece.first + width))
    return replace(piece, first=max(piece.first, piece.last - width))


def _is_decay(story: Story, begin: float, end: float) -> bool:
    """Return whether the level falls steadily between two samples of the clip.

    Reverberation of louder sound before them hides quiet sound. Silence and noise in place of sound do not fall. Where
    the waveforms are unchanged elsewhere, there is no reverberation.
    """
    if story.pair.typical > EXACT_NATS:
        return False
    first, last = max(0, int(story.clip_s(begin) / FRAME_S)), math.ceil(story.clip_s(end) / FRAME_S)
    level = story.loudness.level_db[first:last]
    if level.size < _DECAY_FRAMES or _decay(story.loudness, first) < level.size:
        return False
    third = level.size // 3
    return float(np.mean(level[:third]) - np.mean(level[-third:])) > _DECAY_DB


def _similar(pair: Pair, piece: Piece, low: int, high: int, inside: Flags) -> bool:
    """Return whether the clip has the spectrum of the reference in frames of an end."""
    places = np.flatnonzero(inside)
    if places.size < 2:
        return False
    first, last = (low + int(places[0])) * pair.x.frame, min(high, low + int(places[-1]) + 1) * pair.x.frame
    own = pair.x.samples[first:last]
    return alike(own, sliced(pair.y.samples, first + piece.delay, own.size), _gain(pair, piece))


def _uncovered(story: Story) -> list[tuple[int, int]]:
    """Return the parts of the reference between its covered parts that are not in the clip."""
    covered = _covered(story)
    return [(before[1], after[0]) for before, after in pairwise(covered)]


def _gaps(story: Story) -> list[Event]:
    """Return the events between consecutive pieces of the clip, including sound of the reference that is missing.

    A missing part belongs to the first join of the clip that skips it.
    """
    left = _uncovered(story)
    events: list[Event] = []
    for place, join in enumerate(story.joins):
        before, after = story.pieces[place], story.pieces[place + 1]
        leapt = [part for part in left if before.last <= part[0] and part[1] <= after.first]
        left = [part for part in left if part not in leapt]
        if join.overlap:
            continue
        events += _between(story, before, after, after.begin - before.end, float(sum(b - a for a, b in leapt)))
    frame = story.pair.x.frame
    for first, last in left:
        recognisable = story.pair.recognisable[-(-first // frame) : max(0, last // frame)]
        if recognisable.sum() * FRAME_S >= SHORTEST_S:
            near = max((piece for piece in story.pieces if piece.last <= first), key=lambda piece: piece.last)
            events.append(
                Event(EventKind.SKIP, story.reference_s(first), story.clip_s(near.end), story.reference_s(last - first))
            )
    return events


def _between(story: Story, before: Piece, after: Piece, inserted: float, left_out: float) -> list[Event]:
    """Return the events of one gap, from the number of unexplained samples of the clip and of missing ones."""
    pair = story.pair
    least = SHORTEST_S * pair.rate_hz
    reference_s, clip_s = story.reference_s(before.last), story.clip_s(before.end)
    if inserted < least and left_out < least:
        return []
    change = inserted - left_out
    recognisable = _is_recognisable(pair, before, after)
    both = inserted >= least and left_out >= least
    if both and abs(change) < least and not recognisable:
        # What the reference has there is below the noise, so only other sound is an event.
        found = [] if _is_silence(story, clip_s, story.clip_s(after.begin)) else _pieces_of_gap(story, before, after)
        return [event for event in found if event.kind is EventKind.OTHER_SOUND]
    if both and (_kept(story, before, after) or (change >= least and _edges_only(story, before, after, left_out))):
        # The waveforms differ, but the sound is that of the reference, so only the change of delay is an event.
        inserted, left_out = max(0.0, change), max(0.0, -change)
    elif (
        inserted >= least
        and (
            not _is_silence(story, clip_s, story.clip_s(after.begin))
            or (both and _is_other_quiet_sound(story, before, after))
        )
        and not (left_out < least and _dips(story, clip_s, story.clip_s(after.begin)))
    ):
        looped = _loop(story, before, after)
        events = _pieces_of_gap(story, before, after) if looped is None else [looped]
        if left_out >= least and recognisable and not _is_masked(pair, before, after):
            events.append(Event(EventKind.SKIP, reference_s, clip_s, story.reference_s(left_out)))
        return events
    events = []
    if min(inserted, left_out) >= least and recognisable and _audible(pair, before.last, after.first):
        events.append(Event(EventKind.DROPOUT, reference_s, clip_s, story.clip_s(min(inserted, left_out))))
    if abs(change) >= least:
        kind = EventKind.STALL if change > 0 else EventKind.SKIP
        duration_s = story.clip_s(change) if change > 0 else story.reference_s(-change)
        events.append(Event(kind, reference_s, clip_s, duration_s, story.reference_s(_pause_around(story, before))))
    return events


def _is_masked(pair: Pair, before: Piece, after: Piece) -> bool:
    """Return whether much louder sound covers a gap in which nothing is late: the reference may go on below it.

    The louder sound of a shorter gap is not reported by itself, so the gap is.
    """
    own = _gain(pair, before) * pair.x.samples[before.last : after.first]
    other = sliced(pair.y.samples, before.end, own.size)
    masked = float(other @ other) > float(own @ own) * 10 ** (_AS_LOUD_DB / 10)
    same = abs(after.delay - before.delay) < SAME_S * pair.rate_hz
    return masked and same and own.size > OTHER_SHORTEST_S * pair.rate_hz


def _is_recognisable(pair: Pair, before: Piece, after: Piece) -> bool:
    """Return whether the reference between two pieces is above the noise at the level that the copy has around it."""
    gain = max(_gain(pair, _near(pair, piece, place)) for piece, place in ((before, before.last), (after, after.first)))
    heard = pair.recognisable & unmasked(pair.x, pair.y, gain**2)
    return bool(heard[before.last // pair.x.frame : -(-after.first // pair.x.frame)].any())


def _is_other_quiet_sound(story: Story, before: Piece, after: Piece) -> bool:
    """Return whether a gap of an exact copy is as loud as the reference there, but nothing of the reference is in it.

    Quiet sound in place of quiet sound is no silence.
    """
    pair = story.pair
    own = _gain(pair, before) * pair.x.samples[before.last : after.first]
    other = sliced(pair.y.samples, before.end, own.size)
    power = float(own @ own)
    if pair.typical <= EXACT_NATS or power <= 0.0:
        return False
    heard, shared = float(other @ other), pair.polarity * float(own @ other)
    return heard > power * 10 ** (-_AS_LOUD_DB / 10) and shared < _GONE_SHARE * power


def _loud_s(pair: Pair, first: int, last: int) -> float:
    """Return how long the reference is loud between two samples."""
    energy = pair.x.energy[first // pair.x.frame : -(-last // pair.x.frame)]
    loud = float(np.percentile(pair.x.energy[pair.x.active], 90))
    return float((energy > loud * 10 ** (-_LOUD_BELOW_DB / 10)).sum()) * FRAME_S


def _audible(pair: Pair, first: int, last: int) -> bool:
    """Return whether the reference is audible between two samples. Codecs drop faint background, which is no loss."""
    energy = pair.x.energy[first // pair.x.frame : -(-last // pair.x.frame)]
    loud = float(np.percentile(pair.x.energy[pair.x.active], 90))
    return energy.size > 0 and float(energy.max()) > loud * 10 ** (-AUDIBLE_BELOW_DB / 10)


def _is_silence(story: Story, begin_s: float, end_s: float) -> bool:
    """Return whether a gap of the clip holds no sound worth reporting."""
    if end_s - begin_s < OTHER_SHORTEST_S:
        return is_silent(story.loudness, begin_s, end_s)
    first, last = int(np.ceil(begin_s / FRAME_S)) + 1, int(end_s / FRAME_S) - 1
    sounding = ~_silent_frames(story.loudness, first, last)
    return not any(end - begin >= _SOUNDING_FRAMES for begin, end in runs(sounding, 2))


def _kept(story: Story, before: Piece, after: Piece) -> bool:
    """Return whether a gap sounds like the reference although waveforms differ: a codec, noise or distortion.

    Where the delay is the same before and after, some correlation over the whole gap is enough. Else a gap of 60 ms or
    more must have the spectrum of the reference, and a shorter one its level.
    """
    pair = story.pair
    size = min(after.first - before.last, round(after.begin - before.end))
    own = pair.x.samples[before.last : before.last + size]
    other = sliced(pair.y.samples, before.end, own.size)
    same = abs(after.delay - before.delay) < SAME_S * pair.rate_hz
    if same and size >= _GAP_TOLD_S * pair.rate_hz:
        scale = float(np.linalg.norm(own) * np.linalg.norm(other))
        if scale > 0.0 and pair.polarity * float(np.dot(own, other)) > _GAP_FIT * scale:
            return True
    if _is_between(pair, before, after):
        return True
    if pair.typical > EXACT_NATS and size >= OTHER_SHORTEST_S * pair.rate_hz:
        # The waveforms are unchanged elsewhere, so a different waveform is other sound, maybe of the same voice.
        return False
    if same and _loud_s(pair, before.last, after.first) > _LOUD_GAP_S:
        # Loud sound keeps its waveform behind a codec and in noise.
        return False
    gain = max(_gain(pair, before), _gain(pair, after))
    level = 10.0 * np.log10((float(np.dot(other, other)) + 1e-12) / (gain**2 * float(np.dot(own, own)) + 1e-12))
    if same and level > -LIKE_DB and _is_decay(story, before.end, after.begin):
        return True
    near = abs(level) <= LIKE_DB + 3.0
    return near and (size < OTHER_SHORTEST_S * pair.rate_hz or alike(own, other, gain))


def _is_between(pair: Pair, before: Piece, after: Piece) -> bool:
    """Return whether a gap holds the missing sound itself at some delay, as a chunk between two gaps of silence.

    Faint sound is too little evidence for a piece of its own.
    """
    own = pair.x.samples[before.last : after.first].astype(np.float64)
    begin = round(before.end)
    other = sliced(pair.y.samples, begin, round(after.begin) - begin).astype(np.float64)
    if own.size < _GAP_TOLD_S * pair.rate_hz or other.size < _GAP_TOLD_S * pair.rate_hz:
        return False
    size = own.size + other.size
    cross = np.fft.irfft(np.fft.rfft(other, size) * np.conj(np.fft.rfft(own, size)), size)
    scale = float(np.linalg.norm(own) * np.linalg.norm(other))
    return scale > 0.0 and pair.polarity * float(cross[np.argmax(pair.polarity * cross)]) > _BETWEEN_FIT * scale


def _dips(story: Story, begin_s: float, end_s: float) -> bool:
    """Return whether the level falls in a short gap: silence that a codec has blurred, or whose place is uncertain.

    In a periodic sound the place of a gap may be off by a period. Sound that was put in, as by a time stretch, is as
    loud as the sound around it.
    """
    length_s = end_s - begin_s
    if length_s >= OTHER_SHORTEST_S:
        return False
    sound, width_s = story.loudness.sound, _DIP_SHARE * length_s
    tried = np.linspace(begin_s - 0.5 * length_s, end_s + 0.5 * length_s - width_s, 9)
    lowest_db = min(level_of(sound, float(at), float(at) + width_s) for at in tried)
    around_db = level_of(sound, begin_s - _DIP_AROUND_S, end_s + _DIP_AROUND_S)
    return lowest_db < max(around_db - _DIP_DB, story.loudness.silent_db)


def _edges_only(story: Story, before: Piece, after: Piece, left_out: float) -> bool:
    """Return whether a gap is silence with no more sound at its borders than the reference has there.

    In noise the last sound before a gap and the first after it are too faint to be followed.
    """
    if story.pair.typical > EXACT_NATS or left_out > _EDGE_LONGEST_S * story.pair.rate_hz:
        return False
    first, last = (round(story.clip_s(at) / FRAME_S) for at in (before.end, after.begin))
    sounding = runs(~_silent_frames(story.loudness, first, last), 2)
    most = story.clip_s(left_out) / FRAME_S + 4
    at_border = all(begin <= 2 or end >= last - first - 2 for begin, end in sounding)
    return at_border and sum(end - begin for begin, end in sounding) <= most


def _pause_around(story: Story, before: Piece) -> float:
    """Return the samples that a border may be off either way: the silence of the reference around it."""
    frame, active = story.pair.x.frame, story.pair.x.active
    place = min(before.last // frame, active.size - 1)
    later, earlier = np.flatnonzero(active[place:]), np.flatnonzero(active[:place][::-1])
    pause = max(int(part[0]) if part.size else 0 for part in (later, earlier))
    return float(pause * frame) if later.size and earlier.size and pause > 2 else 0.0


def _loop(story: Story, before: Piece, after: Piece) -> Event | None:
    """Return the repeat that a gap holds if it is the sound before it, again and again; None if it is not.

    A buffer that is played in a loop repeats to the sample. A held vowel or a tone changes, or differs from the sound
    before it.
    """
    pair = story.pair
    begin, size = round(before.end), round(after.begin - before.end)
    shortest = round(_LOOP_SHORTEST_S * pair.rate_hz)
    if size < 2 * shortest:
        return None
    gap = sliced(pair.y.samples, begin, size).astype(np.float64)
    power = np.concatenate(([0.0], np.cumsum(gap**2)))
    length = fourier.next_fast_len(2 * size)
    spectrum = np.fft.rfft(gap, length)
    lags = np.arange(shortest, size // 2 + 1)
    shared = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, length)[lags]
    alike_at = shared / np.sqrt(np.maximum(power[size - lags] * (power[size] - power[lags]), 1e-20))
    if float(alike_at.max()) < _LOOP_ALIKE:
        return None
    period = int(lags[np.argmax(alike_at > float(alike_at.max()) - 0.01)])
    # The gap may begin anywhere in the first period, because the sound goes on there in both ways.
    first = gap[:period]
    earlier, later = (sliced(pair.y.samples, at, period) for at in (begin - period, begin + size))
    goes_on, from_before = np.cumsum(first * later), np.cumsum(first * earlier)
    shared_best = max(float((goes_on - from_before).max()), 0.0) + float(from_before[-1])
    if shared_best < _LOOP_ALIKE * float(first @ first):
        return None
    return Event(
        EventKind.REPEAT, story.reference_s(before.last - period), story.clip_s(before.end), story.clip_s(float(size))
    )


def _pieces_of_gap(story: Story, before: Piece, after: Piece) -> list[Event]:
    """Return the parts of a gap with sound as other sound, and the rest as inserted silence."""
    begin_s, end_s = story.clip_s(before.end), story.clip_s(after.begin)
    reference_s = story.reference_s(before.last)
    first, last = int(np.ceil(begin_s / FRAME_S)), int(end_s / FRAME_S)
    pauses = round(_BRIDGED_S / FRAME_S)
    sounding = [
        run for run in runs(~_silent_frames(story.loudness, first, last), pauses) if run[1] - run[0] >= _SOUNDING_FRAMES
    ]
    if not sounding:
        return [_other(story, reference_s, begin_s, end_s - begin_s)]
    events = []
    reached_s = begin_s
    for start, stop in sounding:
        # Other speech begins and ends with short pauses of its own.
        from_s = begin_s if start <= _PAUSE_FRAMES else (first + start) * FRAME_S
        to_s = end_s if first + stop >= last - _PAUSE_FRAMES else (first + stop) * FRAME_S
        if from_s - reached_s >= 2 * FRAME_S:
            events.append(Event(EventKind.STALL, reference_s, reached_s, from_s - reached_s))
        events.append(_other(story, reference_s, from_s, to_s - from_s))
        reached_s = to_s
    if end_s - reached_s >= 2 * FRAME_S:
        events.append(Event(EventKind.STALL, reference_s, reached_s, end_s - reached_s))
    return events


def _other(story: Story, reference_s: float, clip_s: float, duration_s: float) -> Event:
    level = level_of(story.loudness.sound, clip_s, clip_s + duration_s)
    return Event(EventKind.OTHER_SOUND, reference_s, clip_s, duration_s, level_db=level)


def _gain(pair: Pair, piece: Piece) -> float:
    begin = max(0, round(piece.begin))
    own = pair.x.samples[piece.first : piece.last]
    other = pair.y.samples[begin : begin + own.size]
    power = float(np.dot(own, own))
    return float(np.sqrt(float(np.dot(other, other)) / power)) if power > 0 else 1.0


def _overlaps(story: Story) -> list[Event]:
    return [
        Event(EventKind.OVERLAP, story.reference_s(after.first), story.clip_s(after.begin), story.clip_s(join.overlap))
        for join, after in zip(story.joins, story.pieces[1:], strict=True)
        if join.overlap
    ]


def _other_sound(story: Story) -> list[Event]:
    """Return the sound of the clip where the reference is silent: before, after, and within its pauses."""
    loudness, pair = story.loudness, story.pair
    count, frame = loudness.level_db.size, pair.x.frame
    expected = np.zeros(count, dtype=bool)
    # Low-frequency rumble is loud, but pre-emphasis attenuates it.
    sounds = pair.x.active.copy()
    loud = story.own.level_db[: sounds.size] > story.own.silent_db - 10.0
    sounds[: loud.size] |= loud
    for piece in story.pieces:
        low = piece.first // frame
        for begin, end in runs(sounds[low : -(-piece.last // frame)], 4):
            for late in (0.0,) if story.second is None else (0.0, story.second):
                start_s = story.clip_s((low + begin) * frame + piece.delay + late) - 2 * FRAME_S
                end_s = story.clip_s((low + end) * frame + piece.delay + late) + _AROUND_SOUND_S
                expected[max(0, int(start_s / FRAME_S)) : max(0, int(np.ceil(end_s / FRAME_S)))] = True
        end = int(np.ceil(story.clip_s(piece.end + (story.second or 0.0)) / FRAME_S))
        expected[end + _decay(loudness, end) :] = False
    for earlier, later in pairwise(story.pieces):
        # The gap between two pieces is handled by `_gaps`.
        begin_s, end_s = story.clip_s(earlier.end), story.clip_s(later.begin)
        if end_s > begin_s:
            expected[max(0, int(begin_s / FRAME_S) - 1) : int(np.ceil(end_s / FRAME_S)) + 1] = True
    sounding = ~expected & ~_silent_frames(loudness, 0, count)
    # Other sound reaches as far as anything is heard around its loud parts.
    heard = ~expected & (loudness.level_db > max(loudness.loud_db - _FAINT_BELOW_DB, loudness.floor_db + 10.0, -80.0))
    events = []
    for begin, end in runs(heard | sounding, round(_BRIDGED_S / FRAME_S)):
        if sounding[begin:end].sum() * FRAME_S < OTHER_SHORTEST_S:
            continue
        for start, stop in _between_expected(expected, begin, end):
            start_s, duration_s = start * FRAME_S, (stop - start) * FRAME_S
            events.append(_other(story, story.reference_s(_reference_at(story, start_s)), start_s, duration_s))
    return events


def _decay(loudness: Loudness, first: int) -> int:
    """Return for how many frames from `first` on the level falls steadily, as reverberation does; at most 0.25 s."""
    level = loudness.level_db[max(0, first) : max(0, first) + round(_AROUND_SOUND_S / FRAME_S)]
    if level.size < 4:
        return level.size
    smooth = 10.0 * np.log10(np.convolve(10.0 ** (level / 10.0), np.full(4, 0.25), mode="valid"))
    risen = np.flatnonzero(smooth > np.minimum.accumulate(smooth) + _RISE_DB)
    return int(risen[0]) if risen.size else level.size


def _between_expected(expected: Flags, begin: int, end: int) -> list[tuple[int, int]]:
    """Return the parts of a run in which no sound of the reference is expected."""
    parts = runs(~expected[begin:end])
    return [(begin + first, begin + last) for first, last in parts if (last - first) * FRAME_S >= OTHER_SHORTEST_S]


def _reference_at(story: Story, clip_s: float) -> float:
    """Return the sample of the reference that plays at a time of the clip, or the end of the last one before."""
    place = clip_s * story.speed * story.pair.rate_hz
    best = 0.0
    for piece in story.pieces:
        if piece.begin <= place:
            best = min(place, piece.end) - piece.delay
    return max(0.0, best)


def _dropouts(story: Story) -> list[Event]:
    """Return the silence in place of sound inside pieces, too short to end them."""
    stretches = _stretches(story)
    exact = story.pair.typical > EXACT_NATS
    found = dropouts(
        story.own.sound, story.loudness.sound, stretches, story.speed,
        shortest_s=DROPOUT_SHORTEST_S if exact else _CODED_DROPOUT_S,
    )  # fmt: skip
    events = [Event(EventKind.DROPOUT, item.original_s, item.start_s, item.length_s) for item in found]
    if exact:
        return events
    audible = [event for event in events if _audible(story.pair, *_samples_of(story, event))]
    return [*audible, *_filled(story, events)]


def _stretches(story: Story) -> list[Stretch]:
    rate_hz = story.pair.rate_hz
    return [Stretch(piece.first / rate_hz, piece.last / rate_hz, piece.delay / rate_hz, 1.0) for piece in story.pieces]


def _samples_of(story: Story, event: Event) -> tuple[int, int]:
    """Return the first sample of the reference that a dropout replaces, and one past the last."""
    first = round(event.reference_s * story.pair.rate_hz)
    return first, first + max(1, round(event.duration_s * story.speed * story.pair.rate_hz))


def _filled(story: Story, known: Sequence[Event]) -> list[Event]:
    """Return the dropouts that noise or a codec fills, except where one is known.

    A tone at a frequency that a room or a filter cancels is no dropout.
    """
    found = []
    for piece in story.pieces:
        for gap in filled_gaps(story.pair, piece):
            start_s, length_s = story.clip_s(gap.first + piece.delay), story.clip_s(gap.last - gap.first)
            apart = all(
                start_s > event.estimated_s + event.duration_s or event.estimated_s > start_s + length_s
                for event in known
            )
            if apart:
                found.append(Dropout(start_s, length_s, story.reference_s(gap.first)))
    if not found:
        return []
    own, copy = story.own.sound, story.loudness.sound
    response = response_of(own, copy, _stretches(story), story.speed)
    return [
        Event(EventKind.DROPOUT, item.original_s, item.start_s, item.length_s)
        for item in found
        if not filtered_out(own, copy, item, story.speed, response, within_db=_CANCELLED_DB)
    ]


def _with_concealed(events: Sequence[Event]) -> list[Event]:
    """Return the events, without lost sound in whose place earlier sound is repeated as long, once or more often.

    The loss may come up to 0.12 s after the repeat, with late sound between the two.
    """
    free = sorted((event for event in events if event.kind is EventKind.REPEAT), key=lambda event: event.estimated_s)
    changed: dict[Event, Event | None] = {}
    lost = sorted((event for event in events if event.kind is EventKind.SKIP), key=lambda event: event.estimated_s)
    for skip in lost:
        begin_s = skip.estimated_s - skip.duration_s - _CONCEALED_WITHIN_S
        mine: list[Event] = []
        for event in reversed([event for event in free if begin_s < event.estimated_s < skip.estimated_s]):
            if sum(other.duration_s for other in mine) < skip.duration_s - _CONCEALED_S:
                mine.insert(0, event)
        if mine and abs(sum(event.duration_s for event in mine) - skip.duration_s) < _CONCEALED_S:
            free = [event for event in free if event not in mine]
            changed[skip] = None
            for event in mine:
                late_s = event.estimated_s - mine[0].estimated_s
                place_s = mine[0].reference_s + mine[0].duration_s + late_s
                changed[event] = replace(event, kind=EventKind.CONCEALED, reference_s=place_s)
    return [after for event in events if (after := changed.get(event, event)) is not None]


def _with_like_overlaps(events: Sequence[Event]) -> list[Event]:
    """Return the events, with skips of the length of one or a few overlaps turned into overlaps.

    In a pause the two cannot be distinguished, because chunks in it are not found.
    """
    sizes = [event.duration_s for event in events if event.kind is EventKind.OVERLAP]
    if len(sizes) < 3:
        return list(events)
    usual_s = float(np.median(sizes))
    return [
        replace(event, kind=EventKind.OVERLAP)
        if event.kind is EventKind.SKIP
        and abs(event.duration_s - max(1, round(event.duration_s / usual_s)) * usual_s) < 0.002
        and event.duration_s < _MOST_OVERLAPS * usual_s
        else event
        for event in events
    ]


def with_seams(events: Sequence[Event]) -> list[Event]:
    """Return the events, with short ones of a kind that come at every chunk as one event.

    The distances between them, along the reference, must all be close to whole multiples of one period.
    """
    kept = list(events)
    for kind in (EventKind.STALL, EventKind.DROPOUT):
        mine = [event for event in kept if event.kind is kind and event.duration_s <= _SEAM_LONGEST_S]
        period_s = _period([event.reference_s for event in mine])
        if period_s is None:
            continue
        whole = Event(
            EventKind.SEAMS, mine[0].reference_s, mine[0].estimated_s, sum(event.duration_s for event in mine),
            count=len(mine), period_s=period_s,
        )  # fmt: skip
        kept = sorted((event for event in (*(e for e in kept if e not in mine), whole)),
                      key=lambda event: event.estimated_s)  # fmt: skip
    return kept


def _period(times_s: Sequence[float]) -> float | None:
    """Return the period of which all distances are whole multiples; None for none or too few."""
    if len(times_s) < LEAST_GAPS:
        return None
    steps = np.diff(np.sort(times_s))
    smallest = float(np.median(steps))
    if smallest <= 0.0:
        return None
    whole = np.maximum(np.rint(steps / smallest), 1.0)
    period = float(steps.sum() / whole.sum())
    off = np.abs(steps - whole * period)
    if float(np.mean(off < max(_SEAM_SCATTER * period, 0.003))) < 0.8:
        return None
    return period if len(times_s) >= 0.5 * whole.sum() else None
