"""Devices with clocks of their own: their drift is measured and compensated, and is a finding beyond its limit."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from foreign_server import PORTS, sound_server
from own_clocks import air, modules_of_pipes

ROOT = Path(__file__).resolve().parents[3]
CLOCKS_PPM = {"mouth": 40.0, "microphone": -400.0, "speaker": 120.0, "ear": -90.0}
pytestmark = [
    pytest.mark.audio,
    pytest.mark.skipif(
        shutil.which("pulseaudio") is None, reason="pulseaudio is not installed: `make setup` installs it"
    ),
]


def test_four_clocks_are_measured_and_only_the_one_beyond_the_limit_is_found(tmp_path):
    outputs, inputs = (
        {port: CLOCKS_PPM[port] for port in ports} for ports in (("mouth", "speaker"), ("microphone", "ear"))
    )
    devices = [word for port in PORTS for word in ("--device", f"{port}={port}")]
    heard = {"microphone": ["mouth"], "ear": ["mouth", "speaker"]}
    with (
        sound_server(modules_of_pipes(tmp_path, outputs, inputs)) as (environment, _),
        air(tmp_path, outputs, inputs, heard),
    ):
        command = [sys.executable, "-m", "diag", "run", "healthy", "--audio", "system", "--takes", "1", "--json"]
        done = subprocess.run(
            [*command, "--prompt", "can_you_hear_me", "--out", str(tmp_path), *devices],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode in (0, 4), done.stderr
    (run,) = json.loads(done.stdout)["runs"]
    take = next(take for take in run["takes"] if take["discarded"] is None)
    drift_ppm = {item["hop"]: item["value"] for item in take["measurements"] if item["metric"] == "drift_ppm"}
    assert drift_ppm["microphone"] == pytest.approx(440, abs=5)
    assert drift_ppm["speaker"] == pytest.approx(210, abs=5)
    assert {item["code"] for item in take["findings"] if item["severity"] != "info"} == {"ENV005"}
    (wait,) = (item for item in take["measurements"] if item["metric"] == "ttfa_heard_s")
    assert wait["tier"] == "waveform"
    assert 0.75 < wait["value"] < 1.3
