"""View of a web page under test: its audio graph with rates, its microphone, its console and a picture of it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from diag.core.chain import Tap
from diag.core.page_facts import PageContext, PageFacts, page_facts
from diag.core.results import RunResult
from diag.core.units import format_seconds
from diag.report.language import ntr, tr
from diag.report.picks import Pick

SCREENSHOT = "page.jpg"
MOST_LINES = 30
"""More lines of the console are counted and not shown; the take's folder has them all."""
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
    console_words : str
        Heading of the console, with the number of its lines and of requests that failed.
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
    console_words: str
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
        console_words=_console_words(page),
        failed=page.failed_requests[:MOST_LINES],
        screenshot=_picture(run, pick),
        screenshot_words=tr("The page at the first sound of the reply, take {take}").format(take=pick.take.id),
    )


def _console_words(page: PageFacts) -> str:
    lines, failed = len(page.console), len(page.failed_requests[:MOST_LINES])
    return tr("Console of the page ({lines}, {requests})").format(
        lines=ntr("{n} line", "{n} lines", lines).format(n=lines),
        requests=ntr("{n} failed request", "{n} failed requests", failed).format(n=failed),
    )


def _facts(page: PageFacts) -> list[tuple[str, str]]:
    found = [(tr("address"), page.url or tr("unknown")), (tr("browser"), page.browser or tr("unknown"))]
    found += [(tr("started by"), step) for step in page.steps]
    if page.secure is not None:
        found.append((tr("secure context"), tr("yes") if page.secure else tr("no")))
    place = tr("{text} ({url}, line {line})")
    found += [
        (tr("script error"), place.format(text=error.text, url=error.url, line=error.line or tr("unknown")))
        for error in page.errors[:5]
    ]
    return found


def _where(tap: Tap, *, recorded: bool) -> str:
    places = {
        Tap.PROMPT: tr("recorded at the rig's own loudspeaker"),
        Tap.SENT: tr("recorded at the recording proxy"),
        Tap.RECEIVED: tr("recorded at the recording proxy"),
        Tap.HEARD: tr("recorded at the rig's own microphone"),
    }
    if recorded:
        return places.get(tap, tr("recorded"))
    if tap in (Tap.CAPTURED, Tap.PLAYED):
        return tr("not recorded: a browser does not show the samples at its devices")
    return tr("not recorded in this take")


def _row(context: PageContext) -> ContextRow:
    states = {"running": tr("running"), "suspended": tr("suspended"), "closed": tr("closed")}
    uses = [words for words, used in ((tr("microphone"), context.captures), (tr("reply"), context.plays)) if used]
    links = [f"{first} → {second}" for first, second in context.links]
    loose = sorted(set(context.nodes) - {name for link in context.links for name in link} - {"AudioDestination"})
    return ContextRow(
        number=context.number,
        use=tr(" and ").join(uses) or tr("unused"),
        rate=f"{context.rate_hz} Hz",
        state=states.get(context.state, context.state),
        load=tr("unknown") if context.capacity is None else f"{100 * context.capacity:.0f} %",
        graph=(*links, *(tr("{name}, not connected").format(name=name) for name in loose)),
    )


def _sound(page: PageFacts) -> list[tuple[str, str]]:
    found = [
        (
            tr("buffers"),
            tr("{count} of {rate_hz} Hz, {length} in all, played in a context of {context_hz} Hz").format(
                count=item.count,
                rate_hz=item.rate_hz,
                length=format_seconds(item.frames / item.rate_hz),
                context_hz=item.context_rate_hz,
            ),
        )
        for item in page.buffers
    ]
    found += [("ScriptProcessorNode", tr("{count} frames").format(count=frames)) for frames in page.script_processors]
    found += [("AudioWorkletNode", name) for name in page.worklets]
    for item in page.sockets:
        middle = sorted(item.audio_bytes)[len(item.audio_bytes) // 2]
        what = tr("{messages} messages of {size} bytes of audio, {kind}").format(
            messages=item.messages, size=middle, kind=item.mime_type or tr("without a type")
        )
        way = tr("sent by WebSocket") if item.direction == "sent" else tr("received by WebSocket")
        found.append((way, f"{what}, {item.url}"))
    return found


def _microphone(page: PageFacts) -> tuple[tuple[str, str, str], ...]:
    if not page.microphones:
        return ()
    last = next((item for item in page.microphones if item.granted is not None), page.microphones[-1])
    audio = last.asked.get("audio")
    asked = audio if isinstance(audio, dict) else {}
    if last.granted is None:
        return ((tr("microphone"), str(audio), f"{last.error}: {last.message}"),)
    names = (*_SETTINGS, *(name for name in asked if name not in _SETTINGS))
    return tuple(
        (name, _said(asked.get(name)), _said(last.granted.get(name)))
        for name in names
        if name in asked or name in last.granted
    )


def _said(value: object) -> str:
    if value is None:
        return tr("nothing")
    if not isinstance(value, bool):
        return str(value)
    return tr("on") if value else tr("off")


def _picture(run: RunResult, pick: Pick) -> str:
    if run.folder is None:
        return ""
    try:
        data = (Path(run.folder) / "takes" / pick.take.id / SCREENSHOT).read_bytes()
    except OSError:
        return ""
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
