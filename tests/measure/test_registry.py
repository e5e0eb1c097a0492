"""A metric declares everything with itself: adding one is adding one file."""

import sys

import pytest
from builders import Story, build

from diag.core.chain import Segment, Tap
from diag.core.client_config import ClientConfig
from diag.core.results import Change, Measurement, Measurements, Reading, TakeResult, Tier
from diag.judge.comparison import compare_runs
from diag.judge.engine import judge_run
from diag.measure import registry
from diag.measure.engine import measure_clip, measure_pair, measure_take
from diag.measure.registry import Group, MetricKind, all_metrics, metric, metric_named
from diag.report.runview import run_view
from diag.report.sentences import label
from diag.report.terminal import measure_lines

ONE_FILE = '''
from diag.core.clip import Clip
from diag.core.results import Reading, Tier
from diag.core.take import Turn
from diag.core.timeline import Timeline
from diag.measure.registry import Group, metric


@metric(
    "second_word_s", unit="s", better="lower", tolerance=0.02, label="Second word heard", group=Group.LATENCY,
    order=0.5, headline="time to the second word", tile=True,
)
def second_word(turn: Turn, timeline: Timeline) -> Reading:
    """Time to the second word."""
    return Reading(value=turn.end_s, tier=Tier.EVENTS)


@metric("roughness", unit="1", better="lower", label="Roughness", group=Group.TREBLE, order=99)
def roughness(reference: Clip, estimated: Clip) -> Reading:
    """How much rougher the output is."""
    return Reading(value=0.25)


@metric("roughness", unit="1", better="lower")
def roughness_alone(clip: Clip) -> Reading:
    """How rough a recording is."""
    return Reading(value=0.5, tier=Tier.BLIND)
'''


@pytest.fixture
def added(tmp_path, monkeypatch):
    """A package of the test's own with one file of metrics, which the scan finds."""
    package = tmp_path / "metrics_of_a_team"
    package.mkdir()
    (package / "__init__.py").write_text('"""Metrics."""\n')
    (package / "second_word.py").write_text(ONE_FILE)
    monkeypatch.syspath_prepend(tmp_path)
    all_metrics()
    monkeypatch.setattr(registry, "_metrics", dict(registry._metrics))
    monkeypatch.setattr(registry, "PACKAGES", (*registry.PACKAGES, "metrics_of_a_team"))
    all_metrics.cache_clear()
    yield
    all_metrics.cache_clear()
    for name in [name for name in sys.modules if name.startswith("metrics_of_a_team")]:
        del sys.modules[name]


def take_result(number, value_s, prompt="weather"):
    measured = [
        Measurement(metric=name, unit="s", value=value, missing=None, tier=Tier.EVENTS, turn=0)
        for name, value in (("second_word_s", value_s), ("ttfb_s", 0.7 + 0.001 * number), ("ttfa_heard_s", 0.9))
    ]
    measured.append(
        Measurement(metric="roughness", unit="1", value=0.25, missing=None, tier=Tier.WAVEFORM, turn=0,
                    segment=Segment(Tap.RECEIVED, Tap.HEARD))
    )  # fmt: skip
    return TakeResult(
        id=f"{number:04d}", prompt_names=(prompt,), measurements=Measurements(tuple(measured)), findings=(), outcomes=()
    )


def run_of(name, value_s):
    takes = [take_result(number, value_s + 0.001 * number) for number in range(1, 9)]
    return judge_run(name, "", takes, ClientConfig(), {}, rules=())


@pytest.mark.usefixtures("added")
def test_a_new_metric_has_its_label_group_and_order_in_the_report():
    view = run_view(run_of("a run", 1.0), 0, None, {})
    assert [(row.label, row.group) for row in view.measures] == [
        ("Second word heard", "Latency"),
        ("First audio heard", "Latency"),
        ("First byte received", "Latency"),
        ("Roughness", "Treble"),
    ]
    assert view.measures[-1].place == "player and speaker together"
    assert view.tiles[0][0] == "Second word heard"
    assert "Second word heard" in measure_lines(run_of("a run", 1.0), 80)[0]


