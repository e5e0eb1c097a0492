"""Every command that the documents show does what it says, in a folder that holds the files it names.

Takes are shorter than in the documents: one take, without devices unless the line asks for devices. Commands that wait
for Ctrl-C get it. The real service is the emulator, by another address.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, chdir, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
import soundfile
from documents import ROOT, command_lines
from foreign_server import foreign_server
from page_bench import can_install, free_port

from diag.__main__ import call
from diag.core.errors import ExitCode
from diag.emulator.embedded import EmbeddedEmulator
from diag.record.app.page_host import browser_path

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGE = "http://127.0.0.1:8000/voice.html"
RUN = "20261122-140500-healthy-7f3a"
TAKES = ("run", "compare", "bench", "sweep")
UNTIL_STOPPED = ("serve", "proxy", "devices --hold")
FRAME = {"setup": {"model": "models/gemini-3.8-live", "generationConfig": {"responseModalities": ["AUDIO"]}}}
ELSEWHERE = {
    "run .* --cluster": "api/test_cluster.py::test_a_worker_that_is_lost_costs_its_take_which_is_recorded_elsewhere",
    "analyze .* --cluster": "api/test_cluster.py::test_a_bad_file_costs_its_line",
    "--self --scenarios": "api/test_real_takes.py::test_every_scenario_shows_what_it_must_on_the_wire",
    "--self (healthy|faults)": "api/test_real_takes.py::test_faults_planted_on_every_hop_are_the_only_ones_found",
    r"\.parquet": "report/test_exports.py::test_parquet_has_the_same_rows",
    "--mos": "api/test_opinion_scores.py::test_without_the_extra_each_says_how_to_install_it",
    r"\.webm": "files/test_audio_files.py::test_a_container_is_decoded_by_ffmpeg_and_says_so",
}
"""Lines that need a cluster, many minutes, or a program or package that is not installed for tests, and their tests."""
MAY_EXIT = (ExitCode.GOOD, ExitCode.FAILED, ExitCode.TOO_LITTLE_EVIDENCE)
DISTURBED = ExitCode.CANNOT_MEASURE
AT_THE_SAME_TIME = 4
WITH_DIAG = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
MY_APP = """\
title = "Our app, build 214"
prompts = ["yes"]

[session]
model = "models/gemini-3.8-live"
response_modalities = ["AUDIO"]

