"""Whether a reply came."""

from __future__ import annotations

from diag.core.clip import Clip
from diag.core.missing import Missing
from diag.core.results import Reading, Tier
from diag.core.take import Turn
from diag.core.timeline import Timeline
from diag.measure.metrics.moments import audio_chunks, first_audible_received
from diag.measure.registry import Group, metric


@metric(
    "answered", unit="1", better="higher",
    label="Answered", group=Group.ANSWER, order=1, headline="share of prompts answered", tile=True,
)  # fmt: skip
def answered(turn: Turn, timeline: Timeline, received: Clip | None = None) -> Reading:
    """Whether an audible reply was received: 1 or 0, never missing.

    What
        1 if audio arrived for this turn and some of it is audible, else 0.
    From – to
        The turn's first chunk to its last.
    Better is
        Higher: its mean over takes is the share of prompts that were answered.
    Not measured when
        Never: no audio counts as 0.
    Reference
        Audible: 5 ms that are less than 45 dB below the active level and above -80 dBFS
        (`dsp.speech.first_audible_frame`).
    """
    if not audio_chunks(timeline, turn):
        return Reading(value=0.0, tier=Tier.EVENTS)
    if received is None:
        return Reading(value=1.0, tier=Tier.EVENTS)
    silent = isinstance(first_audible_received(turn, received), Missing)
    return Reading(value=0.0 if silent else 1.0, tier=Tier.EVENTS)
