from pathlib import Path

import numpy as np
import pytest

from diag.core.clip import Clip
from diag.core.measurement import Tier
from diag.core.missing import MissingCode
from diag.dsp.blind_rate import speed_alone
from diag.dsp.spectrum import Sound
from diag.files.audio_files import read_wav
from diag.measure.metrics.blind_speed import suspected_speed
from diag.measure.metrics.voice import voice_rate_ratio

REPLIES = Path(__file__).resolve().parents[3] / "scenarios" / "replies"


@pytest.fixture(scope="module")
def talk():
    """Recorded replies, joined: enough speech to be judged."""
    paths = sorted(REPLIES.glob("*.wav"))
    return np.concatenate([read_wav(path).samples for path in paths if not path.stem.startswith("ko_")])[: 12 * 24000]


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("take_the_express", MissingCode.NOTHING_SUSPICIOUS),
        ("say_it_again", MissingCode.UNDECIDED),
        ("sunny_in_seoul", MissingCode.UNDECIDED),
    ],
)
def test_a_healthy_recording_gets_a_reason_and_no_figure(reply, code):
    found = voice_rate_ratio(read_wav(REPLIES / f"{reply}.wav"))
    assert found.value is None
    assert found.tier is Tier.BLIND
    assert found.missing.code is code
    assert found.confidence is not None


def test_an_undecided_speed_is_told_with_its_direction():
    slow, fast = (suspected_speed(read_wav(REPLIES / f"{name}.wav")) for name in ("say_it_again", "sunny_in_seoul"))
    assert slow.missing.text.endswith("plays 1.5 times too slow")
    assert fast.missing.text.endswith("plays 1.5 times too fast")


def test_half_speed_is_suspected_and_named_blind(talk):
    found = voice_rate_ratio(Clip(samples=talk, sample_rate_hz=12000))
    assert found.tier is Tier.BLIND
    assert found.value == pytest.approx(0.5, abs=0.2)


def test_44100_played_as_48000_is_never_told(talk):
    for rate_hz in (24000 * 441 // 480, 24000 * 480 // 441):
        found = suspected_speed(Clip(samples=talk, sample_rate_hz=rate_hz))
        assert found.value is None or not 0.75 < found.value < 1.33


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(1), np.zeros(200000), np.ones(100)])
def test_without_speech_there_is_a_reason(samples):
    found = suspected_speed(Clip(samples=samples.astype(np.float32), sample_rate_hz=24000))
    assert found.value is None
    assert found.missing.code is MissingCode.TOO_SHORT
    assert "2 s of speech" in found.missing.text


def test_a_few_long_syllables_are_too_few_to_be_called_slow(talk):
    few = talk[round(8.75 * 24000) : round(10.55 * 24000)]
    assert speed_alone(Sound(few, 9000.0)).suspected
    found = suspected_speed(Clip(samples=few, sample_rate_hz=9000))
    assert found.value is None
    assert found.missing.code is MissingCode.TOO_SHORT
    assert found.missing.text.startswith("only 6 syllables")


def test_what_sounds_slow_in_noise_is_not_judged(talk):
    noise = np.random.default_rng(2).standard_normal(talk.size) * 0.06 * np.std(talk)
    noisy = (talk + noise).astype(np.float32)
    assert speed_alone(Sound(noisy, 12000)).suspected
    found = suspected_speed(Clip(samples=noisy, sample_rate_hz=12000))
    assert found.value is None
    assert found.missing.code is MissingCode.UNFIT


@pytest.mark.parametrize(("rate_hz", "suspected"), [(12000, True), (15000, False)])
def test_with_less_than_4_s_of_speech_only_a_speed_that_is_clearly_wrong_is_suspected(rate_hz, suspected):
    reply = read_wav(REPLIES / "hearing_you_well.wav").samples[: round(3.4 * rate_hz)]
    assert speed_alone(Sound(reply, float(rate_hz))).suspected
    found = suspected_speed(Clip(samples=reply, sample_rate_hz=rate_hz))
    assert (found.value is not None) == suspected
    assert suspected or found.missing.code is MissingCode.UNDECIDED
