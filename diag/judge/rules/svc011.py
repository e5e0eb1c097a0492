"""SVC011: the reply is already damaged when it arrives."""

from __future__ import annotations

from functools import reduce

from diag.core.chain import Hop, Tap
from diag.core.messages import msg
from diag.core.results import Measurements, Verdict, raised
from diag.core.units import counted
from diag.judge.evidence import all_clear, evidence_of, worst_fault
from diag.judge.limits import FLAT_TOPS_HZ
from diag.judge.registry import rule


@rule("SVC011", name="reply-glitched", severity="warning", hop=Hop.SERVICE, explained_by=("SVC007",))
def reply_glitched(measurements: Measurements) -> Verdict:
    """The reply is already damaged when it arrives.

    What it shows
        `received` itself has gaps cut into the sound, or flat tops (clipped peaks).

    Why it matters
        The listener hears gaps and scratchy sound, and blames the player.

    Evidence
        `dropout_count` and `clipping_rate_hz` of the reply.

    Likely causes
        - The model produced damaged audio.
        - A gateway drops or overdrives audio.

    Fix
        Connect without gateways. If the fault remains, report it to the service with the recording.

    Does not prove
        That the later hops are healthy: each hop is compared with its own input.
    """
    gaps = worst_fault(measurements, "dropout_count", lambda count: count >= 1, tap=Tap.RECEIVED)
    tops = worst_fault(measurements, "clipping_rate_hz", lambda rate_hz: rate_hz > FLAT_TOPS_HZ, tap=Tap.RECEIVED)
    seen = []
    if not isinstance(gaps, Verdict):
        seen.append(evidence_of(gaps[1], msg("{gaps} cut into the sound", gaps=counted(gaps[0], "gap"))))
    if not isinstance(tops, Verdict):
        seen.append(evidence_of(tops[1], msg("{tops:.0f} flat tops per second", tops=tops[0])))
    if isinstance(gaps, Verdict) and isinstance(tops, Verdict):
        return all_clear((gaps, tops))
    words = reduce(lambda first, other: msg("{first} and {other}", first=first, other=other), (i.text for i in seen))
    return raised(
        msg("The reply is already damaged when it arrives: {words}", words=words),
        evidence=seen,
        likely_cause=msg("the model, or a gateway between it and the client, damaged the audio"),
        fix=msg("connect without gateways; if the fault remains, report it to the service with the recording"),
    )
