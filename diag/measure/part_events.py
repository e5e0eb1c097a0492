"""Events between and outside the parts of a long reference, which no single part can show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from diag.core.audio_reader import AudioReader
from diag.core.results import SoundEvent
from diag.dsp.diagonal import FRAME_S
from diag.dsp.runs import runs
from diag.dsp.segment_events import OTHER_SHORTEST_S, SHORTEST_S, EventKind, level_of, loudness_of
from diag.dsp.spectrum import sound_of
from diag.measure.parts import PART_S

_BRIDGED_S = 0.6
"""Longest pause within other speech that does not split it into two events."""


@dataclass(frozen=True)
class Stretch:
    """Where a part of the reference is.

    Parameters
    ----------
    begin_s, end_s : float
        In the reference.
    there_begin_s, there_end_s : float
        In the recording, assuming that nothing is lost at its ends.
    followed : bool
        Whether it was found by its waveform; otherwise its place is predicted from earlier parts.
    exact : bool
        Whether the last part that was found (this one or an earlier one) was found by its waveform.
    """

    begin_s: float
    end_s: float
    there_begin_s: float
    there_end_s: float
    followed: bool
    exact: bool


def joined(events: Sequence[Sequence[SoundEvent]], stretches: Sequence[Stretch]) -> list[tuple[SoundEvent, ...]]:
    """Return the events of each part, including those at the boundary to the next part.

    Sound that is lost at the end of one part and at the beginning of the next was skipped or silenced within the
    reference. Anything inserted between both parts that is not other sound is silence. If sound is missing in a part,
    its end may hold the beginning of the next part, which is not other sound.
    """
    result = [tuple(own) for own in events]
    for place, (before, after) in enumerate(pairwise(stretches)):
        if not (before.exact and after.followed):
            continue
        result[place] = _until(result[place], after.there_begin_s)
        tail = [event for event in result[place] if event.kind == EventKind.TAIL_LOST]
        head = [event for event in result[place + 1] if event.kind == EventKind.HEAD_LOST]
        lost_s = _length_s((*tail, *head))
        between = _until(
            [event for event in result[place + 1] if event.kind in (EventKind.OTHER_SOUND, EventKind.STALL)
             and event.estimated_s < after.there_begin_s], after.there_begin_s
        )  # fmt: skip
        explained_s = _length_s(between)
        gap_s = (tail[0].estimated_s if tail else before.there_end_s, after.there_begin_s + _length_s(head))
        other_s = sum(
            event.duration_s
            for event in (*result[place], *result[place + 1])
            if event.kind == EventKind.OTHER_SOUND and gap_s[0] - FRAME_S <= event.estimated_s < gap_s[1]
        )
        at_s = tail[0].reference_s if tail else before.end_s
        later_s = after.there_begin_s - before.there_end_s
        met = _meeting(at_s, gap_s[0], later_s=later_s, lost_s=lost_s, explained_s=explained_s, other_s=other_s)
        result[place] = tuple(event for event in result[place] if event not in tail)
        result[place + 1] = (*met, *(event for event in result[place + 1] if event not in head))
    return result


def _until(events: Sequence[SoundEvent], end_s: float) -> tuple[SoundEvent, ...]:
    """Return events, with other sound and silence cut off at a time of the recording."""
    kept = []
    for event in events:
        if event.kind in (EventKind.OTHER_SOUND, EventKind.STALL) and event.estimated_s + event.duration_s > end_s:
            least_s = OTHER_SHORTEST_S if event.kind == EventKind.OTHER_SOUND else SHORTEST_S
            if end_s - event.estimated_s >= least_s:
                kept.append(replace(event, duration_s=end_s - event.estimated_s))
        else:
            kept.append(event)
    return tuple(kept)


def _length_s(events: Sequence[SoundEvent]) -> float:
    return sum(event.duration_s for event in events)


def _meeting(
    at_s: float, there_s: float, *, later_s: float, lost_s: float, explained_s: float, other_s: float
) -> Iterator[SoundEvent]:
    """Yield what happened between two parts, as between two pieces of one clip.

    Parameters
    ----------
    at_s, there_s : float
        Where the first part ends in the reference and in the recording.
    later_s : float
        How much later the second part comes than it must.
    lost_s : float
        How much of the reference is lost between both.
    explained_s : float
        How much of `later_s` is accounted for by events of the second part.
    other_s : float
        How much other sound stands in place of what is lost.
    """
    silenced_s = min(lost_s, max(0.0, lost_s + later_s))
    skipped_s = -later_s
    if other_s > 0.5 * silenced_s:
        silenced_s, skipped_s = 0.0, max(lost_s, skipped_s)
    for kind, duration_s in (
        (EventKind.DROPOUT, silenced_s),
        (EventKind.STALL, later_s - explained_s),
        (EventKind.SKIP, skipped_s),
    ):
        if duration_s >= SHORTEST_S:
            yield SoundEvent(kind=kind.value, reference_s=at_s, estimated_s=there_s, duration_s=duration_s)


def whole_part_lost(
    recording: AudioReader, stretch: Stretch, sound_s: float, silent_db: float
) -> tuple[SoundEvent, ...]:
    """Return what happened to a part of which nothing was found: it is lost, and there may be other sound in its place.

    Parameters
    ----------
    recording : AudioReader
        Mono.
    stretch : Stretch
        Where the part must lie.
    sound_s : float
        How much sound the part has in the reference.
    silent_db : float
        Level below which 5 ms are silence, dBFS.
    """
    first, last = (
        min(max(0, round(at_s * recording.sample_rate_hz)), recording.frames)
        for at_s in (stretch.there_begin_s, stretch.there_end_s)
    )
    lost = SoundEvent(
        kind=(EventKind.SKIP if stretch.there_end_s < recording.duration_s else EventKind.TAIL_LOST).value,
        reference_s=stretch.begin_s,
        estimated_s=first / recording.sample_rate_hz,
        duration_s=sound_s,
    )
    return lost, *_sound(recording, first, last, silent_db)


def in_the_middle(events: Sequence[SoundEvent]) -> tuple[SoundEvent, ...]:
    """Return the events of a part that the recording goes on after: what is lost at its end is left out."""
    return tuple(
        replace(event, kind=EventKind.SKIP.value) if event.kind == EventKind.TAIL_LOST else event for event in events
    )


def sound_outside(
    recording: AudioReader, compared_s: tuple[float, float], silent_db: float
) -> tuple[tuple[SoundEvent, ...], tuple[SoundEvent, ...]]:
    """Return the sound of a recording before and after the span that was compared.

    Parameters
    ----------
    recording : AudioReader
        Mono.
    compared_s : tuple of float
        Start and end of the span that was compared.
    silent_db : float
        Level below which 5 ms count as silence, in dBFS.
    """
    rate_hz = recording.sample_rate_hz
    first, last = (min(max(0, round(at_s * rate_hz)), recording.frames) for at_s in compared_s)
    return (
        tuple(_sound(recording, 0, first, silent_db)),
        tuple(_sound(recording, last, recording.frames, silent_db)),
    )


def _sound(recording: AudioReader, first: int, last: int, silent_db: float) -> Iterator[SoundEvent]:
    rate_hz = recording.sample_rate_hz
    width = round(PART_S * rate_hz)
    for begin in range(first, last, width):
        heard = sound_of(recording.part(begin, min(begin + width, last)), rate_hz)
        sounding = loudness_of(heard).level_db >= silent_db
        for start, stop in runs(sounding, round(_BRIDGED_S / FRAME_S)):
            if sounding[start:stop].sum() * FRAME_S >= OTHER_SHORTEST_S:
                yield SoundEvent(
                    kind=EventKind.OTHER_SOUND.value,
                    reference_s=0.0,
                    estimated_s=begin / rate_hz + start * FRAME_S,
                    duration_s=(stop - start) * FRAME_S,
                    level_db=level_of(heard, start * FRAME_S, stop * FRAME_S),
                )
