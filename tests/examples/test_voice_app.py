"""The example voice app for real: daphne, the emulator, Chromium with a virtual microphone and loudspeaker.

One conversation is spoken, and `make test-all` speaks one with a fault. Of the other faults, what the page or the log
shows of them is checked: contexts and their rates, the graph, script errors, the setup message.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import soundfile
from page_bench import free_port
from playwright.sync_api import sync_playwright

import diag
from diag.emulator.embedded import EmbeddedEmulator
from diag.files.prompts import find_prompt
from diag.files.run_folders import read_wav
from diag.record.audio.ports import PortPlan
from diag.record.audio.rigs import open_farm, open_session
from diag.record.audio.tape import Mouth, Tape
from diag.record.client.resampler import resample

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "examples" / "voice_app"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PROMPT, REPLY = "yes", ROOT / "scenarios/replies/so_be_it.wav"
REPLY_S = 3.3
ATTEMPTS = 3
QUICK = {"as_of": "2025-09-19", "think_s": 0.05, "pace": 4.0, "silence_ms": 400}
OBSERVE_PLAYER = """
const Node = AudioWorkletNode;
window.AudioWorkletNode = class extends Node {
  constructor(context, name, options) {
    super(context, name, options);
    if (name === "player-processor") window.playerOptions = options.processorOptions;
  }
};
"""

pytestmark = pytest.mark.audio


def can_install():
    sudo = shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    return shutil.which("apt-get") and (os.geteuid() == 0 or (sudo and sudo.returncode == 0))


class Page:
    """One page of the app in the browser, and what was seen of it."""

    def __init__(self, tab, address):
        self.tab = tab
        self.contexts, self.nodes, self.edges, self.errors = {}, {}, [], []
        tab.on("pageerror", lambda error: self.errors.append(str(error)))
        tab.add_init_script(OBSERVE_PLAYER)
        facts = tab.context.new_cdp_session(tab)
        facts.send("WebAudio.enable")
        facts.on("WebAudio.contextCreated", self.context)
        facts.on("WebAudio.audioNodeCreated", lambda event: self.nodes.update(
            {event["node"]["nodeId"]: event["node"]["nodeType"]}))  # fmt: skip
        facts.on(
            "WebAudio.nodesConnected", lambda event: self.edges.append((event["sourceId"], event["destinationId"]))
        )
        tab.goto(address)

    def context(self, event):
        context = event["context"]
        self.contexts[context["contextId"]] = int(context["sampleRate"])

    @property
    def rates_hz(self):
        return sorted(self.contexts.values())

    @property
    def graph(self):
        return {(self.nodes.get(first), self.nodes.get(second)) for first, second in self.edges}

    @property
    def status(self):
        return self.tab.inner_text("#status")

    def start(self):
        self.tab.click("#start")
        self.tab.wait_for_function("!/Connecting|Ready/.test(document.getElementById('status').textContent)")


class App:
    """The running app: opens pages of it, and knows its log."""

    def __init__(self, browser, rig, address, logs):
        self.browser, self.rig, self.address, self.logs = browser, rig, address, logs

    def page(self, path):
        tab = self.browser.new_page()
        tab.set_default_timeout(8000)
        return Page(tab, f"{self.address}/gemini/{path}")

    @property
    def log(self):
        return "".join(path.read_text() for path in self.logs.glob("conversation_*.log"))

    def conversation(self, path, tmp_path, *, reply_s=REPLY_S):
        """Speak the prompt to a page, and return the recording of the ear: prompt on channel 1, reply on channel 2."""
        clip = read_wav(find_prompt(PROMPT).path)
        spoken = resample(clip.samples, clip.sample_rate_hz, 48000)
        mouth, ear = Mouth(48000), Tape(48000, channels=2)
        plan = PortPlan(mouth=mouth.pull, microphone=None, speaker=None, ear=ear.write, microphone_rate_hz=16000,
                        speaker_rate_hz=24000)  # fmt: skip
        page = self.page(path)
        session = open_session(self.rig, plan)
        try:
            page.start()
            mouth.say(spoken)
            page.tab.wait_for_timeout(1000 * (len(spoken) / 48000 + reply_s + 1.3))
        finally:
            session.close()
            page.tab.close()
        recording = tmp_path / "ear.wav"
        soundfile.write(recording, ear.samples(), 48000)
        return recording


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    if CHROMIUM is None:
        missing = "Chromium is not installed: `tools/system_packages.sh browser` or `make browser` installs it"
        if can_install():
            pytest.fail(missing)
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("voice_app")
    with ExitStack() as stack:
        emulator = stack.enter_context(EmbeddedEmulator())
        port = free_port()
        environment = {
            **os.environ,
            "GOOGLE_GEMINI_BASE_URL": emulator.register(QUICK, seed=0),
            "SSL_CERT_FILE": str(emulator.ca_file),
            "GEMINI_LIVE_MODEL": "models/gemini-2.0-flash-exp",
            "GEMINI_API_KEY": "a-key-that-no-log-may-show",
            "VOICE_APP_LOGS": str(folder),
        }
        command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "backend.asgi:application"]
        output = stack.enter_context((folder / "daphne.txt").open("w"))
        server = subprocess.Popen(command, cwd=APP, env=environment, stdout=output, stderr=output)
        stack.callback(server.wait)
        stack.callback(server.terminate)
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/gemini/", server, folder / "daphne.txt")
        rig = stack.enter_context(open_farm("virtual")).rigs[0]
        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path=CHROMIUM,
            args=["--headless=new", "--use-fake-ui-for-media-stream", *(["--no-sandbox"] if os.geteuid() == 0 else [])],
            # Its own headless shell and a muted browser would not use the devices.
            ignore_default_args=["--mute-audio", "--headless"],
            headless=False,
            env={
                **os.environ,
                **rig.options["environment"],
                "PULSE_SOURCE": f"{rig.name}_microphone",
                "PULSE_SINK": f"{rig.name}_speaker",
            },
        )
        stack.callback(browser.close)
        yield App(browser, rig, address, folder)


def wait_for(address, server, output):
    end_s = time.perf_counter() + 20
    while time.perf_counter() < end_s and server.poll() is None:
        try:
            urllib.request.urlopen(address).close()
        except urllib.error.URLError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"daphne did not start: {output.read_text()[-500:]}")


def test_the_healthy_page_is_answered_and_the_reply_is_heard_as_it_was_sent(app, tmp_path):
    # A busy machine makes a browser late, which is heard as silence that was inserted. That is no fault of the page.
    for _ in range(ATTEMPTS):
        result = diag.analyze(app.conversation("continuous_voice/", tmp_path), channel=2, reference=REPLY)
        found = [item.code for item in result.findings if item.severity.value != "info"]
        if "PLY003" not in found:
            break
    assert found == []
    assert '{"setup": {"model": "models/gemini-2.0-flash-exp", "generation_config": {"response_modalities"' in app.log
    assert "first batch sent: 1600 bytes of audio/pcm;rate=16000" in app.log
    assert "first audio received" in app.log
    assert "a-key-that-no-log-may-show" not in app.log


@pytest.mark.slow
def test_a_context_of_16_khz_is_heard_as_slow_and_deep(app, tmp_path):
    recording = app.conversation("?fault=playback_16k", tmp_path, reply_s=1.5 * REPLY_S)
    result = diag.analyze(recording, channel=2, reference=REPLY)
    assert result.findings[0].code == "PLY001"
    assert "24000 Hz audio was played as 16000 Hz" in result.findings[0].title


CAPTURE = ("MediaStreamAudioSource", "AudioWorklet")
OUTPUT = ("AudioWorklet", "AudioDestination")
BRIDGE = {("AudioWorklet", "MediaStreamAudioDestination"), ("MediaStreamAudioSource", "AudioDestination"), CAPTURE}
PCM = [16384, -32768, 8192, 0]
READ = [0.5, -1.0, 0.25, 0.0]


@pytest.mark.parametrize(
    ("fault", "rates_hz", "graph", "buffer_and_samples"),
    [
        ("none", [16000, 24000], {CAPTURE, OUTPUT}, (2400, 0, READ)),
        ("playback_16k", [16000, 16000], {CAPTURE, OUTPUT}, (1600, 0, READ)),
        ("linear_chunks", [16000, 48000], {CAPTURE, OUTPUT},
         (4800, 0, [0.5, -0.25, -1.0, -0.375, 0.25, 0.125, 0.0, 0.0])),
        ("no_destination", [16000, 24000], {CAPTURE}, (2400, 0, READ)),
        ("two_contexts", [16000, 16000, 24000], BRIDGE, (2400, 0, READ)),
        ("huge_buffer", [16000, 24000], {CAPTURE, OUTPUT}, (72000, 0, READ)),
        ("tiny_buffer", [16000, 24000], {CAPTURE, OUTPUT}, (2400, 6000, READ)),
        ("float_mixup", [16000, 24000], {CAPTURE, OUTPUT},
         (2400, 0, np.array(PCM, dtype="<i2").view("<f4").astype(float).tolist())),
    ],
)  # fmt: skip
def test_what_is_seen_of_a_page_shows_its_fault(app, fault, rates_hz, graph, buffer_and_samples):
    *buffer, samples = buffer_and_samples
    page = app.page(f"?fault={fault}")
    page.start()
    assert page.status == "Connected"
    page.tab.wait_for_timeout(50)
    assert (page.rates_hz, page.graph, page.errors) == (rates_hz, graph, [])
    options = page.tab.evaluate("window.playerOptions")
    assert (round(options["prebuffer"]), options["capacity"]) == tuple(buffer)
    assert page.tab.evaluate(f"Array.from(floats(new Int16Array({PCM}).buffer))") == samples
    page.tab.close()


@pytest.mark.parametrize(
    ("fault", "words"),
    [("duplicate_declaration", "has already been declared"), ("missing_catch", "Missing catch or finally after try")],
)
def test_a_script_error_stops_the_page(app, fault, words):
    page = app.page(f"?fault={fault}")
    page.tab.click("#start")
    assert page.status == "Ready to start"
    assert words in page.errors[0]
    page.tab.close()


@pytest.mark.parametrize(
    ("path", "message", "status"),
    [
        ("", '{"setup": {"model": "models/gemini-2.0-flash-exp"}}', "Connected"),
        (
            "?fault=old_model",
            '{"setup": {"model": "models/gemini-flash-2.0-live-001", "generation_config"',
            "Ended: 1008",
        ),
    ],
)
def test_a_fault_of_the_setup_is_in_the_log(app, path, message, status):
    before = len(app.log)
    page = app.page(path)
    page.start()
    assert page.status.startswith(status)
    assert message in app.log[before:]
    page.tab.close()
