"""CFG005: the quota of the key is used up."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Verdict, raised
from diag.core.timeline import Timeline
from diag.judge.closings import closing_of
from diag.judge.registry import rule


@rule("CFG005", name="quota-exhausted", severity="error")
def quota_exhausted(timeline: Timeline, observed: ObservedClient) -> Verdict:
    """The quota of the key is used up.

    What it shows
        The session was closed with 1011 "You exceeded your current quota…" or refused with HTTP 429.

    Why it matters
        The fault is intermittent: a session that fails now may work in an hour, and one that works in a test may fail
        in production.

    Evidence
        Close code and reason.

    Likely causes
        - Too many sessions at once: low tiers allow about three, and sessions that were never closed count.
        - The requests or tokens allowed per minute or per day are used up.
        - The setup uses a tool that is not available to keys on the free tier.

    Fix
        Close sessions when they end, wait, or use a key with a higher quota.

    Does not prove
        Which of the quotas it is: the reason does not say.
    """
    found = closing_of("CFG005", timeline, observed)
    if isinstance(found, Verdict):
        return found
    return raised(
        msg("The quota of the key is used up, or too many sessions are open"),
        evidence=[found.evidence],
        likely_cause=msg("too many sessions are open at the same time; sessions that were never closed count too"),
        fix=msg("close sessions that are no longer used, wait, or use a key with a higher quota"),
    )
