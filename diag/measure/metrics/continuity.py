"""What a segment put in, left out, repeated or moved, against its own input."""

from __future__ import annotations

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.missing import Missing
from diag.core.results import Reading, SoundEvent, Spot, not_measured
from diag.dsp.segment_events import Event, Kind
from diag.measure.metrics.sounds import compared
from diag.measure.registry import Group, metric

_SPOT_MARGIN_S = 0.3
_SILENCE = (Kind.STALL, Kind.DROPOUT, Kind.SEAMS)


def _of_kind(reference: Clip, estimated: Clip, kinds: tuple[Kind, ...]) -> tuple[Event, ...] | Missing:
    found = compared(reference, estimated)
    if isinstance(found, Missing):
        return found
    return tuple(event for event in found.events if event.kind in kinds)


def _reading(reference: Clip, estimated: Clip, *kinds: Kind, count: bool = False) -> Reading:
    """Return the total duration of events of some kinds, or how many there are."""
    found = _of_kind(reference, estimated, kinds)
    if isinstance(found, Missing):
        return not_measured(found)
    value = sum(event.count for event in found) if count else sum(event.duration_s for event in found)
    return Reading(value=float(value), spots=_spots(found), events=tuple(_plain(event) for event in found))


def _plain(event: Event) -> SoundEvent:
    return SoundEvent(
        kind=event.kind.value,
        reference_s=event.reference_s,
        estimated_s=event.estimated_s,
        duration_s=event.duration_s,
        level_db=event.level_db,
        count=event.count,
        period_s=event.period_s,
    )


def _spots(found: tuple[Event, ...]) -> tuple[Spot, ...]:
    """Return where to listen; the engine puts the segment's own output tap in the place of `heard`."""
    return tuple(
        Spot(
            Tap.HEARD,
            max(0.0, event.estimated_s - _SPOT_MARGIN_S),
            event.estimated_s + event.duration_s + _SPOT_MARGIN_S,
        )
        for event in found
    )


@metric(
    "inserted_silence_s", unit="s", better="lower", tolerance=0.005, pool="sum",
    label="Silence inserted", group=Group.CONTINUITY, order=2, headline="silence put in",
)  # fmt: skip
def inserted_silence(reference: Clip, estimated: Clip) -> Reading:
    """Silence in the output of a hop that its input does not have.

    What
        Stalls (silence put in, the rest comes later) and dropouts (silence in place of sound), summed.
    From – to
        Input tap – output tap.
    Better is
        Lower; 0 is healthy.
    Not measured when
        The output is not a copy of the input.
    Reference
        Steps of the delay track from 1.5 ms up, and half-millisecond windows 20 dB below the input from 2 ms up.
    """
    return _reading(reference, estimated, *_SILENCE)


@metric(
    "dropout_count", unit="1", better="lower", tolerance=0.5, pool="sum",
    label="Dropouts", group=Group.CONTINUITY, order=3,
)  # fmt: skip
def dropout_count(reference: Clip, estimated: Clip) -> Reading:
    """How often a hop fell silent where its input did not.

    What
        Number of stalls and dropouts; neighbours closer than 12 ms are one.
    From – to
        Input tap – output tap.
    Better is
        Lower; 0 is healthy.
    Not measured when
        The output is not a copy of the input.
    Reference
        As `inserted_silence_s`.
    """
    return _reading(reference, estimated, *_SILENCE, count=True)


@metric(
    "skipped_s", unit="s", better="lower", tolerance=0.005, pool="sum",
    label="Audio skipped", group=Group.CONTINUITY, order=1, headline="sound left out",
)  # fmt: skip
def skipped(reference: Clip, estimated: Clip) -> Reading:
    """Sound of the input that the output leaves out.

    What
        Jumps ahead, and an end that never came out although the recording goes on.
    From – to
        Input tap – output tap.
    Better is
        Lower; 0 is healthy.
    Not measured when
        The output is not a copy of the input.
    Reference
        Steps of the delay track from 1.5 ms up; a missing end from 30 ms up.
    """
    return _reading(reference, estimated, Kind.SKIP)


@metric(
    "repeated_s", unit="s", better="lower", tolerance=0.005, pool="sum",
    label="Audio repeated", group=Group.CONTINUITY, order=4,
)  # fmt: skip
def repeated(reference: Clip, estimated: Clip) -> Reading:
    """Sound that came out twice.

    What
        What the output puts in that is not silence.
    From – to
        Input tap – output tap.
    Better is
        Lower; 0 is healthy.
    Not measured when
        The output is not a copy of the input.
    Reference
        Steps of the delay track from 1.5 ms up.
    """
    return _reading(reference, estimated, Kind.REPEAT)


@metric(
    "head_lost_s", unit="s", better="lower", tolerance=0.005, pool="sum",
    label="Beginning lost", group=Group.CONTINUITY, order=6,
)  # fmt: skip
def head_lost(reference: Clip, estimated: Clip) -> Reading:
    """Sound that is missing at the beginning of the output of a segment.

    What
        Active time of the input before the first piece that the output has.
    From – to
        Input tap – output tap.
    Better is
        Lower; 0 is healthy.
    Not measured when
        Nothing of the input is found in the output, or time was stretched.
    Reference
        Pieces of the input found by correlation of 5 ms frames; see the accuracy table.
    """
    return _reading(reference, estimated, Kind.HEAD_LOST)


@metric(
    "tail_lost_s", unit="s", better="lower", tolerance=0.005, pool="sum",
    label="End lost", group=Group.CONTINUITY, order=7,
)  # fmt: skip
def tail_lost(reference: Clip, estimated: Clip) -> Reading:
    """Sound that is missing at the end of the output of a segment.

    What
        Active time of the input after the last piece that the output has.
    From – to
        Input tap – output tap.
    Better is
        Lower; 0 is healthy.
    Not measured when
        Nothing of the input is found in the output, or time was stretched.
    Reference
        Pieces of the input found by correlation of 5 ms frames; see the accuracy table.
    """
    return _reading(reference, estimated, Kind.TAIL_LOST)


@metric(
    "other_sound_s", unit="s", better="lower", tolerance=0.05, pool="sum",
    label="Other sound", group=Group.CONTINUITY, order=8,
)  # fmt: skip
def other_sound(reference: Clip, estimated: Clip) -> Reading:
    """Sound in the output of a segment that its input does not have.

    What
        Speech, tones or noise before, between and after the pieces of the input, from 60 ms up.
    From – to
        Input tap – output tap.
    Better is
        Lower; 0 is healthy.
    Not measured when
        Nothing of the input is found in the output, or time was stretched.
    Reference
        Pieces of the input found by correlation of 5 ms frames; see the accuracy table.
    """
    return _reading(reference, estimated, Kind.OTHER_SOUND)


@metric(
    "displaced_s", unit="s", better="lower", tolerance=0.005, pool="sum",
    label="Sound out of order", group=Group.CONTINUITY, order=9,
)  # fmt: skip
def displaced(reference: Clip, estimated: Clip) -> Reading:
    """Sound that a segment delivers at the wrong place.

    What
        Pieces of the input that changed places, and chunks that start before the last one ended.
    From – to
        Input tap – output tap.
    Better is
        Lower; 0 is healthy.
    Not measured when
        Nothing of the input is found in the output, or time was stretched.
    Reference
        Pieces of the input found by correlation of 5 ms frames; see the accuracy table.
    """
    return _reading(reference, estimated, Kind.SWAPPED, Kind.OVERLAP)
