"""Calibration: right where there is a burst, silent about delays where there is none."""

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest

from diag.record.audio.calibration import CODES, LEAST_CONFIDENCE, burst, calibrate, find_burst
from diag.record.audio.ports import PortPlan, Rig
from diag.record.audio.rigs import open_session
from diag.record.audio.tape import Mouth, Tape
from diag.record.audio.wire import AIR_DELAY_FRAMES

RATE_HZ = 48000


def noise(seed, seconds=1.0, level=0.1):
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))).astype(np.float32)


@pytest.mark.parametrize("port", CODES)
@pytest.mark.parametrize("at", [0, 12345, 43000])
def test_a_clean_burst_is_found_to_the_frame(port, at):
    heard = np.zeros(RATE_HZ, dtype=np.float32)
    code = burst(port, RATE_HZ)
    heard[at : at + len(code)] = 0.5 * code
    found = find_burst(code, heard)
    assert found.frame == pytest.approx(at, abs=0.01)
    assert found.confidence > 0.98
    assert found.signal_dbfs == pytest.approx(20 * np.log10(0.5 * np.sqrt(np.mean(code**2))), abs=0.1)


@pytest.mark.parametrize("seed", range(10))
def test_a_burst_as_loud_as_the_noise_is_found(seed):
    code = burst("speaker", RATE_HZ)
    heard = noise(seed, level=float(np.sqrt(np.mean(code**2))))
    heard[20000 : 20000 + len(code)] += code
    found = find_burst(code, heard)
    assert found.frame == pytest.approx(20000, abs=0.5)
    assert found.confidence > 2 * LEAST_CONFIDENCE


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_no_burst(seed):
    assert find_burst(burst("mouth", RATE_HZ), noise(seed)).confidence < LEAST_CONFIDENCE / 4


def test_the_other_ports_code_is_no_burst():
    heard = noise(1, level=1e-4)
    code = burst("speaker", RATE_HZ)
    heard[9000 : 9000 + len(code)] += code
    assert find_burst(burst("mouth", RATE_HZ), heard).confidence < LEAST_CONFIDENCE / 4


def test_overlapping_codes_are_told_apart():
    heard = np.zeros(RATE_HZ, dtype=np.float32)
    for port, at in (("mouth", 10000), ("speaker", 11000)):
        code = burst(port, RATE_HZ)
        heard[at : at + len(code)] += code
    assert find_burst(burst("mouth", RATE_HZ), heard).frame == pytest.approx(10000, abs=0.1)
    assert find_burst(burst("speaker", RATE_HZ), heard).frame == pytest.approx(11000, abs=0.1)


@pytest.mark.parametrize("heard", [np.zeros(RATE_HZ), np.zeros(10), np.zeros(0)])
def test_silence_has_no_confidence(heard):
    found = find_burst(burst("mouth", RATE_HZ), heard.astype(np.float32))
    assert found.confidence == 0
    assert found.signal_dbfs == -120


def test_a_burst_is_the_same_sound_at_every_rate():
    low = burst("speaker", 16000)
    assert len(low) == 1600
    spectrum_low, spectrum = np.abs(np.fft.rfft(low)), np.abs(np.fft.rfft(burst("speaker", RATE_HZ)))
    np.testing.assert_allclose(spectrum_low[40:701], spectrum[40:701] / 3, atol=0.05 * spectrum.max() / 3)


def calibrated(*, speaker_connected=True):
    mouth, speaker, ear = Mouth(RATE_HZ), Mouth(24000), Tape(RATE_HZ, 2)
    plan = PortPlan(
        mouth=mouth.pull,
        microphone=None,
        speaker=speaker.pull,
        ear=ear.write,
        microphone_rate_hz=16000,
        speaker_rate_hz=24000,
    )
    session = open_session(Rig(kind="wire", name="rig0"), plan, speaker_connected=speaker_connected)
    try:
        return asyncio.run(calibrate(mouth, speaker, ear, session))
    finally:
        session.close()


def test_the_wires_known_delays_are_found():
    found = {item.port: item for item in calibrated()}
    for port, frames in AIR_DELAY_FRAMES.items():
        assert found[port].delay_s == pytest.approx(frames / RATE_HZ, abs=2e-5)
        assert found[port].confidence > 0.95


def test_a_disconnected_speaker_has_no_delay():
    mouth, speaker = calibrated(speaker_connected=False)
    assert mouth.delay_s is not None
    assert speaker.delay_s is None
    assert speaker.confidence < LEAST_CONFIDENCE
    assert speaker.signal_dbfs == -120


def test_without_an_ear_nothing_is_played_and_nothing_claimed():
    session = SimpleNamespace(devices={"mouth": "x", "speaker": "y"}, failed=None)
    mouth, speaker = Mouth(RATE_HZ), Mouth(24000)
    found = asyncio.run(calibrate(mouth, speaker, Tape(RATE_HZ, 2), session))
    assert [item.delay_s for item in found] == [None, None]
    assert not mouth.busy
    assert not speaker.busy


def test_a_session_that_failed_ends_the_wait():
    session = SimpleNamespace(devices={"mouth": "x", "speaker": "y", "ear": "z"}, failed="the device is gone")
    found = asyncio.run(calibrate(Mouth(RATE_HZ), Mouth(24000), Tape(RATE_HZ, 2), session))
    assert [(item.port, item.delay_s, item.confidence) for item in found] == [("mouth", None, 0), ("speaker", None, 0)]
