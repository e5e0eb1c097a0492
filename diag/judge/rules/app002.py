"""APP002."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.results import Evidence, Verdict, clear, does_not_apply, raised
from diag.core.timeline import EventName, Timeline
from diag.judge.evidence import last_lines
from diag.judge.registry import rule

_NOT_FOUND = 127
_REFUSALS = (
    "CFG002",
    "CFG003",
    "CFG004",
    "CFG005",
    "CFG006",
    "CFG007",
    "CFG008",
    "CFG009",
    "CFG010",
    "CFG011",
    "CFG012",
    "CFG013",
)


@rule("APP002", name="app-ended", severity="error", explained_by=("APP003", *_REFUSALS, "SVC009"))
def app_ended(timeline: Timeline) -> Verdict:
    """The app ended by itself during the take.

    What it shows
        The app's process ended before the take was over.

    Why it matters
        A voice app that ends does not answer any more.

    Evidence
        The exit code or the signal, and the last lines of the app's output.

    Likely causes
        - An error in the app: the last lines of its output usually name it.
        - The app is made to end after one answer, or takes the end of `session.receive()` of google-genai, which comes
          with each turn, for the end of the session.
        - A module or a file that it needs is missing, because another Python or another folder is used.

    Fix
        Correct the error that the last lines name. If the app is made to end, let it listen on.

    Does not prove
        That the error is the app's own: a refusal by the service ends many apps, and has a finding of its own.
    """
    if timeline.first(EventName.APP_STARTED) is None:
        return does_not_apply(msg("no app was started"))
    found = timeline.first(EventName.APP_ENDED)
    if found is None:
        return clear()
    code = found.data.get("code")
    when = msg("before it was ready") if timeline.first(EventName.APP_READY) is None else msg("during the conversation")
    lines = last_lines(found.data)
    started = timeline.first(EventName.APP_STARTED)
    if started is not None and "url" in started.data:
        detail = str(found.data.get("detail"))
        return raised(
            f"{detail[:1].upper()}{detail[1:]}",
            evidence=[Evidence(text=msg("the page or its server ended {when}", when=when)), *lines],
            likely_cause=msg("`url`, `serve` or `start` in [app] does not fit, or the page or its server fails"),
            fix=msg(
                "correct what the sentence names; the page's console and the server's output are kept with the take"
            ),
        )
    return raised(
        msg("The app ended {when} ({detail})", when=when, detail=found.data.get("detail")),
        evidence=[Evidence(text=str(found.data.get("detail"))), *lines],
        likely_cause=msg("there is no such program")
        if code == _NOT_FOUND
        else msg("an error in the app, which its last lines name")
        if lines and code != 0
        else msg("the app is made to end"),
        fix=msg("correct `command` in [app], or `--app`")
        if code == _NOT_FOUND
        else msg("let the app listen on; `session.receive()` of google-genai ends with each turn, so call it in a loop")
        if code == 0
        else msg("correct the error that the last lines of its output name; the whole output is kept with the take"),
    )