[playback]
sample_rate_hz = 24000
prebuffer_ms = {prebuffer_ms}
"""
TURNS = '[[turns]]\nsay = "yes"\n\n[[turns]]\nsay = "thanks"\n'


def lines_of_documents():
    """Each line that calls diag, without the comment after it."""
    for path in DOCUMENTS:
        for shown in command_lines(path):
            line = re.sub(r"\s+#\s.*", "", shown)
            if re.match(r"(cat .* \| )?diag ", line):
                yield line


LINES = list(dict.fromkeys(lines_of_documents()))
HERE = [line for line in LINES if not any(re.search(pattern, line) for pattern in ELSEWHERE)]


def waits(line):
    """Whether a line waits for Ctrl-C."""
    return line.startswith(tuple(f"diag {command}" for command in UNTIL_STOPPED))


def records(line):
    """Whether a line records takes, or opens devices."""
    match shlex.split(line)[1:]:
        case ["compare" | "sweep", first, *_]:
            return not first.startswith("reports/") and not first.endswith(".wav")
        case ["voice", *rest]:
            return "--tts" in rest
        case ["doctor", *rest]:
            return "--setup" not in rest
        case [command, *_]:
            return command in ("run", "bench", "soak", "load", "devices")
    raise AssertionError(f"no command in {line}")


def on_devices(line):
    return "--audio system" in line


@pytest.fixture(scope="module")
def emulator():
    with EmbeddedEmulator() as started:
        yield started


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A folder with every file that a line names."""
    folder = tmp_path_factory.mktemp("template")
    speech = ROOT / "scenarios/replies/sunny_in_seoul.wav"
    names = ("heard", "received", "sent", "prompt", "before", "after", "recorded", "spoken", "my_question")
    for name in names:
        shutil.copy(speech, folder / f"{name}.wav")
    for name in ("replies", "good"):
        (folder / name).mkdir()
        for reply in ("hearing_you_well", "say_it_again", "so_be_it", "sunny_in_seoul", "take_the_express"):
            shutil.copy(ROOT / f"scenarios/replies/{reply}.wav", folder / name)
    shutil.copy(ROOT / "scenarios/voices/kore.voice.json", folder)
    shutil.copy(ROOT / "examples/python_websocket/app.py", folder / "my_client.py")
    shutil.copy(ROOT / "examples/python_websocket/app.py", folder / "my_app.py")
    for path in (ROOT / "examples/pages").iterdir():
        shutil.copy(path, folder / ("my_page.toml" if path.name == "ring_buffer.toml" else path.name))
    samples, _ = soundfile.read(speech, dtype="int16")
    (folder / "chunk.pcm").write_bytes(samples.tobytes())
    (folder / "frame.json").write_text(json.dumps(FRAME))
    for name, prebuffer_ms in (("my_app", 60), ("old", 60), ("new", 80)):
        (folder / f"{name}.toml").write_text(MY_APP.format(prebuffer_ms=prebuffer_ms))
    for name in ("turns", "my_turns"):
        (folder / f"{name}.toml").write_text(TURNS)
    subprocess.run(
        "git init -q && git add *.toml && git -c user.name=t -c user.email=t@example.com commit -qm 1 && git tag v1.2",
        shell=True, check=True, cwd=folder,
    )  # fmt: skip
    with chdir(folder):
        assert call(["run", "my_app.toml", "--audio", "wire", "--takes", "2"]) == 0
        (recorded,) = Path("reports/runs").iterdir()
        run = recorded.rename(recorded.parent / RUN)
        assert call(["report", str(run)]) == 0
        shutil.copy(f"reports/{RUN}.html", "release.html")
        for name in ("monday", "friday"):
            shutil.copytree(run, run.parent / name)
    return folder


