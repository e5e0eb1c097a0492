"""Which parts of a segment its treble is compared in."""

import pytest

from diag.dsp.joins import Stretch
from diag.dsp.segment_events import Event, EventKind
from diag.measure.metrics.dullness import _unbroken


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
