"""Gaps at every chunk from the delays of the pieces that are found."""

import numpy as np
import pytest
from dsp_voices import made_voice

from diag.dsp.chunk_gaps import chunk_gaps
from diag.dsp.follow import Piece
from diag.dsp.segment import compare_segment
from diag.dsp.segment_events import EventKind
from diag.dsp.spectrum import Sound

RATE_HZ = 8000.0
VOICE = made_voice(seed=6, duration_s=6.0)


def staircase(delays_s, chunk_s=0.1):
    chunk = round(chunk_s * RATE_HZ)
    return [
        Piece(number * chunk, (number + 1) * chunk, delay_s * RATE_HZ, 500.0, 20.0)
        for number, delay_s in enumerate(delays_s) if delay_s is not None
    ]  # fmt: skip


def test_a_staircase_with_missing_steps_is_gaps_at_every_chunk():
    delays_s = [0.01 * number for number in range(12)]
    delays_s[3] = delays_s[6] = delays_s[7] = None
    found = chunk_gaps(staircase(delays_s), RATE_HZ)
    assert found.count == 11
    assert found.gap / RATE_HZ == pytest.approx(0.01)
    assert found.period / RATE_HZ == pytest.approx(0.1)


@pytest.mark.parametrize("delays_s", [
    [0.0] * 12,
    [0.01 * number for number in range(4)],
    [0.0, 0.011, 0.03, 0.037, 0.061, 0.068, 0.09, 0.117, 0.12],
    [0.0, 0.01, 0.02, 0.0, 0.03, 0.01, 0.04, 0.05],
])  # fmt: skip
def test_what_is_no_staircase_is_not_gaps_at_every_chunk(delays_s):
    assert chunk_gaps(staircase(delays_s), RATE_HZ) is None


def noisy(samples, snr_db=20):
    noise = np.random.default_rng(3).standard_normal(samples.size) * np.std(VOICE.samples) * 10 ** (-snr_db / 20)
    return Sound((samples + noise).astype(np.float32), VOICE.rate_hz)


@pytest.mark.parametrize("gap_s", [0.004, 0.02])
def test_gaps_at_every_chunk_are_counted_in_noise(gap_s):
    chunk, gap = round(0.15 * VOICE.rate_hz), np.zeros(round(gap_s * VOICE.rate_hz), np.float32)
    parts = [part for at in range(0, VOICE.samples.size, chunk) for part in (VOICE.samples[at : at + chunk], gap)]
    found = compare_segment(VOICE, noisy(np.concatenate(parts)))
    # The voice falls silent after 5.4 s: 35 of the gaps are heard.
    assert found.total_s(EventKind.SEAMS) == pytest.approx(35 * gap_s, rel=0.05)
    assert {event.kind for event in found.events} == {EventKind.SEAMS}


def test_overlapping_chunks_are_told_in_noise_from_chunks_cut_short():
    chunk, step = round(0.2 * VOICE.rate_hz), round(0.13 * VOICE.rate_hz)
    count = VOICE.samples.size // chunk
    mixed, cut = np.zeros((2, step * count + chunk), np.float32)
    for number in range(count):
        part = VOICE.samples[number * chunk : (number + 1) * chunk]
        mixed[number * step : number * step + chunk] += part
        cut[number * step : (number + 1) * step] = part[:step]
    kinds = [{event.kind for event in compare_segment(VOICE, noisy(out)).events} for out in (mixed, cut)]
    assert EventKind.OVERLAP in kinds[0]
    assert EventKind.OVERLAP not in kinds[1]
