"""Values of parts as one."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diag.core.chain import Tap
from diag.core.missing import Missing, MissingCode
from diag.core.results import Measurement, Measurements, SoundEvent, Spot, Tier
from diag.measure.pooling import BACKGROUND, Part, moved, pooled, without_background
from diag.measure.registry import MetricKind, all_metrics


@dataclass(frozen=True)
class Declared:
    """The part of a metric that pooling reads."""

    pool: str


SILENT = Missing(MissingCode.SILENT, "silent")
SHORT = Missing(MissingCode.TOO_SHORT, "short")


def measured(value, missing=None, spots=(), confidence=None):
    return Measurement(metric="m", unit="1", value=value, missing=missing, tier=Tier.BLIND, spots=spots,
                       confidence=confidence)  # fmt: skip


def part(value, length_s=60.0, sound_s=30.0, loud_dbfs=-20.0, start_s=0.0, **more):
    item = measured(value, None if value is not None else more.pop("missing", SILENT), **more)
    return Part(start_s=start_s, end_s=start_s + length_s, sound_s=sound_s, loud_dbfs=loud_dbfs,
                measurements=Measurements((item,)))  # fmt: skip


def one(pool, *parts):
    (item,) = pooled([Declared(pool)], parts)
    return item


@pytest.mark.parametrize(
    ("pool", "value"),
    [("sum", 6.0), ("rate", 2.6), ("mean", 1.75), ("median", 1.0), ("level", 2.2272), ("highest", 5.0), ("first", 1.0)],
)
def test_every_way_of_pooling(pool, value):
    # 5 counts for 40 of 100 s in length, but for 10 of 40 s in sound.
    found = one(pool, part(1.0, 60.0, 20.0), part(5.0, 40.0, 10.0), part(0.0, 0.0001, 10.0))
    assert found.value == pytest.approx(value, rel=0.01)


def test_a_rate_counts_background_as_time_without_events():
    quiet = part(4.0, 50.0, loud_dbfs=-70.0)
    settled = without_background([Declared("rate")], [part(2.0, 50.0), quiet])
    assert one("rate", *settled).value == pytest.approx(1.0)


def test_parts_without_a_value_are_left_out():
    assert one("mean", part(None), part(3.0)).value == 3.0


def test_where_nothing_was_measured_the_commonest_reason_is_reported():
    found = one("mean", part(None), part(None, missing=SHORT), part(None, missing=SHORT))
    assert (found.value, found.missing, found.confidence) == (None, SHORT, None)


def test_bands_are_pooled_one_by_one():
    found = one("mean", part((1.0, None, 2.0)), part((3.0, None, None), sound_s=90.0))
    assert found.value == (2.5, None, 2.0)


def test_spots_are_places_of_the_recording():
    item = Measurements((measured(1.0, spots=(Spot(Tap.HEARD, 1.0, 2.0),)),))
    assert moved(item, 60.0).items[0].spots == (Spot(Tap.HEARD, 61.0, 62.0),)


def test_background_is_refused_but_for_the_highest_sample():
    loud, quiet = part(1.0, loud_dbfs=-20.0), part(0.5, loud_dbfs=-46.0)
    _, settled = without_background([Declared("median")], [loud, quiet])
    assert (settled.measurements.items[0].missing, settled.sound_s) == (BACKGROUND, 0.0)
    _, kept = without_background([Declared("highest")], [loud, quiet])
    assert kept.measurements.items[0].value == 0.5
    assert without_background([Declared("median")], [loud, part(0.5, loud_dbfs=-40.0)])[1].sound_s == 30.0


@given(
    st.sampled_from(["rate", "mean", "median", "level", "highest", "first"]),
    st.lists(st.tuples(st.floats(-90, 10), st.floats(1, 100), st.floats(0, 60)), min_size=1, max_size=9),
)
def test_one_value_lies_among_those_of_the_parts(pool, items):
    found = one(pool, *(part(*item) for item in items)).value
    values = [value for value, *_ in items]
    assert min(values) - 1e-6 <= found <= max(values) + 1e-6


ON_SOUND = [item for item in all_metrics() if item.kind is not MetricKind.TAKE]


@pytest.mark.parametrize("item", ON_SOUND, ids=lambda item: item.name)
def test_counts_and_rates_are_not_averaged_away(item):
    if item.unit == "1/s":
        assert item.pool == "rate"
    if item.name.endswith(("_count", "skipped_s", "repeated_s", "silence_s")):
        assert item.pool == "sum"
    if item.name.startswith(("level_lufs", "dc_", "added_")):
        assert item.pool == "level"


# --- limits and weights


@pytest.mark.parametrize(("level_db", "kept"), [(-45.0, True), (-45.1, False), (None, True)])
def test_a_part_25_db_below_the_loudest_holds_background(level_db, kept):
    _, found, _ = without_background(
        [Declared("mean")], [part(1.0, loud_dbfs=-20.0), part(2.0, loud_dbfs=level_db), part(3.0, loud_dbfs=-30.0)]
    )
    assert (found.measurements.items[0].value == 2.0) is kept
    assert without_background([Declared("mean")], [part(1.0, loud_dbfs=None)])[0].sound_s == 30.0


def test_a_reason_of_a_background_part_is_kept_and_background_is_told_last():
    loud, quiet = part(1.0), part(None, missing=SHORT, loud_dbfs=-70.0)
    _, found = without_background([Declared("mean")], [loud, quiet])
    assert found.measurements.items[0].missing == SHORT
    background = part(None, missing=BACKGROUND)
    assert one("mean", background, background, part(None)).missing == SILENT
    assert one("mean", background, background).missing == BACKGROUND


def test_parts_weigh_by_their_sound_and_silent_ones_hardly_at_all():
    assert one("mean", part(1.0, sound_s=0.0), part(2.0, sound_s=0.001)).value == pytest.approx(1.5)
    assert one("mean", part(1.0, sound_s=10.0), part(2.0, sound_s=30.0)).value == pytest.approx(1.75)


def test_confidences_are_averaged_over_the_parts_that_have_one():
    found = one("mean", part(1.0, sound_s=10.0, confidence=0.4), part(2.0, sound_s=30.0, confidence=0.8),
                part(3.0, sound_s=90.0))  # fmt: skip
    assert found.confidence == pytest.approx(0.7)
    assert one("mean", part(1.0)).confidence is None


def test_twenty_places_are_kept_in_order():
    spots = [tuple(Spot(Tap.HEARD, float(number + n), number + n + 0.5) for n in range(12)) for number in (0, 100)]
    found = one("sum", part(1.0, spots=spots[0]), part(2.0, spots=spots[1]))
    assert [spot.start_s for spot in found.spots] == [*range(12), *range(100, 108)]


@pytest.mark.parametrize(
    ("values", "weights", "median"),
    [((3.0, 1.0, 2.0), (1, 1, 1), 2.0), ((1.0, 2.0), (1, 1), 1.0), ((1.0, 2.0), (1, 1.01), 2.0),
     ((5.0, 1.0, 2.0), (9, 1, 1), 5.0)],
)  # fmt: skip
def test_the_median_is_the_value_at_half_of_the_weight(values, weights, median):
    parts = [part(value, sound_s=weight) for value, weight in zip(values, weights, strict=True)]
    assert one("median", *parts).value == median


def test_events_are_moved_in_both_recordings():
    event = SoundEvent(kind="stall", reference_s=1.0, estimated_s=2.0, duration_s=0.5)
    item = replace(measured(1.0), events=(event,))
    (both,), (alone,) = moved(Measurements((item,)), 60.0, 50.0), moved(Measurements((item,)), 60.0)
    assert (both.events[0].reference_s, both.events[0].estimated_s) == (51.0, 62.0)
    assert (alone.events[0].reference_s, alone.events[0].estimated_s) == (61.0, 62.0)


def test_the_length_of_a_part_is_that_in_the_recording():
    assert part(1.0, 40.0, start_s=20.0).length_s == 40.0
