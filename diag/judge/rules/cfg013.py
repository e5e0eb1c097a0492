"""CFG013: the client sent a setting that this model does not support."""

from __future__ import annotations

import re

from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Verdict, raised
from diag.core.timeline import Timeline
from diag.judge.closings import closing_of
from diag.judge.registry import rule

_SETTING = re.compile(r"^(.*?) (?:is |are )?not supported for this model", re.IGNORECASE)
_FIXES = {
    "requires a thinking level": msg("set `thinking_config.thinking_level`"),
    "thinking level": msg("remove `thinking_config.thinking_level`"),
    "function response scheduling": msg("remove `scheduling` from the function responses"),
    "content_type_audio": msg("send no audio while a tool call is open"),
}


@rule("CFG013", name="model-setting-unsupported", severity="error")
def model_setting_unsupported(timeline: Timeline, observed: ObservedClient) -> Verdict:
    """The client sent a setting that this model does not support.

    What it shows
        The session was refused or closed with "… is not supported for this model…".

    Why it matters
        The same setup works with one model and fails with another.

    Evidence
        Close code and reason; the model that was asked for.

    Likely causes
        - A thinking level was set for a model that has none, or was not set for a model that needs one.
        - Function response scheduling was set for a model that does not support it.
        - The setting was copied from the documentation of another model.

    Fix
        Remove the setting that the reason names, or choose a model that supports it.

    Does not prove
        That the rest of the setup is accepted.
    """
    found = closing_of("CFG013", timeline, observed)
    if isinstance(found, Verdict):
        return found
    named = _SETTING.search(found.reason)
    words = named.group(1).strip() if named else found.reason[:60]
    fix = next((advice for key, advice in _FIXES.items() if key in words.lower()), msg("remove it from the setup"))
    model = f" {observed.model}" if observed.model else ""
    return raised(
        msg("The model{model} does not support a setting that the client sent: {words}", model=model, words=words),
        evidence=[found.evidence],
        likely_cause=msg("the setting belongs to another model or API version"),
        fix=msg("{fix}, or choose another model", fix=fix),
    )
