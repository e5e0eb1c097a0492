"""SVC009."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.observed_client import ObservedClient
from diag.core.results import Verdict, clear, not_checked, raised
from diag.core.timeline import Timeline
from diag.judge.closings import Closing, closing, code_of
from diag.judge.registry import rule


@rule("SVC009", name="connection-lost", severity="error", hop=Hop.SERVICE)
def connection_lost(timeline: Timeline, observed: ObservedClient) -> Verdict:
    """The connection was lost in the middle of the session.

    What it shows
        The session had begun, and the service's side ended it: without a close frame (1006), with an internal error
        (1011), for a restart (1012), or with a reason that is no other finding's.

    Why it matters
        The reply breaks off or never comes, and the client has to start again.

    Evidence
        Close code and reason.

    Likely causes
        - A fault or an overload of the service; a proxy that drops idle connections.
        - The SDK's own keepalive: a client that blocks its event loop looks the same (1006, "keepalive ping timeout").

    Fix
        Open a new session with growing pauses, resume where possible; keep the event loop free.

    Does not prove
        Which side broke it where the code is 1006.
    """
    found = closing(timeline)
    if timeline.first("session_open") is None:
        return not_checked("no session was opened")
    if found is None or code_of(timeline, observed) != "SVC009":
        return clear()
    return raised(
        f"The connection was lost in mid-session ({found.code or 'no code'})",
        evidence=[found.evidence],
        likely_cause=_cause(found),
        fix="open a new session with growing pauses between tries, and switch session resumption on",
    )


def _cause(found: Closing) -> str:
    if "keepalive" in found.reason.lower():
        return "the answers to keepalive pings came too late: the client's event loop was blocked, or the line is slow"
    if found.code in (None, 1006):
        return "a fault of the service or of the line; or the client's event loop was blocked"
    return "a fault of the service"
