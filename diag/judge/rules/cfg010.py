"""CFG010: the service refused the session, or a message in it, for a reason that no other finding covers."""

from __future__ import annotations

from dataclasses import dataclass

from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Verdict, raised
from diag.core.timeline import EventName, Timeline
from diag.judge.closings import REFUSED_IN_SESSION, Closing, closing_of
from diag.judge.evidence import open_tool_calls
from diag.judge.registry import rule


@dataclass(frozen=True)
class _Meaning:
    """Likely cause, fix, and whether trying again can help, for one code."""

    cause: str
    fix: str
    retry: bool


_CLOSE_CODES = {
    1000: _Meaning(
        msg("the service or a gateway ended the session as if it were over"),
        msg("check the gateway, if there is one, and connect without it"),
        retry=True,
    ),
    1001: _Meaning(msg("the server is going away, as for a restart"), msg("connect again"), retry=True),
    1002: _Meaning(
        msg("the service rejected something that the client sent: it broke the WebSocket protocol"),
        msg("update the WebSocket library, and connect without proxies that change frames"),
        retry=False,
    ),
    1003: _Meaning(
        msg("the service rejected something that the client sent: a kind of data that it does not accept"),
        msg("send JSON messages of the Live API"),
        retry=False,
    ),
    1006: _Meaning(
        msg("the connection was dropped without a close frame"),
        msg("connect again, and look for proxies that drop connections"),
        retry=True,
    ),
    1007: _Meaning(
        msg("the service rejected something that the client sent: its content is not valid"),
        msg("compare the last message with the Live API reference, and remove settings from the setup one by one"),
        retry=False,
    ),
    1008: _Meaning(
        msg(
            "the service rejected something that the client sent: it breaks a rule about keys, projects, "
            "models, regions or the order of messages"
        ),
        msg("read the reason; check key, project and model, and send no audio while a tool call is open"),
        retry=False,
    ),
    1009: _Meaning(
        msg("the service rejected something that the client sent: the message is too big"),
        msg("send smaller batches"),
        retry=False,
    ),
    1011: _Meaning(msg("the service failed or is overloaded"), msg("try again with increasing delays"), retry=True),
    1012: _Meaning(msg("the service is restarting"), msg("connect again"), retry=True),
    1013: _Meaning(
        msg("the service is overloaded and asks to try again later"),
        msg("try again with increasing delays"),
        retry=True,
    ),
    1014: _Meaning(
        msg("a gateway got a bad answer from the service behind it"), msg("check the gateway and its logs"), retry=True
    ),
}
_HTTP = {
    400: _Meaning(
        msg("the server does not understand the WebSocket upgrade or its query"),
        msg("check the address, the API version and the query parameters"),
        retry=False,
    ),
    404: _Meaning(
        msg("the path is wrong, the API version does not exist, or a gateway does not know the Live path"),
        msg("check base URL and API version; a gateway must forward /ws/…BidiGenerateContent"),
        retry=False,
    ),
    405: _Meaning(
        msg("a server on the way does not accept WebSocket upgrades on this path"),
        msg("check the base URL"),
        retry=False,
    ),
    407: _Meaning(
        msg("a proxy asks for credentials"),
        msg("configure the proxy credentials, or bypass the proxy with NO_PROXY"),
        retry=False,
    ),
    408: _Meaning(msg("a server on the way waited too long for the upgrade"), msg("connect again"), retry=True),
    426: _Meaning(
        msg("a server on the way wants another protocol"), msg("let the gateway pass WebSocket upgrades"), retry=False
    ),
}
_UNKNOWN_CLOSE = _Meaning(
    msg("the code is not part of the WebSocket protocol, so it may come from a gateway"),
    msg("read the reason, and check the gateway if there is one"),
    retry=False,
)
_UNKNOWN_HTTP = _Meaning(
    msg("a server on the way refused the WebSocket upgrade"), msg("check base URL, proxy and gateway"), retry=False
)


@rule("CFG010", name="session-refused", severity="error")
def session_refused(timeline: Timeline, observed: ObservedClient) -> Verdict:
    """The service refused the session, or a message in it, for a reason that no other finding covers.

    What it shows
        One of three things happened, and no other finding explains the reason. The session was closed before its setup
        was complete; or the WebSocket upgrade was answered with an HTTP error; or the service closed a running session
        with a code that rejects what the client sent.

    Why it matters
        Without a session there is no reply, and the client was not tested.

    Evidence
        Close code and reason, or the HTTP status, as received.

    Likely causes
        - Codes 1002, 1003, 1007, 1008 and 1009 mean that the service rejected something that the client sent.
        - Codes 1001, 1006, 1011, 1012 and 1013 point to a problem on the server's side.
        - An HTTP status comes from something on the way to the service: a wrong address, a gateway or a proxy.

    Fix
        Read the reason. The finding says what the code means, which step failed and whether trying again can help.

    Does not prove
        Who is at fault, if the code is general and the reason is empty: gateways also send codes of their own.
    """
    found = closing_of("CFG010", timeline, observed)
    if isinstance(found, Verdict):
        return found
    meaning = _meaning(found, timeline)
    retry = msg("trying again may help") if meaning.retry else msg("trying again will not help")
    return raised(
        _title(found),
        evidence=[
            found.evidence,
            Evidence(text=msg("step that failed: {step}; {retry}", step=_step(found), retry=retry)),
        ],
        likely_cause=meaning.cause,
        fix=msg("{fix} ({retry})", fix=meaning.fix, retry=retry),
        confidence=0.9 if found.reason else 0.7,
    )


def _meaning(found: Closing, timeline: Timeline) -> _Meaning:
    if found.by_http:
        return _HTTP.get(found.code or 0, _UNKNOWN_HTTP)
    called = timeline.first(EventName.TOOL_CALL)
    waiting = open_tool_calls(timeline)
    if waiting and called and found.code in REFUSED_IN_SESSION and timeline.first("batch_sent", start_s=called.t_s):
        names = ", ".join(f"`{name}`" for name in dict.fromkeys(waiting.values()))
        return _Meaning(
            msg("audio was sent while the service waited for the response to its call of {names}", names=names),
            msg(
                "answer every tool call with its id, and send no audio from the call on until its response has been "
                "sent"
            ),
            retry=False,
        )
    return _CLOSE_CODES.get(found.code or 0, _UNKNOWN_CLOSE)


def _step(found: Closing) -> str:
    if found.by_http:
        return msg("the WebSocket upgrade")
    return msg("the setup of the session") if found.refused else msg("a message in the running session")


def _title(found: Closing) -> str:
    if found.by_http:
        return msg("The WebSocket upgrade was refused with HTTP {code}", code=found.code)
    reason = f': "{found.reason[:80]}"' if found.reason else msg(", without a reason")
    if found.refused:
        return msg(
            "The service refused the session with {code}{reason}", code=found.code or msg("no code"), reason=reason
        )
    if found.code in REFUSED_IN_SESSION:
        return msg(
            "The service refused a request of the client and ended the session with {code}{reason}",
            code=found.code,
            reason=reason,
        )
    return msg("The service ended the session with {code}{reason}", code=found.code or msg("no code"), reason=reason)
