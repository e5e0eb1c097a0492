"""CFG003."""

from __future__ import annotations

from diag.core.results import Evidence, Verdict, clear, not_checked, raised
from diag.core.timeline import Timeline
from diag.judge.registry import rule
from diag.judge.rules.closings import asked_modalities, closing, code_of, names_modality


@rule("CFG003", name="modality-unsupported", severity="error")
def modality_unsupported(timeline: Timeline) -> Verdict:
    """The model does not give the response modality that was asked for.

    What it shows
        The session was closed after a setup that asks for `TEXT`, for two modalities at once, or for one that the model
        does not have.

    Why it matters
        No session comes about, or it ends with the first turn.

    Evidence
        The modalities of the setup; close code (1007 or 1011) and reason.

    Likely causes
        - `TEXT` asked of a native audio model.
        - `AUDIO` and `TEXT` asked for together; a session has one modality.

    Remedy
        Ask for `AUDIO` alone, and add `output_audio_transcription` for the text of what is said.

    Does not prove
        The cause with certainty where the reason is only "invalid argument" or "internal error": then the modalities
        are the likeliest of several.
    """
    found = closing(timeline)
    if found is None:
        return clear() if timeline.first("session_open") else not_checked("the service was not reached")
    if code_of(timeline) != "CFG003":
        return clear()
    asked = asked_modalities(timeline)
    told = f"asked for {' and '.join(asked)}" if asked else "asked for no modality"
    return raised(
        f"The model does not answer in the modality that was {told}",
        evidence=[Evidence(text=f"the setup {told}"), found.evidence],
        likely_cause="a native audio model speaks and does not write; a session has one modality",
        remedy='ask for audio alone (`response_modalities = ["AUDIO"]` in [session]), and set '
        "`output_transcription = true` where its text is wanted",
        confidence=1.0 if names_modality(found.reason) else 0.7,
    )
