"""Values of parts as one."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diag.core.chain import Tap
from diag.core.missing import Missing, MissingCode
from diag.core.results import Measurement, Measurements, Spot, Tier
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
