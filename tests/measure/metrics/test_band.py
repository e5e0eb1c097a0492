"""What is decided of a band and of mirror images, where the findings of the signal are given."""

from types import SimpleNamespace

import numpy as np
import pytest
from builders import speech

from diag.core.clip import Clip
from diag.core.missing import Missing, MissingCode
from diag.core.results import Tier
from diag.dsp.added_sound import AddedNoise
from diag.dsp.band import FAINTEST_IMAGE_DB, IMAGING_LIMIT, NYQUISTS_HZ
from diag.dsp.mirrored import Mirrored
from diag.measure.metrics import band
from diag.measure.metrics.band import IN_DOUBT, NO_IMAGES
from diag.measure.metrics.sounds import Speed, sound
from diag.measure.reasons import wrong_speed

RATE_HZ = 24000
VOICE = speech(1.0, 3, RATE_HZ)
OTHER = Missing(MissingCode.NO_MATCH, "nothing in common")


def clip(samples=VOICE):
    return Clip(samples=np.asarray(samples, dtype=np.float32), sample_rate_hz=RATE_HZ)


def images(weighed, mirror_hz=4000.0, correlation=0.9, level_db=-12.0):
    return SimpleNamespace(mirror_hz=mirror_hz, correlation=correlation, level_db=level_db, weighed=weighed)


@pytest.mark.parametrize(
    ("edge_hz", "found", "expected_hz", "confidence"),
    [
        (8000.0, None, 8200.0, None),
        (11900.0, None, 12000.0, None),
        (8000.0, (IMAGING_LIMIT + 0.01, 4000.0), 4000.0, IMAGING_LIMIT + 0.01),
        (8000.0, (IMAGING_LIMIT, 4000.0), 8200.0, None),
        (8000.0, (0.9, 8000.0), 8200.0, None),
        (8000.0, (0.9, 7999.0), 7999.0, 0.9),
    ],
)
def test_the_band_ends_a_little_above_the_edge_or_where_images_begin(
    monkeypatch, edge_hz, found, expected_hz, confidence
):
    monkeypatch.setattr(band, "content_edge", lambda _spectrum: edge_hz)
    monkeypatch.setattr(band, "_images", lambda _clip: found and images(*found))
    reading = band.bandwidth(clip())
    assert (reading.value, reading.confidence, reading.tier) == (pytest.approx(expected_hz), confidence, Tier.BLIND)


@pytest.mark.parametrize(
    ("weighed", "correlation", "value", "level_db"),
    [(0.7, 0.8, 0.7, -12.0), (-0.1, IMAGING_LIMIT, 0.0, None), (0.1, IMAGING_LIMIT + 0.01, 0.1, -12.0)],
)
def test_images_of_a_recording_have_a_level_if_they_are_any(monkeypatch, weighed, correlation, value, level_db):
    monkeypatch.setattr(band, "_images", lambda _clip: images(weighed, correlation=correlation))
    assert band.imaging_of_tap(clip()).value == value
    reading = band.image_level(clip())
    assert (reading.value, reading.missing) == (level_db, NO_IMAGES if level_db is None else None)
    assert level_db is None or reading.confidence == correlation


def test_where_images_cannot_be_looked_for_that_is_told(monkeypatch):
    monkeypatch.setattr(band, "_images", lambda _clip: None)
    monkeypatch.setattr(band, "content_edge", lambda _spectrum: None)
    silent, short = clip(np.zeros(RATE_HZ)), clip()
    for measure in (band.imaging_of_tap, band.image_level):
        assert measure(silent).missing == Missing(MissingCode.SILENT, "the clip is silent")
        assert measure(short).missing.code is MissingCode.LOW_RATE
    assert band.bandwidth(silent).missing.code is MissingCode.SILENT
    assert band.bandwidth(short).missing == Missing(MissingCode.TOO_SHORT, "less than 0.3 s of sound")
    monkeypatch.setattr(band, "speed", lambda *_: OTHER)
    assert band.imaging_of_segment(silent, short).missing.text == "the input is silent"
    assert band.imaging_of_segment(short, silent).missing.text == "the output is silent"


