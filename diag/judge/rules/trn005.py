"""TRN005: the reply begins before the user has finished."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Measurements, Verdict, raised
from diag.core.units import format_seconds
from diag.judge.evidence import evidence_of, turn_of, worst_fault
from diag.judge.registry import rule

LIMIT_S = 0.1


@rule("TRN005", name="cut-off-user", severity="warning", hop=Hop.SERVICE, explained_by=("MIC004", "SND008", "SND009"))
def cut_off_user(measurements: Measurements) -> Verdict:
    """The reply begins before the user has finished.

    What it shows
        Audio of a reply came more than 100 ms before the end of the prompt that it answers.

    Why it matters
        The user is talked over, and the reply answers half a sentence.

    Evidence
        `cut_off_s`.

    Likely causes
        - `silenceDurationMs` is shorter than the pauses of the user.
        - The model ends turns by rules of its own, whatever the setup says.
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
    return raised(
        msg("The reply begins {early_s} before the user has finished", early_s=format_seconds(early_s)),
        evidence=[evidence_of(item, text)],
        likely_cause=msg("the service takes a pause of the user for the end"),
        fix=msg("set `silenceDurationMs` to 800 or more and `endOfSpeechSensitivity` to LOW, or mark the activity"),
    )
