"""SVC003: the service answered in text although audio was asked for."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Verdict, clear, not_checked, raised
from diag.core.take import Turn
from diag.core.timeline import Timeline
from diag.core.units import counted
from diag.judge.registry import rule


@rule("SVC003", name="text-instead-of-audio", severity="error", hop=Hop.SERVICE, explained_by=("CFG001",))
def text_instead_of_audio(timeline: Timeline, observed: ObservedClient, turns: tuple[Turn, ...]) -> Verdict:
    """The service answered in text although audio was asked for.

    What it shows
        The setup asks for `AUDIO`, but a turn was answered with text and no audio.

    Why it matters
        A client that plays what it receives stays silent.

    Evidence
        The modality of the setup; text and audio received in the turn. Thoughts do not count as text.

    Likely causes
        - The model ignored the modality in this turn.

    Fix
        Ask again, and tell the model in `system_instruction` to speak.

    Does not prove
        That it happens every time: record several takes to find out.
    """
    if not turns:
        return not_checked(msg("no turn took place"))
    if timeline.first("session_open") is None:
        return not_checked(msg("no session was opened"))
    if "AUDIO" not in (observed.asked_modalities or ()):
        return not_checked(msg("audio was not asked for; see CFG001"))
    spoken = {event.data.get("turn") for event in timeline.named("chunk_received")}
    written = {event.data.get("turn") for event in timeline.named("text_received") if not event.data.get("thought")}
    silent = [turn for turn in turns if turn.index in written - spoken]
    if not silent:
        return clear()
    return raised(
        msg(
            "The service answered {count} of {prompts} in text, without audio",
            count=len(silent),
            prompts=counted(len(turns), "prompt"),
        ),
        evidence=[Evidence(text=msg("turn {index}: text and no audio", index=turn.index + 1)) for turn in silent],
        likely_cause=msg("the model ignored the modality in this turn"),
        fix=msg("ask again, and tell the model in `system_instruction` to speak"),
    )
