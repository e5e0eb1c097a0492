"""WEB012."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Verdict, clear, not_checked, raised
from diag.judge.page_evidence import page_of
from diag.judge.registry import rule

_DENIED = ("NotAllowedError", "SecurityError", "PermissionDeniedError")


@rule("WEB012", name="permission-denied", severity="error", explained_by=("WEB011",))
def permission_denied(observed: ObservedClient) -> Verdict:
    """The page asked for the microphone and did not get it.

    What it shows
        `getUserMedia` was rejected, and no later request was granted.

    Why it matters
        Without a microphone there is no conversation. Many pages say nothing about it.

    Evidence
        Name and text of the error, and the constraints that were asked.

    Likely causes
        - The header `Permissions-Policy` of the server, or an iframe without `allow="microphone"`, forbids it.
        - The constraints ask for something that no device has, with `exact`.

    Fix
        Allow the microphone in `Permissions-Policy` and in the iframe, and ask for what devices have. Show the error to
        the user.

    Does not prove
        What a user would answer: in a take, the browser's question is always answered with yes.
    """
    page = page_of(observed)
    if isinstance(page, Verdict):
        return page
    if not page.microphones:
        return not_checked(msg("the page did not ask for a microphone"))
    if any(item.granted is not None for item in page.microphones):
        return clear()
    last = page.microphones[-1]
    denied = last.error in _DENIED
    what = msg("was denied the microphone") if denied else msg("got no microphone")
    return raised(
        msg("The page {what}: {error}: {message}", what=what, error=last.error, message=last.message),
        evidence=[
            Evidence(
                text=msg(
                    "getUserMedia({asked}) was rejected with {error}: {message}",
                    asked=_asked(last.asked),
                    error=last.error,
                    message=last.message,
                )
            )
        ],
        likely_cause=msg("`Permissions-Policy` or an iframe forbids it")
        if denied
        else msg("the constraints fit no device"),
        fix=msg('allow it: `Permissions-Policy: microphone=(self)`, and `allow="microphone"` in an iframe')
        if denied
        else msg("ask for what devices have: leave `exact` out of the constraints"),
    )


def _asked(constraints: Mapping[str, Any]) -> str:
    return json.dumps(dict(constraints), ensure_ascii=False)