@pytest.fixture
def segment(monkeypatch):
    """What is told of a segment whose images, before and after, noise and phase are given."""

    def measured(after, before=(), *, ratio=1.0, beyond=0.0, phase=(), snr_db=None):
        both = (clip(), clip(0.5 * VOICE))
        noise = None if snr_db is None else AddedNoise(-60.0, snr_db, -50.0)
        about_each = tuple(Mirrored(hz, level, 0.0, one) for hz, level, one in phase)
        found = SimpleNamespace(images_about=about_each, noise=noise)
        asked = []

        def about(spectrum, mirror_hz):
            known = dict(before if spectrum is sound(both[0]).spectrum else after)
            return images(known[mirror_hz], mirror_hz) if mirror_hz in known else None

        def above(_spectrum, mirror_hz):
            asked.append(mirror_hz)
            return beyond

        monkeypatch.setattr(band, "speed", lambda *_: Speed(ratio, 9.0, 1.0))
        monkeypatch.setattr(band, "image_about", about)
        monkeypatch.setattr(band, "images_beyond", above)
        monkeypatch.setattr(band, "_images", lambda _clip: images(0.0))
        monkeypatch.setattr(band, "additions", lambda *_: found if phase else OTHER)
        return band.imaging_of_segment(*both), asked

    return measured


LOW, HIGH = NYQUISTS_HZ[0], NYQUISTS_HZ[-1]


@pytest.mark.parametrize(
    ("after", "before", "beyond", "value"),
    [
        ([(LOW, 0.6)], [], 0.0, 0.6),
        ([(LOW, 0.6)], [(LOW, 0.4)], 0.0, 0.2),
        ([(LOW, 0.6)], [(HIGH, 0.4)], 0.0, 0.6),
        ([(LOW, 0.3), (HIGH, 0.5)], [], 0.0, 0.5),
        ([(LOW, 0.5), (HIGH, 0.6)], [(HIGH, 0.3)], 0.0, 0.5),
        ([(LOW, 0.2)], [], 0.3, 0.3),
        ([], [], 0.0, 0.0),
    ],
)
def test_a_segment_has_the_images_that_its_input_does_not_have(segment, after, before, beyond, value):
    reading, asked = segment(after, before, beyond=beyond)
    assert reading.value == pytest.approx(value)
    assert asked == [RATE_HZ / 2]


@pytest.mark.parametrize(
    ("ratio", "beyond", "value"),
    [(1.0051, 0.4, 0.4), (1.0051, 0.0, None), (0.9949, 0.4, 0.4), (1.0049, 0.0, 0.6), (0.9951, 0.0, 0.6)],
)
def test_at_a_wrong_speed_only_what_is_beyond_the_input_tells_images(segment, ratio, beyond, value):
    reading, asked = segment([(LOW, 0.6)], ratio=ratio, beyond=beyond)
    assert reading.value == (None if value is None else pytest.approx(value))
    assert asked == [pytest.approx((ratio if abs(ratio - 1) > 0.005 else 1.0) * RATE_HZ / 2)]
    assert value is not None or reading.missing == wrong_speed(ratio)


@pytest.mark.parametrize(
    ("phase", "snr_db", "expected"),
    [
        ([(LOW, -20.0, 0.0)], 40.1, 0.0),
        ([(LOW, -20.0, 0.0)], 40.0, IN_DOUBT),
        ([(LOW, -20.0, 0.0)], None, IN_DOUBT),
        ([(LOW, -20.0, 0.1)], 40.1, 0.6),
        ([(LOW, FAINTEST_IMAGE_DB - 0.1, 0.5)], 40.1, 0.0),
        ([(LOW, FAINTEST_IMAGE_DB, 0.5)], 40.1, 0.6),
        ([(HIGH, -20.0, 0.0)], 40.1, 0.6),
    ],
)
def test_what_resembles_images_but_has_no_phase_of_them_is_none_or_in_doubt(segment, phase, snr_db, expected):
    reading, _ = segment([(LOW, 0.6)], phase=phase, snr_db=snr_db)
    assert (reading.missing or reading.value) == expected if expected != 0.0 else reading.value == 0.0


def test_other_images_are_told_although_some_are_in_doubt(segment):
    reading, _ = segment([(LOW, 0.6), (HIGH, 0.5)], phase=[(LOW, -20.0, 0.0)], snr_db=10.0)
    assert reading.value == pytest.approx(0.5)
    faint, _ = segment([(LOW, 0.6), (HIGH, IMAGING_LIMIT)], phase=[(LOW, -20.0, 0.0)], snr_db=10.0)
    assert faint.missing == IN_DOUBT