@pytest.mark.usefixtures("added")
def test_a_new_metric_leads_a_comparison_in_its_own_words():
    compared = compare_runs(run_of("early", 1.0), run_of("late", 1.5), seed=1)
    assert compared.sentence.startswith("late is worse than early: time to the second word 1.00 s and 1.50 s")
    assert compared.verdict is Change.WORSE


@pytest.mark.usefixtures("added")
def test_a_new_metric_is_measured_where_its_parameters_say():
    take = build(Story())
    ours = [item for item in all_metrics() if item.name in ("second_word_s", "roughness")]
    assert [item.kind for item in ours] == [MetricKind.TAKE, MetricKind.SEGMENT, MetricKind.TAP]
    assert {item.label for item in ours} == {"Second word heard", "Roughness"}
    found = list(measure_take(take, ours, None))
    assert len([item for item in found if item.segment]) == 5
    assert len([item for item in found if item.tap]) == 6


def test_without_it_nothing_is_left_of_it():
    assert metric_named("second_word_s") is None
    assert label("second_word_s") == "Second word s"


# --- what can be declared -------------------------------------------------------------------------------------------


@pytest.fixture
def scratch(monkeypatch):
    """An empty registry."""
    all_metrics()
    monkeypatch.setattr(registry, "PACKAGES", ())
    monkeypatch.setattr(registry, "_metrics", {})
    all_metrics.cache_clear()
    yield
    all_metrics.cache_clear()


@pytest.mark.usefixtures("scratch")
@pytest.mark.parametrize(
    ("function", "kind", "taps"),
    [
        (lambda reference, estimated: None, MetricKind.SEGMENT, ()),
        (lambda clip: None, MetricKind.TAP, tuple(Tap)),
        (lambda clip, voice=None: None, MetricKind.TAP, tuple(Tap)),
        (lambda received: None, MetricKind.TAKE, ()),
        (lambda turn, timeline, received=None: None, MetricKind.TAKE, ()),
    ],
)
def test_parameters_say_where_a_metric_is_measured(function, kind, taps):
    metric("m", unit="1", better="lower", label="M")(function)
    (found,) = all_metrics()
    assert (found.kind, found.taps) == (kind, taps)


@pytest.mark.usefixtures("scratch")
def test_what_is_declared_wrongly_is_refused():
    def take_metric(turn):
        return Reading(value=1.0)

    with pytest.raises(TypeError, match="config"):
        metric("m", unit="s", better="lower", label="M")(lambda config: None)
    metric("m", unit="s", better="lower")(take_metric)
    with pytest.raises(TypeError, match="twice"):
        metric("m", unit="s", better="lower")(take_metric)
    with pytest.raises(TypeError, match="no label"):
        all_metrics()


def test_labels_are_unique_and_no_two_metrics_share_a_place_in_reports():
    named = {item.name: item for item in all_metrics()}.values()
    assert len({item.label for item in named}) == len(named)
    assert len({item.place_in_report for item in named}) == len(named)
    assert Group.OTHER not in {item.group for item in named}


def test_compared_metrics_are_measured_of_both_ends_of_a_pair_and_all_others_of_the_output():
    take = build(Story())
    received, heard = take.clips[Tap.RECEIVED], take.clips[Tap.HEARD].channel(1)
    segment = Segment(Tap.RECEIVED, Tap.HEARD)
    found = measure_pair(received, heard, segment=segment)
    of_taps = [item for item in all_metrics() if item.kind is MetricKind.TAP]
    assert {item.metric for item in found if item.tap is Tap.RECEIVED} == {
        item.name for item in of_taps if item.compared
    }
    assert [item.metric for item in found if item.tap is Tap.HEARD] == [
        item.name for item in of_taps if Tap.HEARD in item.taps
    ]
    assert {item.segment for item in found if item.tap is None} == {segment}
    # What is asked without a place is the output, which comes first.
    assert found.value("peak_dbfs") == measure_clip(heard).value("peak_dbfs")
