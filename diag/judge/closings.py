"""Map the code and reason with which the service closed or refused a session to one finding.

The protocol cuts reasons off at 123 bytes, so patterns match parts of a reason. Codes and reasons are those that were
seen on the real service in 2024 to 2026 (close code tables of several public issue threads).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.plain_text import quotable
from diag.core.results import Evidence, Verdict, clear, not_checked
from diag.core.timeline import EventName, Timeline, session_lost

_MODALITY = re.compile(r"cannot extract voices|combination of response modalities", re.IGNORECASE)
_NAMED = tuple(
    (re.compile(pattern, re.IGNORECASE), code)
    for pattern, code in (
        (r"location is not supported", "CFG011"),
        (r"is not found for API version|is not supported for bidi|publisher model", "CFG002"),
        (_MODALITY.pattern, "CFG003"),
        (
            r"api[ _]key (not valid|not found|expired|was reported|invalid)|unregistered callers|reported as leaked"
            r"|requests from referer|project '.*' not found|has been suspended|permission denied|HTTP 40[13]\b",
            "CFG004",
        ),
        (r"exceeded your current quota|resource.exhausted|HTTP 429\b", "CFG005"),
        (
            r"(level|scheduling) is not supported for this model|not supported for this model configuration"
            r"|requires a thinking level|voice api_name '.*' is not available",
            "CFG013",
        ),
        (r"invalid json payload|unknown name|invalid value at", "CFG006"),
        (r"media_?chunks is deprecated", "CFG007"),
    )
)
"""Patterns of reasons and the finding of each. The first pattern that matches decides."""
_TIME_IS_UP = re.compile(r"GoAway|session duration|deadline expired", re.IGNORECASE)
_INVALID = re.compile(r"request contains an invalid argument|precondition check failed", re.IGNORECASE)
_INTERNAL = re.compile(r"internal error", re.IGNORECASE)
ENDINGS = ("CFG003", "CFG004", "CFG005", "CFG007", "CFG008", "CFG010", "CFG013", "SVC009")
"""Findings on the end of a session that was open. What was not sent afterwards is no fault of the sender."""
NORMAL_CLOSURE, INVALID_PAYLOAD, POLICY_VIOLATION = 1000, 1007, 1008
REFUSED_IN_SESSION = frozenset({1002, 1003, INVALID_PAYLOAD, POLICY_VIOLATION, 1009, 1010})
"""Close codes by which a server refuses what the client sent (RFC 6455, 7.4.1); the others are the server's own end."""


@dataclass(frozen=True)
class Closing:
    """How the service ended the session."""

    code: int | None
    reason: str
    refused: bool
    """Whether it happened before the setup was complete."""
    unreadable: bool = False
    """Whether a message could not be read."""
    by_client: bool = False
    """Whether the client's library ended the session because it could not take a message."""

    @property
    def by_http(self) -> bool:
        """Whether the code is the status of an HTTP answer to the WebSocket upgrade."""
        return self.refused and self.code in range(100, 600)

    @property
    def evidence(self) -> Evidence:
        """Return code and reason as received."""
        code, reason = self.code or msg("no code"), quotable(self.reason) or msg("no reason")
        if self.by_client:
            return Evidence(text=msg('the client closed the session with {code}: "{reason}"', code=code, reason=reason))
        if self.refused:
            return Evidence(
                text=msg('the service refused the session with {code}: "{reason}"', code=code, reason=reason)
            )
        return Evidence(text=msg('the service closed the session with {code}: "{reason}"', code=code, reason=reason))


def closing(timeline: Timeline) -> Closing | None:
    """Return how the session was refused or ended; None if it was not, or the client closed it by intention."""
    event = timeline.first(EventName.SESSION_REFUSED, EventName.SESSION_CLOSED)
    if event is None or not session_lost(event.data):
        return None
    code = event.data.get("code")
    return Closing(
        code if isinstance(code, int) else None,
        str(event.data.get("reason") or ""),
        event.name == EventName.SESSION_REFUSED,
        unreadable=bool(event.data.get("unreadable")),
        by_client=event.data.get("by") == "client",
    )


def closing_of(code: str, timeline: Timeline, observed: ObservedClient) -> Closing | Verdict:
    """Return the closing of the session if it has the finding `code`, otherwise the verdict without a finding."""
    found = closing(timeline)
    if found is None:
        opened = timeline.first(EventName.SESSION_OPEN) is not None
        return clear() if opened else not_checked(msg("the service was not reached"))
    return found if code_of(timeline, observed) == code else clear()


def code_of(timeline: Timeline, observed: ObservedClient) -> str | None:
    """Return the code of the finding for a closing.

    A refusal always has a finding: CFG010 if no other fits. A closing during the session always has one too: SVC009 or
    CFG010. None means that the service did not close the session, or closed it normally after its last turn.
    """
    found = closing(timeline)
    if found is None or found.by_client:
        return None if found is None else "SVC009"
    named = next((code for pattern, code in _NAMED if pattern.search(found.reason)), None)
    if named is not None:
        return named
    mixed = set(observed.asked_modalities or ()) - {"AUDIO"}
    if mixed and (_INVALID.search(found.reason) or _INTERNAL.search(found.reason)):
        return "CFG003"
    if found.refused:
        return "CFG006" if _INVALID.search(found.reason) else "CFG010"
    if timeline.first(EventName.GO_AWAY) is not None or _TIME_IS_UP.search(found.reason):
        return "CFG008"
    return _in_session(found, timeline)


def _in_session(found: Closing, timeline: Timeline) -> str | None:
    if found.code in REFUSED_IN_SESSION:
        return "CFG010"
    return "SVC009" if found.code != NORMAL_CLOSURE or _in_mid_turn(timeline) else None


def _in_mid_turn(timeline: Timeline) -> bool:
    """Return whether a prompt was started whose turn the service never completed."""
    prompts = timeline.named(EventName.PROMPT_STARTED)
    return bool(prompts) and timeline.first(EventName.TURN_COMPLETE, start_s=prompts[-1].t_s) is None


def setup_unanswered(timeline: Timeline) -> bool:
    """Return whether the setup was sent, and the service neither confirmed nor refused it."""
    if timeline.first(EventName.SETUP_SENT) is None:
        return False
    if timeline.first(EventName.SESSION_OPEN, EventName.SESSION_REFUSED) is not None:
        return False
    failed = timeline.first(EventName.UNREACHABLE)
    return failed is None or failed.data.get("step") == "setup"


def names_modality(reason: str) -> bool:
    """Return whether a reason mentions modalities."""
    return _MODALITY.search(reason) is not None
