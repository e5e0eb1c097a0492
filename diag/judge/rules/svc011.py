"""SVC011."""

from __future__ import annotations

from diag.core.chain import Hop, Tap
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.units import counted
from diag.judge.evidence import why_not, worst
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
    gaps = worst(measurements.find("dropout_count", tap=Tap.RECEIVED), lambda value: value)
    tops = worst(measurements.find("clipping_rate_hz", tap=Tap.RECEIVED), lambda value: value)
    if gaps is None and tops is None:
        return not_checked(why_not(measurements.find("dropout_count", tap=Tap.RECEIVED), "dropout_count"))
    seen = []
    if gaps is not None and gaps[0] >= 1:
        text = f"{counted(gaps[0], 'gap')} cut into the sound"
        seen.append(Evidence(text=text, metric="dropout_count", turn=gaps[1].turn, spots=gaps[1].spots))
    if tops is not None and tops[0] > FLAT_TOPS_HZ:
        text = f"{tops[0]:.0f} flat tops per second"
        seen.append(Evidence(text=text, metric="clipping_rate_hz", turn=tops[1].turn, spots=tops[1].spots))
    if not seen:
        return clear()
    return raised(
        f"The reply is already damaged when it arrives: {' and '.join(item.text for item in seen)}",
        evidence=seen,
        likely_cause="the model, or a gateway between it and the client, damaged the audio",
        fix="connect without gateways; if the fault remains, report it to the service with the recording",
    )
