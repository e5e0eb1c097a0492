"""CFG013: the client sent a setting that this model does not support."""

from __future__ import annotations

import re

from diag.core.live_catalogue import similar_voices
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Verdict, raised
from diag.core.timeline import Timeline
from diag.judge.closings import Closing, closing_of, setup_unanswered
from diag.judge.registry import rule
from diag.judge.setup_frame import setting_faults

_SETTING = re.compile(r"^(.*?) (?:is |are )?not supported for this model", re.IGNORECASE)
_VOICE = re.compile(r"voice api_name '(.*?)' is not available", re.IGNORECASE)
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
        The session was refused or closed with "… is not supported for this model…", or because of the name of a voice.
        Or the service never answered a setup with a setting that the model does not have.

    Why it matters
        The same setup works with one model and fails with another.

    Evidence
        Close code and reason, or that no answer came; the model that was asked for, and the setting.

    Likely causes
        - A thinking level was set for a model that has none, or was not set for a model that needs one.
        - Function response scheduling was set for a model that does not support it.
        - The setting was copied from the documentation of another model.
        - The name of the voice is mistyped, or is one of another service (`alloy`, `en-US-Chirp3-HD-Kore`).

    Fix
        Remove the setting that the reason names, or choose a model that supports it.

    Does not prove
        That the rest of the setup is accepted.
    """
    found = closing_of("CFG013", timeline, observed)
    if isinstance(found, Verdict):
        return _unanswered(timeline, observed) or found
    voice = _VOICE.search(found.reason)
    if voice is not None:
        return _unknown_voice(found, voice.group(1), observed)
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


def _unknown_voice(found: Closing, voice: str, observed: ObservedClient) -> Verdict:
    model = f" {observed.model}" if observed.model else ""
    names = ", ".join(f"`{name}`" for name in similar_voices(voice))
    fix = msg("use a prebuilt voice such as {names}, or leave the voice out", names=names)
    return raised(
        msg("The model{model} does not have the voice `{voice}` that the setup asks for", model=model, voice=voice),
        evidence=[found.evidence],
        likely_cause=msg("the name is mistyped, or belongs to another service or model"),
        fix=msg("{fix} (`voice` in [session])", fix=fix) if observed.from_settings else fix,
    )


def _unanswered(timeline: Timeline, observed: ObservedClient) -> Verdict | None:
    """Return the verdict on a setup that the service did not answer because of a setting; None for any other take.

    Some models neither accept nor refuse such a setup (affective dialog and proactive audio on 3.1).
    """
    if not setup_unanswered(timeline) or observed.setup is None:
        return None
    faults = setting_faults(observed.setup, version=observed.api_version or "")
    if not faults:
        return None
    return raised(
        msg(
            "The service never answered the setup: {seen}, and the model {model} does not support it",
            seen=faults[0].seen,
            model=observed.model,
        ),
        evidence=[
            Evidence(text=msg("the setup was sent, and neither setupComplete nor a refusal came")),
            *(
                Evidence(text=msg("in the setup that was sent, {pointer}: {seen}", pointer=it.pointer, seen=it.seen))
                for it in faults
            ),
        ],
        likely_cause=faults[0].why,
        fix="; ".join(f"{item.pointer}: {item.fix}" for item in faults),
        confidence=0.9,
    )
