"""SVC014: the service rejected its own reply, or the prompt."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.take import Turn
from diag.core.timeline import EventName, Timeline
from diag.judge.registry import rule

HARMLESS_REASONS = frozenset({"", "TURN_COMPLETE_REASON_UNSPECIFIED", "NEED_MORE_INPUT"})
"""Values of `turnCompleteReason` that are no rejection."""
_INPUT = ("INPUT", "PROMPT", "BLOCKLIST")


@rule("SVC014", name="reply-rejected", severity="error", hop=Hop.SERVICE)
def reply_rejected(timeline: Timeline, measurements: Measurements, turns: tuple[Turn, ...]) -> Verdict:
    """The service rejected its own reply, or the prompt.

    What it shows
        A turn was completed with a `turnCompleteReason` such as RESPONSE_REJECTED or GENERATED_AUDIO_SAFETY.

    Why it matters
        The reply is missing or cut short. A client that does not read the reason keeps waiting or stays silent.

    Evidence
        The reason as received, and whether audio came too.

    Likely causes
        - A safety filter of the service stopped the reply, or the prompt.
        - A temporary fault: up to 27 empty turns in a row with RESPONSE_REJECTED were seen.

    Fix
        Read `turnCompleteReason` in the client, tell the caller, and ask again or in other words.

    Does not prove
        Which words were rejected.
    """
    if not turns:
        return not_checked(msg("no turn took place"))
    ends = timeline.named(EventName.TURN_COMPLETE)
    rejected = [event for event in ends if str(event.data.get("reason") or "") not in HARMLESS_REASONS]
    if not rejected:
        return clear() if ends else not_checked(msg("no turn was completed"))
    event = rejected[0]
    reason, turn = str(event.data["reason"]), event.data.get("turn")
    answered = isinstance(turn, int) and measurements.value("answered", turn=turn) == 1.0
    what = msg("prompt") if any(word in reason for word in _INPUT) and "GENERATED" not in reason else msg("reply")
    number = msg("turn {turn}: ", turn=turn + 1) if isinstance(turn, int) else ""
    return raised(
        msg("The service rejected the {what}: {reason}", what=what, reason=reason)
        if answered
        else msg("The service rejected the {what}: {reason}, and no audible reply came", what=what, reason=reason),
        evidence=[Evidence(text=msg("{number}turnCompleteReason is {reason}", number=number, reason=reason))],
        likely_cause=msg("a filter of the service stopped the prompt")
        if what == "prompt"
        else msg("a filter of the service stopped the reply"),
        fix=msg("read turnCompleteReason in the client and tell the caller; ask again, or in other words"),
    )
