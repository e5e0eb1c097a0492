"""Devices of a sound server that diag did not start: any set of them is calibrated, path by path."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from foreign_server import PORTS, foreign_server, set_ups

from diag.core.chain import Hop
from diag.files.run_folders import read_take
from diag.judge.engine import judge_take

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


@pytest.mark.parametrize("server", PIPEWIRE)
def test_a_take_is_recorded_and_timed_on_pipewire(server, tmp_path):
    with foreign_server(HEADSET, server) as (environment, devices):
        command = [sys.executable, "-m", "diag", "run", "healthy", "--audio", "system", "--takes", "1"]
        done = subprocess.run(
            [*command, "--prompt", "yes", "--json", "--out", str(tmp_path), *devices],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode in (0, 4), done.stderr
    assert "ALSA" not in done.stderr
    (take,) = tmp_path.glob("runs/*/takes/0001")
    measured = judge_take(read_take(take)).measurements
    # The emulator thinks for 0.25 s after 0.5 s of silence, and the devices have buffers.
    assert 0.75 < measured.value("ttfa_heard_s") < 1.3
    assert measured.value("ttfa_heard_uncertainty_s") < 0.06
    for hop in (Hop.MICROPHONE, Hop.SENDER, Hop.PLAYER, Hop.SPEAKER):
        assert measured.value("rate_ratio", hop=hop) == pytest.approx(1, abs=0.002), hop
