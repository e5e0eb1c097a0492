"""Sound that a segment inserted, lost, repeated or moved, compared with its own input."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.missing import Missing
from diag.core.results import Measurement, Measurements, Reading, SoundEvent, Spot, not_measured
from diag.dsp.segment_events import Event, EventKind
from diag.measure.metrics.sounds import compared
from diag.measure.registry import Group, metric

_SPOT_MARGIN_S = 0.3
_SILENCE = (EventKind.STALL, EventKind.DROPOUT, EventKind.SEAMS)
KINDS = {
    "inserted_silence_s": _SILENCE,
    "dropout_count": _SILENCE,
    "skipped_s": (EventKind.SKIP,),
    "repeated_s": (EventKind.REPEAT, EventKind.CONCEALED),
    "head_lost_s": (EventKind.HEAD_LOST,),
    "tail_lost_s": (EventKind.TAIL_LOST,),
    "other_sound_s": (EventKind.OTHER_SOUND, EventKind.HALF_SPEED),
    "displaced_s": (EventKind.SWAPPED, EventKind.OVERLAP),
}
"""Kinds of events that each metric counts. Each kind adds to one total; `dropout_count` counts some of them again."""
_COUNT = "dropout_count"


def events_in(measurements: Iterable[Measurement]) -> tuple[SoundEvent, ...]:
    """Return every event in the metrics of this module, each once."""
    counted = (item for item in measurements if item.metric in KINDS and item.metric != _COUNT)
    return tuple(event for item in counted for event in item.events)


def with_events(
    measurements: Iterable[Measurement], events: Sequence[SoundEvent], *, known: bool = False
) -> Measurements:
    """Return measurements whose values, events and spots follow from these events; what has no value keeps its reason.

    Parameters
    ----------
    measurements : iterable of Measurement
        Those of other modules are not changed.
    events : sequence of SoundEvent
        All that happened, on the clock of the recording that spots are counted in.
    known : bool
        Whether what has no value gets one too, because it is known what happened although nothing was found.
    """
    return Measurements(tuple(_with_own(item, events, known) for item in measurements))


def _with_own(item: Measurement, events: Sequence[SoundEvent], known: bool) -> Measurement:
    if item.metric not in KINDS or (item.value is None and not known):
        return item
    own = tuple(event for event in events if event.kind in KINDS[item.metric])
    tap = item.segment.last if item.segment else Tap.HEARD
    return replace(item, value=_value(item.metric, own), missing=None, events=own, spots=_spots(own, tap))


def _reading(reference: Clip, estimated: Clip, name: str) -> Reading:
    """Return the total duration, or the number, of the events that a metric counts."""
    found = compared(reference, estimated)
    if isinstance(found, Missing):
        return not_measured(found)
    events = tuple(_plain(event) for event in found.events if event.kind in KINDS[name])
    return Reading(value=_value(name, events), spots=_spots(events, Tap.HEARD), events=events)


def _value(name: str, events: Sequence[SoundEvent]) -> float:
    return float(sum(event.count if name == _COUNT else event.duration_s for event in events))


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


def _spots(events: Sequence[SoundEvent], tap: Tap) -> tuple[Spot, ...]:
    """Return where to listen; the engine replaces `heard` with the output tap of the segment."""
    return tuple(
        Spot(
            tap,
            max(0.0, event.estimated_s - _SPOT_MARGIN_S),
            event.estimated_s + event.duration_s + _SPOT_MARGIN_S,
        )
        for event in events
    )


@metric(
    "inserted_silence_s", unit="s", better="lower", tolerance=0.005, pool="sum",
    label="Silence inserted", group=Group.CONTINUITY, order=2, headline="silence inserted",
)  # fmt: skip
def inserted_silence(reference: Clip, estimated: Clip) -> Reading:
    """Silence in the output of a hop that its input does not have.

    What
        Total duration of stalls (silence is inserted and the rest comes later) and dropouts (silence replaces sound).
    From – to
        Input tap – output tap.
    Better is
        Lower; 0 is healthy.
    Not measured when
        The output is not a copy of the input.
    Reference
        Steps of the delay track of 1.5 ms or more, and windows of 0.5 ms that are 20 dB below the input for 2 ms or
        more.
    """
    return _reading(reference, estimated, "inserted_silence_s")


@metric(
    "dropout_count", unit="1", better="lower", tolerance=0.5, pool="sum",
    label="Dropouts", group=Group.CONTINUITY, order=3,
)  # fmt: skip
def dropout_count(reference: Clip, estimated: Clip) -> Reading:
    """Number of times a hop fell silent although its input did not.

    What
        Number of stalls and dropouts. Neighbours less than 12 ms apart count as one.
    From – to
        Input tap – output tap.
    Better is
        Lower; 0 is healthy.
    Not measured when
        The output is not a copy of the input.
    Reference
        As `inserted_silence_s`.
    """
    return _reading(reference, estimated, "dropout_count")


@metric(
    "skipped_s", unit="s", better="lower", tolerance=0.005, pool="sum",
    label="Audio skipped", group=Group.CONTINUITY, order=1, headline="sound skipped",
)  # fmt: skip
def skipped(reference: Clip, estimated: Clip) -> Reading:
    """Sound of the input that is missing within the output.

    What
        Total duration of jumps ahead, and of an end that is missing although the recording continues.
    From – to
        Input tap – output tap.
    Better is
        Lower; 0 is healthy.
    Not measured when
        The output is not a copy of the input.
    Reference
        Steps of the delay track of 1.5 ms or more; a missing end of 30 ms or more.
    """
    return _reading(reference, estimated, "skipped_s")


@metric(
    "repeated_s", unit="s", better="lower", tolerance=0.005, pool="sum",
    label="Audio repeated", group=Group.CONTINUITY, order=4,
)  # fmt: skip
def repeated(reference: Clip, estimated: Clip) -> Reading:
    """Sound that occurs twice in the output.

    What
        Total duration of sound that is inserted in the output and is not silence.
    From – to
        Input tap – output tap.
    Better is
        Lower; 0 is healthy.
    Not measured when
        The output is not a copy of the input.
    Reference
        Steps of the delay track of 1.5 ms or more.
    """
    return _reading(reference, estimated, "repeated_s")


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
        No part of the input is found in the output, or time was stretched.
    Reference
        Pieces of the input are found by correlation of 5 ms frames; see the accuracy table.
    """
    return _reading(reference, estimated, "head_lost_s")


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
        No part of the input is found in the output, or time was stretched.
    Reference
        Pieces of the input are found by correlation of 5 ms frames; see the accuracy table.
    """
    return _reading(reference, estimated, "tail_lost_s")


@metric(
    "other_sound_s", unit="s", better="lower", tolerance=0.05, pool="sum",
    label="Other sound", group=Group.CONTINUITY, order=8,
)  # fmt: skip
def other_sound(reference: Clip, estimated: Clip) -> Reading:
    """Sound in the output of a segment that its input does not have.

    What
        Total duration of speech, tones or noise before, between and after the pieces of the input, if 60 ms or longer.
    From – to
        Input tap – output tap.
    Better is
        Lower; 0 is healthy.
    Not measured when
        No part of the input is found in the output, or time was stretched.
    Reference
        Pieces of the input are found by correlation of 5 ms frames; see the accuracy table.
    """
    return _reading(reference, estimated, "other_sound_s")


@metric(
    "displaced_s", unit="s", better="lower", tolerance=0.005, pool="sum",
    label="Sound out of order", group=Group.CONTINUITY, order=9,
)  # fmt: skip
def displaced(reference: Clip, estimated: Clip) -> Reading:
    """Sound that a segment delivers in the wrong order.

    What
        Total duration of pieces of the input that are out of order, and of chunks that start before the previous one
        has ended.
    From – to
        Input tap – output tap.
    Better is
        Lower; 0 is healthy.
    Not measured when
        No part of the input is found in the output, or time was stretched.
    Reference
        Pieces of the input are found by correlation of 5 ms frames; see the accuracy table.
    """
    return _reading(reference, estimated, "displaced_s")
