import numpy as np
import pytest
import soxr

from diag.core.clip import Clip
from diag.core.missing import MissingCode
from diag.files.audio_files import read_wav
from diag.files.scenario_folders import built_in_folder
from diag.measure.metrics.continuity import inserted_silence
from diag.measure.metrics.sounds import with_phase_of
from diag.measure.metrics.speed import drift_ppm

RATE_HZ = 24000


@pytest.fixture(scope="module")
def reply():
    return read_wav(built_in_folder() / "replies" / "take_the_express.wav").samples.astype(np.float64)


def clip(samples):
    return Clip(samples=np.asarray(samples, dtype=np.float32), sample_rate_hz=RATE_HZ)


@pytest.mark.parametrize("ppm", [-800, -350, 120, 400, 900])
def test_a_drift_is_measured_to_a_few_ppm_in_noise(reply, ppm):
    drifting = soxr.resample(reply, RATE_HZ * (1 + ppm * 1e-6), RATE_HZ, quality="VHQ")
    noise = np.random.default_rng(0).standard_normal(drifting.size) * 0.1 * np.std(reply)
    assert drift_ppm(clip(reply), clip(drifting + noise)).value == pytest.approx(ppm, abs=5)


@pytest.mark.parametrize("late_ms", [1.0, 2.0])
def test_a_comb_filter_is_no_drift(late_ms):
    voice = read_wav(built_in_folder() / "replies" / "say_it_again.wav").samples
    comb, late = voice.copy(), round(late_ms * RATE_HZ / 1000)
    comb[late:] += 0.95 * voice[:-late]
    assert drift_ppm(clip(voice), clip(comb)).missing.code is MissingCode.DISAGREE


@pytest.mark.parametrize("ppm", [100, 250])
def test_a_drift_is_no_change_of_phase_and_no_silence(ppm):
    prompt = read_wav(built_in_folder() / "prompts" / "can_you_hear_me.wav")
    samples = np.pad(prompt.samples, (8000, 12000))
    spoken = soxr.resample(samples, prompt.sample_rate_hz, 48000, quality="VHQ")
    captured = soxr.resample(np.pad(spoken, (3007, 0)), 48000, 16000 * (1 + ppm * 1e-6), quality="VHQ")
    reference = Clip(samples=spoken, sample_rate_hz=48000)
    estimated = Clip(samples=captured, sample_rate_hz=16000)
    turned = with_phase_of(reference, estimated)
    assert turned is reference
    assert inserted_silence(turned, estimated).value == 0.0
