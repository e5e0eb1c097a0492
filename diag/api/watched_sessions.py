"""Sessions of clients that diag did not start: a line for each turn, a take for each session, and a report at the end.

`diag proxy` and `diag serve` share this module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from diag.api.options import Options
from diag.core.errors import DiagError
from diag.core.plain_text import quotable
from diag.core.results import Report
from diag.core.timeline import EventName
from diag.core.units import format_seconds
from diag.files.run_folders import create_run, write_take
from diag.record.proxy.session_recorder import Request
from diag.record.proxy.session_take import SessionWatcher, wire_environment


class WatchedSessions:
    """Collector of sessions.

    Parameters
    ----------
    name : str
        Name of the run and of its report, for example "proxy".
    title : str
        Title of the run.
    endpoint : str
        "emulator", "gemini" or "url".
    options : Options
        `out` and `embed` are used.
    tell : callable
        Called with each line to show, on a thread of its own.
    """

    def __init__(
        self, *, name: str, title: str, endpoint: str, options: Options, tell: Callable[[str], object]
    ) -> None:
        self._name, self._title, self._endpoint = name, title, endpoint
        self._options = options
        self._tell = tell
        self._folder: Path | None = None
        self._count = 0
        # Lines are computed and takes are saved on a thread, so that no session waits for them.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sessions")
        self._jobs: list[Future[None]] = []

    def watch(self, request: Request) -> SessionWatcher:
        """Return the watcher of a new session."""
        self._count += 1
        return SessionWatcher(self._count, request, on_event=self._event, on_gone=self._gone)

    def watch_target(self, target: str, headers: Mapping[str, str]) -> SessionWatcher:
        """Return the watcher of a new session at the emulator."""
        host = headers.get("host", "")
        return self.watch(Request(target=target, headers=headers, host=host, endpoint=self._endpoint))

    def report(self) -> Report | None:
        """Judge all sessions, write the report and return it; None if there was no session."""
        self._thread.shutdown(wait=True)
        for job in self._jobs:
            job.result()
        if self._folder is None:
            return None
        from diag.api.report import report_of_runs

        return report_of_runs([self._folder], self._options)

    def _event(self, watcher: SessionWatcher, name: str) -> None:
        if name == EventName.TURN_COMPLETE:
            turn = watcher.log.turn
            assert turn is not None
            self._submit(lambda: self._tell(turn_line(watcher, turn)))
        elif name in _TOLD:
            event = watcher.log.timeline.first(name)
            assert event is not None
            self._submit(lambda: self._tell(f"session {watcher.number}: {_TOLD[EventName(name)](event.data)}"))

    def _gone(self, watcher: SessionWatcher) -> None:
        self._submit(lambda: self._save(watcher))

    def _save(self, watcher: SessionWatcher) -> None:
        if self._folder is None:
            facts = {
                "title": self._title,
                "command": self._name,
                "endpoint": self._endpoint,
                "environment": wire_environment(self._endpoint),
            }
            self._folder = create_run(self._options.runs_dir, self._name, facts)
        write_take(self._folder, watcher.take(self._name))

    def _submit(self, job: Callable[[], object]) -> None:
        def run() -> None:
            job()

        self._jobs = [item for item in self._jobs if not item.done() or isinstance(item.exception(), DiagError)]
        self._jobs.append(self._thread.submit(run))


def turn_line(watcher: SessionWatcher, turn: int) -> str:
    """Return the line about a turn that has just ended."""
    line = watcher.line(turn)
    parts = [f"{line.audio_s:.2f} s of audio" if line.audio_s else "no audio"]
    if line.first_audio_s is not None:
        parts.insert(0, f"first audio {format_seconds(line.first_audio_s)} after the end of the speech")
    elif line.audio_s:
        parts.append("no speech found in what was sent")
    if line.interrupted:
        parts.append("interrupted")
    return f"session {line.session}, turn {line.turn}: {', '.join(parts)}"


def _closed(data: Mapping[str, Any]) -> str:
    reason = f' "{quotable(data["reason"])}"' if data["reason"] else ""
    return f"closed by the {data['by']} with {data['code']}{reason}"


_TOLD: Mapping[EventName, Callable[[Mapping[str, Any]], str]] = {
    EventName.SESSION_OPEN: lambda data: f"opened after {format_seconds(data['connect_s'])}",
    EventName.SESSION_REFUSED: lambda data: f'refused with {data["code"]} "{quotable(data["reason"])}"',
    EventName.UNREACHABLE: lambda data: f"the service was not reached: {quotable(data['detail'])}",
    EventName.SESSION_CLOSED: _closed,
}
