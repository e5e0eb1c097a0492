"""The engine: what metrics and rules are given, what becomes of crashes, causes, discards and runs."""

import json
from dataclasses import replace as changed

import numpy as np
import pytest
from builders import Story, build, client, replace
from hypothesis import given, settings
from hypothesis import strategies as st

from diag.core.chain import Hop, Tap
from diag.core.client_config import ClientConfig
from diag.core.results import (
    Evidence,
    Reading,
    Severity,
    Spot,
    Status,
    Tier,
    clear,
    not_checked,
    not_measured,
    raised,
)
from diag.core.timeline import Event, Timeline
from diag.judge.engine import judge_run, judge_take, summarise
from diag.judge.registry import Rule
from diag.measure.registry import Metric

HEALTHY = build(Story())
SHORT = build(Story(prompt_s=0.8, reply_s=0.6))


def metric(function, *, hops=(), taps=(), name="m", unit="s"):
    needs = tuple(function.__code__.co_varnames[: function.__code__.co_argcount])
    return Metric(name=name, unit=unit, better="lower", version=1, function=function, needs=needs, hops=hops, taps=taps)


def rule(code, function, *, scope="take", explained_by=(), severity=Severity.ERROR):
    needs = tuple(function.__code__.co_varnames[: function.__code__.co_argcount])
    return Rule(code=code, name=code.lower(), severity=severity, hop=None, scope=scope, function=function, needs=needs,
                explained_by=explained_by)  # fmt: skip


def fault(title="it is broken", **more):
    return raised(title, evidence=[Evidence(text="seen")], likely_cause="c", fix="r", **more)


def judged(take=HEALTHY, metrics=(), rules=()):
    return judge_take(take, metrics=metrics, rules=rules)


# --- what metrics are given


def test_a_hop_metric_gets_the_turns_cut_of_both_ends_as_mono():
    seen = {}

    def measure(reference, estimated):
        seen[len(seen)] = (reference, estimated)
        return Reading(value=1.0)

    hops = (Hop.MICROPHONE, Hop.SENDER, Hop.PLAYER, Hop.SPEAKER)
    result = judged(metrics=[metric(measure, hops=hops)])
    turn = HEALTHY.turns[0]
    for index, hop in enumerate(hops):
        for tap, clip in zip(hop.ends, seen[index], strict=True):
            spans = turn.prompt_spans if tap in (Tap.PROMPT, Tap.CAPTURED, Tap.SENT) else turn.reply_spans
            first, last = spans[tap]
            whole = HEALTHY.clips[tap]
            assert (clip.frames, clip.channels) == (last - first, 1)
            assert clip.start_s == pytest.approx(whole.start_s + first / whole.sample_rate_hz)
    assert np.array_equal(seen[3][1].samples, HEALTHY.clips[Tap.HEARD].samples[slice(*turn.reply_spans[Tap.HEARD]), 1])
    assert [(item.hop, item.turn, item.value) for item in result.measurements] == [(hop, 0, 1.0) for hop in hops]


def test_a_mono_ear_is_taken_as_it_is():
    take = build(Story(ear_channels=1))
    result = judged(take, [metric(lambda clip: Reading(value=float(clip.channels)), taps=(Tap.HEARD,))])
    assert result.measurements.value("m") == 1


def test_the_service_hop_has_no_waveform_measure():
    result = judged(metrics=[metric(lambda reference, estimated: Reading(value=1.0), hops=(Hop.SERVICE,))])
    assert "different speech" in result.measurements.items[0].reason


def test_a_take_metric_gets_whole_clips_and_the_turn():
    def measure(played, timeline, config, environment, turn):
        assert played is HEALTHY.clips[Tap.PLAYED]
        assert timeline is HEALTHY.timeline
        assert config is HEALTHY.config
        assert environment["audio"] == "wire"
        return Reading(value=float(turn.index), tier=Tier.EVENTS)

    assert judged(metrics=[metric(measure)]).measurements.value("m", turn=0) == 0


def test_a_metric_without_turn_is_measured_once_a_take():
    take = build(Story(refused=(1008, "no")))
    result = judged(take, [metric(lambda timeline: Reading(value=float(len(timeline.events))))])
    assert [(item.turn, item.value > 0) for item in result.measurements] == [(None, True)]


