"""What a hop put in, left out or said twice, against its own input."""

from __future__ import annotations

from diag.core.chain import Hop, Tap
from diag.core.clip import Clip
from diag.core.results import Reading, Spot, not_measured
from diag.dsp.continuity import Break, Kind
from diag.measure.metrics.sounds import breaks
from diag.measure.registry import metric

HOPS = (Hop.MICROPHONE, Hop.SENDER, Hop.PLAYER, Hop.SPEAKER)
_SPOT_MARGIN_S = 0.3


def _of_kind(reference: Clip, estimated: Clip, *kinds: Kind) -> list[Break] | str:
    found = breaks(reference, estimated)
    return found if isinstance(found, str) else [event for event in found if event.kind in kinds]


def _total(reference: Clip, estimated: Clip, *kinds: Kind) -> Reading:
    found = _of_kind(reference, estimated, *kinds)
    if isinstance(found, str):
        return not_measured(found)
    return Reading(value=float(sum(event.length_s for event in found)), spots=_spots(found))


def _spots(found: list[Break]) -> tuple[Spot, ...]:
    """Where to listen, on the output tap; the engine puts the hop's own output tap in the place of `heard`."""
    return tuple(
        Spot(Tap.HEARD, max(0.0, event.start_s - _SPOT_MARGIN_S), event.start_s + event.length_s + _SPOT_MARGIN_S)
        for event in found
    )


@metric("inserted_silence_s", unit="s", better="lower", hops=HOPS, tolerance=0.005, pool="sum")
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


@metric("dropout_count", unit="1", better="lower", hops=HOPS, tolerance=0.5, pool="sum")
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
    return not_measured(found) if isinstance(found, str) else Reading(value=float(len(found)), spots=_spots(found))


@metric("skipped_s", unit="s", better="lower", hops=HOPS, tolerance=0.005, pool="sum")
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


@metric("repeated_s", unit="s", better="lower", hops=HOPS, tolerance=0.005, pool="sum")
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
