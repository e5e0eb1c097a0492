"""A server of the tests' pages with a small Live API of its own, and one browser for many pages."""

import asyncio
import base64
import contextlib
import json
import math
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from diag.core.page_facts import PageFacts, page_facts
from diag.core.timeline import Event, EventName, Timeline
from diag.record.app.page import page_events
from diag.record.app.page_host import Records, WatchedPage, browser_arguments, browser_path

PAGES = Path(__file__).with_name("pages")
CHUNKS, CHUNK_S, REPLY_HZ = 12, 0.1, 24000
AFTER_BATCHES = 25
"""So many messages of the page are taken before the reply is sent: more than a second of audio."""


def can_install():
    """Whether `tools/system_packages.sh browser` could put Chromium in place."""
    sudo = shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    return shutil.which("apt-get") and (os.geteuid() == 0 or (sudo and sudo.returncode == 0))


def free_port():
    """A port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tone(start):
    """A chunk of the reply, in base64."""
    frames = range(start, start + round(CHUNK_S * REPLY_HZ))
    values = [round(8000 * math.sin(2 * math.pi * 440 * frame / REPLY_HZ)) for frame in frames]
    return base64.b64encode(struct.pack(f"<{len(values)}h", *values)).decode()


async def live(request):
    """Answer as the Live API does: setupComplete, and a tone once enough audio has come."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    batches = 0
    async for message in socket:
        data = json.loads(message.data)
        if "setup" in data:
            await socket.send_bytes(b'{"setupComplete": {}}')
            continue
        batches += 1
        if batches == (3 if "batch-size" in str(request.query) else AFTER_BATCHES):
            for index in range(CHUNKS):
                blob = {"mimeType": f"audio/pcm;rate={REPLY_HZ}", "data": tone(index * round(CHUNK_S * REPLY_HZ))}
                await socket.send_str(json.dumps({"serverContent": {"modelTurn": {"parts": [{"inlineData": blob}]}}}))
                await asyncio.sleep(CHUNK_S / 2)
    return socket


@web.middleware
async def policy(request, handler):
    answer = await handler(request)
    if "denied" in request.query and not isinstance(answer, web.WebSocketResponse):
        answer.headers["Permissions-Policy"] = "microphone=()"
    return answer


@dataclass
class Seen:
    """What was seen of one page."""

    records: list
    page: PageFacts
    timeline: Timeline


class PageBench:
    """One browser and one server; `see` opens a page, starts its conversation and returns what was seen."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.stack = contextlib.AsyncExitStack()
        self.call(self._open())

    def call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    async def _open(self):
        from playwright.async_api import async_playwright

        app = web.Application(middlewares=[policy])
        app.router.add_get("/live", live)
        app.router.add_static("/", PAGES)
        runner = web.AppRunner(app)
        await runner.setup()
        self.stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        playwright = await self.stack.enter_async_context(async_playwright())
        job = {"hosts": {"voice.test": "127.0.0.1"}, "browser_arguments": ["--use-fake-device-for-media-stream"]}
        profile = self.stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        self.browser = await playwright.chromium.launch_persistent_context(
            profile, executable_path=browser_path(), args=browser_arguments(job, as_root=os.geteuid() == 0),
            ignore_default_args=["--mute-audio", "--headless"],
        )  # fmt: skip
        self.stack.push_async_callback(self.browser.close)

    def close(self):
        self.call(self.stack.aclose())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    def address(self, name, query="", host="127.0.0.1"):
        service = f"ws://127.0.0.1:{self.port}/live?{query}"
        return f"http://{host}:{self.port}/{name}?{query}&service={quote(service, safe='')}"

    def see(self, name, query="", *, host="127.0.0.1", until=None, within_s=5.0, start=True, script=None):
        """Return what was seen of a page, once `until(records)` holds or the time is over."""
        return self.call(self._see(self.address(name, query, host), until, within_s, start, script))

    async def _see(self, url, until, within_s, start, script):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "records.jsonl"
            records = Records(path)
            watched = WatchedPage({"url": url, "start": None if start else []}, records, self.browser, None)
            page, session = await watched.open()
            try:
                if start:
                    await watched.start(page)
                answer = await page.evaluate(script) if script else None
                end_s = self.loop.time() + within_s
                while self.loop.time() < end_s:
                    seen = [json.loads(line) for line in path.read_text().splitlines()]
                    if until is not None and until(seen):
                        break
                    await asyncio.sleep(0.05)
            finally:
                await session.detach()
                await page.close()
                records.close()
        if script:
            return answer
        events = [Event(t_s=fact.at_s, name=fact.name, source="client", data=fact.data) for fact in page_events(seen)]
        events += [
            Event(
                t_s=item["at_s"], name=EventName.CHUNK_RECEIVED, source="service", data={"mime_type": item["mime_type"]}
            )
            for item in seen
            if item["k"] == "frame" and item["direction"] == "received" and item["audio_bytes"]
        ]
        timeline = Timeline(tuple(events))
        return Seen(seen, page_facts(timeline), timeline)


def replied(seen):
    """Whether the whole reply came and was handled."""
    chunks = [item for item in seen if item["k"] == "frame" and item["direction"] == "received" and item["audio_bytes"]]
    return len(chunks) >= CHUNKS


__all__ = ["PAGES", "PageBench", "Seen", "can_install", "free_port", "replied"]
