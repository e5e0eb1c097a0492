"""The whole chain, nothing replaced: real SDK, real TLS WebSockets, real time; every scenario shows what it must."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from diag.api.compare import compare
from diag.api.options import Options
from diag.api.run import run
from diag.api.self_check import check_scenarios

ROOT = Path(__file__).resolve().parents[2]
SHORT = ("can_you_hear_me",)
"""Takes last as long as what is said in them."""
needs_sound_server = pytest.mark.skipif(
    shutil.which("pulseaudio") is None, reason="pulseaudio is not installed: `make setup` installs it"
)


def assert_as_expected(report):
    rows = report.bench.rows
    assert rows
    wrong = [row for row in rows if not row.passed]
    discarded = {take.id: take.discarded for run in report.runs for take in run.takes if take.discarded}
    assert not wrong, (wrong, discarded)


def test_every_scenario_shows_what_it_must_on_the_wire(tmp_path):
    report = check_scenarios(Options(takes=1, audio="wire", out=tmp_path, prompts=SHORT))
    assert_as_expected(report)
    page = Path(report.report).read_text(encoding="utf-8")
    assert all(row.scenario in page for row in report.bench.rows)


SOME_FAULTS = (
    "cfg010", "cfg013", "mic004", "mic013", "snd003", "snd008", "ply003", "ply011", "ply012", "spk009", "spk011",
    "svc014",
)  # fmt: skip
"""Planted on every hop and in the service; of the sorts that were once called healthy."""


def test_faults_planted_on_every_hop_are_the_only_ones_found(tmp_path):
    options = Options(takes=1, audio="wire", out=tmp_path)
    assert_as_expected(check_scenarios(options, scenarios=[f"faults/{name}" for name in SOME_FAULTS]))


@pytest.mark.slow
def test_the_fault_of_every_finding_is_the_only_one_found(tmp_path):
    assert_as_expected(check_scenarios(Options(takes=1, audio="wire", out=tmp_path), scenarios=["faults"]))


@pytest.mark.audio
@needs_sound_server
def test_faults_of_devices_are_found_on_virtual_devices(tmp_path):
    scenarios = ("healthy", "playback_16k", "speaker_off", "send_48k_as_16k")
    assert_as_expected(
        check_scenarios(Options(takes=1, audio="virtual", out=tmp_path, prompts=SHORT), scenarios=scenarios)
    )


def test_a_comparison_with_a_prompt_of_the_users_own_says_what_differs_and_why(tmp_path):
    samples, rate_hz = soundfile.read(ROOT / "scenarios/prompts/yes.wav", dtype="float32")
    soundfile.write(tmp_path / "mine.flac", np.column_stack((samples, samples)), rate_hz, subtype="PCM_24")
    options = Options(takes=1, audio="wire", out=tmp_path, prompts=(str(tmp_path / "mine.flac"),))
    report = compare("healthy", "missing_audio_modality", options)
    assert "CFG001" in report.verdict.text
    assert "response_modalities" in report.verdict.text
    assert report.to_frame().query("metric == 'answered'").groupby("run").value.unique().to_dict() == {
        "healthy": [1.0],
        "missing_audio_modality": [0.0],
    }
    takes = [take for run in report.runs for take in run.takes]
    assert {take.prompt_names for take in takes} == {("mine",)}
    assert not next(run for run in report.runs if run.name == "healthy").counted[0].findings


def test_kill_in_mid_run_loses_only_the_takes_in_hand_and_resume_completes(tmp_path):
    command = [sys.executable, "-m", "diag", "run", "healthy", "--audio", "wire", "--rigs", "2", "--takes", "3",
               "--prompt", "yes", "--out", str(tmp_path)]  # fmt: skip
    mark = f"killed-{tmp_path.name}-{os.getpid()}"
    environment = {**os.environ, "DIAG_TEST_MARK": mark}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    takes = None
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s and not takes:
        time.sleep(0.1)
        takes = [path for path in tmp_path.glob("runs/*/takes/*") if not path.name.startswith(".")]
    process.kill()
    process.wait()
    _wait_until_nothing_carries(mark)
    assert 1 <= len(takes) < 3
    (folder,) = tmp_path.glob("runs/*")
    report = run("healthy", Options(resume=folder, out=tmp_path))
    assert {"0001", "0002", "0003"} <= {take.id for take in report.runs[0].takes}
    assert report.runs[0].counted  # on a busy machine some takes are discarded, which is no loss by the kill
    assert not [path for path in (folder / "takes").iterdir() if path.name.startswith(".")]


def _wait_until_nothing_carries(mark):
    """Whatever the killed process had started inherited its environment."""
    deadline_s = time.monotonic() + 30
    while left := [path for path in Path("/proc").glob("[0-9]*/environ") if _carries(path, mark)]:
        assert time.monotonic() < deadline_s, f"still running: {left}"
        time.sleep(0.2)


def _carries(environ, mark):
    try:
        return mark.encode() in environ.read_bytes()
    except OSError:
        return False
