"""Process that holds the browser of a page take: starts the server, opens the page, and writes down what it sees.

It runs below the keeper (`diag.record.app.keeper`), so the server, the browser and their children end with the take.
What it sees goes to a file, one JSON object per line, as it happens: it is complete however the process ends. What a
person would read in the browser's console goes to standard output.

The page is driven by real clicks, with the browser's own rules for autoplay.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import shlex
import shutil
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from diag.core.json_reading import read_json
from diag.record.app.message_audio import audio_in_message

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, CDPSession, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPEN_WITHIN_S = 20.0
SERVED_WITHIN_S = 20.0
STEP_WITHIN_S = 5.0
POLL_S = 0.05
CLICK_WITHIN_S = 2.0
CAPACITY_EVERY_S = 0.5
REPORT_BINDING = "__diag_report"
LONGEST_TEXT = 2000
MOST_BUTTONS_NAMED = 5
_LIVE_HOSTS = ("generativelanguage.googleapis.com", "firebasevertexai.googleapis.com", "*aiplatform.googleapis.com")
_START_WORDS = (
    re.compile(
        r"(?<![a-z])(start|talk|speak|connect|call|listen|begin|play|go live)(?![a-z])|시작|말하기|연결|통화", re.I
    ),
    re.compile(r"(?<![a-z])(mic|microphone|record)(?![a-z])|마이크|녹음", re.I),
)
"""Labels of the button that starts a conversation, the surer words first: a microphone button may only mute. An icon's
name is a label too, such as "play_arrow"."""
_END_WORDS = re.compile(
    r"(?<![a-z])(stop|end|mute|hang|close|clear|reset|delete|log ?out)(?![a-z])|중지|종료|끄기|닫기|지우기", re.I
)


class PageFailedError(Exception):
    """The page could not be opened or started; the text says why and what to do."""


def browser_path() -> str | None:
    """Return the path of the system's Chromium or Chrome; None if there is none."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def browser_arguments(job: Mapping[str, Any], *, as_root: bool) -> list[str]:
    """Return the arguments of the browser for a page.

    The Live API's hosts are looked up at the recording proxy, whose key is the only one that is trusted in addition.
    """
    rules = [f"MAP {host} {address}" for host, address in job.get("hosts", {}).items()]
    if job.get("proxy_address"):
        rules += [f"MAP {host}:443 {job['proxy_address']}" for host in _LIVE_HOSTS]
    return [
        "--headless=new",
        "--use-fake-ui-for-media-stream",
        # The proxy in the environment is for the server. The browser finds the recording proxy by the rules for hosts.
        "--no-proxy-server",
        *(["--no-sandbox"] if as_root else []),
        *([f"--host-resolver-rules={', '.join(rules)}"] if rules else []),
        *([f"--ignore-certificate-errors-spki-list={job['key_hash']}"] if job.get("key_hash") else []),
        *job.get("browser_arguments", ()),
    ]


class Records:
    """Writes what is seen to a file, one JSON object per line; messages go to a file beside it, one after another."""

    def __init__(self, path: Path) -> None:
        self._file: IO[str] = path.open("a", encoding="utf-8")
        self._messages: IO[bytes] = messages_path(path).open("ab", buffering=0)
        self._kept = 0

    def add(self, kind: str, at_s: float | None = None, **facts: Any) -> None:
        at_s = time.perf_counter() if at_s is None else at_s
        self._file.write(json.dumps({"k": kind, "at_s": at_s, **facts}) + "\n")
        self._file.flush()

    def keep(self, payload: bytes) -> int:
        """Write the payload of a message; return its place in the file."""
        place = self._kept
        self._messages.write(payload)
        self._kept += len(payload)
        return place

    def close(self) -> None:
        """Close the files; what is seen later is lost."""
        self._file.close()
        self._messages.close()


def messages_path(records: Path) -> Path:
    """Return the file of the messages that belongs to a file of records."""
    return records.with_suffix(".messages")


