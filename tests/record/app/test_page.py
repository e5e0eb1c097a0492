"""A page as the client: how it is opened, what goes wrong, and the end of everything that was started for it."""

from __future__ import annotations

import asyncio
import http.server
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
import trustme
from page_bench import PAGES, can_install, free_port
from test_command import marked, setting, until

from diag.core.processes import import_environment
from diag.core.timeline import EventName
from diag.record.app.page import PageDriver, PageJob, page_events
from diag.record.app.page_host import browser_arguments, browser_path

FAKE = ("--use-fake-device-for-media-stream",)


@pytest.fixture(scope="module", autouse=True)
def _browser():
    if browser_path() is None and not can_install():
        pytest.skip("no Chromium here, and installing it needs root or sudo without a password")


@pytest.fixture
def site(tmp_path):
    """Address of a server of the tests' pages, and the command that starts it."""
    port = free_port()
    command = f"{sys.executable} -m http.server {port} --bind 127.0.0.1 --directory {PAGES}"
    return f"http://127.0.0.1:{port}", command


def driver(tmp_path, url, **job):
    page = PageJob(url=url, directory=tmp_path, browser_arguments=FAKE, **job)
    return PageDriver(page, tmp_path / "page.jpg")


def failed(tmp_path, url, **job):
    """The one sentence of a page that cannot be opened or started."""

    async def watch():
        app = driver(tmp_path, url, **job)
        await app.start(setting(tmp_path))
        try:
            await until(lambda: app.ended() is not None, 40)
        finally:
            await app.stop()
        return app.ended()

    end = asyncio.run(watch())
    assert end.code == 1
    return end.detail


def test_a_page_is_started_with_its_server_and_gets_its_picture(tmp_path, site):
    url, serve = site

    async def watch():
        app = driver(tmp_path, f"{url}/live.html?fault=script-error", serve=serve, ready_text="Idle")
        await app.start(setting(tmp_path))
        await until(app.ready, 30)
        app.sounded()
        await until((tmp_path / "page.jpg").exists)
        await asyncio.sleep(0.2)
        await app.stop()
        await app.stop()
        return app

    app = asyncio.run(watch())
    assert list(Path(tempfile.gettempdir()).glob(f"diag-page-{os.getpid()}-*")) == []
    facts = {fact.name: fact.data for fact in app.facts()}
    assert facts[EventName.PAGE_STEP]["text"] == "clicked the button “Start talking”"
    assert "undefinedFunction" in facts[EventName.PAGE_ERROR]["text"]
    assert facts[EventName.PAGE_BROWSER]["product"].startswith("Chrome/")
    assert (tmp_path / "page.jpg").read_bytes()[:2] == b"\xff\xd8"
    output = (tmp_path / "output.txt").read_text()
    assert "serve: " in output
    assert "page: error: Uncaught (in promise) ReferenceError: undefinedFunction" in output


def test_a_server_that_cannot_be_started_is_named(tmp_path):
    url = f"http://127.0.0.1:{free_port()}/"
    assert "no-such-server: No such file" in failed(tmp_path, url, serve="no-such-server --port 1")
    ended = failed(tmp_path, url, serve=f"{sys.executable} -c 'raise SystemExit(3)'")
    assert "ended with exit code 3" in ended


