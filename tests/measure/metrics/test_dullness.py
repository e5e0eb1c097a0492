"""Which parts of a segment its treble is compared in, and why it is not, from matches that are given."""

from types import SimpleNamespace

import numpy as np
import pytest

from diag.core.clip import Clip
from diag.core.missing import Missing, MissingCode
from diag.dsp.joins import Stretch
from diag.dsp.segment_events import Event, EventKind
from diag.dsp.track import DelayTrack
from diag.measure.metrics import dullness
from diag.measure.metrics.dullness import _unbroken
from diag.measure.metrics.sounds import Speed, Tracked
from diag.measure.reasons import wrong_speed


def parts(*events):
    """Start and end of the parts of a stretch from 1 to 5 s."""
    found = _unbroken(
        Stretch(1.0, 5.0, 0.25, 0.9), tuple(Event(kind, at_s, 0.0, length_s) for kind, at_s, length_s in events)
    )
    assert {(part.delay_s, part.agreement) for part in found} == {(0.25, 0.9)}
    return [pytest.approx((part.start_s, part.end_s)) for part in found]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], [(1.0, 5.0)]),
        ([(EventKind.DROPOUT, 2.0, 0.5)], [(1.0, 1.98), (2.52, 5.0)]),
        ([(EventKind.DROPOUT, 2.0, 0.5), (EventKind.DROPOUT, 4.0, 0.1)], [(1.0, 1.98), (2.52, 3.98), (4.12, 5.0)]),
        ([(EventKind.DROPOUT, 1.0, 0.5), (EventKind.DROPOUT, 5.0, 0.5)], [(1.0, 5.0)]),
        ([(EventKind.STALL, 2.0, 0.5)], [(1.0, 5.0)]),
    ],
)
def test_silence_in_place_of_sound_is_left_out_with_its_edges(events, expected):
    assert parts(*events) == expected


# --- what is compared


OTHER = Missing(MissingCode.NO_MATCH, "nothing in common")
TRACK = DelayTrack((Stretch(1.0, 5.0, 0.25, 0.9), Stretch(6.0, 7.0, 0.5, 0.9)), 1.0)
BANDS = (1.0, 2.0, None, 4.0)


def clip():
    return Clip(samples=np.ones(9, np.float32), sample_rate_hz=24000)


@pytest.fixture
def given(monkeypatch):
    """Treble of a pair whose speed, track and events are given; the stretches that were compared are noted."""
    seen = []

    def give(ratio=1.0, mean_db=2.5, followed=None, events=()):
        loss = SimpleNamespace(mean_db=mean_db, bands_db=BANDS)
        comparison = OTHER if events is None else SimpleNamespace(events=events)

        def treble_loss(_own, _copy, stretches, rate_ratio):
            seen.append(([(part.start_s, part.end_s) for part in stretches], rate_ratio))
            return loss

        monkeypatch.setattr(dullness, "speed", lambda *_: OTHER if ratio is None else Speed(ratio, ratio, 0.7))
        monkeypatch.setattr(dullness, "spliced", lambda *pair: pair)
        monkeypatch.setattr(dullness, "tracked", lambda *_: followed or Tracked(1.001, TRACK, 0.8, 1))
        monkeypatch.setattr(dullness, "compared", lambda *_: comparison)
        monkeypatch.setattr(dullness, "treble_loss", treble_loss)
        return seen, clip(), clip()

    return give


def test_treble_is_compared_within_all_stretches_without_their_dropouts(given):
    seen, *pair = given(events=(Event(EventKind.DROPOUT, 2.0, 0.0, 0.5),))
    found, bands = dullness.dullness(*pair), dullness.dullness_bands(*pair)
    assert (found.value, found.confidence) == (2.5, 0.7)
    assert (bands.value, bands.confidence) == (BANDS, 0.7)
    assert seen == [([(1.0, pytest.approx(1.98)), (pytest.approx(2.52), 5.0), (6.0, 7.0)], 1.001)]
    seen, *pair = given(events=None)
    dullness.dullness(*pair)
    assert seen[-1][0] == [(1.0, 5.0), (6.0, 7.0)]


@pytest.mark.parametrize(
    ("known", "missing"),
    [
        ({"ratio": None}, OTHER),
        ({"ratio": 1.0051}, wrong_speed(1.0051)),
        ({"ratio": 0.9949}, wrong_speed(0.9949)),
        ({"ratio": 1.0049}, None),
        ({"ratio": 0.9951}, None),
        ({"followed": OTHER}, OTHER),
        ({"mean_db": None}, dullness.NO_BAND),
    ],
)
def test_why_treble_is_not_compared(given, known, missing):
    _, *pair = given(**known)
    for measure in (dullness.dullness, dullness.dullness_bands):
        assert measure(*pair).missing == missing
