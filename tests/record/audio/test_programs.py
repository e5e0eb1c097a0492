"""Programs that are not diag's, on the devices of a rig: they use the defaults, know the names, and get no warnings."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import soundfile
from audio_bench import Bench
from test_virtual import missing

from diag.record.audio.rigs import open_farm, open_session

pytestmark = [
    pytest.mark.audio,
    pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}"),
]
RATE_HZ = 48000
SECONDS = 0.6
SOUNDDEVICE_PLAYS = "import sys, sounddevice as sd, soundfile as sf; sd.play(*sf.read(sys.argv[1])); sd.wait()"
SOUNDDEVICE_RECORDS = (
    "import sys, sounddevice as sd, soundfile as sf; data = sd.rec(48000, 48000, 1, 'int16'); sd.wait(); "
    "sf.write(sys.argv[1], data, 48000)"
)
PAREC = "--file-format=wav --channels=1 --rate=48000"
PLAYERS = {
    "paplay": "paplay FILE",
    "paplay by name": "paplay --device=rig0_speaker FILE",
    # ffmpeg does not wait until the last sound is played.
    "ffmpeg": "ffmpeg -loglevel error -re -i FILE -af apad=pad_dur=0.6 -f pulse -buffer_duration 100 default",
    "aplay": "aplay -q FILE",
    "aplay by name": "aplay -q -D rig0_speaker FILE",
    "gst-launch-1.0": "gst-launch-1.0 -q filesrc location=FILE ! wavparse ! audioconvert ! pulsesink",
    "sounddevice": shlex.join([sys.executable, "-c", SOUNDDEVICE_PLAYS, "FILE"]),
}
RECORDERS = {
    "parec": f"timeout 1.2 parec {PAREC} FILE",
    "parec by name": f"timeout 1.2 parec --device=rig0_microphone {PAREC} FILE",
    "ffmpeg": "ffmpeg -loglevel error -f pulse -i default -t 1 -ac 1 FILE",
    "arecord": "arecord -q -d 1 -f S16_LE -r 48000 FILE",
    "gst-launch-1.0": "gst-launch-1.0 -q pulsesrc num-buffers=100 ! audioconvert ! audio/x-raw,rate=48000,channels=1 "
    "! wavenc ! filesink location=FILE",
    "sounddevice": shlex.join([sys.executable, "-c", SOUNDDEVICE_RECORDS, "FILE"]),
}


@pytest.fixture(scope="module")
def rig():
    with open_farm("virtual", for_programs=True) as farm:
        yield farm.rigs[0]


def noise(seed):
    """Noise below 5 kHz, of an even level."""
    size = round(RATE_HZ * SECONDS)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(size))
    spectrum[np.fft.rfftfreq(size, 1 / RATE_HZ) > 5000] = 0
    sound = np.fft.irfft(spectrum)
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


def likeness(recording, sound):
    """Highest correlation of a sound with a stretch of a recording; 1 if it is there as it was."""
    size = len(recording) + len(sound)
    product = np.fft.irfft(np.fft.rfft(recording, size) * np.conj(np.fft.rfft(sound, size)), size)
    at = int(np.argmax(product[: len(recording)]))
    part = recording[at : at + len(sound)]
    return float(product[at] / (np.linalg.norm(part) * np.linalg.norm(sound[: len(part)])))


def run(rig, command, path, *, may_end_by_signal=False):
    """Run a program on the devices of a rig; it must end well and write nothing."""
    words = shlex.split(command)
    program = words[2] if words[0] == "timeout" else words[0]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    words = [word.replace("FILE", str(path)) for word in words]
    environment = {**os.environ, **rig.program_environment}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=20, check=False)
    assert (done.stdout + done.stderr).strip() == ""
    assert done.returncode == 0 or may_end_by_signal


@pytest.mark.parametrize("name", PLAYERS)
def test_what_a_program_plays_on_its_default_device_is_heard(rig, tmp_path, name):
    sound, bench, path = noise(1), Bench(), tmp_path / "sound.wav"
    soundfile.write(path, sound, RATE_HZ)
    session = open_session(rig, bench.plan)
    try:
        run(rig, PLAYERS[name], path)
        time.sleep(0.2)
    finally:
        session.close()
    heard = bench.ear.samples()
    # sounddevice stops before the last block is played.
    assert likeness(heard[:, 1], sound) > 0.97
    assert not heard[:, 0].any()


@pytest.mark.parametrize("name", RECORDERS)
def test_what_is_said_is_recorded_by_a_program_on_its_default_device(rig, tmp_path, name):
    sound, bench, path = noise(2), Bench(), tmp_path / "recorded.wav"
    session = open_session(rig, bench.plan)
    stop = threading.Event()

    def speak():
        while not stop.is_set():
            bench.mouth.say(sound)
            stop.wait(SECONDS)

    speaking = threading.Thread(target=speak)
    speaking.start()
    try:
        run(rig, RECORDERS[name], path, may_end_by_signal=True)
    finally:
        stop.set()
        speaking.join()
        session.close()
    recorded, rate_hz = soundfile.read(path)
    assert rate_hz == RATE_HZ
    # Said over and over, the sound may be cut by the ends of the recording.
    assert likeness(recorded, sound[: len(sound) // 2]) > 0.99


def test_the_ear_is_a_device_of_the_sound_server_by_the_same_name(rig):
    if shutil.which("pactl") is None:
        pytest.skip("pactl is not installed")
    environment = {**os.environ, **rig.program_environment}
    told = subprocess.run(["pactl", "info"], env=environment, capture_output=True, text=True, check=True)
    assert "Default Sink: rig0_speaker" in told.stdout
    assert "Default Source: rig0_microphone" in told.stdout
    sources = subprocess.run(
        ["pactl", "list", "short", "sources"], env=environment, capture_output=True, text=True, check=True
    )
    names = {line.split("\t")[1] for line in sources.stdout.splitlines()}
    assert {"rig0_ear", "rig0_microphone"} <= names