def main(arguments: Sequence[str]) -> int:
    """Open the page that the JSON file `arguments[0]` describes; return 1 if it cannot be opened or started."""
    text = Path(arguments[0]).read_text()
    job = json.loads(text.replace("{port}", str(_free_port())) if "{port}" in text else text)
    records = Records(Path(job["records"]))
    try:
        asyncio.run(_hold(job, records))
    except PageFailedError as error:
        records.add("failed", text=str(error))
        print(f"diag: {error}", flush=True)
        return 1
    return 0


async def _hold(job: Mapping[str, Any], records: Records) -> None:
    try:
        from playwright.async_api import Error, async_playwright
    except ImportError:
        raise PageFailedError("playwright is not installed; install it with `pip install 'diag[page]'`") from None
    executable = browser_path()
    if executable is None:
        raise PageFailedError("there is no Chromium here; install it with `sudo apt-get install chromium`")
    server = await _served(job, records)
    async with async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch_persistent_context(
                job["profile"],
                executable_path=executable,
                headless=True,
                args=browser_arguments(job, as_root=os.geteuid() == 0),
                ignore_default_args=["--mute-audio", "--headless", "--hide-scrollbars"],
                handle_sigint=False,
                handle_sigterm=False,
                handle_sighup=False,
            )
        except Error as error:
            raise PageFailedError(f"the browser did not start ({_first_line(error.message)})") from None
        await WatchedPage(job, records, browser, server).run()


