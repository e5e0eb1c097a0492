"""APP001."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.results import Evidence, Verdict, clear, does_not_apply, raised
from diag.core.timeline import EventName, Timeline
from diag.core.units import format_seconds
from diag.judge.evidence import last_lines
from diag.judge.registry import rule


@rule(
    "APP001",
    name="app-not-ready",
    severity="error",
    explained_by=("WEB011", "WEB012", "WEB006", "WEB005", "APP002", "APP003", "CFG013", "CFG009"),
)
def app_not_ready(timeline: Timeline) -> Verdict:
    """The app did not begin to listen.

    What it shows
        Within the wait, the app neither opened a session nor wrote the line that shows that it listens.

    Why it matters
        Nothing was said to the app, so nothing else could be measured.

    Evidence
        The length of the wait, what was waited for, and the last lines of the app's output.

    Likely causes
        - The app waits for a key press, a button or an argument.
        - It hangs while it opens a device or connects.
        - The line that shows that it listens never matches `ready` in [app].

    Fix
        Start the app by hand with the same command, and see what it waits for. If it only needs more time, raise
        `ready_within_s` in [app].

    Does not prove
        That the app never gets ready: it may be slow to start on this machine.
    """
    if timeline.first(EventName.APP_STARTED) is None:
        return does_not_apply(msg("no app was started"))
    found = timeline.first(EventName.APP_NOT_READY)
    if found is None:
        return clear()
    awaited = found.data.get("awaits")
    started = timeline.first(EventName.APP_STARTED)
    is_page = started is not None and "url" in started.data
    shown = (
        msg("the page did not show “{awaited}”", awaited=awaited)
        if is_page
        else msg("no line of its output matched `{awaited}`", awaited=awaited)
    )
    what = shown if awaited else msg("no session was set up")
    waited = format_seconds(float(found.data.get("waited_s") or 0.0))
    # What was clicked on the page, or which buttons it has.
    steps = [Evidence(text=str(event.data.get("text", ""))) for event in timeline.named(EventName.PAGE_STEP)]
    return raised(
        msg("The app was not ready after {waited}: {what}", waited=waited, what=what),
        evidence=[
            Evidence(text=msg("waited {waited}; {what}", waited=waited, what=what)),
            *steps[-1:],
            *last_lines(found.data),
        ],
        likely_cause=msg("the app waits for something, or hangs while it opens a device or connects"),
        fix=msg("open the page by hand and see what it waits for; name its steps in `start` of [app]")
        if is_page
        else msg(
            "start the app by hand with the same command and see what it waits for, or raise `ready_within_s` in [app]"
        ),
    )