@pytest.mark.parametrize(
    ("story", "place", "words"),
    [
        (Story(refused=(1008, "no")), {"taps": (Tap.PLAYED,)}, "no `played` recording"),
        (Story(reply_s=None), {"taps": (Tap.PLAYED,)}, "no reply lies on `played`"),
        (Story(reply_s=None), {"taps": (Tap.RECEIVED,)}, "no `received` recording"),
        (Story(reply_s=None), {"hops": (Hop.PLAYER,)}, "no `received` recording"),
    ],
)
def test_what_is_absent_is_told_in_words(story, place, words):
    function = (lambda clip: Reading(value=1.0)) if "taps" in place else lambda reference, estimated: Reading(value=1.0)
    (item,) = judged(build(story), [metric(function, **place)]).measurements
    assert item.value is None
    assert words in item.reason


def test_a_take_metric_without_a_turn_or_a_tap_is_told_in_words():
    refused = build(Story(refused=(1008, "no")))
    (item,) = judged(refused, [metric(lambda turn: Reading(value=1.0))]).measurements
    assert "no turn took place" in item.reason
    (item,) = judged(refused, [metric(lambda heard: Reading(value=1.0))]).measurements
    assert "no `heard` recording" in item.reason


def test_spots_of_a_cut_become_spots_of_the_whole_tap():
    def measure(clip):
        return Reading(value=1.0, spots=(Spot(Tap.PROMPT, 0.1, 0.2),))

    (item,) = judged(metrics=[metric(measure, taps=(Tap.PLAYED,))]).measurements
    offset_s = HEALTHY.turns[0].reply_spans[Tap.PLAYED][0] / 24000
    assert item.spots == (Spot(Tap.PLAYED, offset_s + 0.1, offset_s + 0.2),)


# --- crashes


@pytest.mark.parametrize(
    "function",
    [lambda timeline: 1 / 0, lambda timeline: None, lambda timeline: 3.0, lambda timeline: Reading(value=float("inf")),
     lambda timeline: Reading(value=(1.0, float("nan")))],
)  # fmt: skip
def test_a_metric_that_throws_costs_only_itself(function):
    good = metric(lambda timeline: Reading(value=2.0), name="good")
    result = judged(metrics=[metric(function), good])
    assert result.measurements.items[0].reason.startswith("crashed: ")
    assert result.measurements.value("good") == 2.0


def test_a_rule_that_throws_is_crashed_and_not_clear():
    result = judged(rules=[rule("AAA001", lambda turns: 1 / 0), rule("AAA002", lambda turns: clear())])
    assert [item.status for item in result.outcomes] == [Status.CRASHED, Status.CLEAR]
    assert "ZeroDivisionError" in result.outcomes[0].reason
    assert result.findings == ()


def test_numbers_of_numpy_become_plain_ones():
    result = judged(metrics=[metric(lambda timeline: Reading(value=np.float32(0.5))),
                             metric(lambda timeline: Reading(value=(np.float32(1), None)), name="bands")])  # fmt: skip
    assert json.loads(json.dumps(result.to_json()))["measurements"][1]["value"] == [1.0, None]


# --- rules


def test_a_rule_gets_what_it_needs():
    def check(measurements, timeline, config, environment, turns):
        assert measurements.value("m") == 1.0
        assert turns == HEALTHY.turns
        assert isinstance(config, ClientConfig)
        return not_checked("nothing to look at")

    result = judged(metrics=[metric(lambda timeline: Reading(value=1.0))], rules=[rule("AAA001", check)])
    assert result.outcomes[0].reason == "nothing to look at"


def test_a_finding_carries_the_rules_words_and_severity():
    warning = rule("AAA001", lambda turns: fault("t"), severity=Severity.WARNING)
    error = rule("AAA002", lambda turns: fault("u", severity=Severity.INFO))
    found = judged(rules=[warning, error]).findings
    assert [(item.code, item.severity, item.title) for item in found] == [
        ("AAA001", Severity.WARNING, "t"), ("AAA002", Severity.INFO, "u"),
    ]  # fmt: skip


