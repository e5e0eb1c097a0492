"""PLY007."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.units import format_seconds
from diag.judge.evidence import why_not, worst
from diag.judge.registry import rule

MARGIN_S = 0.1


@rule("PLY007", name="excess-buffering", severity="warning", hop=Hop.PLAYER, explained_by=("SVC007", "SVC010"))
def excess_buffering(measurements: Measurements, observed: ObservedClient) -> Verdict:
    """The player holds the reply back for longer than it is set to.

    What it shows
        Between the time at which the first audible sample could have been played and the time at which it was handed
        to the device lie more than the configured buffer and 100 ms.

    Why it matters
        Every reply begins later by as much.

    Evidence
        `playout_delay_s` against `prebuffer_ms`.

    Likely causes
        - A queue that is never emptied, or a second buffer behind the first.
        - A player that waits for whole sentences, or for a timer.

    Fix
        Find the second buffer; start playing as soon as the first is full.

    Does not prove
        Where it waits.
    """
    items = measurements.find("playout_delay_s")
    found = worst(items, lambda value: value)
    if found is None:
        return not_checked(why_not(items, "playout_delay_s"))
    delay_s, item = found
    allowed_s = (observed.prebuffer_s or 0.0) + MARGIN_S
    if delay_s <= allowed_s:
        return clear()
    known = (
        f"its buffer is {observed.prebuffer_s * 1000:.0f} ms"
        if observed.prebuffer_s is not None
        else ("its buffer is not known")
    )
    text = f"{format_seconds(delay_s)} in the player, {known}"
    return raised(
        f"The player holds the reply back: {text}",
        evidence=[Evidence(text=text, metric="playout_delay_s", turn=item.turn, spots=item.spots)],
        likely_cause="a second buffer, or a queue that is never emptied",
        fix="find what else buffers in the player, and start as soon as `prebuffer_ms` are there",
    )
