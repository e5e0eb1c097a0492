"""Devices of a sound server that diag did not start: any set of them is calibrated, path by path."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from foreign_server import PORTS, foreign_server, set_ups

ROOT = Path(__file__).resolve().parents[3]
pytestmark = [
    pytest.mark.audio,
    pytest.mark.skipif(shutil.which("pulseaudio") is None, reason="pulseaudio is not installed"),
]
ONE_ROOM, HEADSET, FOUR_DEVICES = (0, 0, 0, 0), (0, 0, 1, 1), (0, 1, 2, 3)


def calibrated(places, *more):
    with foreign_server(places) as (environment, devices):
        command = [sys.executable, "-m", "diag", "devices", "--calibrate", "--audio", "system", "--json"]
        return subprocess.run(
            [*command, *devices, *more], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )


def assert_each_path_is_reported(places):
    done = calibrated(places)
    assert done.returncode == 0, done.stderr
    assert "ALSA" not in done.stderr
    seen = {check["name"]: check["seen"] for check in json.loads(done.stdout)["checks"]}
    place = dict(zip(PORTS, places, strict=True))
    for output in ("mouth", "speaker"):
        for taken in ("ear", "microphone"):
            there = place[output] == place[taken]
            words = seen[f"{output} to {taken}"]
            assert words.startswith("heard after" if there else "not heard"), (places, output, taken, words)


@pytest.mark.parametrize("places", [ONE_ROOM, HEADSET, FOUR_DEVICES])
def test_the_paths_that_exist_are_calibrated_and_the_others_are_not_heard(places):
    assert_each_path_is_reported(places)


@pytest.mark.slow
@pytest.mark.parametrize("places", [item for item in set_ups() if item not in (ONE_ROOM, HEADSET, FOUR_DEVICES)])
def test_every_other_set_up_is_calibrated_too(places):
    assert_each_path_is_reported(places)


def test_without_an_ear_only_the_microphone_is_calibrated():
    done = calibrated(ONE_ROOM, "--ear", "none")
    names = {check["name"] for check in json.loads(done.stdout)["checks"]}
    assert {"mouth to microphone", "speaker to microphone"} <= names
    assert not any(name.endswith("to ear") for name in names)
