"""Driver of an app that is a web page in a real Chromium, and the events that say what was seen of it."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from diag.core.keys import without_secrets
from diag.core.temporary import make_folder
from diag.core.timeline import EventName
from diag.record.app import page_host
from diag.record.app.command import CommandDriver, CommandJob
from diag.record.app.driver import AppEnd, AppSetting, Fact, PageMessage, Talk

MOST_LINES = 200
"""More lines of a console are not kept with the take; the file of the output has them all."""
STUCK_S = 3.0
"""A page on which a script failed is given up if nothing happens for so long. Scripts that wait for something are given
more time, and pages on which a script fails that does no harm go on within it."""
_PROGRESS = ("js_page", "js_context", "js_microphone", "js_module", "socket", "webaudio")
_DENIED = ("NotAllowedError", "NotFoundError", "NotReadableError", "OverconstrainedError", "SecurityError")
"""Errors of a page that got no microphone."""


@dataclass(frozen=True, kw_only=True)
class PageJob:
    """A web page to open as the client of a take.

    Parameters
    ----------
    url : str
        Address of the page.
    directory : Path
        Working directory of `serve`.
    serve : str or None
        Command of the server that is started before the page is opened, and ended after the take.
    start : tuple of mapping or None
        What a user does to start the conversation: `{"click": SELECTOR}`, `{"fill": SELECTOR, "text": TEXT}`,
        `{"wait_s": SECONDS}`. None clicks the usual button, which is found by its role and label.
    ready_text : str or None
        Text on the page that shows that it listens. None if only the wire can show it.
    hosts : mapping of str to str
        Addresses of host names that only the page's browser knows.
    browser_arguments : tuple of str
        More arguments for the browser.
    """

    url: str
    directory: Path
    serve: str | None = None
    start: tuple[Mapping[str, Any], ...] | None = None
    ready_text: str | None = None
    hosts: Mapping[str, str] = field(default_factory=dict)
    browser_arguments: tuple[str, ...] = ()


class PageDriver:
    """Driver of a page (`AppDriver`).

    The browser is held by a process of its own (`diag.record.app.page_host`), so that its traffic with the browser does
    not delay the recording.

    Parameters
    ----------
    job : PageJob
    screenshot : Path
        Where the picture of the page at its first sound goes.
    secrets : tuple of str
        Keys, which are removed from everything that is kept.
    """

    def __init__(self, job: PageJob, screenshot: Path, secrets: tuple[str, ...] = ()) -> None:
        self._job, self._screenshot, self._secrets = job, screenshot, secrets
        self._folder = make_folder("page")
        self._records = self._folder / "records.jsonl"
        self._read_bytes = 0
        self._seen: list[dict[str, Any]] = []
        command = (sys.executable, "-m", page_host.__name__, str(self._folder / "job.json"))
        self._host = CommandDriver(CommandJob(command=command, directory=job.directory), secrets)

    async def start(self, setting: AppSetting) -> None:
        """Start the process that starts the server and opens the page."""
        # The browser's profile is here too: processes that are ended by a signal do not clean up.
        job = {
            "url": self._job.url,
            "serve": self._job.serve,
            "directory": str(self._job.directory),
            "start": None if self._job.start is None else [dict(step) for step in self._job.start],
            "ready_text": self._job.ready_text,
            "hosts": dict(self._job.hosts),
            "browser_arguments": list(self._job.browser_arguments),
            "proxy_address": setting.proxy_address,
            "key_hash": setting.key_hash,
            "records": str(self._records),
            "profile": str(self._folder / "profile"),
            "screenshot": str(self._screenshot),
        }
        (self._folder / "job.json").write_text(json.dumps(job))
        # `-m` must find the same diag from any directory.
        source = str(Path(page_host.__file__).resolve().parents[3])
        paths = [source, *filter(None, [setting.environment.get("PYTHONPATH")])]
        environment = {**setting.environment, "PYTHONPATH": ":".join(paths)}
        await self._host.start(replace(setting, environment=environment, folders=(*setting.folders, self._folder)))

    def ready(self) -> bool | None:
        """Return whether the page shows the text; None if no text shows that it listens."""
        self._read()
        return None if self._job.ready_text is None else any(item["k"] == "ready" for item in self._seen)

    def stuck(self) -> bool:
        """Return whether a script failed or the microphone was denied, and nothing has happened since."""
        self._read()
        failed = [item["at_s"] for item in self._seen if item["k"] == "error" or item.get("error") in _DENIED]
        started = next((item["at_s"] for item in self._seen if item["k"] == "started"), None)
        listens = any(item["k"] == "ready" for item in self._seen) or self.talk().sent_s is not None
        if not failed or started is None or listens:
            return False
        progress = [item["at_s"] for item in self._seen if item["k"] in _PROGRESS]
        last_s: float = max(started, failed[-1], *progress)
        return time.perf_counter() - last_s > STUCK_S

    def talk(self) -> Talk:
        """Return what the page's own messages show of the conversation so far."""
        self._read()
        audio = [item for item in self._seen if item["k"] == "frame" and item["audio_bytes"]]
        sent = [item["at_s"] for item in audio if item["direction"] == "sent"]
        return Talk(sent_s=sent[-1] - sent[0] if sent else None, received=len(audio) - len(sent))

    async def speak(self) -> None:
        """Do nothing: a page listens to its microphone."""

    def sounded(self) -> None:
        """Ask for a picture of the page."""
        self._screenshot.with_suffix(".request").touch()

    def ended(self) -> AppEnd | None:
        """Return how the page, its browser or its server ended; None while they run."""
        end = self._host.ended()
        if end is None:
            return None
        self._read()
        why = next((item["text"] for item in self._seen if item["k"] == "failed"), None)
        return end if why is None else AppEnd(code=end.code, detail=without_secrets(why, self._secrets))

    def last_lines(self) -> tuple[str, ...]:
        """Return the last lines of the page's console and the server's output."""
        return self._host.last_lines()

    async def stop(self) -> None:
        """Close the browser, and end the server and all that they started."""
        await self._host.stop()
        self._read()
        self._screenshot.with_suffix(".request").unlink(missing_ok=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def facts(self) -> tuple[Fact, ...]:
        """Return what was seen of the page as events."""
        return (
            *(
                Fact(item.name, without_secrets(item.data, self._secrets), item.at_s)
                for item in page_events(self._seen)
            ),
            *self._host.facts(),
        )

    def messages(self) -> tuple[PageMessage, ...]:
        """Return the messages of the page's WebSockets."""
        self._read()
        try:
            kept = page_host.messages_path(self._records).read_bytes()
        except FileNotFoundError:
            return ()
        urls = {item["id"]: item["url"] for item in self._seen if item["k"] == "socket"}
        return tuple(
            PageMessage(
                at_s=item["at_s"], socket=item["socket"], url=urls.get(item["socket"], ""),
                sent=item["direction"] == "sent", binary=item["binary"],
                payload=kept[item["place"] : item["place"] + item["bytes"]],
            )
            for item in self._seen
            if item["k"] == "frame"
        )  # fmt: skip

    def connections(self) -> tuple[str, ...]:
        """Return nothing: a browser has connections of its own, which say nothing of the page."""
        return ()

    def _read(self) -> None:
        """Read the records that were written since the last time."""
        with contextlib.suppress(FileNotFoundError):
            with self._records.open("rb") as file:
                file.seek(self._read_bytes)
                data = file.read()
            whole = data.rfind(b"\n") + 1
            self._read_bytes += whole
            self._seen += [json.loads(line) for line in data[:whole].splitlines()]


def page_events(records: Iterable[Mapping[str, Any]]) -> Iterator[Fact]:
    """Yield name, data and time of the events of a page, made of the records of its process."""
    seen = list(records)
    yield from _simple_events(seen)
    yield from _context_events(seen)
    yield from _buffer_events(seen)
    yield from _socket_events(seen)


_SIMPLE = {
    "served": EventName.PAGE_SERVED,
    "browser": EventName.PAGE_BROWSER,
    "js_page": EventName.PAGE_OPENED,
    "step": EventName.PAGE_STEP,
    "error": EventName.PAGE_ERROR,
    "console": EventName.PAGE_CONSOLE,
    "request_failed": EventName.PAGE_REQUEST_FAILED,
    "issue": EventName.PAGE_ISSUE,
    "js_microphone": EventName.PAGE_MICROPHONE,
    "js_context": EventName.PAGE_CONTEXT_ASKED,
    "js_module": EventName.PAGE_WORKLET_MODULE,
    "js_worklet": EventName.PAGE_WORKLET,
    "js_processor": EventName.PAGE_SCRIPT_PROCESSOR,
}
_LIMITED = (EventName.PAGE_CONSOLE, EventName.PAGE_ERROR, EventName.PAGE_REQUEST_FAILED, EventName.PAGE_ISSUE)


def _simple_events(seen: Iterable[Mapping[str, Any]]) -> Iterator[Fact]:
    counts: dict[str, int] = {}
    for item in seen:
        name = _SIMPLE.get(item["k"])
        if name is None:
            continue
        counts[name] = counts.get(name, 0) + 1
        if name in _LIMITED and counts[name] > MOST_LINES:
            continue
        yield Fact(name, {key: value for key, value in item.items() if key not in ("k", "at_s")}, item["at_s"])


def _context_events(seen: Iterable[Mapping[str, Any]]) -> Iterator[Fact]:
    """Yield one event per audio context: its rate, its states, its load and its graph."""
    items = list(seen)
    first: dict[str, Mapping[str, Any]] = {}
    states: dict[str, list[tuple[float, str]]] = {}
    for item in items:
        if item["k"] == "webaudio" and item["type"] == "realtime":
            first.setdefault(item["id"], item)
            states.setdefault(item["id"], []).append((item["at_s"], item["state"]))
    for number, (key, context) in enumerate(first.items(), start=1):
        types = {item["id"]: item["type"] for item in items if item["k"] == "node" and item["context"] == key}
        edges = {(item["source"], item["target"]) for item in items if item["k"] == "edge" and item["context"] == key}
        loads = [item["capacity"] for item in items if item["k"] == "load" and item["id"] == key]
        counts: dict[str, int] = {}
        for kind in types.values():
            counts[kind] = counts.get(kind, 0) + 1
        links = sorted(
            {(types[source], types[target]) for source, target in edges if source in types and target in types}
        )
        data = {
            "number": number,
            "rate_hz": round(context["rate_hz"]),
            "callback_frames": round(context["callback_frames"]),
            "state": states[key][-1][1],
            "ran": any(state == "running" for _, state in states[key]),
            "nodes": counts,
            "links": [list(link) for link in links],
            "audible": sorted(_kinds_that_reach(types, edges, "AudioDestination")),
            "capacity": max(loads, default=None),
        }
        yield Fact(EventName.PAGE_CONTEXT, data, context["at_s"])


def _kinds_that_reach(types: Mapping[str, str], edges: Iterable[tuple[str, str]], kind: str) -> set[str]:
    """Return the types of the nodes from which a path leads to a node of a type."""
    sources: dict[str, set[str]] = {}
    for source, target in edges:
        sources.setdefault(target, set()).add(source)
    waiting = [node for node, of in types.items() if of == kind]
    reached: set[str] = set()
    while waiting:
        for node in sources.get(waiting.pop(), set()) - reached:
            reached.add(node)
            waiting.append(node)
    return {types[node] for node in reached if node in types}


def _buffer_events(seen: Iterable[Mapping[str, Any]]) -> Iterator[Fact]:
    """Yield one event for the started buffers of each pair of rates, and one per context for their schedule."""
    played: dict[tuple[int, int], list[Mapping[str, Any]]] = {}
    schedules: dict[int, list[Mapping[str, Any]]] = {}
    for item in seen:
        if item["k"] == "js_start" and not item["looped"]:
            played.setdefault((round(item["rate_hz"]), round(item["context_hz"])), []).append(item)
            schedules.setdefault(item["id"], []).append(item)
    for (rate_hz, context_hz), items in played.items():
        frames = [item["frames"] for item in items]
        data = {
            "rate_hz": rate_hz, "context_rate_hz": context_hz, "count": len(items), "frames": sum(frames),
            "longest_frames": max(frames), "playback_rate": items[0]["rate"],
        }  # fmt: skip
        yield Fact(EventName.PAGE_BUFFERS, data, items[0]["at_s"])
    for number, items in schedules.items():
        gaps = [item["gap_s"] for item in items if item["gap_s"] is not None]
        data = {
            "context": number,
            "rate_hz": round(items[0]["context_hz"]),
            "ahead_s": [round(item["ahead_s"], 6) for item in items],
            "gap_s": [round(gap, 6) for gap in gaps],
        }
        yield Fact(EventName.PAGE_SCHEDULE, data, items[0]["at_s"])


def _socket_events(seen: Iterable[Mapping[str, Any]]) -> Iterator[Fact]:
    """Yield one event per WebSocket and direction that carried audio: number, sizes and times of its messages."""
    items = list(seen)
    urls = {item["id"]: item["url"] for item in items if item["k"] == "socket"}
    frames: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for item in items:
        if item["k"] == "frame":
            frames.setdefault((item["socket"], item["direction"]), []).append(item)
    for (socket, direction), messages in frames.items():
        audio = [item for item in messages if item["audio_bytes"]]
        data = {
            "url": urls.get(socket),
            "direction": direction,
            "messages": len(messages),
            "audio_messages": len(audio),
            "audio_bytes": [item["audio_bytes"] for item in audio],
            "span_s": audio[-1]["at_s"] - audio[0]["at_s"] if audio else None,
            "binary": any(item["binary"] for item in audio),
            "mime_type": next((item["mime_type"] for item in audio if item["mime_type"]), None),
        }
        yield Fact(EventName.PAGE_SOCKET, data, (audio or messages)[0]["at_s"])
