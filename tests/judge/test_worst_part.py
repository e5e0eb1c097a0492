"""Findings on a long recording: where the worst part is named, and how."""

import pytest

from diag.core.chain import Tap
from diag.core.results import Evidence, Finding, Measurement, Measurements, Severity, Tier
from diag.judge.worst_part import findings_over, span
from diag.measure.pooling import Part


def part(minute, value=0.0, *, sound_s=50.0, metric="skipped_s", unit="s", minutes=1):
    item = Measurement(metric=metric, unit=unit, value=value, missing=None, tier=Tier.WAVEFORM, tap=Tap.HEARD)
    return Part(start_s=60.0 * minute, end_s=60.0 * (minute + minutes), sound_s=sound_s, loud_dbfs=-20.0,
                measurements=Measurements((item,)))  # fmt: skip


def fault(metric="skipped_s", severity=Severity.ERROR, code="PLY011", consequence_of=None):
    return Finding(code=code, name="n", severity=severity, hop=None, title="It is broken", likely_cause="", fix="",
                   evidence=(Evidence(text="seen", metric=metric),), confidence=1.0,
                   consequence_of=consequence_of)  # fmt: skip


def judge(measurements):
    """A fault for every value above 0: an error from 10 on."""
    (item,) = measurements
    found = abs(item.value - 1.0) if item.metric == "rate_ratio" else abs(item.value)
    severity = Severity.ERROR if found >= 10 else Severity.WARNING
    return [fault(item.metric, severity)] if found > 0 else []


def title(whole, *parts):
    (found,) = findings_over(whole, parts, judge)
    assert found.evidence[0].text == "seen"
    added = found.title.removeprefix("It is broken").removeprefix(", ")
    assert [item.text for item in found.evidence[1:]] == ([added] if added else [])
    return added


@pytest.mark.parametrize(
    ("metric", "values", "words"),
    [
        ("skipped_s", (0, 2, 0), "from 1:00 to 2:00"),
        ("skipped_s", (1, 2, 0), "most of it from 1:00 to 2:00"),
        ("skipped_s", (2, 1, 0), "most of it from 0:00 to 1:00"),
        ("skipped_s", (3, 2, 1), "in every part of the recording"),
        ("click_rate_hz", (0, 2, 0), "worst from 1:00 to 2:00"),
        ("click_rate_hz", (1, -2, 0), "worst from 1:00 to 2:00"),
        ("click_rate_hz", (1, 1, 0), "worst from 0:00 to 1:00"),
        ("click_rate_hz", (3, 2, 1), "throughout the recording"),
        ("skipped_s", (0, 0, 0), ""),
        ("head_lost_s", (2, 0, 0), ""),
        ("tail_lost_s", (0, 0, 2), ""),
        ("skipped_s", (2,), ""),
    ],
)
def test_a_finding_on_the_whole_names_the_worst_part(metric, values, words):
    parts = [part(minute, float(value), metric=metric) for minute, value in enumerate(values)]
    assert title([fault(metric)], *parts) == words


def test_the_most_severe_part_is_the_worst_and_a_speed_counts_from_one():
    parts = [part(0, 0.9, metric="rate_ratio", unit="1"), part(1, 1.3, metric="rate_ratio", unit="1"),
             part(2, 1.0, metric="rate_ratio", unit="1")]  # fmt: skip
    assert title([fault("rate_ratio")], *parts) == "worst from 1:00 to 2:00"
    slower = [part(0, 0.6, metric="rate_ratio", unit="1"), *parts[1:]]
    assert title([fault("rate_ratio")], *slower) == "worst from 0:00 to 1:00"
    assert title([fault()], part(0, 9.0), part(1, 10.0), part(2)) == "most of it from 1:00 to 2:00"


def test_parts_without_sound_do_not_count():
    assert title([fault()], part(0, 2.0), part(1, 3.0, sound_s=0.0)) == ""
    assert title([fault()], part(0, 2.0), part(1, sound_s=0.0), part(2, 1.0)) == "in every part of the recording"
    assert title([fault()], part(0, 2.0), part(1, sound_s=0.3), part(2, 1.0)) == "most of it from 0:00 to 1:00"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((0, 2, 0, 0), "from 1:00 to 2:00"),
        ((0, 2, 3, 0), "from 2:00 to 3:00 and in 1 more part"),
        ((1, 2, 3, 0), "from 2:00 to 3:00 and in 2 more parts"),
    ],
)
def test_a_finding_on_parts_alone_names_the_worst_and_counts_the_others(values, words):
    assert title([], *(part(minute, float(value)) for minute, value in enumerate(values))) == words


def test_roots_come_before_consequences_and_errors_before_warnings():
    whole = [fault(code="C", consequence_of="B"), fault(code="W", severity=Severity.WARNING), fault(code="E")]
    found = findings_over(whole, [part(0), part(1)], judge)
    assert [item.code for item in found] == ["E", "W", "C"]


@pytest.mark.parametrize(
    ("start_s", "end_s", "words"),
    [
        (0.0, 59.4, "from 0:00 to 0:59"),
        (59.6, 3599.4, "from 1:00 to 59:59"),
        (3599.6, 7265.0, "from 1:00:00 to 2:01:05"),
    ],
)
def test_a_part_is_named_by_the_clock(start_s, end_s, words):
    clock = Part(start_s=start_s, end_s=end_s, sound_s=1.0, loud_dbfs=0.0, measurements=Measurements(()))
    assert span(clock) == words
