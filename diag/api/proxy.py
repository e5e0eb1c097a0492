"""`diag proxy`: the recording proxy between any client and the Live API."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from diag.api.options import Options
from diag.core.errors import CannotMeasureError
from diag.core.processes import keep_time, wait_for_end
from diag.core.results import Report
from diag.core.temporary import temporary_folder
from diag.record.proxy.line import LineFaults, line_from_text

if TYPE_CHECKING:
    from diag.api.watched_sessions import WatchedSessions
    from diag.record.live.genai import Endpoint

LIVE_PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"


def proxy(
    *,
    endpoint: str = "emulator",
    host: str = "127.0.0.1",
    port: int = 0,
    scenario: str | None = None,
    line: str = "",
    seed: int = 0,
    ca_path: Path | None = None,
    options: Options | None = None,
    tell: Callable[[str], object],
) -> Report:
    """Run the recording proxy until SIGINT or SIGTERM, then judge the sessions that passed and write the report.

    Parameters
    ----------
    endpoint : str
        Where sessions go: "emulator", "gemini" or a URL.
    host, port : str, int
        Address to listen on; port 0 for a free one.
    scenario : str or None
        Configuration whose `[emulator]` table says how the emulator behaves.
    line : str
        Impairments of the line, as `delay_ms=80,jitter_ms=40`.
    seed : int
        Seed of all random choices.
    ca_path : Path or None
        File for the certificate that clients must trust; None for a temporary file.
    options : Options, optional
        `out` and `embed` are used.
    tell : callable
        Called with each text to show.

    Raises
    ------
    BadInputError
        If an option or the configuration cannot be used.
    CannotMeasureError
        If the address cannot be used, a key is missing, or no session passed.
    """
    from diag.api.watched_sessions import WatchedSessions
    from diag.emulator.embedded import EmbeddedEmulator
    from diag.files.scenarios import find_scenario
    from diag.record.live.genai import Endpoint, endpoint_from_name

    keep_time()
    faults = line_from_text(line)
    settings = find_scenario(scenario).emulator if scenario else {}
    named = None if endpoint == "emulator" else endpoint_from_name(endpoint)
    kind = "emulator" if named is None else named.kind
    sessions = WatchedSessions(
        name="proxy",
        title=f"Sessions that passed the recording proxy, answered by {kind}",
        endpoint=kind,
        options=options or Options(),
        tell=tell,
    )
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(temporary_folder("proxy"))
        if named is None:
            emulator = stack.enter_context(EmbeddedEmulator())
            base_url = emulator.register(settings, seed=seed)
            named = Endpoint(kind=kind, base_url=base_url, ca_file=str(emulator.ca_file))
        asyncio.run(_serve(named, sessions, host, port, faults, seed, ca_path or folder / "ca.pem", tell))
    report = sessions.report()
    if report is None:
        raise CannotMeasureError(
            "Nothing was measured",
            seen="no session passed the proxy",
            next_step="start the client with the variables that the proxy prints, and check its own output",
        )
    return report


async def _serve(  # noqa: PLR0917 (each is of its own type)
    service: Endpoint,
    sessions: WatchedSessions,
    host: str,
    port: int,
    faults: LineFaults,
    seed: int,
    ca_path: Path,
    tell: Callable[[str], object],
) -> None:
    from diag.record.app.environment import write_certificates
    from diag.record.proxy.recording_proxy import RecordingProxy

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    proxy = RecordingProxy(service, sessions.watch, line=faults, seed=seed, on_note=tell)
    try:
        bundle = write_certificates(proxy.certificates.pem, ca_path)
    except OSError as error:
        raise CannotMeasureError(
            f"Could not write the certificate to {ca_path}",
            seen=error.strerror or str(error),
            next_step="choose a file in a folder that you have permission to write to",
        ) from None
    try:
        bound = await proxy.listen(host, port)
        authority = f"[{host}]:{bound}" if ":" in host else f"{host}:{bound}"
        tell(directions(authority, service.kind, ca_path, bundle, proxy.certificates.key_hash))
        await wait_for_end(stop)
    finally:
        await proxy.close()


def directions(authority: str, kind: str, ca_file: Path, bundle: Path, key_hash: str) -> str:
    """Return how a client is pointed at the proxy, one way a line."""
    base = f"https://{authority}"
    key = " GEMINI_API_KEY=any" if kind == "emulator" else ""
    return "\n".join(
        (
            f"Recording proxy on {base}, which forwards to {kind}. Stop it with Ctrl-C for the findings.",
            f"  certificate:   {ca_file}",
            f"  google-genai:  SSL_CERT_FILE={bundle} GOOGLE_GEMINI_BASE_URL={base}{key} python app.py",
            f"  JavaScript:    NODE_EXTRA_CA_CERTS={ca_file} GOOGLE_GEMINI_BASE_URL={base}{key} node app.js",
            f"  fixed host:    SSL_CERT_FILE={bundle} HTTPS_PROXY=http://{authority}{key} python app.py",
            f'  Chromium:      chromium --host-resolver-rules="MAP generativelanguage.googleapis.com {authority}" '
            f"--ignore-certificate-errors-spki-list={key_hash}",
            f"  raw clients:   ws://{authority}{LIVE_PATH}, or the same with wss",
        )
    )
