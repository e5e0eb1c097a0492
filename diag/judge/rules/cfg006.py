"""CFG006: the service did not accept the setup."""

from __future__ import annotations

import re

from diag.core.observed_client import ObservedClient
from diag.core.results import Verdict, raised
from diag.core.timeline import Timeline
from diag.judge.closings import closing_of
from diag.judge.registry import rule

_FIELD = re.compile(r'[Uu]nknown name \\?"([^"\\]+)')


@rule("CFG006", name="setup-rejected", severity="error")
def setup_rejected(timeline: Timeline, observed: ObservedClient) -> Verdict:
    """The service did not accept the setup.

    What it shows
        The session was closed with 1007 because of the setup itself: it has an unknown field or an invalid argument.

    Why it matters
        Without a session there is no reply.

    Evidence
        Close code and reason, with the field if the reason names one.

    Likely causes
        - A field that only another API version has (`proactivity` and affective dialogue are v1alpha only).
        - A field in the wrong place, or a value that this model does not accept.

    Fix
        Remove the field, or ask for the API version that has it.

    Does not prove
        Which field it is, if the reason only says "invalid argument". Remove fields one by one to find it.
    """
    found = closing_of("CFG006", timeline, observed)
    if isinstance(found, Verdict):
        return found
    field = _FIELD.search(found.reason)
    what = f"the field `{field.group(1)}` is not known" if field else "an argument is invalid"
    return raised(
        f"The service did not accept the setup: {what}",
        evidence=[found.evidence],
        likely_cause="the field belongs to another API version or another place"
        if field
        else "this model does not accept a value or a combination of values",
        fix=(f"remove `{field.group(1)}`" if field else "remove fields from the setup one by one")
        + ", or set `api_version` in [session] to one that has it (v1alpha has the newest fields)",
        confidence=1.0 if field else 0.7,
    )
