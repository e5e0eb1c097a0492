"""CFG004: the service refused the API key."""

from __future__ import annotations

import re

from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Verdict, raised
from diag.core.timeline import Timeline
from diag.judge.closings import closing_of
from diag.judge.registry import rule

_KINDS = (
    (
        re.compile(r"project '.*' not found|suspended", re.IGNORECASE),
        msg("The service refused the project of the API key"),
        msg("the project was deleted or suspended, or its name is wrong"),
        msg("use a key of a project that exists and is active"),
    ),
    (
        re.compile(r"requests from|are blocked", re.IGNORECASE),
        msg("The service refused the API key from this client"),
        msg("the key is restricted to certain web pages, addresses or apps, and this client is none of them"),
        msg("allow this client in the restrictions of the key, or use a key without such restrictions"),
    ),
    (
        re.compile(r"leaked", re.IGNORECASE),
        msg("The service refused the API key, which was reported as leaked"),
        msg("the key was published, for example in a repository, and is blocked permanently"),
        msg("make a new key, put it into GEMINI_API_KEY (or GOOGLE_API_KEY) and keep it out of files"),
    ),
)
"""Pattern that the reason matches; then title, cause and fix of the finding."""
_ANY = (
    msg("The service refused the API key"),
    msg("the key is missing, mistyped, expired or leaked, or its project has no access to this API"),
    msg("put a working key into GEMINI_API_KEY (or GOOGLE_API_KEY)"),
)


@rule("CFG004", name="key-rejected", severity="error")
def key_rejected(timeline: Timeline, observed: ObservedClient) -> Verdict:
    """The service refused the API key.

    What it shows
        The session was refused with 1007 or 1008 and a reason that mentions the key, or with HTTP 401 or 403.

    Why it matters
        No session opens until the service accepts the key.

    Evidence
        Close code and reason. The key itself is never shown or stored.

    Likely causes
        - The key is missing, mistyped or expired, or was reported as leaked.
        - A key of a project without access to this API.

    Fix
        Create a working key in Google AI Studio and put it into `GEMINI_API_KEY` (or `GOOGLE_API_KEY`).

    Does not prove
        That the other variable would work: if both are set, `GOOGLE_API_KEY` may win in the SDK.
    """
    found = closing_of("CFG004", timeline, observed)
    if isinstance(found, Verdict):
        return found
    title, cause, fix = next((words for pattern, *words in _KINDS if pattern.search(found.reason)), _ANY)
    return raised(
        title, evidence=[found.evidence], likely_cause=cause, fix=msg("{fix}, then run `diag doctor`", fix=fix)
    )
