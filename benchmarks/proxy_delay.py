"""Delay that the recording proxy adds to a message, with several sessions at the same time.

Each session sends a batch of 50 ms every 50 ms to an echo service and waits for it to come back, once directly and once
through the proxy, which runs in a process of its own. The difference is the delay that the proxy adds there and back.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import multiprocessing
import ssl
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from diag.core.processes import keep_time
from diag.files.certificates import make_certificates
from diag.record.live.genai import Endpoint
from diag.record.proxy.recording_proxy import RecordingProxy
from diag.record.proxy.session_take import SessionWatcher

MESSAGE = json.dumps(
    {"realtimeInput": {"audio": {"data": base64.b64encode(bytes(1600)).decode(), "mimeType": "audio/pcm;rate=16000"}}}
)
EVERY_S = 0.05


async def _echo(ws: ServerConnection) -> None:
    async for message in ws:
        await ws.send(message)


def _run_proxy(service: Endpoint, pipe: Connection) -> None:
    """Run the proxy as `diag proxy` does, in a process of its own."""
    keep_time()

    async def run() -> None:
        proxy = RecordingProxy(
            service, lambda request: SessionWatcher(1, request, on_event=lambda *_: None, on_gone=lambda _: None)
        )
        pipe.send((await proxy.listen(), proxy.certificates.pem))
        await asyncio.Event().wait()

    asyncio.run(run())


async def _session(url: str, trust: ssl.SSLContext, seconds: float, first_s: float) -> list[float]:
    took = []
    async with connect(url, ssl=trust, proxy=None, compression=None) as ws:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(first_s)
        start_s = loop.time()
        for index in range(round(seconds / EVERY_S)):
            await asyncio.sleep(max(0.0, start_s + index * EVERY_S - loop.time()))
            begun_s = time.perf_counter()
            await ws.send(MESSAGE)
            await ws.recv()
            took.append(time.perf_counter() - begun_s)
    return took


async def _measure(sessions: int, seconds: float, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    certificates = make_certificates(folder)
    async with serve(_echo, "127.0.0.1", 0, ssl=certificates.context, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        base_url = f"https://127.0.0.1:{port}"

        async def all_sessions(url: str, trust: ssl.SSLContext) -> np.ndarray:
            work = [_session(url, trust, seconds, EVERY_S * index / sessions) for index in range(sessions)]
            return np.concatenate(await asyncio.gather(*work))

        direct = await all_sessions(f"wss://127.0.0.1:{port}", ssl.create_default_context(cafile=certificates.ca_file))
        service = Endpoint(kind="url", base_url=base_url, ca_file=str(certificates.ca_file))
        parent, child = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_run_proxy, args=(service, child))
        process.start()
        own, pem = await asyncio.to_thread(parent.recv)
        trust = ssl.create_default_context(cadata=pem.decode())
        through = await all_sessions(f"wss://127.0.0.1:{own}", trust)
        process.terminate()
        process.join()
    return direct, through


def main() -> int:
    """Measure, print, and return 1 if the added delay at the 99th percentile is above the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--limit-ms", type=float, default=2.0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        direct, through = asyncio.run(_measure(chosen.sessions, chosen.seconds, Path(folder)))
    added = {}
    for share in (50, 95, 99):
        there, back = (1000 * float(np.percentile(item, share)) for item in (direct, through))
        added[share] = back - there
        print(f"p{share}: direct {there:.2f} ms, through the proxy {back:.2f} ms, added {back - there:.2f} ms")
    print(f"{len(through)} messages there and back, {chosen.sessions} sessions")
    return int(added[99] > chosen.limit_ms)


if __name__ == "__main__":
    sys.exit(main())
