"""Driver of an app that is a program: a command with its own microphone and speaker."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from diag.core.keys import without_secrets
from diag.core.local_paths import shortened_paths
from diag.core.plain_text import visible
from diag.core.timeline import EventName
from diag.record.app import keeper
from diag.record.app.connections import outgoing
from diag.record.app.driver import AppEnd, AppSetting, Fact, PageMessage, Talk

LAST_LINES = 12
LONGEST_LINE = 2000
MOST_OUTPUT_BYTES = 20_000_000
"""More output of one take than this is not kept."""
STOP_WITHIN_S = 6.0


@dataclass(frozen=True, kw_only=True)
class CommandJob:
    """A program to run as the client of a take.

    Parameters
    ----------
    command : tuple of str
        Program and arguments.
    directory : Path
        Working directory.
    ready_output : str or None
        Regular expression; the program listens once a line of its output matches. None if only the wire can show it.
    """

    command: tuple[str, ...]
    directory: Path
    ready_output: str | None = None


class CommandDriver:
    """Driver of a program (`AppDriver`)."""

    def __init__(self, job: CommandJob, secrets: tuple[str, ...] = ()) -> None:
        self._job = job
        self._secrets = secrets
        self._ready = re.compile(job.ready_output) if job.ready_output is not None else None
        self._is_ready = False
        self._lines: collections.deque[str] = collections.deque(maxlen=LAST_LINES)
        self._process: subprocess.Popen[bytes] | None = None
        self._end: AppEnd | None = None
        self._waits: list[Fact] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, setting: AppSetting) -> None:
        """Start the program below its keeper."""
        folders = os.pathsep.join(str(folder) for folder in setting.folders)
        status_read, status_write = os.pipe()
        output_read, output_write = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", keeper.__file__, str(status_write), folders, *self._job.command],
                stdin=subprocess.PIPE, stdout=output_write, stderr=output_write, pass_fds=(status_write,),
                cwd=self._job.directory, env=dict(setting.environment), start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(status_write)
            os.close(output_write)
        self._tasks = [
            asyncio.create_task(self._read_output(await _stream(output_read), setting.output_file)),
            asyncio.create_task(self._read_status(await _stream(status_read))),
        ]

    def ready(self) -> bool | None:
        """Return whether a line of the output matched; None if no output shows it."""
        return None if self._ready is None else self._is_ready

    def stuck(self) -> bool:
        """Return False: a program's output does not show it."""
        return False

    def talk(self) -> Talk:
        """Return nothing: the messages of a program are not seen."""
        return Talk()

    async def speak(self) -> None:
        """Do nothing: a program listens to its microphone."""

    def ended(self) -> AppEnd | None:
        """Return how the program ended by itself; None while it runs."""
        return self._end

    def last_lines(self) -> tuple[str, ...]:
        """Return the last lines of the output, with keys removed."""
        return tuple(self._lines)

    async def stop(self) -> None:
        """End the program and all that it started."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.write(b"stop")
            process.stdin.close()
        try:
            await asyncio.to_thread(process.wait, STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for task in self._tasks:
            # A program that closed its output late must not hold the take up.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(task, 1.0)

    def sounded(self) -> None:
        """Do nothing: a program has no picture."""

    def facts(self) -> tuple[Fact, ...]:
        """Return when the program had to wait for a core that other programs used."""
        return tuple(self._waits)

    def messages(self) -> tuple[PageMessage, ...]:
        """Return nothing: the messages of a program are not seen."""
        return ()

    def connections(self) -> tuple[str, ...]:
        """Return the addresses outside of this machine to which the program is connected with TLS now."""
        return outgoing(self._process.pid) if self._process is not None else ()

    async def _read_output(self, stream: asyncio.StreamReader, path: Path) -> None:
        kept = 0
        folder = self._job.directory.absolute()
        with path.open("a", encoding="utf-8") as file:
            while line := await _line(stream):
                text = without_secrets(line.decode("utf-8", "replace").rstrip("\r\n"), self._secrets)
                if self._ready is not None and self._ready.search(text):
                    self._is_ready = True
                text = shortened_paths(text, folder)
                kept += len(line)
                if kept <= MOST_OUTPUT_BYTES:
                    file.write(visible(text) + "\n")
                    file.flush()
                if text.strip():
                    self._lines.append(text[:LONGEST_LINE])

    async def _read_status(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            what, *values = line.decode().split()
            if what == "waited":
                begun_s, until_s, waited_s = map(float, values)
                data = {"within_s": until_s - begun_s, "waited_s": waited_s}
                self._waits.append(Fact(EventName.APP_WAITED, data, until_s))
                continue
            # What ends while it is being stopped did not end by itself.
            if self._process is None:
                continue
            code = int(values[0])
            if code >= 0:
                self._end = AppEnd(code=code, detail=f"exit code {code}")
            else:
                self._end = AppEnd(code=None, detail=f"ended by {signal.Signals(-code).name}")


async def _line(stream: asyncio.StreamReader) -> bytes:
    """Return the next line, or a part of one that is too long; empty at the end."""
    try:
        return await stream.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        return error.partial
    except asyncio.LimitOverrunError as error:
        return await stream.readexactly(error.consumed)


async def _stream(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return reader
