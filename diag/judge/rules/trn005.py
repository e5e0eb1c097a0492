"""TRN005: the reply begins before the user has finished."""

from __future__ import annotations

from collections.abc import Sequence

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Evidence, Measurements, Verdict, raised
from diag.core.take import Turn
from diag.core.timeline import EventName, Timeline
from diag.core.units import format_seconds
from diag.judge.evidence import evidence_of, turn_of, worst_fault
from diag.judge.registry import rule

LIMIT_S = 0.1


@rule("TRN005", name="cut-off-user", severity="warning", hop=Hop.SERVICE, explained_by=("MIC004", "SND008", "SND009"))
def cut_off_user(measurements: Measurements, timeline: Timeline, turns: tuple[Turn, ...]) -> Verdict:
    """The reply begins before the user has finished.

    What it shows
        Audio of a reply came more than 100 ms before the end of the prompt that it answers.

    Why it matters
        The user is talked over, and the reply answers half a sentence.

    Evidence
        `cut_off_s`, and when the client sent `activityEnd`.

    Likely causes
        - `silenceDurationMs` is shorter than the pauses of the user.
        - The model ends turns by rules of its own, whatever the setup says.
        - The client sends `activityEnd` before the last word, for example after a fixed time.
        - Parts of the prompt were lost on the way, and the gap looks like a pause.

    Fix
        Set `silenceDurationMs` to 800 or more, and `endOfSpeechSensitivity` to `END_SENSITIVITY_LOW`, or mark activity
        in the client.

    Does not prove
        That the setting is at fault: some models do not follow it.
    """
    found = worst_fault(measurements, "cut_off_s", lambda early_s: early_s > LIMIT_S)
    if isinstance(found, Verdict):
        return found
    early_s, item = found
    text = msg(
        "{turn}: a reply came {early_s} before the end of the prompt",
        turn=turn_of(item),
        early_s=format_seconds(early_s),
    )
    marked_s = _marked_early_s(timeline, [turn for turn in turns if turn.index == item.turn])
    if marked_s is not None:
        marked = format_seconds(marked_s)
        return raised(
            msg("The client ends the turn {marked} before the user has finished", marked=marked),
            evidence=[
                Evidence(text=msg("`activityEnd` was sent {marked} before the end of the prompt", marked=marked)),
                evidence_of(item, text),
            ],
            likely_cause=msg("the client sends `activityEnd` too early, for example after a fixed time"),
            fix=msg("send `activityEnd` only after the last word, and the audio that waits before it"),
        )
    return raised(
        msg("The reply begins {early_s} before the user has finished", early_s=format_seconds(early_s)),
        evidence=[evidence_of(item, text)],
        likely_cause=msg("the service takes a pause of the user for the end"),
        fix=msg("set `silenceDurationMs` to 800 or more and `endOfSpeechSensitivity` to LOW, or mark the activity"),
    )


def _marked_early_s(timeline: Timeline, turns: Sequence[Turn]) -> float | None:
    """Return how long before the end of the speech the client marked it as over; None if it did not."""
    early = [
        turn.speech_end_s - event.t_s
        for turn in turns
        if turn.speech_end_s is not None
        for event in timeline.named(EventName.ACTIVITY_SENT, start_s=turn.start_s, end_s=turn.speech_end_s)
        if event.data.get("mark") == "activityEnd"
    ]
    return min(early, default=None)
