"""Rates of clicks and of flat tops, and their places, where the samples that were found are given."""

from types import SimpleNamespace

import numpy as np
import pytest

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.missing import Missing, MissingCode
from diag.core.results import Spot
from diag.dsp import clicks, gaps
from diag.dsp import glitches as detected
from diag.dsp.joins import Stretch
from diag.dsp.track import DelayTrack
from diag.measure.metrics import glitches
from diag.measure.metrics.glitches import HIDDEN, TOO_SHORT
from diag.measure.metrics.sounds import Tracked
from diag.measure.reasons import SILENT

HZ = 8000
NOISE = np.random.default_rng(1).standard_normal(2 * HZ) / 10


def clip(samples=NOISE):
    return Clip(samples=np.asarray(samples, dtype=np.float32), sample_rate_hz=HZ)


def places(*frames, hidden_share=0.0):
    return SimpleNamespace(count=len(frames), frames=np.array(frames, dtype=int), hidden_share=hidden_share)


def test_rates_are_per_second_with_a_place_of_300_ms_to_either_side(monkeypatch):
    monkeypatch.setattr(clicks, "clicks", lambda *_: places(800, 8000, 12000))
    reading = glitches.click_rate(clip())
    assert reading.value == 1.5
    assert reading.spots == (
        Spot(Tap.HEARD, 0.0, pytest.approx(0.2)), Spot(Tap.HEARD, pytest.approx(0.7), pytest.approx(1.3)),
        Spot(Tap.HEARD, pytest.approx(1.2), pytest.approx(1.8)),
    )  # fmt: skip


def test_twenty_places_are_kept(monkeypatch):
    monkeypatch.setattr(clicks, "clicks", lambda *_: places(*range(5000, 5021)))
    reading = glitches.click_rate(clip())
    assert (reading.value, len(reading.spots)) == (10.5, 20)


@pytest.mark.parametrize(("flat", "piled", "rate"), [((100, 200), (300,), 1.0), ((), (300,), 0.5), ((), (), 0.0)])
def test_piled_peaks_count_only_where_there_are_no_flat_tops(monkeypatch, flat, piled, rate):
    monkeypatch.setattr(detected, "flat_tops", lambda *_: places(*flat))
    monkeypatch.setattr(detected, "piled_tops", lambda *_: places(*piled))
    assert glitches.clipping_rate(clip()).value == rate


MEASURES = (glitches.clipping_rate, glitches.click_rate, glitches.gap_count, glitches.flatness, glitches.equal_pairs,
            glitches.tonality)  # fmt: skip


@pytest.mark.parametrize("measure", MEASURES)
def test_a_clip_needs_300_ms_and_sound(measure):
    assert measure(clip(NOISE[: round(0.3 * HZ) - 1])).missing == TOO_SHORT
    assert measure(clip(np.zeros(HZ))).missing == SILENT
    enough = measure(clip(NOISE[: round(0.3 * HZ)]))
    assert enough.missing is None or enough.missing == glitches.LEAST_SOUND
    assert TOO_SHORT.text == "less than 0.3 s"


def test_gaps_of_zeros_and_of_noise_are_told_in_order(monkeypatch):
    monkeypatch.setattr(gaps, "digital_gaps", lambda *_: [(9000, 9100), (12000, 12100)])
    monkeypatch.setattr(gaps, "noisy_gaps", lambda *_: [(4000, 4100)])
    reading = glitches.gap_count(clip())
    assert reading.value == 3.0
    assert [(spot.start_s + spot.end_s) / 2 for spot in reading.spots] == pytest.approx([0.5, 1.125, 1.5])


def test_equal_pairs_are_those_of_either_kind(monkeypatch):
    monkeypatch.setattr(detected, "equal_pairs", lambda _samples: 0.2)
    monkeypatch.setattr(detected, "one_zero_pairs", lambda _samples: 0.3)
    assert glitches.equal_pairs(clip()).value == 0.3


def added(monkeypatch, found, *, spliced=False, polarity=1):
    reference, estimated = clip(), clip(-NOISE)
    pair = (reference, clip(NOISE / 2) if spliced else estimated)
    track = DelayTrack((Stretch(0.0, 0.5, 0.0, 0.9), Stretch(1.0, 1.25, 0.0, 0.9)), 1.0)
    seen = []

    def added_clicks(_own, other, *_):
        seen.append(other.samples[0])
        return found

    monkeypatch.setattr(glitches, "spliced", lambda *_: pair)
    monkeypatch.setattr(glitches, "tracked", lambda *_: Tracked(1.0, track, 0.8, polarity))
    monkeypatch.setattr(clicks, "added_clicks", added_clicks)
    return glitches.added_click_rate(reference, estimated), seen[0]


def test_added_clicks_are_counted_over_what_was_followed(monkeypatch):
    reading, first = added(monkeypatch, places(4000, 8000, 9000), polarity=-1)
    assert (reading.value, reading.confidence, len(reading.spots)) == (4.0, 0.8, 3)
    assert first == pytest.approx(NOISE[0])
    joined, first = added(monkeypatch, places(4000), spliced=True)
    assert (joined.value, joined.spots) == (pytest.approx(1 / 0.75), ())
    assert first == pytest.approx(NOISE[0] / 2)


@pytest.mark.parametrize(
    ("frames", "hidden_share", "hidden"),
    [((), clicks.MOST_HIDDEN + 0.01, True), ((), clicks.MOST_HIDDEN, False), ((4000,), 0.9, False)],
)
def test_clicks_that_would_be_hidden_are_not_called_absent(monkeypatch, frames, hidden_share, hidden):
    reading, _ = added(monkeypatch, places(*frames, hidden_share=hidden_share))
    assert (reading.missing == HIDDEN) is hidden


def test_clicks_of_what_cannot_be_followed_are_not_measured(monkeypatch):
    other = Missing(MissingCode.NO_MATCH, "nothing in common")
    monkeypatch.setattr(glitches, "spliced", lambda *pair: pair)
    monkeypatch.setattr(glitches, "tracked", lambda *_: other)
    assert glitches.added_click_rate(clip(), clip()).missing == other