class WatchedPage:
    """The page in its browser, and what is seen of it.

    Parameters
    ----------
    job : mapping
        What is to be opened and done, as `PageDriver` writes it.
    records : Records
        Where what is seen goes.
    browser : BrowserContext
    server : Process or None
        The page's server, if it was started here.
    """

    def __init__(
        self,
        job: Mapping[str, Any],
        records: Records,
        browser: BrowserContext,
        server: asyncio.subprocess.Process | None,
    ) -> None:
        self._job, self._records, self._browser, self._server = job, records, browser, server
        self._crashed = asyncio.Event()
        self._contexts: set[str] = set()
        self._sockets: dict[str, str] = {}
        self._requests: dict[str, str] = {}

    async def run(self) -> None:
        """Open the page, start the conversation, and watch until the process is ended.

        Raises
        ------
        PageFailedError
            If the page cannot be opened or started, or if it crashes.
        """
        from playwright.async_api import Error

        page, session = await self.open()
        try:
            await self.start(page)
            self._records.add("started")
            await self._stay(page, session)
        except Error as error:
            if self._crashed.is_set() or page.is_closed():
                raise PageFailedError("the page crashed") from None
            raise PageFailedError(f"the browser reports: {_first_line(error.message)}") from None

    async def open(self) -> tuple[Page, CDPSession]:
        """Open the page and return it, with the session by which it is watched.

        Raises
        ------
        PageFailedError
            If the page cannot be opened.
        """
        from playwright.async_api import Error

        page = await self._browser.new_page()
        page.on("crash", lambda _: self._crashed.set())
        page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.dismiss()))
        session = await self._browser.new_cdp_session(page)
        await self._observe(session)
        version = await session.send("Browser.getVersion")
        self._records.add("browser", product=version.get("product"))
        url = self._job["url"]
        try:
            answer = await page.goto(url, wait_until="load", timeout=OPEN_WITHIN_S * 1000)
        except Error as error:
            raise PageFailedError(f"the page {url} could not be opened: {_why_not_open(error.message)}") from None
        if answer is not None and answer.status >= 400:
            raise PageFailedError(f"the page {url} answers with HTTP {answer.status}; correct `url` in [app]")
        self._records.add("opened", url=page.url, title=await page.title())
        return page, session

    async def _observe(self, session: CDPSession) -> None:
        on = session.on
        add = self._records.add
        on("WebAudio.contextCreated", lambda event: self._context(event["context"]))
        on("WebAudio.contextChanged", lambda event: self._context(event["context"]))
        on("WebAudio.contextWillBeDestroyed", lambda event: self._contexts.discard(event["contextId"]))
        on(
            "WebAudio.audioNodeCreated",
            lambda event: add(
                "node", id=event["node"]["nodeId"], context=event["node"]["contextId"], type=event["node"]["nodeType"]
            ),
        )
        on(
            "WebAudio.nodesConnected",
            lambda event: add(
                "edge", context=event["contextId"], source=event["sourceId"], target=event["destinationId"]
            ),
        )
        on("Network.webSocketCreated", self._socket)
        on("Network.webSocketFrameSent", lambda event: self._frame("sent", event))
        on("Network.webSocketFrameReceived", lambda event: self._frame("received", event))
        on("Network.webSocketFrameError", self._socket_failed)
        on(
            "Network.requestWillBeSent",
            lambda event: self._requests.update({event["requestId"]: event["request"]["url"]}),
        )
        on("Network.loadingFailed", self._failed)
        on("Network.responseReceived", self._answered)
        on("Runtime.exceptionThrown", lambda event: self._exception(event["exceptionDetails"]))
        on("Runtime.consoleAPICalled", self._console)
        on("Runtime.bindingCalled", self._reported)
        on("Log.entryAdded", lambda event: self._log_entry(event["entry"]))
        on("Audits.issueAdded", lambda event: add("issue", code=event["issue"]["code"]))
        await session.send("Runtime.enable")
        await session.send("Runtime.addBinding", {"name": REPORT_BINDING})
        source = Path(__file__).with_name("page_observer.js").read_text()
        await session.send("Page.enable")
        await session.send("Page.addScriptToEvaluateOnNewDocument", {"source": source})
        for domain in ("WebAudio", "Network", "Log", "Audits"):
            await session.send(f"{domain}.enable")

    def _context(self, context: Mapping[str, Any]) -> None:
        if context["contextType"] == "realtime":
            self._contexts.add(context["contextId"])
        self._records.add(
            "webaudio", id=context["contextId"], type=context["contextType"], state=context["contextState"],
            rate_hz=context["sampleRate"], callback_frames=context["callbackBufferSize"],
        )  # fmt: skip

    def _socket(self, event: Mapping[str, Any]) -> None:
        self._sockets[event["requestId"]] = _address(event["url"])
        self._records.add("socket", id=event["requestId"], url=_address(event["url"]))

    def _socket_failed(self, event: Mapping[str, Any]) -> None:
        url = self._sockets.get(event["requestId"], "")
        self._say("error", f"WebSocket {url}: {event['errorMessage']}")
        self._records.add("request_failed", url=url, error=event["errorMessage"])

    def _frame(self, direction: str, event: Mapping[str, Any]) -> None:
        response = event["response"]
        binary = response["opcode"] == 2
        payload = base64.b64decode(response["payloadData"]) if binary else response["payloadData"].encode()
        audio = audio_in_message(payload, binary=binary)
        self._records.add(
            "frame", at_s=event["timestamp"], socket=event["requestId"], direction=direction,
            binary=binary, bytes=len(payload), audio_bytes=None if audio is None else len(audio[0]),
            mime_type=None if audio is None else audio[1], place=self._records.keep(payload),
        )  # fmt: skip

    def _failed(self, event: Mapping[str, Any]) -> None:
        url = self._requests.get(event["requestId"], "")
        if event.get("canceled") or not url:
            return
        error = event.get("blockedReason") or event.get("errorText")
        self._say("error", f"{_address(url)}: {error}")
        self._records.add("request_failed", url=_address(url), error=error)

    def _answered(self, event: Mapping[str, Any]) -> None:
        response = event["response"]
        if response["status"] >= 400 and not response["url"].endswith("/favicon.ico"):
            self._records.add("request_failed", url=_address(response["url"]), error=f"HTTP {response['status']}")

    def _exception(self, details: Mapping[str, Any]) -> None:
        text = str(details.get("exception", {}).get("description") or details.get("text", ""))
        first = _first_line(text)
        uncaught = details.get("text", "")
        self._say("error", f"{uncaught} {first}")
        self._records.add(
            "error", text=first, rejection="promise" in uncaught.lower(), url=_address(details.get("url", "")),
            line=details.get("lineNumber", -1) + 1, column=details.get("columnNumber", -1) + 1,
        )  # fmt: skip

    def _console(self, event: Mapping[str, Any]) -> None:
        words = (str(item.get("value", item.get("description", item.get("type")))) for item in event["args"])
        text = " ".join(words)[:LONGEST_TEXT]
        self._say(event["type"], text)
        self._records.add("console", level=event["type"], text=text)

    def _log_entry(self, entry: Mapping[str, Any]) -> None:
        if entry.get("url", "").endswith("/favicon.ico"):
            return
        self._say(entry["level"], entry["text"])
        self._records.add("console", level=entry["level"], text=entry["text"][:LONGEST_TEXT], source=entry["source"])

    def _reported(self, event: Mapping[str, Any]) -> None:
        if event["name"] != REPORT_BINDING:
            return
        with contextlib.suppress(ValueError, TypeError, AttributeError, KeyError):
            facts = read_json(event["payload"])
            self._records.add(f"js_{facts.pop('k')}", **facts)

    def _say(self, level: str, text: str) -> None:
        print(f"page: {level}: {_first_line(text)}", flush=True)

    async def start(self, page: Page) -> None:
        """Do what a user does to start the conversation."""
        steps = self._job.get("start")
        if steps is None:
            await self._usual_start(page)
            return
        from playwright.async_api import Error

        for number, step in enumerate(steps, start=1):
            try:
                if step.get("click"):
                    await page.click(step["click"], timeout=STEP_WITHIN_S * 1000)
                elif step.get("fill"):
                    await page.fill(step["fill"], step.get("text", ""), timeout=STEP_WITHIN_S * 1000)
                else:
                    await asyncio.sleep(float(step.get("wait_s", 0.0)))
            except Error:
                if self._crashed.is_set():
                    raise
                wanted = step.get("click") or step.get("fill")
                raise PageFailedError(
                    f"step {number} of `start` in [app]: nothing that can be used matches `{wanted}`"
                ) from None
            self._records.add("step", text=json.dumps(step))

    async def _usual_start(self, page: Page) -> None:
        """Click the button that starts the conversation, by its role and its label; none if there is no such button."""
        from playwright.async_api import Error

        refused: list[str] = []
        until_s = time.perf_counter() + 3.0
        while time.perf_counter() < until_s and not refused:
            for words in _START_WORDS:
                button = page.get_by_role("button", name=words)
                for index in range(await button.count()):
                    found = button.nth(index)
                    if not (await found.is_visible() and await found.is_enabled()):
                        continue
                    label = ((await found.get_attribute("aria-label")) or (await found.inner_text())).strip()
                    try:
                        await found.click(timeout=CLICK_WITHIN_S * 1000)
                    except Error:
                        if self._crashed.is_set():
                            raise
                        refused.append(f"“{label}”")
                        continue
                    self._records.add("step", text=f"clicked the button “{label}”")
                    return
            await asyncio.sleep(POLL_S)
        if refused:
            raise PageFailedError(
                f"no button that starts the conversation can be clicked: {' and '.join(refused)} stayed covered or "
                "moved; say what to click with `start` in [app]"
            )
        await self._only_button(page)

    async def _only_button(self, page: Page) -> None:
        """Click the only button of a page whatever its label says, unless that ends something."""
        from playwright.async_api import Error

        buttons = [item for item in await page.get_by_role("button").all() if await item.is_visible()]
        labels = [((await item.get_attribute("aria-label")) or (await item.inner_text())).strip() for item in buttons]
        text = "found no button to start with; the page was left to start by itself"
        if len(buttons) == 1 and not _END_WORDS.search(labels[0]):
            with contextlib.suppress(Error):
                await buttons[0].click(timeout=CLICK_WITHIN_S * 1000)
                text = f"clicked the only button, “{labels[0]}”"
        elif labels:
            named = ", ".join(f"“{label}”" for label in labels[:MOST_BUTTONS_NAMED])
            text = f"found no button to start with among {named}; the page was left to start by itself"
        self._records.add("step", text=text)

    async def _stay(self, page: Page, session: CDPSession) -> None:
        """Watch until the process is ended."""
        ready = self._job.get("ready_text")
        wanted = Path(self._job["screenshot"])
        request = wanted.with_suffix(".request")
        next_s = 0.0
        while True:
            if self._crashed.is_set() or page.is_closed():
                raise PageFailedError("the page crashed")
            if self._server is not None and self._server.returncode is not None:
                raise PageFailedError(_server_ended(self._server.returncode, self._job["serve"]))
            if ready is not None and await page.get_by_text(ready).first.is_visible():
                self._records.add("ready", text=ready)
                ready = None
            if request.exists():
                request.unlink(missing_ok=True)
                shot = await session.send("Page.captureScreenshot", {"format": "jpeg", "quality": 70})
                wanted.write_bytes(base64.b64decode(shot["data"]))
            if time.perf_counter() >= next_s:
                next_s = time.perf_counter() + CAPACITY_EVERY_S
                await self._loads(session)
            await asyncio.sleep(POLL_S)

    async def _loads(self, session: CDPSession) -> None:
        from playwright.async_api import Error

        for context in tuple(self._contexts):
            # A context may be closed at any moment.
            with contextlib.suppress(Error):
                data = (await session.send("WebAudio.getRealtimeData", {"contextId": context}))["realtimeData"]
                self._records.add("load", id=context, capacity=data["renderCapacity"])