def test_consequences_point_at_the_root_through_others():
    rules = [
        rule("AAA003", lambda turns: fault(), explained_by=("AAA002",)),
        rule("AAA002", lambda turns: fault(), explained_by=("AAA009", "AAA001")),
        rule("AAA001", lambda turns: fault()),
        rule("AAA009", lambda turns: clear()),
    ]
    found = {item.code: item.consequence_of for item in judged(rules=rules).findings}
    assert found == {"AAA001": None, "AAA002": "AAA001", "AAA003": "AAA001"}


def test_rules_that_explain_each_other_both_stay_roots():
    rules = [
        rule("AAA001", lambda turns: fault(), explained_by=("AAA002",)),
        rule("AAA002", lambda turns: fault(), explained_by=("AAA001",)),
    ]
    assert [item.code for item in judged(rules=rules).findings if item.consequence_of is None] == [
        "AAA001", "AAA002",
    ]  # fmt: skip


def test_a_discarding_finding_discards_the_take():
    result = judged(rules=[rule("ENV004", lambda turns: fault("we were late", discard=True))])
    assert result.discarded == "we were late"
    assert [item.code for item in result.findings] == ["ENV004"]


# --- runs


def run_of(takes, rules=(), metrics=()):
    results = [judged(take, metrics, rules) for take in takes]
    return judge_run("name", "Title", results, takes[0].config, takes[0].environment, rules=rules)


def numbered(count, **story):
    return [build(replace(Story(**story), take_id=f"{number:04d}", reply_s=None)) for number in range(1, count + 1)]


def seconds_of(config_of_take):
    return metric(lambda config: Reading(value=config_of_take(config)))


def test_summary_has_n_missing_and_no_p95_of_few():
    takes = numbered(3)
    number = iter([1.0, None, 3.0])

    def measure(timeline):
        value = next(number)
        return not_measured("absent") if value is None else Reading(value=value)

    (row,) = run_of(takes, metrics=[metric(measure)]).summary
    assert (row.n, row.missing, row.median, row.p95, row.low, row.high) == (2, 1, 2.0, None, 1.0, 3.0)


def test_summary_gives_p95_from_twenty():
    take = numbered(1)[0]
    values = iter(range(20))
    results = [judged(take, [metric(lambda timeline: Reading(value=float(next(values))))]) for _ in range(20)]
    (row,) = summarise(results)
    assert row.p95 == pytest.approx(18.05)


def test_turns_get_rows_of_their_own_only_where_there_are_several():
    take = numbered(1)[0]
    two = replace_turns(take, 2)
    per_turn = metric(lambda turn: Reading(value=float(turn.index)))
    assert [row.turn for row in summarise([judged(take, [per_turn])])] == [None]
    rows = summarise([judged(two, [per_turn])])
    assert [(row.turn, row.n, row.median) for row in rows] == [(None, 2, 0.5), (0, 1, 0.0), (1, 1, 1.0)]


def replace_turns(take, count):
    turn = take.turns[0]
    return changed(take, turns=tuple(changed(turn, index=index) for index in range(count)))


def test_a_run_tells_in_how_many_takes():
    takes = numbered(3)
    flags = iter([True, False, True])
    check = rule("AAA001", lambda turns: fault() if next(flags) else clear())
    run = run_of(takes, [check])
    (found,) = run.findings
    assert (found.take_ids, found.counted) == (("0001", "0003"), 3)
    assert [(item.code, item.status) for item in run.outcomes] == [("AAA001", Status.RAISED)]


def test_the_worst_takes_words_stand_for_the_run():
    severities = iter([Severity.WARNING, Severity.ERROR])
    check = rule("AAA001", lambda turns: fault(level := str(next(severities)), severity=Severity(level)))
    (found,) = run_of(numbered(2), [check]).findings
    assert found.finding.title == "error"


def test_discarded_takes_count_nowhere():
    spoiled = iter([True, False])
    late = rule("ENV004", lambda turns: fault("late", discard=True) if next(spoiled) else clear())
    values = iter([100.0, 1.0])
    run = run_of(numbered(2), [late], [metric(lambda timeline: Reading(value=next(values)))])
    assert [take.id for take in run.counted] == ["0002"]
    assert run.summary[0].median == 1.0
    assert run.findings == ()
    assert run.to_json()["discarded"] == [{"id": "0001", "reason": "late"}]


