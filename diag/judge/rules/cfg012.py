"""CFG012: the setup switches off voice activity detection, and the client does not mark its turns."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.take import Turn
from diag.judge.evidence import unanswered
from diag.judge.registry import rule


@rule("CFG012", name="activity-detection-off", severity="error")
def activity_detection_off(observed: ObservedClient, measurements: Measurements, turns: tuple[Turn, ...]) -> Verdict:
    """The setup switches off voice activity detection, and the client does not mark its turns.

    What it shows
        `automaticActivityDetection` is disabled in the setup, neither `activityStart` nor `activityEnd` was sent, and
        no reply came.

    Why it matters
        The service never learns that someone has spoken, so it never answers.

    Evidence
        The setup that was sent, and that it was followed by no message that marks activity.

    Likely causes
        - Detection was switched off for push-to-talk, but the button sends no activity messages.
        - The setup was copied from a client that marks its turns itself.

    Fix
        Send `activityStart` when speech begins and `activityEnd` when it ends, or leave automatic detection on.

    Does not prove
        That automatic detection would have noticed the speech.
    """
    if observed.setup is None:
        return not_checked(msg("the setup was not seen"))
    if not observed.activity_detection_disabled or observed.marks_activity:
        return clear()
    if observed.marks_activity is None:
        return not_checked(msg("whether the client marks its turns was not seen"))
    silent = unanswered(measurements, turns)
    if silent is None or not turns:
        return not_checked(
            msg("it is not known whether every prompt was answered")
            if turns
            else msg("it is not known whether any prompt was answered")
        )
    if not silent:
        return clear()
    return raised(
        msg(
            "The setup switches off voice activity detection and no message marks the turn, so the "
            "service never answers"
        ),
        evidence=[
            Evidence(text=msg("the setup disables automatic activity detection")),
            Evidence(text=msg("neither activityStart nor activityEnd was sent")),
        ],
        likely_cause=msg("detection was switched off and the client does not mark its turns"),
        fix=msg("send activityStart when speech begins and activityEnd when it ends, or leave automatic detection on"),
    )
