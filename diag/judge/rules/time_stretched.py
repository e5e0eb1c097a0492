"""Time stretching: a segment that changes duration and pitch by different factors."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Evidence, Measurements, Verdict
from diag.judge.evidence import all_clear, clear_if_measured, numbers, raised_at, stretch_of
from diag.judge.registry import OnHop, Place, segment_rule

_CAUSES = (
    "a jitter buffer stretches and compresses sound instead of dropping it",
    "a pitch shifter or another voice effect is active",
)
_FIX = "switch off time stretching in the jitter buffer, or remove the voice effect"


@segment_rule(
    OnHop("MIC016", "microphone-stretches-time", Hop.MICROPHONE, causes=_CAUSES, fix=_FIX),
    OnHop("SND020", "sender-stretches-time", Hop.SENDER, causes=_CAUSES, fix=_FIX),
    OnHop("PLY018", "player-stretches-time", Hop.PLAYER, explained_by=("WEB010",), causes=_CAUSES, fix=_FIX),
    OnHop("SPK015", "speaker-stretches-time", Hop.SPEAKER, causes=_CAUSES, fix=_FIX),
    explained_by=("sound_displaced",),
    severity="warning",
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
    for ratio, item in numbers(items):
        stretch = stretch_of(measurements, item)
        if stretch is not None:
            text = msg("the speed is {stretch:.3f} by duration and {ratio:.3f} by pitch", stretch=stretch, ratio=ratio)
            return raised_at(
                place,
                msg("The {who} changes duration and pitch by different factors: {text}", who=place.who, text=text),
                evidence=[Evidence(text=text, metric="time_ratio", turn=item.turn, spots=item.spots)],
            )
    by_time = measurements.find("time_ratio", hop=place.hop)
    return all_clear((clear_if_measured(items, "rate_ratio"), clear_if_measured(by_time, "time_ratio")))