def test_a_run_of_which_nothing_counts_says_why():
    late = rule("ENV004", lambda turns: fault("late", discard=True))
    run = run_of(numbered(2), [late])
    assert [(item.finding.code, item.take_ids) for item in run.findings] == [("ENV004", ("0001", "0002"))]


def test_a_rule_on_a_run_judges_counted_takes_and_may_be_a_consequence():
    seen = []

    def over_run(summary, takes, config, environment):
        seen.append((len(summary), [take.id for take in takes], type(config), environment["audio"]))
        return fault("slow")

    rules = [rule("AAA001", lambda turns: fault()), rule("SVC001", over_run, scope="run", explained_by=("AAA001",))]
    run = run_of(numbered(2), rules, [metric(lambda timeline: Reading(value=1.0))])
    assert seen == [(1, ["0001", "0002"], ClientConfig, "wire")]
    assert [(item.finding.code, item.finding.consequence_of) for item in run.findings] == [
        ("AAA001", None), ("SVC001", "AAA001"),
    ]  # fmt: skip


def test_one_unchecked_take_keeps_the_tick_away():
    status = iter([clear(), not_checked("no reply"), clear()])
    run = run_of(numbered(3), [rule("AAA001", lambda turns: next(status))])
    assert [(item.status, item.reason) for item in run.outcomes] == [(Status.NOT_CHECKED, "no reply")]


def test_the_scenarios_name_is_never_read():
    class Named(str):
        __slots__ = ()

        def __getattribute__(self, name):
            raise AssertionError(f"the judging side read the scenario's name: {name}")

    plain, named = judge_take(HEALTHY), judge_take(changed(HEALTHY, scenario=Named("healthy")))
    assert plain.to_json() == named.to_json()


def test_judging_twice_gives_the_same():
    take = build(Story(config=client(playback={"sample_rate_hz": 16000, "resample": False})))
    assert judge_take(take).to_json() == judge_take(take).to_json()


# --- whatever happened


names = st.sampled_from(
    ["take_started", "streams_opened", "calibrated", "stamps", "xruns", "setup_sent", "session_open", "session_refused",
     "session_closed", "unreachable", "model_list", "batch_sent", "chunk_received", "text_received", "go_away",
     "turn_complete", "interrupted", "playout_started", "underrun", "reply_wait_over", "loop_late", "callback_late",
     "device_failed"]
)  # fmt: skip
values = st.none() | st.integers(-5, 100_000) | st.floats(-10, 10) | st.text(max_size=12) | st.booleans()
data = st.dictionaries(
    st.sampled_from(["turn", "port", "tap", "count", "code", "reason", "by", "step", "detail", "late_s", "frames",
                     "start_frame", "mime_type", "delay_s", "confidence", "signal_dbfs", "setup", "models",
                     "waited_s"]),
    values | st.lists(values, max_size=2) | st.dictionaries(st.text(max_size=5), values, max_size=2),
    max_size=6,
)  # fmt: skip
events = st.lists(st.builds(Event, t_s=st.floats(-1, 9), name=names, source=st.just("client"), data=data), max_size=12)


@settings(max_examples=40, deadline=None)
@given(events=events, keep=st.booleans())
def test_no_timeline_makes_the_engine_fall_over(events, keep):
    kept = SHORT.timeline.events if keep else ()
    result = judge_take(changed(SHORT, timeline=Timeline((*kept, *events))))
    run = judge_run("r", "", [result], SHORT.config, SHORT.environment)
    json.dumps(run.to_json())


def test_one_silent_turn_of_two_is_told():
    take = build(Story(reply_s=1.0))
    first = take.turns[0]
    second = changed(first, index=1, start_s=first.end_s, end_s=first.end_s + 5, reply_spans={})
    over = Event(t_s=first.end_s + 5, name="reply_wait_over", source="harness", data={"turn": 1, "waited_s": 8.0})
    both = changed(take, turns=(first, second), timeline=Timeline((*take.timeline.events, over)))
    result = judge_take(both)
    assert [(item.code, item.title) for item in result.findings] == [
        ("SVC002", "The service did not answer within 8.00 s (1 of 2 prompts)")
    ]
    assert [item.value for item in result.measurements.find("answered")] == [1.0, 0.0]
