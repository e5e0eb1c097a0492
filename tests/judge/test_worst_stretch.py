"""Which stretch of a long recording a remark is about."""

from diag.core.results import Measurement, Measurements, Severity, Tier
from diag.judge.recording_verdict import Remark
from diag.judge.worst_stretch import remarks_over, span
from diag.measure.pooling import Stretch

LIMIT = 0.2


def stretch(start_s, value, sound_s=30.0):
    item = Measurement(metric="click_rate_hz", unit="1/s", value=value, reason=None, tier=Tier.BLIND)
    return Stretch(start_s=start_s, end_s=start_s + 60.0, sound_s=sound_s, loud_dbfs=-20.0,
                   measurements=Measurements((item,)))  # fmt: skip


def judge(measurements):
    value = measurements.value("click_rate_hz")
    remark = Remark(severity=Severity.WARNING, text=f"clicks {value:.1f}", fix="r", metric="click_rate_hz",
                    tier=Tier.BLIND)  # fmt: skip
    return (remark,) if value > LIMIT else ()


def texts(*values, whole=0.0):
    stretches = [stretch(60.0 * index, value) for index, value in enumerate(values)]
    pooled = judge(stretch(0.0, whole).measurements)
    return [remark.text for remark in remarks_over(pooled, stretches, judge)]


def test_the_worst_stretch_is_named():
    assert texts(0.0, 0.9, 0.5, whole=0.4) == ["clicks 0.4, worst from 1:00 to 2:00"]


def test_what_is_everywhere_has_no_place():
    assert texts(0.5, 0.6, whole=0.55) == ["clicks 0.6, throughout"]


def test_what_drowns_in_the_whole_is_told_with_its_place():
    assert texts(0.0, 0.3, 0.0, whole=0.1) == ["clicks 0.3, from 1:00 to 2:00"]
    assert texts(0.3, 0.4, 0.0, 0.25, whole=0.1) == ["clicks 0.4, from 1:00 to 2:00 and in 2 more stretches"]


def test_nothing_wrong_nothing_told():
    assert texts(0.0, 0.1) == []


def test_stretches_without_sound_are_not_asked():
    assert remarks_over((), [stretch(0.0, 5.0, sound_s=0.0)], judge) == ()


def test_hours_are_told_as_hours():
    assert span(stretch(3 * 3600 + 61, 0.0)) == "from 3:01:01 to 3:02:01"