def test_a_port_that_is_taken_is_named(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        url = f"http://127.0.0.1:{other.getsockname()[1]}/"
        assert "another server listens" in failed(tmp_path, url, serve=f"{sys.executable} -m http.server 1")


def test_a_wrong_address_is_named(tmp_path, site):
    url, serve = site
    assert "nothing listens there" in failed(tmp_path, f"http://127.0.0.1:{free_port()}/")
    assert "HTTP 404" in failed(tmp_path, f"{url}/no-such-page.html", serve=serve)


def test_a_start_step_that_fits_nothing_is_named(tmp_path, site):
    url, serve = site
    start = ({"click": "#start"}, {"click": "#no-such-button"})
    text = failed(tmp_path, f"{url}/live.html?fault=script-error", serve=serve, start=start)
    assert text == "step 2 of `start` in [app]: nothing that can be used matches `#no-such-button`"


def test_the_only_button_of_a_page_is_clicked_in_any_language(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<button onclick='this.textContent=`Los`'>Auf geht's</button>", encoding="utf-8")

    async def watch():
        app = driver(tmp_path, page.as_uri(), ready_text="Los")
        await app.start(setting(tmp_path))
        await until(app.ready, 30)
        await app.stop()
        return app.facts()

    steps = [fact.data["text"] for fact in asyncio.run(watch()) if fact.name == EventName.PAGE_STEP]
    assert steps == ["clicked the only button, “Auf geht's”"]


def test_a_certificate_that_is_not_trusted_is_named(tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    server.handle_error = lambda *_: None
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        text = failed(tmp_path, f"https://127.0.0.1:{server.server_port}/")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert "its certificate is not trusted" in text


def family(mark):
    """Ids of the running processes that have a mark in their environment, and of all that descend from them.

    Chromium's child processes write their titles over their environment.
    """
    children = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            state, parent, *_ = (place / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if state != "Z":
            children.setdefault(int(parent), []).append(int(place.name))
    found, waiting = set(), marked(mark)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children.get(pid, [])
    return found


def renderers(mark):
    found = []
    for pid in family(mark):
        try:
            if b"--type=renderer" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
        except OSError:
            continue
    return found


def running(pids):
    return [
        pid
        for pid in pids
        if Path(f"/proc/{pid}/stat").exists() and ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    ]


def test_a_page_that_crashes_is_named_and_nothing_is_left(tmp_path, site, monkeypatch):
    url, serve = site
    mark = f"DIAG_TEST_MARK=crash-{os.getpid()}-{time.time_ns()}"
    monkeypatch.setenv(*mark.split("="))

    async def watch():
        app = driver(tmp_path, f"{url}/live.html", serve=serve, ready_text="Connecting", start=())
        await app.start(setting(tmp_path))
        await until(lambda: "GET /live.html" in "".join(app.last_lines()), 30)
        await asyncio.sleep(1.0)
        everything = family(mark) - {os.getpid()}
        for pid in renderers(mark):
            os.kill(pid, signal.SIGSEGV)
        await until(lambda: app.ended() is not None, 20)
        await app.stop()
        return app.ended().detail, running(everything)

    assert asyncio.run(watch()) == ("the page crashed", [])


def test_nothing_is_left_of_a_hanging_page_when_diag_is_killed(tmp_path, site):
    url, serve = site
    mark = f"DIAG_TEST_MARK=page-{os.getpid()}-{time.time_ns()}"
    code = (
        "import asyncio, sys; sys.path.insert(0, sys.argv[1]); import test_page as t; from pathlib import Path\n"
        "async def main():\n"
        "    app = t.driver(Path(sys.argv[2]), sys.argv[3], serve=sys.argv[4])\n"
        "    await app.start(t.setting(Path(sys.argv[2])))\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    environment = {**os.environ, **import_environment(), "DIAG_TEST_MARK": mark.split("=")[1]}
    diag = subprocess.Popen(
        [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path), f"{url}/hang.html", serve],
        env=environment,
    )
    try:
        end_s = time.monotonic() + 30
        while not renderers(mark) and time.monotonic() < end_s:
            time.sleep(0.05)
        time.sleep(1.5)
        everything = family(mark)
        assert renderers(mark)
    finally:
        diag.send_signal(signal.SIGKILL)
        diag.wait()
    left = Path(tempfile.gettempdir())
    end_s = time.monotonic() + 30
    while (running(everything) or [*left.glob(f"diag-page-{diag.pid}-*")]) and time.monotonic() < end_s:
        time.sleep(0.05)
    assert running(everything) == []
    assert [*left.glob(f"diag-page-{diag.pid}-*")] == []


def stuck_after(*records):
    """Whether a page is given up whose records are these, each a kind with the time since it."""
    app = PageDriver(PageJob(url="http://x/", directory=Path()), Path("page.jpg"))
    now_s = time.perf_counter()
    app._seen = [{"audio_bytes": 3200, "direction": "sent", **facts, "k": kind, "at_s": now_s - ago_s}
                 for kind, ago_s, facts in records]  # fmt: skip
    return app.stuck()


def test_a_page_on_which_a_script_failed_is_given_up_once_nothing_happens_any_more():
    error, started = ("error", 5.0, {}), ("started", 4.0, {})
    denied = ("js_microphone", 4.0, {"error": "NotAllowedError"})
    assert stuck_after(error, started)
    assert stuck_after(started, denied)
    assert not stuck_after(started)
    assert not stuck_after(error)
    assert not stuck_after(error, started, ("socket", 1.0, {}))
    assert not stuck_after(error, started, ("frame", 3.5, {}))
    assert not stuck_after(("error", 2.0, {}), started)


def test_sandbox_is_left_out_for_root_only_and_autoplay_is_the_browsers_own():
    job = {"proxy_address": "127.0.0.1:1", "key_hash": "x="}
    assert "--no-sandbox" in browser_arguments(job, as_root=True)
    arguments = browser_arguments(job, as_root=False)
    assert "--no-sandbox" not in arguments
    assert not any("autoplay" in argument or "mute" in argument for argument in arguments)


def test_records_that_were_never_finished_give_events_all_the_same():
    records = [
        {"k": "webaudio", "at_s": 1.0, "id": "c", "type": "realtime", "state": "suspended", "rate_hz": 48000.0,
         "callback_frames": 512.0},
        {"k": "edge", "at_s": 2.0, "context": "c", "source": "gone", "target": "away"},
        {"k": "node", "at_s": 2.0, "context": "c", "id": "n", "type": "Gain"},
    ]  # fmt: skip
    (fact,) = page_events(records)
    assert fact.name == EventName.PAGE_CONTEXT
    assert fact.data["audible"] == []
    assert not fact.data["ran"]