@pytest.fixture
def desk(template, tmp_path, monkeypatch):
    """A copy of the folder as working directory."""
    monkeypatch.chdir(shutil.copytree(template, tmp_path / "desk"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PATH", WITH_DIAG)
    monkeypatch.setenv("GEMINI_API_KEY", "any")
    return tmp_path / "desk"


@pytest.fixture(scope="module")
def recorded(request, template, emulator, tmp_path_factory):
    """What became of each line that records, as futures; they mostly wait, so several are called at the same time."""
    mine = [
        item for item in request.session.items
        if getattr(item, "function", None) is test_a_command_that_records_does_what_its_page_shows
    ]  # fmt: skip
    lines = {item.callspec.params["line"] for item in mine}
    with ThreadPoolExecutor(AT_THE_SAME_TIME) as pool:
        yield {
            line: pool.submit(
                recorded_line, line, shutil.copytree(template, tmp_path_factory.mktemp("recorded") / "desk"), emulator
            )
            for line in LINES
            if line in lines
        }
        pool.shutdown(cancel_futures=True)


def recorded_line(line, folder, emulator):
    """Call a line as a user does; once more where the machine disturbed all takes."""
    environment = {
        **os.environ,
        "GEMINI_API_KEY": "any",
        "GOOGLE_GEMINI_BASE_URL": emulator.register({}),
        "SSL_CERT_FILE": str(emulator.ca_file),
        "XDG_STATE_HOME": str(folder.parent / "state"),
        "PATH": WITH_DIAG,
        "PYTHONPATH": str(ROOT),
    }
    line = line.replace('"USB Line In"', '"Monitor of Desk_0"').replace("USB", "Desk_0")
    line = line.replace("--endpoint gemini", f"--endpoint {environment['GOOGLE_GEMINI_BASE_URL']}")
    with ExitStack() as stack:
        if on_devices(line):
            server, _ = stack.enter_context(foreign_server((0, 0, 0, 0)))
            environment.update({name: value for name, value in server.items() if name.startswith(("PULSE_", "XDG_"))})
        if PAGE in line:
            line = line.replace(PAGE, stack.enter_context(page_server(environment)))
        for _ in range(2):
            done = subprocess.run(
                ["bash", "-c", for_shell(shortened(line))], cwd=folder, env=environment,
                capture_output=True, text=True, timeout=180, check=False,
            )  # fmt: skip
            if done.returncode != DISTURBED:
                break
    return done.returncode, done.stdout + done.stderr, folder


def shortened(line):
    """Return the words of a line with one take, without devices unless the line or its app needs them."""
    line = re.sub(r"--takes \d+", "--takes 1", line)
    line = re.sub(r"--minutes \d+", "--minutes 0.2", line)
    line = re.sub(r"--sessions [\d,]+", "--sessions 1,2", line)
    words = shlex.split(line)
    command, first = words[words.index("diag") + 1 :][:2] if len(words) > 2 else (words[1], "")
    more = []
    if command in TAKES and "--resume" not in words and not first.endswith(".wav"):
        more += [] if {"--takes", "--quick"} & set(words) else ["--takes", "1"]
        more += ["--prompt", "yes"] if first == "healthy" and "--prompt" not in words else []
        more += [] if {"--audio", "--app", "my_page.toml"} & set(words) else ["--audio", "wire"]
    if command == "soak" and "--audio" not in words:
        more += ["--audio", "wire"]
    if command == "bench":
        more.append("--no-self-check")
    place = words.index(">") if ">" in words else len(words)
    return [*words[:place], *more, *words[place:]]


def for_shell(words):
    return " ".join(word if word in "|>" or "*" in word else shlex.quote(word) for word in words)


@contextmanager
def page_server(environment):
    """Serve the example pages; yield the address of one of them."""
    port = free_port()
    command = [sys.executable, str(ROOT / "examples/pages/server.py"), str(port)]
    with subprocess.Popen(command, env=environment) as server:
        try:
            yield f"http://127.0.0.1:{port}/ring_buffer.html"
        finally:
            server.terminate()


def check(line, folder, code, said):
    """Assert that a line ended as it should, said something, and wrote the files that it names."""
    words = shlex.split(line)
    assert code in MAY_EXIT, said
    assert said.strip() or ">" in words
    assert "Traceback" not in said
    written = [value for flag, value in pairwise(words) if flag in ("--html", "--table", "-o", ">")]
    assert not [name for name in written if not (folder / name).is_file()]


@pytest.mark.audio
@pytest.mark.parametrize("line", [line for line in HERE if records(line) and not waits(line)])
def test_a_command_that_records_does_what_its_page_shows(recorded, line):
    if (PAGE in line or "my_page.toml" in line) and browser_path() is None and not can_install():
        pytest.skip("no Chromium here, and installing it needs root or sudo without a password")
    code, said, folder = recorded[line].result()
    check(line, folder, code, said)


@pytest.mark.parametrize("line", [line for line in HERE if not records(line) and not waits(line)])
def test_a_command_that_judges_or_explains_does_what_its_page_shows(desk, capsys, line):
    if "|" in line or "*" in line:
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)
        code, said = done.returncode, done.stdout + done.stderr
    else:
        code = call(shlex.split(line)[1:])
        said = "".join(capsys.readouterr())
    check(line, desk, code, said)


@pytest.mark.parametrize("line", [line for line in HERE if waits(line)])
def test_a_command_that_waits_for_control_c_says_how_to_use_it(desk, line):
    line = re.sub(r"--port \d+", f"--port {free_port()}", line)
    with subprocess.Popen(
        shlex.split(line), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as waiting:
        try:
            assert waiting.stdout.readline().strip()
            waiting.send_signal(signal.SIGINT)
            out, err = waiting.communicate(timeout=30)
        finally:
            waiting.kill()
    assert waiting.returncode in {*MAY_EXIT, ExitCode.CANNOT_MEASURE, ExitCode.STOPPED}, out + err
    assert "Traceback" not in out + err


@pytest.mark.parametrize("pattern", ELSEWHERE)
def test_a_line_that_is_left_out_is_shown_and_has_tests_elsewhere(pattern):
    assert any(re.search(pattern, line) for line in LINES)
    file, _, name = ELSEWHERE[pattern].partition("::")
    assert f"def {name}(" in (ROOT / "tests" / file).read_text(encoding="utf-8")


def test_most_lines_are_run_here():
    assert len(HERE) > 100
