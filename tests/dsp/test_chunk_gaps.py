"""Gaps at every chunk from the delays of the pieces that are found."""

from dataclasses import replace

import numpy as np
import pytest
from dsp_voices import made_voice

from diag.dsp.chunk_gaps import chunk_gaps, chunk_overlaps
from diag.dsp.diagonal import emphasised_side
from diag.dsp.follow import Pair, Piece
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


def test_a_weak_piece_that_goes_back_does_not_hide_the_gaps():
    """Behind a codec another pitch period may fit a little better than the right one."""
    steps = staircase([0.0, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03])
    astray = replace(steps[3], first=steps[3].first + 10, delay=0.022 * RATE_HZ, score=100.0)
    found = chunk_gaps([*steps[:4], astray, *steps[4:]], RATE_HZ)
    assert found.gap / RATE_HZ == pytest.approx(0.005, rel=0.01)
    assert chunk_gaps([*steps[:4], *steps[:4]], RATE_HZ) is None


def test_overlaps_are_sums_of_two_chunks_and_not_one_after_the_other():
    """Where the sound that is cut out is faint, the rest has the gain of both chunks."""
    chunk, shared, count = 1600, 560, 8
    place = np.arange(chunk * count)
    to_border = np.minimum(place % chunk, chunk - place % chunk)
    x = np.random.default_rng(2).standard_normal(place.size) * np.where(to_border < shared // 2, 0.3, 1.0)
    mixed, cut = np.zeros((2, (chunk - shared) * count + shared))
    pieces = []
    for number in range(count):
        begin, half = number * (chunk - shared), shared // 2
        mixed[begin : begin + chunk] += x[number * chunk : (number + 1) * chunk]
        cut[begin + half : begin + chunk - half] = x[number * chunk + half : (number + 1) * chunk - half]
        pieces.append(Piece(number * chunk + half, (number + 1) * chunk - half, -number * shared, 500.0, 20.0))
    own = emphasised_side(x.astype(np.float32), 40)
    found = [
        chunk_overlaps(Pair(own, emphasised_side(y.astype(np.float32), 40), RATE_HZ, 1, 20.0, own.active), pieces)
        for y in (mixed, cut)
    ]
    assert found[0].gap == pytest.approx(-shared)
    assert found[1] is None


def test_a_voice_that_fades_below_the_noise_loses_nothing():
    gain = 10 ** (-np.clip((np.arange(VOICE.samples.size) / VOICE.rate_hz - 1.5) / 0.8, 0, 1) * 12 / 20)
    kinds = {event.kind for event in compare_segment(VOICE, noisy(VOICE.samples * gain)).events}
    assert kinds <= {EventKind.TAIL_LOST}
