"""SVC009: the connection was lost during the session."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Verdict, clear, not_checked, raised
from diag.core.timeline import Timeline
from diag.judge.closings import Closing, closing, code_of
from diag.judge.registry import rule


@rule("SVC009", name="connection-lost", severity="error", hop=Hop.SERVICE)
def connection_lost(timeline: Timeline, observed: ObservedClient) -> Verdict:
    """The connection was lost during the session.

    What it shows
        A running session was ended from the side of the service: without a close frame (1006), with an internal error
        (1011), for a restart (1012), or with a reason that no other finding covers.

    Why it matters
        The reply breaks off or never comes, and the client has to open a new session.

    Evidence
        Close code and reason.

    Likely causes
        - The service failed or is overloaded, or a proxy drops idle connections.
        - The client blocked its event loop, so that the SDK's keepalive failed (1006, "keepalive ping timeout").

    Fix
        Reconnect with increasing delays, resume the session if possible, and do not block the event loop.

    Does not prove
        Which side broke the connection, if the code is 1006.
    """
    found = closing(timeline)
    if timeline.first("session_open") is None:
        return not_checked(msg("no session was opened"))
    if found is None or code_of(timeline, observed) != "SVC009":
        return clear()
    return raised(
        msg("The connection was lost during the session ({code})", code=found.code or msg("no code")),
        evidence=[found.evidence],
        likely_cause=_cause(found),
        fix=msg("reconnect with increasing delays, switch on session resumption, and do not block the event loop"),
    )


def _cause(found: Closing) -> str:
    if "keepalive" in found.reason.lower():
        return msg(
            "the answers to keepalive pings came too late: the client's event loop was blocked, or the network is slow"
        )
    if found.code in (None, 1006):
        return msg("the service or the network failed, or the client's event loop was blocked")
    return msg("the service failed")
