"""SVC009: the connection was lost during the session."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Verdict, clear, not_checked, raised
from diag.core.timeline import Timeline
from diag.judge.closings import Closing, closing, code_of
from diag.judge.registry import rule

TOO_BIG = 1009
PRIVATE_CODES = range(3000, 5000)
"""Close codes for libraries and applications (RFC 6455, 7.4.2)."""


@rule("SVC009", name="connection-lost", severity="error", hop=Hop.SERVICE)
def connection_lost(timeline: Timeline, observed: ObservedClient) -> Verdict:
    """The connection was lost during the session.

    What it shows
        A running session was ended from the side of the service: without a close frame (1006), with an internal error
        (1011), for a restart (1012), or with a reason that no other finding covers. Or the client's own library gave
        the session up because it could not take a message.

    Why it matters
        The reply breaks off or never comes, and the client has to open a new session.

    Evidence
        Close code and reason.

    Likely causes
        - The service failed or is overloaded, or a proxy drops idle connections.
        - The client's library closed the connection because a message was too big for it (1009) or not valid.
        - A gateway ended the session, often with a code from 3000 on.
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
    if found.by_client:
        return _not_taken(found)
    if found.unreadable:
        return raised(
            msg("The session ended because a message of the service could not be read"),
            evidence=[found.evidence],
            likely_cause=msg(
                "the service, or a gateway on the way, sent a message that is not the JSON of the Live API"
            ),
            fix=msg("connect without gateways, and log the message; if the service sent it, report it there"),
        )
    if found.code in PRIVATE_CODES:
        return raised(
            msg("The session was ended with the private code {code}", code=found.code),
            evidence=[found.evidence],
            likely_cause=msg("a gateway or a server of your own ended it: the Live API does not use such codes"),
            fix=msg("look up the code and the reason in the gateway or server, or connect without it"),
        )
    return raised(
        msg("The connection was lost during the session ({code})", code=found.code or msg("no code")),
        evidence=[found.evidence],
        likely_cause=_cause(found),
        fix=msg("reconnect with increasing delays, switch on session resumption, and do not block the event loop"),
    )


def _not_taken(found: Closing) -> Verdict:
    """Return the verdict on a session that the client's library ended because of a message."""
    if found.code == TOO_BIG:
        return raised(
            msg(
                "The client ended the session because a message of the service was too big for it ({code})",
                code=TOO_BIG,
            ),
            evidence=[found.evidence],
            likely_cause=msg("the client's WebSocket library limits the size of a message, often to 1 MiB"),
            fix=msg(
                "raise the limit: `max_size` of websockets (google-genai: `async_client_args` of HttpOptions), "
                "`maxPayload` of ws"
            ),
        )
    return raised(
        msg(
            "The client ended the session because it could not take a message of the service ({code})", code=found.code
        ),
        evidence=[found.evidence],
        likely_cause=msg(
            "the service, or a gateway on the way, sent something that the client's library does not accept"
        ),
        fix=msg("update the WebSocket library, and connect without gateways that change frames"),
    )


def _cause(found: Closing) -> str:
    if "keepalive" in found.reason.lower():
        return msg(
            "the answers to keepalive pings came too late: the client's event loop was blocked, or the network is slow"
        )
    if found.code in (None, 1006):
        return msg("the service or the network failed, or the client's event loop was blocked")
    return msg("the service failed")
