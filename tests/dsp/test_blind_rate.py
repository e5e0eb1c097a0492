import json
from importlib import resources

import numpy as np
import pytest
from dsp_voices import made_voice
from hypothesis import given, settings
from hypothesis import strategies as st

from diag.dsp.blind_rate import HEALTHY_RATIOS, model, speed_alone
from diag.dsp.spectrum import Sound
from diag.dsp.voice_features import pitch_quantiles, speed_features

RATE_HZ = 24000.0


@pytest.fixture(scope="module")
def talks(replies):
    """The recorded replies of each of two kinds, joined until there are 4 s of speech."""
    groups = [[], []]
    for name, sound in replies.items():
        groups[name.startswith("ko_")].append(sound.samples)
    return [np.concatenate(group)[: round(12 * RATE_HZ)] for group in groups]


def test_the_model_is_small_and_knows_its_version():
    text = resources.files("diag.dsp").joinpath("blind_rate.json").read_text(encoding="utf-8")
    data = json.loads(text)
    assert len(text) < 20_000
    assert data["version"] == 1
    assert len(data["mean"]) == len(data["spread"]) == 60
    assert data["slow_below"] < -0.2 < 0.2 < data["fast_above"]


def test_healthy_voices_are_not_suspected(talks):
    for samples in talks:
        found = speed_alone(Sound(samples, RATE_HZ))
        assert not found.suspected
        assert 0.0 <= found.confidence < 0.9


@pytest.mark.parametrize("ratio", [0.5, 2.0])
def test_half_and_double_speed_are_suspected(talks, ratio):
    # Played at another rate, the same samples last longer or shorter; enough speech must be left.
    for samples in talks:
        found = speed_alone(Sound(np.tile(samples, 2), RATE_HZ * ratio))
        assert found.suspected
        assert found.ratio == pytest.approx(ratio, rel=0.35)
        assert found.confidence > 0.5


def test_what_is_suspected_lies_outside_of_what_one_recording_cannot_tell():
    known = model()
    low, high = HEALTHY_RATIOS
    for octaves in np.linspace(-1.5, 1.5, 61):
        found = known.judged(float(octaves), 150.0)
        assert not found.suspected or not low < found.ratio < high
    assert not known.judged(0.0, 150.0).suspected
    assert known.judged(-1.0, 150.0).confidence > known.judged(0.0, 150.0).confidence


def test_the_pitch_at_the_right_speed_undoes_the_estimated_one(talks):
    own = speed_alone(Sound(np.tile(talks[0], 2), RATE_HZ))
    slow = speed_alone(Sound(np.tile(talks[0], 2), 0.5 * RATE_HZ))
    assert slow.pitch_hz == pytest.approx(0.5 * own.pitch_hz, rel=0.05)
    assert slow.pitch_at_right_speed_hz == pytest.approx(slow.pitch_hz / slow.ratio)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(gain_db=st.floats(-30, 6), sign=st.sampled_from([-1, 1]))
def test_level_and_polarity_change_nothing(talks, gain_db, sign):
    samples = talks[0][: round(8 * RATE_HZ)]
    one = speed_features(Sound(samples, RATE_HZ))
    other = speed_features(Sound((samples * np.float32(sign * 10 ** (gain_db / 20))).astype(np.float32), RATE_HZ))
    known = model()
    assert known.octaves(other) == pytest.approx(known.octaves(one), abs=0.03)


@pytest.mark.parametrize("hz", [90.0, 140.0, 310.0])
def test_pitch_of_a_buzz(hz):
    time = np.arange(round(3 * RATE_HZ)) / RATE_HZ
    buzz = sum(np.cos(2 * np.pi * hz * n * time) / n for n in range(1, 12)).astype(np.float32)
    sound = Sound(0.2 * buzz, RATE_HZ)
    assert 2.0 ** pitch_quantiles(sound.samples, RATE_HZ, sound.spectrum) == pytest.approx(hz, rel=0.02)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(0),
        np.ones(1),
        np.zeros(200000),
        np.full(200000, 0.5),
        0.1 * np.random.default_rng(3).standard_normal(200000),
        made_voice(duration_s=2.0).samples,
    ],
)
def test_what_is_no_speech_or_too_short_is_not_judged(samples):
    assert speed_alone(Sound(samples.astype(np.float32), RATE_HZ)) is None
