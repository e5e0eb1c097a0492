"""View of a web page under test: its audio graph with rates, its microphone, its console and a picture of it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from diag.core.chain import Tap
from diag.core.page_facts import PageContext, PageFacts, page_facts
from diag.core.results import RunResult
from diag.core.units import format_seconds
from diag.report.picks import Pick

SCREENSHOT = "page.jpg"
MOST_LINES = 30
"""More lines of the console are counted and not shown; the take's folder has them all."""
_WHERE = {
    Tap.PROMPT: "the rig's own loudspeaker",
    Tap.SENT: "the recording proxy",
    Tap.RECEIVED: "the recording proxy",
    Tap.HEARD: "the rig's own microphone",
}
_SETTINGS = ("sampleRate", "channelCount", "echoCancellation", "noiseSuppression", "autoGainControl", "latency")


@dataclass(frozen=True)
class ContextRow:
    """One audio context: its number, use, rate, state and load, and how its nodes are connected."""

    number: int
    use: str
    rate: str
    state: str
    load: str
    graph: tuple[str, ...]


@dataclass(frozen=True)
class PageView:
    """Everything that the report shows of a page.

    Parameters
    ----------
    facts : tuple of (str, str)
        Address, browser and what was done to start the conversation.
    taps : tuple of (str, str)
        Each tap and where it was recorded, or that it was not.
    contexts : tuple of ContextRow
    sound : tuple of (str, str)
        Buffers, schedules and messages with audio.
    microphone : tuple of (str, str, str)
        Setting, what was asked, what was granted.
    console : tuple of (str, str)
        Level and text.
    more_lines : int
        Lines of the console that are not shown.
    failed : tuple of (str, str)
        Requests that failed: address and reason.
    screenshot : str
        Picture of the page at its first sound, as a data URL; empty if there is none.
    screenshot_words : str
        What the picture shows.
    """

    facts: tuple[tuple[str, str], ...]
    taps: tuple[tuple[str, str], ...]
    contexts: tuple[ContextRow, ...]
    sound: tuple[tuple[str, str], ...]
    microphone: tuple[tuple[str, str, str], ...]
    console: tuple[tuple[str, str], ...]
    more_lines: int
    failed: tuple[tuple[str, str], ...]
    screenshot: str
    screenshot_words: str


def page_view(run: RunResult, pick: Pick | None) -> PageView | None:
    """Return the view of the page in the take that represents a run; None if its client is no page."""
    page = page_facts(pick.take.timeline) if pick else None
    if pick is None or page is None:
        return None
    return PageView(
        facts=tuple(_facts(page)),
        taps=tuple((tap.value, _where(tap, recorded=tap in pick.take.clips)) for tap in Tap),
        contexts=tuple(_row(context) for context in page.contexts),
        sound=tuple(_sound(page)),
        microphone=_microphone(page),
        console=page.console[:MOST_LINES],
        more_lines=max(len(page.console) - MOST_LINES, 0),
        failed=page.failed_requests[:MOST_LINES],
        screenshot=_picture(run, pick),
        screenshot_words=f"The page at the first sound of the reply, take {pick.take.id}",
    )


def _facts(page: PageFacts) -> list[tuple[str, str]]:
    found = [("address", page.url or "unknown"), ("browser", page.browser or "unknown")]
    found += [("started by", step) for step in page.steps]
    if page.secure is not None:
        found.append(("secure context", "yes" if page.secure else "no"))
    found += [
        ("script error", f"{error.text} ({error.url}, line {error.line or 'unknown'})") for error in page.errors[:5]
    ]
    return found


def _where(tap: Tap, *, recorded: bool) -> str:
    if recorded:
        return f"recorded at {_WHERE[tap]}" if tap in _WHERE else "recorded"
    if tap in (Tap.CAPTURED, Tap.PLAYED):
        return "not recorded: a browser does not show the samples at its devices"
    return "not recorded in this take"


def _row(context: PageContext) -> ContextRow:
    uses = [words for words, used in (("microphone", context.captures), ("reply", context.plays)) if used]
    links = [f"{first} → {second}" for first, second in context.links]
    loose = sorted(set(context.nodes) - {name for link in context.links for name in link} - {"AudioDestination"})
    return ContextRow(
        number=context.number,
        use=" and ".join(uses) or "unused",
        rate=f"{context.rate_hz} Hz",
        state=context.state,
        load="unknown" if context.capacity is None else f"{100 * context.capacity:.0f} %",
        graph=(*links, *(f"{name}, not connected" for name in loose)),
    )


def _sound(page: PageFacts) -> list[tuple[str, str]]:
    found = [
        (
            "buffers",
            f"{item.count} of {item.rate_hz} Hz, {format_seconds(item.frames / item.rate_hz)} in all, played in a "
            f"context of {item.context_rate_hz} Hz",
        )
        for item in page.buffers
    ]
    found += [("ScriptProcessorNode", f"{frames} frames") for frames in page.script_processors]
    found += [("AudioWorkletNode", name) for name in page.worklets]
    for item in page.sockets:
        middle = sorted(item.audio_bytes)[len(item.audio_bytes) // 2]
        what = f"{item.messages} messages of {middle} bytes of audio, {item.mime_type or 'without a type'}"
        found.append((f"{item.direction} by WebSocket", f"{what}, {item.url}"))
    return found


def _microphone(page: PageFacts) -> tuple[tuple[str, str, str], ...]:
    if not page.microphones:
        return ()
    last = next((item for item in page.microphones if item.granted is not None), page.microphones[-1])
    audio = last.asked.get("audio")
    asked = audio if isinstance(audio, dict) else {}
    if last.granted is None:
        return (("microphone", str(audio), f"{last.error}: {last.message}"),)
    names = (*_SETTINGS, *(name for name in asked if name not in _SETTINGS))
    return tuple(
        (name, _said(asked.get(name)), _said(last.granted.get(name)))
        for name in names
        if name in asked or name in last.granted
    )


def _said(value: object) -> str:
    if value is None:
        return "nothing"
    return {True: "on", False: "off"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _picture(run: RunResult, pick: Pick) -> str:
    if run.folder is None:
        return ""
    try:
        data = (Path(run.folder) / "takes" / pick.take.id / SCREENSHOT).read_bytes()
    except OSError:
        return ""
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
