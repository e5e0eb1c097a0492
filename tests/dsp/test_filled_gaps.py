"""Silence in place of sound that noise fills, and what only resembles it."""

import numpy as np
import pytest
from dsp_voices import made_voice

from diag.dsp.segment import compare_segment
from diag.dsp.segment_events import EventKind
from diag.dsp.spectrum import Sound

VOICE = made_voice(seed=4, duration_s=5.0)
LOUD = int(np.argmax(np.convolve(VOICE.samples**2, np.ones(2400), mode="same")))


def events_of(samples, snr_db, seed=2):
    noise = np.random.default_rng(seed).standard_normal(samples.size) * np.std(VOICE.samples) * 10 ** (-snr_db / 20)
    out = Sound((samples + noise).astype(np.float32), VOICE.rate_hz)
    return compare_segment(VOICE, out).events


@pytest.mark.parametrize("length_s", [0.02, 0.05, 0.2])
def test_a_gap_is_found_in_noise_with_its_place_and_length(length_s):
    hurt = VOICE.samples.copy()
    hurt[LOUD : LOUD + round(length_s * VOICE.rate_hz)] = 0.0
    found = events_of(hurt, 20)
    assert [event.kind for event in found] == [EventKind.DROPOUT]
    assert found[0].estimated_s == pytest.approx(LOUD / VOICE.rate_hz, abs=0.003)
    assert found[0].duration_s == pytest.approx(length_s, abs=0.004)


@pytest.mark.parametrize("snr_db", [10, 20, 30])
def test_noise_alone_makes_no_gap(snr_db):
    assert events_of(VOICE.samples, snr_db) == ()


def test_sound_that_is_turned_down_is_no_gap():
    quiet = VOICE.samples.copy()
    quiet[round(2.2 * VOICE.rate_hz) :] *= 10 ** (-10 / 20)
    assert EventKind.DROPOUT not in [event.kind for event in events_of(quiet, 25)]
