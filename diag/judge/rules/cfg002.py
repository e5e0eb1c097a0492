"""CFG002: the service does not know the model, or does not offer Live sessions with it."""

from __future__ import annotations

import re

from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Verdict, raised
from diag.core.timeline import Timeline
from diag.judge.closings import closing_of
from diag.judge.live_models import DEFAULT_MODEL, bare, nearest, right_spelling, served_in, what_is_known
from diag.judge.registry import rule

_NAMED = re.compile(r"^(\S+) is not (?:found|supported)(?: for API version (\w+))?")


@rule("CFG002", name="model-not-found", severity="error")
def model_not_found(timeline: Timeline, observed: ObservedClient) -> Verdict:
    """The service does not know the model, or does not offer Live sessions with it.

    What it shows
        The session was refused or closed with 1008 "… is not found for API version …, or is not supported for
        bidiGenerateContent".

    Why it matters
        Without a session there is no reply, even if everything else is right.

    Evidence
        Close code and reason, the model list of the service if it could be fetched, and what is known about the name.

    Likely causes
        - A retired model: preview models are served for a few months only.
        - A name that never existed, or has its words in the wrong order (`gemini-flash-2.0-live-001`).
        - A model that only Vertex AI serves was asked for on the Gemini Developer API, or a model without Live support.
        - The wrong API version.
        - The name lacks `models/`, has it twice, or has capitals.

    Fix
        Use a model that the service offers: the finding names the most similar ones in the service's own list. If the
        model is served in another API version only, ask for that version: google-genai from 3.0 on asks for `v1` unless
        it is told otherwise, and most preview models are served in `v1beta` and `v1alpha`.

    Does not prove
        That the named models suit the task: they are chosen by similar names only. Without a model list the advice is
        based on what was known in 2026-11.
    """
    found = closing_of("CFG002", timeline, observed)
    if isinstance(found, Verdict):
        return found
    named = _NAMED.search(found.reason)
    model = named.group(1) if named else (observed.model or "")
    version = (named.group(2) if named else None) or (observed.api_version or "")
    listed = timeline.first("model_list")
    served = [str(item) for item in (listed.data.get("models") or ())] if listed else []
    spelling = right_spelling(model, served, version)
    known = msg("it must be written `{name}`", name=spelling) if spelling else what_is_known(model, served, version)
    near = nearest(model, [other for other in served if bare(other) != bare(model)])
    evidence = [found.evidence, Evidence(text=msg("{model}: {known}", model=model, known=known))]
    if served and not spelling:
        evidence.append(
            Evidence(
                text=msg(
                    "{count} models offer Live sessions here; the most similar names are {names}",
                    count=len(served),
                    names=", ".join(near),
                )
            )
        )
    advice = (
        msg("use a model that is served: {names}", names=_either(near))
        if near
        else msg("use a model that is served, such as {names}", names=DEFAULT_MODEL)
    )
    if spelling:
        advice = msg("write `{name}`", name=spelling)
    versions = served_in(model)
    if not spelling and versions and version and version not in versions:
        advice = msg(
            'ask for API version {version}, in google-genai with `HttpOptions(api_version="{version}")` or '
            "`GOOGLE_GENAI_API_VERSION={version}` in the environment; or {advice}",
            version=versions[0],
            advice=advice,
        )
    in_version = msg(" (API version {version})", version=version) if version else ""
    return raised(
        msg(
            "The service does not serve the model {model} to Live sessions{in_version}",
            model=model,
            in_version=in_version,
        ),
        evidence=evidence,
        likely_cause=known,
        fix=msg("{advice} (`model` in [session])", advice=advice) if observed.from_settings else advice,
    )


def _either(names: list[str]) -> str:
    first = ", ".join(names[:-1])
    return msg("{names} or {other}", names=first, other=names[-1]) if first else names[-1]
