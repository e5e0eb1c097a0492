"""Takes with a web page as the client, in Chromium on virtual devices: healthy, with a fault, and gone."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from page_bench import PAGES, can_install, free_port

from diag.api.options import Options
from diag.api.run import run
from diag.core.chain import Tap
from diag.core.errors import BadInputError, CannotMeasureError, ExitCode
from diag.core.observed_client import observed_client
from diag.core.results import Severity
from diag.emulator.embedded import EmbeddedEmulator
from diag.files.run_folders import read_take
from diag.files.scenarios import scenario_from_mapping
from diag.record.app.page_host import browser_path

pytestmark = pytest.mark.audio
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "pages"


@pytest.fixture(scope="module", autouse=True)
def _browser():
    if browser_path() is None and not can_install():
        pytest.skip("no Chromium here, and installing it needs root or sudo without a password")


def take_of(folder, fault, **app):
    """Record one take with the tests' page; return report, take and its folder."""
    served = app.pop("served", True)
    port = "{port}" if served else free_port()
    serve = [sys.executable, "-m", "http.server", "{port}", "--bind", "127.0.0.1", "--directory", str(PAGES)]
    lines = [
        'prompts = ["yes"]',
        "[app]",
        f'url = "http://127.0.0.1:{port}/live.html?fault={fault}"',
        *([f'serve = "{shlex.join(serve)}"'] if served else []),
        'ready = { text = "Connected" }',
    ]
    (folder / "page.toml").write_text("\n".join(lines))
    report = run(str(folder / "page.toml"), Options(takes=1, embed="none", out=folder))
    path = sorted((folder / "runs").glob("*/takes/*"))[-1]
    return report, read_take(path), path


def roots_of(report):
    found = [item.finding for item in report.runs[0].findings if item.finding.consequence_of is None]
    return [item.code for item in found if item.severity.rank > 0 and not item.code.startswith("ENV")]


def test_a_healthy_page_is_shown_to_be_healthy(tmp_path):
    report, take, folder = take_of(tmp_path, "healthy-buffers")
    assert set(take.clips) == {Tap.PROMPT, Tap.SENT, Tap.RECEIVED, Tap.HEARD}
    assert report.runs[0].counted
    assert roots_of(report) == []
    page = observed_client(take.timeline, take.config).page
    assert (page.capture_rate_hz, page.playback_rate_hz) == (16000, 24000)
    assert (folder / "page.jpg").read_bytes()[:2] == b"\xff\xd8"
    text = (folder / "timeline.jsonl").read_text() + (folder / "app_output.txt").read_text()
    assert "page-key-000" not in text
    html = next(tmp_path.glob("*.html")).read_text()
    assert "Audio contexts of the page" in html
    assert "AudioBufferSource → AudioDestination" in html


def test_buffers_of_another_rate_are_the_one_root_of_what_is_heard(tmp_path):
    report, *_ = take_of(tmp_path, "buffer-rate")
    assert roots_of(report) == ["WEB003"]
    finding = next(item.finding for item in report.runs[0].findings if item.finding.code == "WEB003")
    assert "new AudioContext({ sampleRate: 24000 })" in finding.fix
    led_to = {item.finding.code for item in report.runs[0].findings if item.finding.consequence_of == "WEB003"}
    assert "PLY005" in led_to


def test_a_page_whose_server_is_gone_is_named_in_one_sentence(tmp_path):
    report, *_ = take_of(tmp_path, "none", served=False)
    assert roots_of(report) == ["APP002"]
    title = report.runs[0].findings[0].finding.title
    assert title.startswith("The page http://127.0.0.1:")
    assert "nothing listens there" in title


def test_messages_of_a_page_are_the_taps_if_its_server_runs_elsewhere(tmp_path):
    port = free_port()
    with EmbeddedEmulator() as emulator:
        environment = {
            **os.environ,
            "GEMINI_API_KEY": "any",
            "GOOGLE_GEMINI_BASE_URL": emulator.register({}),
            "SSL_CERT_FILE": str(emulator.ca_file),
        }
        command = [sys.executable, str(EXAMPLE / "server.py"), str(port)]
        with subprocess.Popen(command, env=environment) as server:
            try:
                (tmp_path / "page.toml").write_text(
                    f'prompts = ["yes"]\n[app]\nurl = "http://127.0.0.1:{port}/ring_buffer.html"\n'
                )
                report = run(str(tmp_path / "page.toml"), Options(takes=1, embed="none", out=tmp_path))
            finally:
                server.terminate()
    take = read_take(sorted((tmp_path / "runs").glob("*/takes/*"))[-1])
    assert set(take.clips) == {Tap.PROMPT, Tap.SENT, Tap.RECEIVED, Tap.HEARD}
    assert take.clips[Tap.SENT].sample_rate_hz == 16000
    codes = {item.finding.code: item.finding.severity for item in report.runs[0].findings}
    assert codes["APP003"] is Severity.INFO
    # The page speaks the messages of the Live API, so nothing is left open.
    assert report.runs[0].not_shown == ()


@pytest.mark.parametrize(
    ("app", "words"),
    [
        ({}, "one of them"),
        ({"url": "http://x/", "command": "x"}, "one of them"),
        ({"url": "ftp://x/"}, "begins with http"),
        ({"command": "x", "serve": "y"}, "are for a page"),
        ({"url": "http://x/", "ready": {"output": "y"}}, "is for a program"),
        ({"url": "http://x:{port}/", "serve": "y"}, "or in neither"),
        ({"url": "http://x/", "start": [{"click": "a", "wait_s": 1}]}, "one of `click`, `fill` and `wait_s`"),
    ],
)
def test_a_table_that_is_neither_page_nor_program_is_refused(app, words):
    with pytest.raises(BadInputError, match=words):
        scenario_from_mapping("x", {"app": app}, attempted="Could not read it")


def test_a_browser_driver_that_does_not_start_is_named_before_a_take_is_recorded(tmp_path, monkeypatch):
    driver = tmp_path / "playwright" / "__main__.py"
    driver.parent.mkdir()
    driver.with_name("__init__.py").write_text("")
    driver.write_text("raise SystemExit('node: error while loading shared libraries: libatomic.so.1')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(CannotMeasureError, match=r"does not start: node: .*libatomic\.so\.1") as caught:
        take_of(tmp_path, "healthy-buffers")
    assert caught.value.exit_code == ExitCode.CANNOT_MEASURE
    assert not (tmp_path / "runs").exists()
