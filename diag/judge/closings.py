"""Why the service closed or refused a session: code and reason sorted into one finding each.

Reasons are cut at 123 bytes by the protocol, so they are matched by how they begin, never whole. Codes and words as
seen on the real service in 2024 to 2026 (close code tables of several public issue threads).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence
from diag.core.timeline import Timeline

_MODEL = re.compile(r"is not found for API version|is not supported for bidi", re.IGNORECASE)
_MODALITY = re.compile(r"cannot extract voices|combination of response modalities", re.IGNORECASE)
_KEY = re.compile(
    r"api[ _]key (not valid|not found|expired|was reported|invalid)|unregistered callers|reported as leaked"
    r"|HTTP 40[13]\b",
    re.IGNORECASE,
)
_QUOTA = re.compile(r"exceeded your current quota|resource.exhausted|HTTP 429\b", re.IGNORECASE)
_FIELD = re.compile(r"invalid json payload|unknown name", re.IGNORECASE)
_CHUNKS = re.compile(r"media_?chunks is deprecated", re.IGNORECASE)
_LIMIT = re.compile(r"GoAway|session duration|deadline expired", re.IGNORECASE)
_INVALID = re.compile(r"request contains an invalid argument|precondition check failed", re.IGNORECASE)
_INTERNAL = re.compile(r"internal error", re.IGNORECASE)


@dataclass(frozen=True)
class Closing:
    """How the service ended the session."""

    code: int | None
    reason: str
    refused: bool
    """Before the setup was complete."""

    @property
    def evidence(self) -> Evidence:
        """Code and reason, as they came."""
        when = "refused the session" if self.refused else "closed the session"
        return Evidence(text=f'the service {when} with {self.code or "no code"}: "{self.reason or "no reason"}"')


def closing(timeline: Timeline) -> Closing | None:
    """The service's refusal or closing; None where the session was never opened or the client closed it."""
    event = timeline.first("session_refused", "session_closed")
    if event is None or event.data.get("by") == "client":
        return None
    code = event.data.get("code")
    return Closing(
        code if isinstance(code, int) else None, str(event.data.get("reason") or ""), event.name == "session_refused"
    )


def code_of(timeline: Timeline, observed: ObservedClient) -> str | None:
    """The finding that a closing calls for: CFG002 to CFG008, SVC009 for a loss in mid-session, else None."""
    found = closing(timeline)
    if found is None:
        return None
    for pattern, code in (
        (_MODEL, "CFG002"), (_MODALITY, "CFG003"), (_KEY, "CFG004"), (_QUOTA, "CFG005"), (_FIELD, "CFG006"),
        (_CHUNKS, "CFG007"), (_LIMIT, "CFG008"),
    ):  # fmt: skip
        if pattern.search(found.reason):
            return code
    mixed = set(observed.asked_modalities or ()) - {"AUDIO"}
    if mixed and (_INVALID.search(found.reason) or _INTERNAL.search(found.reason)):
        return "CFG003"
    if timeline.first("go_away") is not None:
        return "CFG008"
    if found.refused:
        return "CFG006" if _INVALID.search(found.reason) or found.code == 1007 else None
    return "SVC009" if found.code != 1000 or _in_mid_turn(timeline) else None


def _in_mid_turn(timeline: Timeline) -> bool:
    """Whether a prompt had been begun whose turn the service never completed."""
    prompts = timeline.named("prompt_started")
    return bool(prompts) and timeline.first("turn_complete", start_s=prompts[-1].t_s) is None


def names_modality(reason: str) -> bool:
    """Whether a reason speaks of modalities by itself."""
    return _MODALITY.search(reason) is not None
