"""Rooms on virtual rigs: the four paths have the delays and levels of their responses, in real time."""

import shutil
import time

import numpy as np
import pytest
from audio_bench import Bench

from diag.dsp.align import locate
from diag.files.rooms import PATHS
from diag.record.audio.rigs import open_farm, open_session
from diag.record.audio.virtual import furnished

pytestmark = [
    pytest.mark.audio,
    pytest.mark.skipif(shutil.which("pulseaudio") is None, reason="pulseaudio is not installed"),
]
GAINS = dict(zip(PATHS, (0.1, 0.5, 0.4, 0.25), strict=True))
DELAYS = dict(zip(PATHS, (1440, 240, 480, 96), strict=True))


def sparse_room():
    """Responses of one impulse each, at 48 kHz."""
    responses = np.zeros((4800, 4), dtype=np.float32)
    for index, path in enumerate(PATHS):
        responses[DELAYS[path], index] = GAINS[path]
    return responses


def noise(seed, seconds=0.4):
    return (
        (0.2 * np.random.default_rng(seed).standard_normal(round(48000 * seconds))).clip(-0.9, 0.9).astype(np.float32)
    )


@pytest.fixture(scope="module")
def farm():
    with open_farm("virtual", rigs=1) as made:
        yield made


def recorded(rig, *, seconds=1.6):
    channels = 1 if "ear_channel" in rig.options else 2
    bench = Bench(speaker_hz=48000, microphone_hz=48000, ear_channels=channels)
    session = open_session(rig, bench.plan)
    try:
        assert session.ear_channels == channels
        time.sleep(0.4)
        bench.mouth.say(noise(1))
        time.sleep(0.6)
        bench.speaker.say(noise(2))
        time.sleep(seconds - 1.0)
    finally:
        session.close()
    return bench.microphone.samples(), bench.ear.samples()


def test_each_path_has_the_delay_and_the_level_of_its_response(farm):
    with furnished(farm.rigs[0], sparse_room(), None) as rig:
        captured, heard = recorded(rig)
    for source, seed in (("mouth", 1), ("speaker", 2)):
        places = {}
        for target, recording in (("microphone", captured), ("ear", heard)):
            place = locate(noise(seed), recording, 48000)
            assert place.confidence > 0.99
            start = round(place.frame)
            gain = np.dot(noise(seed), recording[start : start + len(noise(seed))]) / np.dot(noise(seed), noise(seed))
            assert gain == pytest.approx(GAINS[f"{source}_to_{target}"], rel=0.01)
            places[target] = start
        apart = DELAYS[f"{source}_to_microphone"] - DELAYS[f"{source}_to_ear"]
        # Microphone and ear are separate recordings: their starts differ by the same number for mouth and speaker.
        places["apart"] = places["microphone"] - places["ear"] - apart
        if source == "mouth":
            offset = places["apart"]
        else:
            assert places["apart"] == offset


def test_noise_has_its_level_at_microphone_and_ear(farm):
    with furnished(farm.rigs[0], sparse_room(), -40.0) as rig:
        bench = Bench(microphone_hz=48000, ear_channels=1)
        bench.run(rig, 2.0)
    for tape in (bench.microphone, bench.ear):
        level = 20 * np.log10(np.sqrt(np.mean(np.square(tape.samples()[-48000:]))))
        assert level == pytest.approx(-40.0, abs=1.5)


def test_a_rig_is_as_before_after_a_room(farm):
    rig = farm.rigs[0]
    with furnished(rig, sparse_room(), None):
        pass
    captured, heard = recorded(rig)
    place = locate(noise(1), captured, 48000)
    start = round(place.frame)
    assert np.array_equal(captured[start : start + 4800], noise(1)[:4800])
    assert not locate(noise(2), captured, 48000).confidence > 0.3
    assert heard.any()
