"""CFG003: the model does not support the response modality that was asked for."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Verdict, raised
from diag.core.timeline import Timeline
from diag.judge.closings import closing_of, names_modality
from diag.judge.live_models import DEFAULT_MODEL
from diag.judge.registry import rule

_OF_SETTINGS = msg(
    'ask for audio alone (`response_modalities = ["AUDIO"]` in [session]), and set '
    "`output_transcription = true` if you want its text too"
)
_OF_FRAME = msg(
    'ask for audio alone (`responseModalities`: ["AUDIO"] in the generation config of the '
    "setup), and add an empty object `outputAudioTranscription` beside it if you want its text "
    "too"
)


@rule("CFG003", name="modality-unsupported", severity="error")
def modality_unsupported(timeline: Timeline, observed: ObservedClient) -> Verdict:
    """The model does not support the response modality that was asked for.

    What it shows
        The session was closed after a setup that asks for `TEXT`, for two modalities at once, or for one that the model
        does not have.

    Why it matters
        The session does not open, or it ends with the first turn.

    Evidence
        The modalities of the setup; close code (1007 or 1011) and reason.

    Likely causes
        - `TEXT` was asked for from a native audio model.
        - `AUDIO` and `TEXT` were asked for together. A session has only one modality.
        - `AUDIO` was asked for from a model that only transcribes.

    Fix
        Ask for `AUDIO` alone, from a model that speaks, and add `output_audio_transcription` for the text of the reply.

    Does not prove
        The cause with certainty, if the reason is only "invalid argument" or "internal error". The modalities are then
        the most likely of several causes.
    """
    found = closing_of("CFG003", timeline, observed)
    if isinstance(found, Verdict):
        return found
    asked = observed.asked_modalities
    if asked == ("AUDIO",) and "(AUDIO)" in found.reason:
        return raised(
            msg("The model {model} does not answer with audio", model=observed.model or ""),
            evidence=[
                Evidence(text=msg("the setup {told}", told=msg("asked for {names}", names="AUDIO"))),
                found.evidence,
            ],
            likely_cause=msg("it is a model for text, such as one that only transcribes"),
            fix=msg("use a Live model that speaks, such as {name}", name=DEFAULT_MODEL),
        )
    told = msg("asked for {names}", names=" and ".join(asked)) if asked else msg("asked for no modality")
    return raised(
        msg("The model does not answer in the modality that was {told}", told=told),
        evidence=[Evidence(text=msg("the setup {told}", told=told)), found.evidence],
        likely_cause=msg("a native audio model answers in audio, not in text, and a session has only one modality"),
        fix=_OF_SETTINGS if observed.from_settings else _OF_FRAME,
        confidence=1.0 if names_modality(found.reason) else 0.7,
    )
