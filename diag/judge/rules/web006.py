"""WEB006."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Severity, Verdict, clear, raised
from diag.core.timeline import EventName, Timeline
from diag.judge.page_evidence import page_of
from diag.judge.registry import rule


@rule("WEB006", name="script-error", severity="warning", or_severity="error", explained_by=("WEB011", "WEB012"))
def script_error(observed: ObservedClient, timeline: Timeline) -> Verdict:
    """A script of the page fails with an error that nothing catches.

    What it shows
        A syntax error, a name that is declared twice, or an exception that nothing caught. It is an error where the
        reply never came, otherwise a warning.

    Why it matters
        A script with a syntax error does not run at all, and an exception ends what it was doing: the button does
        nothing, and the page looks healthy.

    Evidence
        The text of the error, and file and line as the browser gives them.

    Likely causes
        - Two scripts of one page declare the same name.
        - A `try` without its `catch`, or a bracket that is missing.
        - A rejected promise that nothing awaits.
        - `JSON.parse` of a WebSocket message that is a Blob: the Live API sends binary frames.

    Fix
        Correct the named line.

    Does not prove
        That the error matters to the conversation, if a reply came all the same.
    """
    page = page_of(observed)
    if isinstance(page, Verdict):
        return page
    if not page.errors:
        return clear()
    answered = timeline.first(EventName.CHUNK_RECEIVED) is not None
    first = page.errors[0]
    where = msg(" ({url}, line {line})", url=first.url, line=first.line) if first.url and first.line else ""
    return raised(
        msg("A script of the page fails: {text}{where}", text=first.text, where=where),
        evidence=[
            Evidence(
                text=msg(
                    "{text} at {place}:{line}",
                    text=error.text,
                    place=error.url or msg("an unknown place"),
                    line=error.line or "?",
                )
            )
            for error in page.errors[:3]
        ],
        likely_cause=_cause(first.text),
        fix=msg(
            'read a message with `JSON.parse(await event.data.text())`, or set `socket.binaryType = "arraybuffer"` and '
            "decode it with `new TextDecoder().decode(event.data)`"
        )
        if "[object " in first.text and "JSON" in first.text
        else msg("correct line {line} of {url}", line=first.line, url=first.url)
        if where
        else msg("correct the error that the browser names"),
        severity=Severity.WARNING if answered else Severity.ERROR,
    )


def _cause(text: str) -> str:
    if "[object Blob]" in text or "[object ArrayBuffer]" in text:
        return msg("the messages of the Live API are binary frames, and the page takes them for text")
    if "is not valid JSON" in text or "in JSON at position" in text:
        return msg("the page parses something as JSON that is not JSON")
    if "already been declared" in text:
        return msg("two scripts of the page declare the same name")
    if text.startswith("SyntaxError"):
        return msg("a `try` without its `catch`, or a bracket that is missing")
    return msg("the script uses something that is not there at that moment")
