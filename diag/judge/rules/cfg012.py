"""CFG012."""

from __future__ import annotations

from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.take import Turn
from diag.judge.registry import rule


@rule("CFG012", name="activity-detection-off", severity="error")
def activity_detection_off(observed: ObservedClient, measurements: Measurements, turns: tuple[Turn, ...]) -> Verdict:
    """The setup switches the detection of speech off, and the client does not mark its turns.

    What it shows
        `automaticActivityDetection` is disabled in the setup, neither `activityStart` nor `activityEnd` was sent, and
        no reply came.

    Why it matters
        The service never learns that someone has spoken, so it waits for ever.

    Evidence
        The setup as it was sent; the messages that mark activity (none).

    Likely causes
        - Detection was switched off for push-to-talk, and the button sends no messages.
        - A setup copied from a client that marks its turns itself.

    Fix
        Send `activityStart` when speech begins and `activityEnd` when it ends, or leave automatic detection on.

    Does not prove
        That detection would have heard the speech.
    """
    if observed.setup is None:
        return not_checked("the setup was not seen")
    if not observed.activity_detection_disabled:
        return clear()
    if observed.marks_activity is None:
        return not_checked("whether the client marks its turns was not seen")
    unanswered = [turn for turn in turns if measurements.value("answered", turn=turn.index) == 0.0]
    if observed.marks_activity or not unanswered:
        return clear()
    return raised(
        "The setup switches the detection of speech off, and nothing marks the turn: the service waits for ever",
        evidence=[
            Evidence(text="the setup disables automatic activity detection"),
            Evidence(text="neither activityStart nor activityEnd was sent"),
        ],
        likely_cause="detection was switched off and the client does not mark its turns",
        fix="send activityStart when speech begins and activityEnd when it ends, or leave automatic detection on",
    )
