"""Child process of `EmbeddedEmulator`: commands on standard input, answers on standard output, one JSON per line.

It ends when standard input closes, so that no process is left when the parent is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import secrets
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from diag.core.errors import DiagError
from diag.core.machine import trouble_of
from diag.core.processes import keep_time_alone
from diag.core.temporary import temporary_folder
from diag.emulator.bank import Bank, read_bank
from diag.emulator.down import DownPorts
from diag.emulator.fairness import run
from diag.emulator.profile import Profile
from diag.emulator.serving import line_sink, quiet_loop, steady
from diag.emulator.settings import read_settings
from diag.emulator.transport import Server
from diag.emulator.truth import TruthLog
from diag.files.certificates import make_certificates

HOST = "127.0.0.1"
ORPHANED_EVERY_S = 1.0


def run_child(replies_dir: Path | None, log_path: Path | None) -> None:
    """Serve profiles that the parent registers, until standard input closes."""
    # Ctrl-C is sent to the whole foreground process group, but only the parent decides when the child ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_time_alone()
    try:
        bank = read_bank(replies_dir)
    except DiagError as error:
        _say(_failure(error))
        return
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(temporary_folder("emulator"))
        sinks: tuple[Callable[[str], object], ...] = ()
        if log_path is not None:
            sinks = (line_sink(stack.enter_context(log_path.open("a", encoding="utf-8", buffering=1))),)
        truth = TruthLog(sinks)
        stack.callback(truth.close)
        try:
            run(_child(bank, truth, folder))
        except OSError as error:
            trouble = trouble_of(error)
            if trouble is None:
                raise
            _say(_failure(trouble))


async def _child(bank: Bank, truth: TruthLog, folder: Path) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(quiet_loop)
    profiles: dict[str, Profile] = {}
    server = Server(profiles)
    certificates = make_certificates(folder)
    port = await server.listen(HOST, 0, certificates.context)
    down = DownPorts(server, HOST)
    commands = await _standard_input(loop)
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    steady()
    _say({"listening": port, "ca_file": str(certificates.ca_file)})
    orphaned = asyncio.create_task(_orphaned())
    stopping = asyncio.create_task(stop.wait())
    child = _Child(bank, truth, server, down, f"{HOST}:{port}")
    reading = asyncio.create_task(child.obey(commands))
    tasks = (stopping, reading, orphaned)
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    down.close()
    await server.close()


async def _orphaned() -> None:
    """Return when the parent has ended; another process that it forked may keep standard input open."""
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(ORPHANED_EVERY_S)


class _Child:
    def __init__(self, bank: Bank, truth: TruthLog, server: Server, down: DownPorts, authority: str) -> None:
        self._bank = bank
        self._truth = truth
        self._server = server
        self._down = down
        self._authority = authority

    async def obey(self, commands: asyncio.StreamReader) -> None:
        """Carry out commands until standard input closes."""
        while line := await commands.readline():
            command = json.loads(line)
            name = str(command.get("profile", ""))
            if command["do"] == "register":
                _say(await self._register(command))
            elif command["do"] == "truth":
                # On the thread of the truth log, because a long answer would delay sessions.
                self._truth.call(functools.partial(self._tell_truth, name))
            elif command["do"] == "forget":
                self._server.profiles.pop(name, None)
                self._truth.forget(name)
                _say({"forgotten": name})

    def _tell_truth(self, name: str) -> None:
        _say({"truth": self._truth.lines(name)})

    async def _register(self, command: Mapping[str, Any]) -> dict[str, Any]:
        try:
            settings = read_settings(command["settings"])
        except DiagError as error:
            return _failure(error)
        name = secrets.token_urlsafe(9)
        self._server.profiles[name] = Profile(
            name=name, settings=settings, seed=int(command["seed"]), bank=self._bank, truth=self._truth
        )
        authority = self._authority if settings.down is None else await self._down.authority(settings.down)
        return {"base_url": f"https://{authority}/profile/{name}"}


def _failure(error: DiagError) -> dict[str, Any]:
    return {
        "error": {
            "kind": type(error).__name__,
            "attempted": error.attempted,
            "seen": error.seen,
            "allowed": error.allowed,
            "next_step": error.next_step,
        }
    }


async def _standard_input(loop: asyncio.AbstractEventLoop) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=2**24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def _say(message: Mapping[str, Any]) -> None:
    try:
        sys.stdout.write(json.dumps(message, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # The parent ended while this process started. Standard input has closed too, which ends this process normally.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
