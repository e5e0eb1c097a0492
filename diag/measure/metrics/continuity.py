"""What a segment put in, left out or repeated, against its own input."""

from __future__ import annotations

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.missing import Missing
from diag.core.results import Reading, Spot, not_measured
from diag.dsp.continuity import Break, Kind
from diag.measure.metrics.sounds import breaks
from diag.measure.registry import Group, metric

_SPOT_MARGIN_S = 0.3


def _of_kind(reference: Clip, estimated: Clip, *kinds: Kind) -> list[Break] | Missing:
    found = breaks(reference, estimated)
    return found if isinstance(found, Missing) else [event for event in found if event.kind in kinds]


def _total(reference: Clip, estimated: Clip, *kinds: Kind) -> Reading:
    found = _of_kind(reference, estimated, *kinds)
    if isinstance(found, Missing):
        return not_measured(found)
    return Reading(value=float(sum(event.length_s for event in found)), spots=_spots(found))


def _spots(found: list[Break]) -> tuple[Spot, ...]:
    """Return where to listen; the engine puts the segment's own output tap in the place of `heard`."""
    return tuple(
        Spot(Tap.HEARD, max(0.0, event.start_s - _SPOT_MARGIN_S), event.start_s + event.length_s + _SPOT_MARGIN_S)
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
    return _total(reference, estimated, Kind.STALL, Kind.DROPOUT)


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
    found = _of_kind(reference, estimated, Kind.STALL, Kind.DROPOUT)
    return not_measured(found) if isinstance(found, Missing) else Reading(value=float(len(found)), spots=_spots(found))


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
    return _total(reference, estimated, Kind.SKIP)


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
    return _total(reference, estimated, Kind.REPEAT)
