"""What is decided of speed, drift and delay, where the match of a pair is given."""

import numpy as np
import pytest

from diag.core.clip import Clip
from diag.core.missing import Missing, MissingCode
from diag.dsp.joins import Stretch
from diag.dsp.rate import Match
from diag.dsp.segment import SegmentComparison, SegmentPiece
from diag.dsp.track import DelayTrack
from diag.measure.metrics import speed
from diag.measure.metrics.sounds import Speed, Tracked
from diag.measure.reasons import wrong_speed

OTHER = Missing(MissingCode.NO_MATCH, "nothing in common")


def clip(start_s=None):
    return Clip(samples=np.ones(9, np.float32), sample_rate_hz=24000, start_s=start_s)


def drift(monkeypatch, ratio, lengths_s=(2.0,), precision=0.0):
    stretches = tuple(Stretch(10.0 * n, 10.0 * n + length_s, 0.0, 0.9) for n, length_s in enumerate(lengths_s))
    found = Tracked(ratio, DelayTrack(stretches, 1.0), 0.8, 1)
    monkeypatch.setattr(speed, "tracked", lambda *_: found)
    monkeypatch.setattr(speed, "match", lambda *_: Match(ratio, ratio, 0.8, found.track, precision))
    return speed.drift_ppm(clip(), clip())


@pytest.mark.parametrize(
    ("ratio", "precision", "ppm"),
    [
        (1.0001, None, 100.0),
        (1.000299, None, 299.0),
        (1.000301, None, None),
        (1.000301, 0.000301 * 0.0499, 301.0),
        (1.000301, 0.000301 * 0.0501, None),
        (0.9996, 0.0004 * 0.0499, -400.0),
        (0.9996, 0.0004 * 0.0501, None),
        (0.9998, 1.0, -200.0),
        (1.0049, 0.0, 4900.0),
    ],
)
def test_a_drift_of_more_than_two_clocks_must_be_precise(monkeypatch, ratio, precision, ppm):
    reading = drift(monkeypatch, ratio, precision=precision)
    assert reading.value == (None if ppm is None else pytest.approx(ppm, abs=0.01))
    if ppm is None:
        assert reading.missing.text == "its parts do not agree on a drift, as with a comb filter or a room"
    else:
        assert reading.confidence == 0.8


@pytest.mark.parametrize("ratio", [1.0051, 0.9949])
def test_a_wrong_speed_is_no_drift(monkeypatch, ratio):
    assert drift(monkeypatch, ratio).missing == wrong_speed(ratio)
    assert wrong_speed(1.5).text == "the speed differs by +50.0 %, which has to be repaired first"


@pytest.mark.parametrize(
    ("lengths_s", "text"),
    [((1.0, 1.0), None), ((1.0, 0.99), "2.0 s of sound are too short to measure drift"),
     ((1.5,), "1.5 s of sound are too short to measure drift")],
)  # fmt: skip
def test_a_drift_needs_two_seconds(monkeypatch, lengths_s, text):
    reading = drift(monkeypatch, 1.0, lengths_s)
    assert (reading.missing and reading.missing.text) == text


@pytest.mark.parametrize(
    ("starts_s", "delay_s"),
    [((None, None), 0.3), ((1.0, 1.5), 0.8), ((2.0, 1.5), -0.2), ((0.0, 0.0), 0.3), ((1.0, None), None),
     ((None, 1.0), None)],
)  # fmt: skip
def test_a_hop_delays_its_first_piece_by_both_clocks_or_none(monkeypatch, starts_s, delay_s):
    pieces = (SegmentPiece(0.5, 1.0, 0.8, 1.3, 0.3, 0.7), SegmentPiece(1.0, 2.0, 9.0, 10.0, 8.0, 0.9))
    monkeypatch.setattr(speed, "compared", lambda *_: SegmentComparison(1.0, None, 1, pieces, (), 1.0))
    reading = speed.hop_delay(*(clip(start_s) for start_s in starts_s))
    if delay_s is None:
        assert reading.missing.code is MissingCode.NO_CLOCK
    else:
        assert (reading.value, reading.confidence) == (pytest.approx(delay_s), 0.7)


def test_speed_by_pitch_and_by_time_have_their_confidence(monkeypatch):
    monkeypatch.setattr(speed, "speed", lambda *_: Speed(0.5, 0.6, 0.7))
    by_pitch, by_time = speed.rate_ratio(clip(), clip()), speed.time_ratio(clip(), clip())
    assert (by_pitch.value, by_pitch.confidence) == (0.5, 0.7)
    assert (by_time.value, by_time.confidence) == (0.6, 0.7)
    for name in ("speed", "compared", "tracked"):
        monkeypatch.setattr(speed, name, lambda *_: OTHER)
    for measure in (speed.rate_ratio, speed.time_ratio, speed.hop_delay, speed.drift_ppm):
        assert measure(clip(), clip()).missing == OTHER
