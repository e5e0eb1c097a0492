"""Virtual rigs: real streams on a real private sound server, and nothing left of it afterwards."""

import asyncio
import ctypes.util
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from audio_bench import Bench

from diag.api.audio_check import measure_loopback
from diag.core.errors import CannotMeasureError
from diag.record.audio import virtual
from diag.record.audio.calibration import calibrate
from diag.record.audio.portaudio import list_devices
from diag.record.audio.rigs import open_farm, open_session
from diag.record.audio.tape import stamp_fit

missing = [
    name
    for name, there in (
        ("pulseaudio", shutil.which("pulseaudio")),
        ("libportaudio2", ctypes.util.find_library("portaudio")),
        ("libasound2-plugins", [*Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")]),
    )
    if not there
]
pytestmark = [
    pytest.mark.audio,
    pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}"),
]


@pytest.fixture(scope="module")
def farm():
    with open_farm("virtual", rigs=2) as made:
        yield made


def clip_at(rate_hz, seed, seconds=0.4):
    """Noise below 5 kHz, of an even level."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal(round(rate_hz * seconds)))
    spectrum[np.fft.rfftfreq(round(rate_hz * seconds), 1 / rate_hz) > 5000] = 0
    clip = np.fft.irfft(spectrum)
    return (0.3 * clip / np.abs(clip).max()).astype(np.float32)


def server_of(rig):
    return json.loads((directory_of(rig) / "owner.json").read_text())["daemon"]


def directory_of(rig):
    return Path(rig.options["server_log"]).parent


def gone(pid, within_s):
    end_s = time.perf_counter() + within_s
    while time.perf_counter() < end_s:
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def exact_match(haystack, needle):
    """First frame where `needle` stands bit by bit, or None."""
    for at in np.flatnonzero(haystack == needle[0]):
        if np.array_equal(haystack[at : at + len(needle)], needle):
            return int(at)
    return None


def test_both_sides_arrive_bit_exact_on_channels_of_their_own(farm):
    bench = Bench(speaker_hz=48000, microphone_hz=48000)
    prompt, reply = clip_at(48000, 1), clip_at(48000, 2)
    session = open_session(farm.rigs[0], bench.plan)
    try:
        time.sleep(0.4)
        bench.mouth.say(prompt)
        bench.speaker.say(reply)
        time.sleep(1.0)
    finally:
        session.close()
    heard, captured = bench.ear.samples(), bench.microphone.samples()
    assert exact_match(heard[:, 0], prompt) is not None
    assert exact_match(heard[:, 1], reply) is not None
    assert exact_match(captured, prompt) is not None
    assert session.ear_channels == 2
    assert set(session.devices) == {"mouth", "microphone", "speaker", "ear"}


def test_stamps_tell_where_the_ear_hears_it(farm):
    bench = Bench()
    session = open_session(farm.rigs[1], bench.plan)
    try:
        found = {item.port: item for item in asyncio.run(calibrate(bench.mouth, bench.speaker, bench.ear, session))}
    finally:
        session.close()
    assert min(item.confidence for item in found.values()) > 0.9
    # 40 ms: other work on the machine may disturb single stamps; undisturbed it is below 1 ms.
    assert abs(found["speaker"].delay_s - found["mouth"].delay_s) < 0.04
    stamps = bench.ear.stamps()
    delivered_s = stamps.t_s - stamp_fit(stamps, 48000).t0_s - np.append(stamps.frame[1:], bench.ear.frames) / 48000
    # Nothing is heard before it was delivered, and the quickest delivery takes no more than a block or two.
    assert -0.005 < np.min(delivered_s[20:]) < 0.05


def test_a_disconnected_speaker_is_played_but_not_heard(farm):
    bench = Bench()
    bench.speaker.say(clip_at(24000, 3))
    bench.mouth.say(clip_at(48000, 4))
    session = bench.run(farm.rigs[0], 1.0, speaker_connected=False)
    assert not bench.speaker.busy
    heard = bench.ear.samples()
    assert not heard[:, 1].any()
    assert heard[:, 0].any()
    assert session.devices["speaker"] == "nowhere"


def heard_in_another_process(rig):
    """Whether a rig's ear records any sound for some time."""
    bench = Bench()
    bench.run(rig, 0.6)
    return bool(bench.ear.samples().any())


def test_rigs_do_not_hear_each_other(farm):
    first = Bench()
    first.speaker.say(clip_at(24000, 5, seconds=3.0))
    session = open_session(farm.rigs[0], first.plan)
    try:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as other:
            heard = other.submit(heard_in_another_process, farm.rigs[1]).result()
    finally:
        session.close()
    assert first.ear.samples()[:, 1].any()
    assert not heard


def test_a_blocked_output_shows_as_late_and_as_xrun(farm):
    bench = Bench()
    calls = []
    pull = bench.mouth.pull

    def slow(frames, t_s, device_s):
        calls.append(t_s)
        if len(calls) == 40:
            time.sleep(0.4)
        return pull(frames, t_s, device_s)

    bench.plan = replace(bench.plan, mouth=slow)
    before = farm.server_underruns()
    session = bench.run(farm.rigs[0], 1.8)
    assert max(late.late_s for late in session.late if late.port == "mouth") > 0.3
    assert session.xruns["mouth"] >= 1
    assert farm.server_underruns() > before


@pytest.mark.parametrize("index", [0, 1])
def test_a_rig_lists_its_own_devices_by_name_and_no_others(farm, index):
    names = {device.name for device in list_devices(farm.rigs[index].options["environment"])}
    own = {f"rig{index}_{port}" for port in ("mouth", "microphone", "speaker", "ear")}
    assert {name for name in names if name.startswith(("rig", "nowhere"))} == {*own, "nowhere"}


def test_many_rigs_are_on_servers_that_each_have_room_for_their_connections():
    with open_farm("virtual", rigs=virtual.RIGS_PER_SERVER + 1) as many:
        servers = [server_of(rig) for rig in many.rigs]
        assert len({rig.name for rig in many.rigs}) == len(many.rigs)
        assert [servers.count(server) for server in dict.fromkeys(servers)] == [virtual.RIGS_PER_SERVER, 1]
        assert Bench().run(many.rigs[-1], 0.1).failed is None
    assert all(gone(server, 1.0) for server in servers)


def test_portaudio_starts_again_for_another_environment(farm):
    # Through `_terminate` and `_initialize` of sounddevice: it has no public way to read the devices anew.
    inside = {device.name for device in list_devices(farm.rigs[0].options["environment"])}
    outside = {device.name for device in list_devices({})}
    again = {device.name for device in list_devices(farm.rigs[0].options["environment"])}
    assert "rig0_ear" in inside
    assert inside == again
    assert "rig0_ear" not in outside


def test_a_loopback_is_measured_and_the_environment_is_as_before():
    before = dict(os.environ)
    loopback = measure_loopback("virtual", {})
    assert dict(os.environ) == before
    heard = {(item.port, item.at) for item in loopback.paths if item.delay_s is not None}
    assert heard == {("mouth", "ear"), ("speaker", "ear"), ("mouth", "microphone")}


def test_a_server_that_dies_in_mid_take_fails_the_session_at_once(capfd):
    with open_farm("virtual") as short:
        bench = Bench()
        session = open_session(short.rigs[0], bench.plan)
        os.kill(server_of(short.rigs[0]), signal.SIGKILL)
        end_s = time.perf_counter() + 5
        while session.failed is None and time.perf_counter() < end_s:
            time.sleep(0.02)
        assert "stopped: its device was removed or its sound server ended" in session.failed
        session.close()
        session.close()


def test_closing_the_farm_leaves_nothing():
    before = dict(os.environ)
    with open_farm("virtual") as short:
        pid, directory = server_of(short.rigs[0]), directory_of(short.rigs[0])
        assert Bench().run(short.rigs[0], 0.1).failed is None
        assert short.environment["server"].startswith("pulseaudio")
    assert gone(pid, 1.0)
    list_devices()
    assert not directory.exists()
    changed = {name for name in before.keys() | os.environ.keys() if before.get(name) != os.environ.get(name)}
    assert not changed


PARENT = """
    import json, sys, time
    from pathlib import Path
    from diag.record.audio.rigs import open_farm
    from diag.core.errors import DiagError
    with open_farm("virtual") as farm:
        directory = Path(farm.rigs[0].options["server_log"]).parent
        owner = json.loads((directory / "owner.json").read_text())
        print(json.dumps({"daemon": owner["daemon"], "directory": str(directory)}), flush=True)
        time.sleep(60)
"""


@pytest.fixture
def parent():
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    told = json.loads(process.stdout.readline())
    yield process, told["daemon"], Path(told["directory"])
    process.kill()
    process.wait()
    process.stdout.close()
    virtual.sweep()


def test_after_kill_9_the_server_goes_and_the_next_start_sweeps(parent):
    process, daemon, directory = parent
    process.kill()
    process.wait()
    assert gone(daemon, virtual.EXIT_IDLE_S + 10)
    assert directory.exists()
    virtual.sweep()
    assert not directory.exists()


def test_ctrl_c_leaves_nothing(parent):
    process, daemon, directory = parent
    process.send_signal(signal.SIGINT)
    process.wait(5)
    assert gone(daemon, 1.0)
    assert not directory.exists()


def test_sweep_leaves_a_living_owners_directory_alone(parent):
    _, daemon, directory = parent
    virtual.sweep()
    assert directory.exists()
    assert not gone(daemon, 0.2)


def test_sweep_ends_a_server_whose_owner_is_gone(tmp_path, monkeypatch):
    monkeypatch.setattr(virtual, "short_parent", lambda: tmp_path)
    directory = tmp_path / f"{virtual.DIRECTORY_PREFIX}1-x"
    directory.mkdir()
    idle = "print(flush=True); import time; time.sleep(60)"
    command = [sys.executable, "-c", idle, str(directory / "farm.pa")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        server.stdout.readline()
        owner = {"pid": 2**22 - 1, "started": "1", "daemon": server.pid}
        (directory / "owner.json").write_text(json.dumps(owner))
        virtual.sweep()
        try:
            assert server.wait(5) == -signal.SIGTERM
        finally:
            server.kill()
    assert not directory.exists()


def test_what_is_not_installed_is_named_with_the_command(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(CannotMeasureError, match=r"pulseaudio.*apt-get install.*--audio wire"), open_farm("virtual"):
        pass


def test_a_server_that_does_not_start_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(virtual, "short_parent", lambda: tmp_path)
    fake = tmp_path / "pulseaudio"
    fake.write_text("#!/bin/sh\nexit 3\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(CannotMeasureError, match="pulseaudio ended with code 3"), open_farm("virtual"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["pulseaudio"]
