"""Drawings with known answers: places, edges and sums."""

from __future__ import annotations

import base64
import dataclasses
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from report_samples import SPEECH_END_S, STAGES, measurement, run_result, slow_player_run, take, take_result, voice

from diag.core.clip import Clip
from diag.core.results import Measurements
from diag.report.lanes import lanes_of, origin_of, span_of
from diag.report.picks import pick
from diag.report.spectra import pictures_of, spectra_of
from diag.report.svg import envelope, peaks, points, ticks
from diag.report.waterfall import waterfall_of


def test_wait_is_drawn_from_the_end_of_the_speech_to_the_first_audio():
    chosen = pick(run_result(takes=(take_result(),)), [take()])
    start_s, end_s = span_of(chosen)
    wait = lanes_of(chosen).waits[0]
    per_s = 100 / (end_s - start_s)
    assert wait.left == pytest.approx((SPEECH_END_S - start_s) * per_s, abs=0.01)
    assert wait.width == pytest.approx((sum(STAGES.values()) + 0.002) * per_s, abs=0.01)
    assert wait.words == "857 ms wait"


def test_zero_of_the_axis_is_the_end_of_the_speech():
    chosen = pick(run_result(takes=(take_result(),)), [take()])
    drawing = lanes_of(chosen)
    start_s, end_s = span_of(chosen)
    zero = next(at for at, words in drawing.axis if words == "0 s")
    assert start_s + zero / 100 * (end_s - start_s) == pytest.approx(origin_of(chosen), abs=0.001)


def test_no_answer_is_drawn_as_an_open_wait():
    run = run_result(takes=(take_result(answered=False),))
    wait = lanes_of(pick(run, [take(answered=False)])).waits[0]
    assert not wait.answered
    assert wait.words == "nothing heard"


def test_stages_follow_each_other_and_fill_what_was_measured():
    drawing = waterfall_of(run_result())
    assert [row.name for row in drawing.rows] == ["median", "take 0001", "take 0002", "take 0003"]
    for row in drawing.rows:
        for before, after in zip(row.bars, row.bars[1:], strict=False):
            assert after.left == pytest.approx(before.left + before.width, abs=0.02)
    last = drawing.rows[-1]
    total = sum(STAGES.values()) + 0.03
    assert last.bars[-1].left + last.bars[-1].width == pytest.approx(total / (total + 0.002) * 100, abs=0.1)
    assert last.note == "stages and recording differ by 2.0 ms"


@given(st.lists(st.floats(-3.0, 3.0), min_size=6, max_size=6))
def test_bars_stay_on_their_axis_whatever_was_measured(values):
    items = [measurement(stage, value) for stage, value in zip(STAGES, values, strict=True)]
    result = dataclasses.replace(take_result(), measurements=Measurements(tuple(items)))
    bars = waterfall_of(run_result(takes=(result,))).rows[0].bars
    assert all(bar.left >= 0.0 and bar.width >= 0.0 and bar.left + bar.width <= 100.05 for bar in bars)


def test_discarded_takes_and_takes_without_stages_have_no_bar():
    assert [row.name for row in waterfall_of(slow_player_run(1)).rows] == ["take 0001"]
    assert waterfall_of(run_result(takes=(take_result(answered=False),))) is None


@pytest.mark.parametrize(("top_hz", "rate_hz"), [(4000, 24000), (7500, 48000), (11000, 24000)])
def test_spectrum_tells_where_the_content_ends(top_hz, rate_hz):
    clip = Clip(samples=voice(1.0, rate_hz, top_hz=top_hz), sample_rate_hz=rate_hz)
    curve = spectra_of("t", [("x", "s", clip)]).curves[0]
    told_khz = float(curve.words.removeprefix("sound up to ").split(" ", 1)[0])
    assert told_khz * 1000 == pytest.approx(top_hz, abs=350)


def test_silence_has_no_spectrum_and_a_dark_picture():
    clip = Clip(samples=np.zeros(24000, dtype=np.float32), sample_rate_hz=24000)
    assert spectra_of("t", [("x", "s", clip)]) is None
    assert _pixels(pictures_of([("x", clip)])[0].uri).max() < 20


def test_picture_is_bright_where_the_sound_is():
    rate_hz = 24000
    tone = 0.5 * np.sin(2 * np.pi * 3000 * np.arange(rate_hz) / rate_hz).astype(np.float32)
    clip = Clip(samples=np.concatenate((np.zeros(rate_hz, dtype=np.float32), tone)), sample_rate_hz=rate_hz)
    brightness = _pixels(pictures_of([("x", clip)])[0].uri).sum(axis=2)
    row, column = np.unravel_index(brightness.argmax(), brightness.shape)
    height, width = brightness.shape
    assert column > width / 2
    assert 1 - (row + 0.5) / height == pytest.approx(3000 / 12000, abs=0.03)


def test_pictures_share_one_axis_of_time():
    long = Clip(samples=voice(1.5, 24000), sample_rate_hz=24000)
    short = Clip(samples=voice(1.0, 24000), sample_rate_hz=24000)
    assert [picture.share for picture in pictures_of([("a", short), ("b", long)])] == [pytest.approx(66.67), 100.0]


def _pixels(uri):
    image = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGB")
    return np.asarray(image).astype(int)


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3), st.integers(1, 12))
def test_ticks_lie_inside_and_are_few(low, length, most):
    found = ticks(low, low + length, most)
    assert len(found) <= most + 1
    slack = length * 1e-6
    assert all(low - slack <= tick <= low + length + slack for tick in found)


@given(st.lists(st.floats(-1, 1, width=32), max_size=300), st.integers(1, 50))
def test_peaks_hold_every_extreme(values, columns):
    samples = np.array(values, dtype=np.float32)
    found = peaks(samples, columns)
    assert len(found) == min(columns, samples.size)
    if values:
        assert min(low for low, _ in found) == samples.min()
        assert max(high for _, high in found) == samples.max()


def test_paths_are_short_and_closed():
    assert points([0.0, 1.26], [2.0, 3.04]) == "M0 2L1.3 3"
    assert points([], []) == ""
    assert envelope([(-0.5, 1.0)], x=0, width=10, middle=30, half=20) == "M5 9.6L5 40.4Z"
    assert envelope([], x=0, width=10, middle=30, half=20) == ""
