"""PLY007: the player delays the reply for longer than its configured buffer."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.observed_client import ObservedClient
from diag.core.results import Measurements, Verdict, raised
from diag.core.units import format_seconds
from diag.judge.evidence import evidence_of, worst_fault
from diag.judge.registry import rule

MARGIN_S = 0.1


@rule("PLY007", name="excess-buffering", severity="warning", hop=Hop.PLAYER, explained_by=("SVC007", "SVC010"))
def excess_buffering(measurements: Measurements, observed: ObservedClient) -> Verdict:
    """The player delays the reply for longer than its configured buffer.

    What it shows
        The first audible sample of the reply was written to the device late: more than the configured buffer plus 100
        ms after it could have been played.

    Why it matters
        Every reply starts later by this time.

    Evidence
        `playout_delay_s` against `prebuffer_ms`.

    Likely causes
        - A queue that is never emptied, or a second buffer after the first.
        - A player that waits for whole sentences, or for a timer.

    Fix
        Find and remove the second buffer, and start playing as soon as `prebuffer_ms` of audio have arrived.

    Does not prove
        Where in the player the audio waits.
    """
    allowed_s = (observed.prebuffer_s or 0.0) + MARGIN_S
    found = worst_fault(measurements, "playout_delay_s", lambda delay_s: delay_s > allowed_s)
    if isinstance(found, Verdict):
        return found
    delay_s, item = found
    known = (
        f"its buffer is {format_seconds(observed.prebuffer_s)}"
        if observed.prebuffer_s is not None
        else ("its buffer is not known")
    )
    text = f"{format_seconds(delay_s)} in the player, {known}"
    return raised(
        f"The player delays the reply: {text}",
        evidence=[evidence_of(item, text)],
        likely_cause="a second buffer, or a queue that is never emptied",
        fix="find what else buffers in the player, and start as soon as `prebuffer_ms` of audio have arrived",
    )
