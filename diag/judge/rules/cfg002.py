"""CFG002."""

from __future__ import annotations

import re

from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Verdict, clear, not_checked, raised
from diag.core.timeline import Timeline
from diag.judge.closings import closing, code_of
from diag.judge.live_models import nearest, what_is_known
from diag.judge.registry import rule

_NAMED = re.compile(r"^(\S+) is not (?:found|supported)(?: for API version (\w+))?")
DEFAULT_MODEL = "models/gemini-3.8-live"


@rule("CFG002", name="model-not-found", severity="error")
def model_not_found(timeline: Timeline, observed: ObservedClient) -> Verdict:
    """The service does not know the model, or does not hold Live sessions with it.

    What it shows
        The session was refused or closed with 1008 "… is not found for API version …, or is not supported for
        bidiGenerateContent".

    Why it matters
        No session, no reply, whatever else is right.

    Evidence
        Close code and reason; the model list of the service, where it could be had; what is known of the name.

    Likely causes
        - A retired model: preview names live for months only.
        - A name that never existed, or words in another order (`gemini-flash-2.0-live-001`).
        - A model of Vertex AI asked of the Gemini Developer API, or a model without Live.
        - The wrong API version.

    Fix
        Use a model that is served: the finding names the nearest ones of the service's own list.

    Does not prove
        That the named models suit the task; only their names are near. Without a model list the advice rests on what
        was known in 2026-11.
    """
    found = closing(timeline)
    if found is None:
        opened = timeline.first("session_open") is not None
        return clear() if opened else not_checked("the service was not reached")
    if code_of(timeline, observed) != "CFG002":
        return clear()
    named = _NAMED.search(found.reason)
    model = named.group(1) if named else (observed.model or "")
    version = (named.group(2) if named else None) or (observed.api_version or "")
    listed = timeline.first("model_list")
    served = [str(item) for item in (listed.data.get("models") or ())] if listed else []
    known = what_is_known(model, served, version)
    near = nearest(model, served)
    evidence = [found.evidence, Evidence(text=f"{model}: {known}")]
    if served:
        evidence.append(Evidence(text=f"{len(served)} models hold Live sessions here, nearest: {', '.join(near)}"))
    advice = f"use a model that is served: {_either(near)}" if near else f"use a served model, as {DEFAULT_MODEL}"
    in_version = f" (API version {version})" if version else ""
    return raised(
        f"The service does not serve the model {model} to Live sessions{in_version}",
        evidence=evidence,
        likely_cause=known,
        fix=f"{advice} (`model` in [session])",
    )


def _either(names: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