async def _served(job: Mapping[str, Any], records: Records) -> asyncio.subprocess.Process | None:
    """Start the server of the page, and wait until its port answers."""
    if not job.get("serve"):
        return None
    words = shlex.split(job["serve"])
    if await _answers(job):
        parts = urlsplit(job["url"])
        raise PageFailedError(
            f"another server listens at {parts.hostname}:{_port(job)} already, so `serve` in [app] cannot be started; "
            "stop it, or leave `serve` out"
        )
    try:
        process = await asyncio.create_subprocess_exec(
            *words, cwd=job["directory"], stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
    except OSError as error:
        raise PageFailedError(f"the command of `serve` in [app] cannot be run: {words[0]}: {error.strerror}") from None
    reading = asyncio.ensure_future(_passed_on(process))
    process_tasks.add(reading)
    until_s = time.perf_counter() + SERVED_WITHIN_S
    while time.perf_counter() < until_s:
        if process.returncode is not None:
            await reading
            raise PageFailedError(_server_ended(process.returncode, job["serve"]))
        if await _answers(job):
            records.add("served")
            return process
        await asyncio.sleep(POLL_S)
    raise PageFailedError(
        f"the server of `serve` in [app] does not answer at {urlsplit(job['url']).hostname}:{_port(job)}"
    )


def _port(job: Mapping[str, Any]) -> int:
    parts = urlsplit(job["url"])
    return parts.port or (443 if parts.scheme == "https" else 80)


async def _answers(job: Mapping[str, Any]) -> bool:
    """Return whether something listens at the address of the page."""
    host = urlsplit(job["url"]).hostname
    try:
        _, writer = await asyncio.open_connection(job.get("hosts", {}).get(host, host), _port(job))
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


process_tasks: set[asyncio.Future[None]] = set()
"""Keeps the tasks that read output alive."""


async def _passed_on(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        print(f"serve: {line.decode('utf-8', 'replace').rstrip()}", flush=True)
    await process.wait()


def _server_ended(code: int, command: str) -> str:
    return f"the command of `serve` in [app] ended with exit code {code} (`{command}`)"


def _address(url: str) -> str:
    """Return a URL without its query, which may hold a key."""
    return url.partition("?")[0][:300]


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:LONGEST_TEXT]


def _why_not_open(message: str) -> str:
    code = re.search(r"net::(ERR_\w+)", message)
    if code is None:
        return f"it did not load within {OPEN_WITHIN_S:.0f} s" if "Timeout" in message else _first_line(message)
    words = {
        "ERR_CONNECTION_REFUSED": "nothing listens there; start its server, or name the command in `serve` of [app]",
        "ERR_NAME_NOT_RESOLVED": "the name of the host is not known",
    }
    if code[1].startswith("ERR_CERT"):
        return f"its certificate is not trusted ({code[1]}); install the certificate, or use http://localhost"
    return f"{words.get(code[1], 'the browser gives up')} ({code[1]})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
