"""What the rules on pages list of the damage that they explain: on both sides of each limit, with the quantities."""

import pytest

from diag.core.chain import Segment, Tap
from diag.core.results import Measurement, Measurements, Tier
from diag.dsp.band import IMAGING_LIMIT
from diag.dsp.dullness import BANDS_HZ
from diag.judge.limits import CLICKS_HZ
from diag.judge.page_evidence import NOTICED_DB, images_and_treble, worst_band

PLAYER = Segment(Tap.RECEIVED, Tap.HEARD)


def measured(*pairs):
    return Measurements(tuple(
        Measurement(metric=name, unit="1", value=value, missing=None, tier=Tier.WAVEFORM, turn=turn, segment=PLAYER)
        for turn, (name, value) in enumerate(pairs)
    ))  # fmt: skip


def texts(*pairs):
    return [item.text for item in images_and_treble(measured(*pairs))]


@pytest.mark.parametrize(
    ("metric", "limit", "words"),
    [
        ("imaging", IMAGING_LIMIT, "mirror images of the voice were measured (correlation {:.2f})"),
        ("click_rate_hz", CLICKS_HZ, "{:.1f} clicks per second were measured"),
    ],
)
def test_damage_is_listed_above_its_limit_and_once(metric, limit, words):
    assert texts((metric, limit)) == []
    above = 1.1 * limit
    assert texts((metric, limit), (metric, above), (metric, 2 * above)) == [words.format(above)]


def test_the_band_that_lost_most_is_listed_from_one_decibel_on():
    below = NOTICED_DB - 0.01
    assert texts(("dullness_bands_db", (None, below, 0.0, None))) == []
    assert texts(("dullness_bands_db", (0.5, NOTICED_DB, None, 0.2))) == ["1.0 dB were lost from 5 to 7 kHz"]
    assert texts(("dullness_bands_db", (9.0, 3.0, None, 0.2)), ("dullness_bands_db", (1.0, 12.5, None, 0.2))) == [
        "12.5 dB were lost from 5 to 7 kHz"
    ]


def test_the_worst_band_is_none_where_no_band_was_compared():
    assert worst_band(measured(("dullness_bands_db", (None,) * len(BANDS_HZ)))) is None
    found = worst_band(measured(("dullness_bands_db", (0.5, None, 2.0, 1.0))))
    assert (found.loss_db, found.edges_hz) == (2.0, BANDS_HZ[2])
