"""PLY010: the player goes on with the old reply after `interrupted`."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Measurements, Verdict, clear, not_checked, raised
from diag.core.timeline import EventName, Timeline
from diag.core.units import format_seconds
from diag.judge.evidence import evidence_of, numbers, turn_of, why_not
from diag.judge.registry import rule

LIMIT_S = 0.3
"""Devices hold 0.02 to 0.1 s of audio that cannot be called back, and one block more."""


@rule("PLY010", name="queue-not-flushed", severity="warning", hop=Hop.PLAYER)
def queue_not_flushed(measurements: Measurements, timeline: Timeline) -> Verdict:
    """The player goes on with the old reply after `interrupted`.

    What it shows
        The reply was played for more than 300 ms after the client had received `interrupted`.

    Why it matters
        The service is often seconds ahead of the player. The user interrupts, and the old answer goes on nevertheless.

    Evidence
        `flush_delay_s`: from `interrupted` to the last audible sample of the old reply.

    Likely causes
        - The client does not handle `interrupted`.
        - The client empties its own queue, but a second buffer behind it plays on.
        - Audio that came in the same message as `interrupted` is queued after the queue was emptied.

    Fix
        When `serverContent.interrupted` is true, stop the current source, empty every queue, and drop audio that comes
        with that message.

    Does not prove
        Which queue plays on.
    """
    if timeline.first(EventName.INTERRUPTED) is None:
        return not_checked(msg("no reply was interrupted"))
    items = measurements.find("flush_delay_s")
    found = numbers(items)
    if not found:
        return not_checked(why_not(items, "flush_delay_s"))
    delay_s, item = max(found, key=lambda pair: pair[0])
    if delay_s <= LIMIT_S:
        return clear()
    text = f"{turn_of(item)}: the reply went on for {format_seconds(delay_s)} after `interrupted`"
    return raised(
        msg("The player goes on with the old reply for {delay_s} after `interrupted`", delay_s=format_seconds(delay_s)),
        evidence=[evidence_of(item, text)],
        likely_cause=msg("the client does not empty its queue when `interrupted` comes"),
        fix=msg("when `serverContent.interrupted` is true, stop the current source and empty every queue"),
    )
