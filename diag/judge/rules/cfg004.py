"""CFG004."""

from __future__ import annotations

from diag.core.observed_client import ObservedClient
from diag.core.results import Verdict, clear, not_checked, raised
from diag.core.timeline import Timeline
from diag.judge.closings import closing, code_of
from diag.judge.registry import rule


@rule("CFG004", name="key-rejected", severity="error")
def key_rejected(timeline: Timeline, observed: ObservedClient) -> Verdict:
    """The service refused the API key.

    What it shows
        The session was refused with 1007 or 1008 and a reason that speaks of the key, or with HTTP 401 or 403.

    Why it matters
        Nothing works until the key does.

    Evidence
        Close code and reason. The key itself is never shown or stored.

    Likely causes
        - No key, a mistyped one, an expired one, or one that was reported as leaked.
        - A key of a project without access to this API.

    Fix
        Make a working key in Google AI Studio and put it into `GEMINI_API_KEY` (or `GOOGLE_API_KEY`).

    Does not prove
        That the other variable would work: where both are set, `GOOGLE_API_KEY` may win in the SDK.
    """
    found = closing(timeline)
    if found is None:
        return clear() if timeline.first("session_open") else not_checked("the service was not reached")
    if code_of(timeline, observed) != "CFG004":
        return clear()
    return raised(
        "The service refused the API key",
        evidence=[found.evidence],
        likely_cause="the key is missing, mistyped, expired, leaked or of a project without this API",
        fix="put a working key into GEMINI_API_KEY (or GOOGLE_API_KEY), then run `diag doctor`",
    )
