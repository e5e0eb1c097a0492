"""CFG001: the setup does not ask for audio, and no audio came."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.take import Turn
from diag.core.timeline import Timeline
from diag.core.units import counted
from diag.judge.registry import rule


@rule("CFG001", name="missing-audio-modality", severity="error")
def missing_audio_modality(
    timeline: Timeline, observed: ObservedClient, measurements: Measurements, turns: tuple[Turn, ...]
) -> Verdict:
    """The setup does not ask for audio, and no audio came.

    What it shows
        The session was set up without `AUDIO` in `response_modalities`, and no turn was answered with audio.

    Why it matters
        The session opens without an error or a close code and looks healthy, but the caller hears nothing.

    Evidence
        The setup message that was sent, and the number of audio chunks received (0).

    Likely causes
        - `response_modalities` was left out of the setup. What the service then does depends on model and version.
        - Only `TEXT` was asked for.

    Fix
        Ask for audio only: `response_modalities = ["AUDIO"]`. If you want text too, add
        `output_audio_transcription`.

    Does not prove
        That audio would come after the fix: the model may not support audio. The finding is not raised if audio came
        anyway.
    """
    if timeline.first("session_open") is None:
        return not_checked(msg("no session was opened"))
    asked = observed.asked_modalities
    if asked is not None and "AUDIO" in asked:
        return clear()
    if not turns:
        return not_checked(msg("no turn took place"))
    if timeline.first("chunk_received") is not None:
        return clear()
    setup = (
        msg("without response_modalities")
        if asked is None
        else msg("with response_modalities {asked}", asked=list(asked))
    )
    text = timeline.first("text_received")
    missed = sum(1 for turn in turns if measurements.value("answered", turn=turn.index) == 0.0)
    seen = msg(
        "no audio came in {turns}; {missed} without an audible reply", turns=counted(len(turns), "turn"), missed=missed
    )
    return raised(
        msg("The setup does not ask for audio: it was sent {setup}, and no audio came", setup=setup),
        evidence=[
            Evidence(text=msg("the setup was sent {setup}", setup=setup)),
            Evidence(
                text=msg("{seen}; text came instead", seen=seen) if text else seen,
                metric="answered",
            ),
        ],
        likely_cause=msg("`response_modalities` was left out of the setup")
        if asked is None
        else msg("another modality was asked for in place of audio"),
        fix=msg(
            'add response_modalities: ["AUDIO"] to the generation config of the setup '
            '(`response_modalities = ["AUDIO"]` in [session])'
        )
        if observed.from_settings
        else msg('add response_modalities: ["AUDIO"] to the generation config of the setup'),
    )
