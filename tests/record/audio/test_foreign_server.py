"""Devices of a sound server that diag did not start: any set of them is calibrated, path by path."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from foreign_server import PORTS, foreign_server, set_ups

ROOT = Path(__file__).resolve().parents[3]
PIPEWIRE_PROGRAMS = ("pipewire", "wireplumber", "pipewire-pulse", "pactl")


def needs(server, *programs):
    missing = ", ".join(program for program in programs if shutil.which(program) is None)
    return [pytest.param(server, marks=pytest.mark.skipif(bool(missing), reason=f"not installed: {missing}"))]


PULSEAUDIO, PIPEWIRE = needs("pulseaudio", "pulseaudio"), needs("pipewire", *PIPEWIRE_PROGRAMS)
pytestmark = pytest.mark.audio
ONE_ROOM, HEADSET, FOUR_DEVICES = (0, 0, 0, 0), (0, 0, 1, 1), (0, 1, 2, 3)


def calibrated(server, places, *more):
    with foreign_server(places, server) as (environment, devices):
        command = [sys.executable, "-m", "diag", "devices", "--calibrate", "--audio", "system", "--json"]
        return subprocess.run(
            [*command, *devices, *more], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )


def assert_each_path_is_reported(server, places):
    done = calibrated(server, places)
    assert done.returncode == 0, done.stderr
    assert "ALSA" not in done.stderr
    seen = {check["name"]: check["seen"] for check in json.loads(done.stdout)["checks"]}
    place = dict(zip(PORTS, places, strict=True))
    for output in ("mouth", "speaker"):
        for taken in ("ear", "microphone"):
            there = place[output] == place[taken]
            words = seen[f"{output} to {taken}"]
            assert words.startswith("heard after" if there else "not heard"), (places, output, taken, words)


@pytest.mark.parametrize("server", PULSEAUDIO)
@pytest.mark.parametrize("places", [ONE_ROOM, HEADSET, FOUR_DEVICES])
def test_the_paths_that_exist_are_calibrated_and_the_others_are_not_heard(server, places):
    assert_each_path_is_reported(server, places)


@pytest.mark.slow
@pytest.mark.parametrize("server", [*PULSEAUDIO, *PIPEWIRE])
@pytest.mark.parametrize("places", [item for item in set_ups() if item not in (ONE_ROOM, HEADSET, FOUR_DEVICES)])
def test_every_other_set_up_is_calibrated_too(server, places):
    assert_each_path_is_reported(server, places)


@pytest.mark.parametrize("server", PULSEAUDIO)
def test_without_an_ear_only_the_microphone_is_calibrated(server):
    done = calibrated(server, ONE_ROOM, "--ear", "none")
    names = {check["name"] for check in json.loads(done.stdout)["checks"]}
    assert {"mouth to microphone", "speaker to microphone"} <= names
    assert not any(name.endswith("to ear") for name in names)


@pytest.mark.parametrize("server", PIPEWIRE)
def test_the_doctor_names_pipewire_and_calibrates_its_devices(server):
    with foreign_server(HEADSET, server) as (environment, devices):
        command = [sys.executable, "-m", "diag", "doctor", "--audio", "system", "--json"]
        done = subprocess.run(
            [*command, *devices], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
    seen = {check["name"]: check["seen"] for check in json.loads(done.stdout)["checks"]}
    assert seen["sound server"].startswith("PipeWire")
    assert "default output Desk_0, default input Monitor of Desk_0" in seen["sound server"]
    assert seen["mouth to microphone"].startswith("heard after")
    assert seen["speaker to ear"].startswith("heard after")
    assert seen["mouth to ear"].startswith("not heard")
