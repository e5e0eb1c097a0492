"""SVC011."""

from __future__ import annotations

from diag.core.chain import Hop, Tap
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.judge.evidence import why_not, worst
from diag.judge.limits import FLAT_TOPS_HZ
from diag.judge.registry import rule


@rule("SVC011", name="reply-glitched", severity="warning", hop=Hop.SERVICE, explained_by=("SVC007",))
def reply_glitched(measurements: Measurements) -> Verdict:
    """The reply is already damaged when it arrives.

    What it shows
        `received` has gaps cut into it, or flat tops, by itself.

    Why it matters
        Gaps and scratches are heard, and the player is blamed for them.

    Evidence
        `dropout_count` and `clipping_rate_hz` of the reply.

    Likely causes
        - A degenerate output of the model.
        - A gateway that drops or overdrives audio.

    Fix
        Connect without gateways; report it with the recording if it stays.

    Does not prove
        That nothing else is wrong behind it: each hop is judged against its own input.
    """
    gaps = worst(measurements.find("dropout_count", tap=Tap.RECEIVED), lambda value: value)
    tops = worst(measurements.find("clipping_rate_hz", tap=Tap.RECEIVED), lambda value: value)
    if gaps is None and tops is None:
        return not_checked(why_not(measurements.find("dropout_count", tap=Tap.RECEIVED), "dropout_count"))
    seen = []
    if gaps is not None and gaps[0] >= 1:
        text = f"{gaps[0]:.0f} gap(s) cut into the sound"
        seen.append(Evidence(text=text, metric="dropout_count", turn=gaps[1].turn, spots=gaps[1].spots))
    if tops is not None and tops[0] > FLAT_TOPS_HZ:
        text = f"{tops[0]:.0f} flat tops a second"
        seen.append(Evidence(text=text, metric="clipping_rate_hz", turn=tops[1].turn, spots=tops[1].spots))
    if not seen:
        return clear()
    return raised(
        f"The reply is already damaged when it arrives: {' and '.join(item.text for item in seen)}",
        evidence=seen,
        likely_cause="the model, or a gateway between it and the client",
        fix="connect without gateways, and report it with the recording if it stays",
    )
