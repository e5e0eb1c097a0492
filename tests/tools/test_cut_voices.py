"""The clips that tools/more_voices.sh makes out of recorded speech."""

import importlib.util
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"
RATE_HZ = 22050


@pytest.fixture(scope="module")
def cut_voices():
    spec = importlib.util.spec_from_file_location("cut_voices", TOOLS / "cut_voices.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["cut_voices"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["cut_voices"]


def buzz(pitch_hz, length_s, level=0.3):
    times_s = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    return level * sum(np.sin(2 * np.pi * pitch_hz * k * times_s) / k for k in range(1, 12)) / 2


@pytest.mark.parametrize("pitch_hz", [90.0, 130.0, 210.0, 330.0])
def test_pitch_of_a_buzz(cut_voices, pitch_hz):
    assert cut_voices.pitch_of(buzz(pitch_hz, 1.0), RATE_HZ) == pytest.approx(pitch_hz, rel=0.03)


def test_noise_has_no_pitch(cut_voices):
    noise = np.random.default_rng(1).normal(0, 0.1, RATE_HZ)
    assert np.isnan(cut_voices.pitch_of(noise, RATE_HZ))


def test_silence_at_the_ends_is_cut_to_the_margin(cut_voices):
    quiet = np.random.default_rng(1).normal(0, 1e-5, RATE_HZ)
    cut = cut_voices.trimmed(np.concatenate([quiet, buzz(130, 1.0), quiet]), RATE_HZ)
    assert cut.size / RATE_HZ == pytest.approx(1.0 + 2 * cut_voices.MARGIN_S, abs=0.025)


def test_pauses_of_joined_clips_are_as_loud_as_the_room(cut_voices):
    random = np.random.default_rng(1)
    samples = random.normal(0, 1e-3, RATE_HZ)
    samples[3000:-3000] += buzz(130, 1.0)[3000:-3000]
    part = cut_voices.Part(samples, RATE_HZ, 1, "wav", 130.0)
    clip = cut_voices.joined([part, part], random)
    pause = clip[RATE_HZ + 500 : RATE_HZ + round(cut_voices.PAUSE_S * RATE_HZ) - 500]
    assert np.count_nonzero(clip == 0) == 0
    assert 20 * np.log10(np.sqrt(np.mean(pause**2)) / 1e-3) == pytest.approx(0, abs=3)


def test_long_recordings_stand_alone_and_short_ones_are_joined(cut_voices):
    def part(length_s):
        return cut_voices.Part(buzz(130, length_s, 2.0), RATE_HZ, 1, "wav", 130.0)

    clips = cut_voices.clips_of([part(3.0), part(20.0), *(part(1.0) for _ in range(5))])
    assert [several for _, several in clips] == [False, True]
    assert clips[1][0].size / RATE_HZ == pytest.approx(5.0, abs=0.1)
    assert all(np.abs(samples).max() <= cut_voices.PEAK_MOST + 1e-9 for samples, _ in clips)


def test_no_speaker_is_in_both_halves_and_every_package_names_its_licence():
    table = tomllib.loads((TOOLS / "more_voices.toml").read_text(encoding="utf-8"))
    assert not set(table["development"]) & set(table["held_out"])
    packages = {wanted["package"] for half in ("development", "held_out") for wanted in table[half].values()}
    assert packages == set(table["licence"])
