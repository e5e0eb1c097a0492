"""Start of the emulator: `serve` builds it from recordings, event log, certificates and server, and runs it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import ssl
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from diag.core.errors import CannotMeasureError
from diag.core.processes import keep_time, wait_for_end
from diag.core.temporary import temporary_folder
from diag.emulator.bank import read_bank
from diag.emulator.down import DownPorts, bracketed
from diag.emulator.fairness import run
from diag.emulator.profile import Profile
from diag.emulator.settings import EmulatorSettings, read_settings
from diag.emulator.specs import read_assignments, with_faults
from diag.emulator.transport import Server
from diag.emulator.truth import TruthLog
from diag.emulator.watched_link import Watch
from diag.files.certificates import make_certificates

LIVE_PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
SWITCH_INTERVAL_S = 0.00005
"""Longest time that another thread (truth, recognition) may run before the event loop gets the interpreter; Python's
default is 5 ms. The loop waits for the interpreter at every message that it reads or sends."""


GC_THRESHOLDS = (700, 10, 100)
"""Thresholds of garbage collection. The last is ten times the default: with 300 open sessions a full collection takes
40 ms."""


def steady() -> None:
    """Keep the event loop on time: switch threads quickly, and collect garbage rarely."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(*GC_THRESHOLDS)
    gc.collect()
    gc.freeze()


def quiet_loop(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Ignore failed handshakes and broken connections; report all other errors of the loop to standard error."""
    error = context.get("exception")
    if not isinstance(error, OSError | asyncio.CancelledError | None):
        asyncio.get_running_loop().default_exception_handler(context)


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    plain: bool = False,
    settings: EmulatorSettings | Mapping[str, Any] | None = None,
    assignments: Sequence[str] = (),
    faults: Sequence[str] = (),
    seed: int = 0,
    replies_dir: Path | None = None,
    transcript_dir: Path | None = None,
    truth_path: Path | None = None,
    ca_path: Path | None = None,
    on_listening: Callable[[str], object] | None = None,
    watch: Watch | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM.

    Parameters
    ----------
    host : str
        Address to bind; the default is loopback.
    port : int
        Port to bind; 0 for a free one.
    plain : bool
        Serve http:// and ws:// without TLS.
    settings : EmulatorSettings or mapping or None
        Settings as in a scenario's `[emulator]` table (`as_of`, `faults`, `keys`, …); None for a healthy service of
        today.
    assignments : sequence of str
        Further settings such as `think_s=1.5` (`specs.py`); they override those of `settings`.
    faults : sequence of str
        Further faults in their short form (`specs.py`); they are added after those of `settings`.
    seed : int
        Seed of all random choices.
    replies_dir : Path or None
        Folder with `replies.toml`; prompts are read from the folder `prompts` beside it. None for the user's own
        replies or the built-in ones.
    transcript_dir : Path or None
        Folder in which the frames and audio of each session are kept; None to keep none.
    truth_path : Path or None
        File to which the emulator's events are appended as JSON lines; None for none.
    ca_path : Path or None
        File to which the certificate to trust is written; None for a temporary file that is removed at the end.
    on_listening : callable or None
        Called with one text that holds the base URL and how to point an SDK at it; None prints it to standard error.
    watch : callable or None
        Called with the target and the headers of each request for a session; the watcher that it returns gets copies of
        all messages.

    Raises
    ------
    DiagError
        If a setting, a folder or the address cannot be used.
    """
    if isinstance(settings, EmulatorSettings):
        settings = settings.model_dump(exclude_unset=True)
    chosen = read_settings(with_faults({**(settings or {}), **read_assignments(assignments)}, faults))
    keep_time()  # before threads are started, because they inherit these settings
    bank = read_bank(replies_dir)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(temporary_folder("serve"))
        _make_folder(transcript_dir)
        truth = TruthLog(_sinks(truth_path, stack), kept_lines=0)
        stack.callback(truth.close)
        profile = Profile(name="", settings=chosen, seed=seed, bank=bank, truth=truth, transcript_dir=transcript_dir)
        context: ssl.SSLContext | None = None
        ca_file: Path | None = None
        if not plain:
            certificates = make_certificates(folder, () if host in ("0.0.0.0", "::") else (host,))
            context, ca_file = certificates.context, certificates.ca_file
            if ca_path is not None:
                ca_file = _copied(ca_file, ca_path)
        tell = on_listening or _print
        run(_serve({"": profile}, host, port, context, lambda url: tell(directions(url, ca_file)), watch))


def directions(base_url: str, ca_file: Path | None) -> str:
    """Return instructions for pointing a client at the emulator, one per line."""
    lines = [f"Live API emulator listening on {base_url}"]
    environment = f"GOOGLE_GEMINI_BASE_URL={base_url} GEMINI_API_KEY=any"
    if ca_file is None:
        lines.append(f"  raw clients:  {base_url.replace('http', 'ws', 1)}{LIVE_PATH}?key=any")
    else:
        lines += [
            f"  certificate:  {ca_file}",
            f"  google-genai: SSL_CERT_FILE={ca_file} {environment} python app.py",
            f"  JavaScript:   NODE_EXTRA_CA_CERTS={ca_file} {environment} node app.js",
        ]
    return "\n".join(lines)


async def _serve(  # noqa: PLR0917 (each is of its own type)
    profiles: dict[str, Profile],
    host: str,
    port: int,
    context: ssl.SSLContext | None,
    tell: Callable[[str], object],
    watch: Watch | None,
) -> None:
    loop = asyncio.get_running_loop()
    server = Server(profiles, watch=watch)
    down = DownPorts(server, host)
    loop.set_exception_handler(quiet_loop)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    kind = profiles[""].settings.down
    try:
        if kind is None:
            authority = f"{bracketed(host)}:{await server.listen(host, port, context)}"
        else:
            authority = await down.authority(kind, port)
    except OSError as error:
        raise CannotMeasureError(
            f"Could not listen on {host}:{port}",
            seen=error.strerror or str(error),
            next_step="choose another port with `--port N`, or leave `--port` out to use a free one",
        ) from None
    steady()
    tell(f"{'https' if context else 'http'}://{authority}")
    try:
        await wait_for_end(stop)
    finally:
        down.close()
        await server.close()


def _copied(ca_file: Path, path: Path) -> Path:
    try:
        path.write_bytes(ca_file.read_bytes())
    except OSError as error:
        raise CannotMeasureError(
            f"Could not write the certificate to {path}",
            seen=error.strerror or str(error),
            next_step="choose a file in a folder that you have permission to write to",
        ) from None
    return path


def _make_folder(path: Path | None) -> None:
    if path is None:
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotMeasureError(
            f"Could not keep transcripts in {path}",
            seen=error.strerror or str(error),
            next_step="choose a folder that you have permission to write to",
        ) from None


def _sinks(path: Path | None, stack: contextlib.ExitStack) -> tuple[Callable[[str], object], ...]:
    if path is None:
        return ()
    try:
        file = stack.enter_context(path.open("a", encoding="utf-8", buffering=1))
    except OSError as error:
        raise CannotMeasureError(
            f"Could not write the emulator's events to {path}",
            seen=error.strerror or str(error),
            next_step="choose a file in a folder that you have permission to write to",
        ) from None
    return (line_sink(file),)


def line_sink(file: TextIO) -> Callable[[str], object]:
    """Return a function that writes lines to a file."""
    return lambda line: file.write(line + "\n")


def _print(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
