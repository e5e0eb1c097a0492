"""PLY007: the player delays the reply for longer than its configured buffer."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Measurement, Measurements, Status, Verdict, raised
from diag.core.units import format_seconds
from diag.judge.evidence import evidence_of, worst_fault
from diag.judge.registry import rule

MARGIN_S = 0.1
AT_THE_EAR_S = 0.5
"""Time beyond the buffer that is allowed if only the ear shows when the reply is played: room for the devices, and for
the buffer of an app, which is not known. A healthy page and a healthy program needed 0.02 to 0.12 s."""


@rule("PLY007", name="excess-buffering", severity="warning", hop=Hop.PLAYER, explained_by=("SVC007", "SVC010"))
def excess_buffering(measurements: Measurements, observed: ObservedClient) -> Verdict:
    """The player delays the reply for longer than its configured buffer.

    What it shows
        The first audible sample of the reply was written to the device late: more than the configured buffer plus 100
        ms after it could have been played. Of an app, whose player cannot be recorded, the first sound at the ear is
        taken instead, and 500 ms are allowed.

    Why it matters
        Every reply starts later by this time.

    Evidence
        `playout_delay_s` against `prebuffer_ms`; `ttfa_heard_s` against `ttfa_received_s` if `played` was not recorded.

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
        unknown = found.status is Status.NOT_CHECKED
        return (_at_the_ear(measurements, observed) if unknown else None) or found
    delay_s, item = found
    return _late(msg("{delay_s} in the player", delay_s=format_seconds(delay_s)), item, observed)


def _at_the_ear(measurements: Measurements, observed: ObservedClient) -> Verdict | None:
    """Return a finding if the reply is heard far too long after it was received, although `played` is not known.

    A smaller delay proves nothing, because the devices may be part of it.
    """
    allowed_s = (observed.prebuffer_s or 0.0) + AT_THE_EAR_S
    delays = [
        (heard.value - received, heard)
        for heard in measurements.find("ttfa_heard_s")
        if isinstance(heard.value, float)
        and measurements.value("playout_delay_s", turn=heard.turn) is None
        and (received := measurements.value("ttfa_received_s", turn=heard.turn)) is not None
    ]
    delay_s, item = max(delays, key=lambda found: found[0], default=(0.0, None))
    if item is None or delay_s <= allowed_s:
        return None
    late = msg("heard {delay_s} after it could have been played", delay_s=format_seconds(delay_s))
    return _late(late, item, observed)


def _late(what: str, item: Measurement, observed: ObservedClient) -> Verdict:
    buffer_s = observed.prebuffer_s
    text = (
        msg("{what}, its buffer is not known", what=what)
        if buffer_s is None
        else msg("{what}, its buffer is {buffer_s}", what=what, buffer_s=format_seconds(buffer_s))
    )
    return raised(
        msg("The player delays the reply: {text}", text=text),
        evidence=[evidence_of(item, text)],
        likely_cause=msg("a second buffer, or a queue that is never emptied"),
        fix=msg("find what else buffers in the player, and start as soon as 0.1 to 0.2 s of audio have arrived")
        if buffer_s is None
        else msg("find what else buffers in the player, and start as soon as `prebuffer_ms` of audio have arrived"),
    )
