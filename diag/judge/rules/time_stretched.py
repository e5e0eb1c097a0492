"""Time stretching: a segment that changes duration and pitch by different factors."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.judge.evidence import numbers, stretch_of, why_not
from diag.judge.registry import OnHop, Place, segment_rule

_CAUSES = (
    "a jitter buffer stretches and compresses sound instead of dropping it",
    "a pitch shifter or another voice effect is active",
)
_FIX = "switch off time stretching in the jitter buffer, or remove the voice effect"


@segment_rule(
    OnHop(
        code="MIC016",
        name="microphone-stretches-time",
        severity="warning",
        hop=Hop.MICROPHONE,
        who="microphone",
        explained_by=("MIC018",),
        causes=_CAUSES,
        fix=_FIX,
    ),
    OnHop(
        code="SND020",
        name="sender-stretches-time",
        severity="warning",
        hop=Hop.SENDER,
        who="sender",
        explained_by=("SND019",),
        causes=_CAUSES,
        fix=_FIX,
    ),
    OnHop(
        code="PLY018",
        name="player-stretches-time",
        severity="warning",
        hop=Hop.PLAYER,
        who="player",
        explained_by=("PLY019",),
        causes=_CAUSES,
        fix=_FIX,
    ),
    OnHop(
        code="SPK015",
        name="speaker-stretches-time",
        severity="warning",
        hop=Hop.SPEAKER,
        who="loudspeaker",
        explained_by=("SPK017",),
        causes=_CAUSES,
        fix=_FIX,
    ),
)
def time_stretched(place: Place, measurements: Measurements) -> Verdict:
    """The {who} stretches or compresses time without changing the pitch to match.

    What it shows
        The duration and the pitch of {output} differ from {input} by different factors, at least 1 % apart.

    Why it matters
        Stretched speech sounds slurred or hurried. Single gaps can no longer be told apart from the stretching.

    Evidence
        `time_ratio` and `rate_ratio` of the segment.

    Does not prove
        That it can be heard: good jitter buffers stretch by a few percent without being noticed.
    """
    items = measurements.find("rate_ratio", hop=place.hop)
    found = numbers(items)
    if not found:
        return not_checked(why_not(items, "rate_ratio"))
    for ratio, item in found:
        by_time = stretch_of(measurements, item)
        if by_time is not None:
            text = f"the speed is {by_time:.3f} by duration and {ratio:.3f} by pitch"
            return raised(
                f"The {place.who} changes duration and pitch by different factors: {text}",
                evidence=[Evidence(text=text, metric="time_ratio", turn=item.turn, spots=item.spots)],
                likely_cause=place.on.causes[0],
                fix=place.on.fix,
            )
    return clear()
