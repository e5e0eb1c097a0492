"""The wire: transparent, exact in time, honest about its own lateness."""

import time

import numpy as np
import pytest
from audio_bench import Bench

from diag.record.audio.ports import PortPlan, Rig
from diag.record.audio.rigs import open_farm
from diag.record.audio.wire import AIR_DELAY_FRAMES, BLOCK_S, held_back_s
from diag.record.client.resampler import resample

RIG = Rig(kind="wire", name="rig0")


def speechlike(rate_hz, seconds, seed):
    """Noise below a third of the lower rate, so that resampling loses nothing."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal(round(rate_hz * seconds)))
    spectrum[np.fft.rfftfreq(round(rate_hz * seconds), 1 / rate_hz) > 5000] = 0
    clip = np.fft.irfft(spectrum)
    return (0.3 * clip / np.abs(clip).max()).astype(np.float32)


def place(tape, device_s):
    """Frame of a tape at a device time, by its first stamp."""
    stamps = tape.stamps()
    return round((device_s - stamps.device_s[0]) * tape.sample_rate_hz)


def leaves_s(mouth, frame):
    stamps = mouth.tape.stamps()
    return stamps.device_s[0] + frame / mouth.tape.sample_rate_hz


def test_mouth_reaches_the_ear_bit_exact_and_on_time():
    bench = Bench()
    clip = speechlike(48000, 0.3, 1)
    start = bench.mouth.say(clip)
    bench.run(RIG, 0.6)
    at = place(bench.ear, leaves_s(bench.mouth, start)) + AIR_DELAY_FRAMES["mouth"]
    heard = bench.ear.samples()
    np.testing.assert_array_equal(heard[at : at + len(clip), 0], clip)
    assert not heard[:, 1].any()


@pytest.mark.parametrize("speaker_hz", [16000, 24000, 44100, 48000])
def test_speaker_reaches_the_ear_unchanged_and_on_time(speaker_hz):
    bench = Bench(speaker_hz=speaker_hz)
    clip = speechlike(speaker_hz, 0.3, 2)
    start = bench.speaker.say(clip)
    bench.run(RIG, 0.7)
    at = place(bench.ear, leaves_s(bench.speaker, start)) + AIR_DELAY_FRAMES["speaker"]
    whole = resample(np.pad(clip, speaker_hz), speaker_hz, 48000)[48000:]
    inner = slice(960, 12000)
    np.testing.assert_allclose(bench.ear.samples()[at:, 1][inner], whole[inner], atol=2e-6)


@pytest.mark.parametrize("microphone_hz", [8000, 16000, 44100, 48000])
def test_microphone_hears_the_mouth_on_time(microphone_hz):
    bench = Bench(microphone_hz=microphone_hz)
    clip = speechlike(48000, 0.3, 3)
    if microphone_hz == 8000:
        clip = resample(resample(clip, 48000, 8000), 8000, 48000)
    start = bench.mouth.say(clip)
    bench.run(RIG, 0.8)
    at = place(bench.microphone, leaves_s(bench.mouth, start))
    whole = resample(np.pad(clip, 48000), 48000, microphone_hz)[microphone_hz:]
    inner = slice(microphone_hz // 20, microphone_hz // 5)
    np.testing.assert_allclose(bench.microphone.samples()[at:][inner], whole[inner], atol=2e-6)


def test_disconnected_speaker_is_played_but_not_heard():
    bench = Bench()
    bench.speaker.say(speechlike(24000, 0.2, 4))
    session = bench.run(RIG, 0.4, speaker_connected=False)
    assert not bench.speaker.busy
    assert not bench.ear.samples()[:, 1].any()
    assert session.ear_channels == 2


def test_blocks_keep_real_time_and_stamps_are_a_line():
    bench = Bench()
    session = bench.run(RIG, 0.5)
    assert bench.ear.frames == pytest.approx(0.5 * 48000, abs=0.1 * 48000)
    stamps = bench.ear.stamps()
    expected = stamps.device_s[0] + stamps.frame / 48000
    np.testing.assert_allclose(stamps.device_s, expected, atol=1e-9)
    assert (stamps.t_s >= stamps.device_s + BLOCK_S).all()
    assert session.xruns == {"mouth": 0, "microphone": 0, "speaker": 0, "ear": 0}


def test_a_blocking_callback_is_reported_late_and_loses_nothing():
    bench = Bench()
    blocked = []

    def slow_push(block, t_s, device_s):
        bench.ear.write(block, t_s, device_s)
        if len(blocked) == 0:
            blocked.append(True)
            time.sleep(0.15)

    bench.plan = PortPlan(
        mouth=bench.mouth.pull,
        microphone=None,
        speaker=None,
        ear=slow_push,
        microphone_rate_hz=16000,
        speaker_rate_hz=24000,
    )
    session = bench.run(RIG, 0.5)
    assert session.late
    assert max(late.late_s for late in session.late) > 0.1
    assert bench.ear.frames == pytest.approx(0.5 * 48000, abs=0.1 * 48000)
    assert session.rates_hz == {"mouth": 48000, "ear": 48000}


def test_a_callback_that_raises_fails_the_session(monkeypatch):
    monkeypatch.setattr("threading.excepthook", lambda _: None)

    def broken(block, t_s, device_s):
        raise ValueError("broken")

    plan = PortPlan(
        mouth=None, microphone=None, speaker=None, ear=broken, microphone_rate_hz=16000, speaker_rate_hz=24000
    )
    bench = Bench()
    bench.plan = plan
    session = bench.run(RIG, 1.0)
    assert session.failed is not None
    assert "callback" in session.failed


def test_held_back_is_whole_blocks_and_none_for_equal_rates():
    assert held_back_s(48000, 48000) == 0
    assert held_back_s(48000, 16000) == pytest.approx(0.08)


def test_a_farm_of_wires_has_as_many_rigs_as_asked():
    with open_farm("wire", rigs=3) as farm:
        assert [rig.name for rig in farm.rigs] == ["rig0", "rig1", "rig2"]
        assert farm.server_underruns() == 0
