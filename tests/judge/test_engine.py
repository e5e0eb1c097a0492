"""The engine: what rules are given, what becomes of crashes, causes, discards, merged segments, recordings and runs."""

import json
from dataclasses import replace as changed

import pytest
from builders import Story, build, client, replace
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from diag.core.chain import Hop, Segment, Tap
from diag.core.missing import Missing, MissingCode
from diag.core.observed_client import observed_client
from diag.core.results import (
    Evidence,
    Measurements,
    Reading,
    Severity,
    Status,
    clear,
    not_checked,
    not_measured,
    raised,
)
from diag.core.timeline import Event, Timeline
from diag.judge.engine import judge_recording, judge_run, judge_take, summarise
from diag.judge.recording import Recording
from diag.judge.registry import OnHop, Rule, Scope
from diag.measure.registry import Metric, MetricKind, all_metrics

HEALTHY = build(Story())
SHORT = build(Story(prompt_s=0.8, reply_s=0.6))


def needs_of(function):
    return tuple(function.__code__.co_varnames[: function.__code__.co_argcount])


def metric(function, *, name="m"):
    return Metric(name=name, unit="s", better="lower", version=1, function=function, needs=needs_of(function))


def rule(code, function, *, scope=Scope.TAKE, explained_by=(), severity=Severity.ERROR, on=None):
    return Rule(code=code, name=code.lower(), severity=severity, hop=on.hop if on else None, scope=scope,
                function=function, needs=needs_of(function), documentation="", explained_by=explained_by,
                on=on)  # fmt: skip


def on_segments(code, function, hop):
    on = OnHop(code, code.lower(), hop, severity="error", causes=("c",), fix="f")
    return rule(code, function, scope=Scope.SEGMENT, on=on)


def fault(title="it is broken", **more):
    return raised(title, evidence=[Evidence(text="seen")], likely_cause="c", fix="r", **more)


def judged(take=HEALTHY, metrics=(), rules=()):
    return judge_take(take, metrics=metrics, rules=rules)


# --- rules


def test_a_rule_that_raises_an_exception_is_crashed_and_not_clear():
    result = judged(rules=[rule("AAA001", lambda turns: 1 / 0), rule("AAA002", lambda turns: clear())])
    assert [item.status for item in result.outcomes] == [Status.CRASHED, Status.CLEAR]
    assert "ZeroDivisionError" in result.outcomes[0].reason
    assert result.findings == ()


def test_a_rule_gets_what_it_needs():
    def check(measurements, timeline, observed, environment, turns):
        assert measurements.value("m") == 1.0
        assert turns == HEALTHY.turns
        assert observed == observed_client(HEALTHY.timeline, HEALTHY.config)
        assert environment["audio"] == "wire"
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


@pytest.mark.parametrize("more", [0, 1])
def test_long_texts_of_findings_are_cut(more):
    title, text = "t" * (300 + more), "x" * (1000 + more)

    def broken(turns):
        return raised(title, evidence=[Evidence(text=text)], likely_cause=text, fix=text)

    (found,) = judged(rules=[rule("AAA001", broken)]).findings
    cut_title, cut_text = (f"{'t' * 300}… (301 characters)", f"{'x' * 1000}… (1001 characters)")
    assert found.title == (cut_title if more else title)
    assert {found.evidence[0].text, found.likely_cause, found.fix} == {cut_text if more else text}


def hiding(code, hop, verdict):
    on = OnHop(code, code.lower(), hop, severity="error", causes=("c",), fix="f")
    return changed(rule(code, lambda place: verdict, scope=Scope.SEGMENT, on=on), hides=True)


def test_misread_bytes_hide_the_other_findings_of_their_hop():
    rules = [
        hiding("AAA001", Hop.PLAYER, fault("the bytes are misread")),
        hiding("AAA002", Hop.PLAYER, fault("they are misread too")),
        hiding("AAA003", Hop.SENDER, clear()),
        on_segments("AAA004", lambda place: fault("it clicks"), Hop.PLAYER),
        on_segments("AAA005", lambda place: clear(), Hop.PLAYER),
        on_segments("AAA006", lambda place: fault("it clicks"), Hop.SENDER),
        rule("AAA007", lambda turns: fault("no reply came")),
    ]
    found = {item.code: (item.status, item.reason) for item in judged(rules=rules).outcomes}
    raised_ones = {code for code, (status, _) in found.items() if status is Status.RAISED}
    assert raised_ones == {"AAA001", "AAA002", "AAA006", "AAA007"}
    assert found["AAA004"] == (Status.NOT_CHECKED, "the bytes were misread; see AAA001")
    assert found["AAA005"] == (Status.CLEAR, None)


def test_a_discarding_finding_discards_the_take():
    result = judged(rules=[rule("ENV004", lambda turns: fault("we were late", discard=True))])
    assert result.discarded == "we were late"
    assert [item.code for item in result.findings] == ["ENV004"]


# --- segments


ALL_HOPS = (Hop.MICROPHONE, Hop.SENDER, Hop.PLAYER, Hop.SPEAKER)
LOOKED_AT = [on_segments(f"AAA00{number}", lambda place: fault(f"the {place.who} is broken"), hop)
             for number, hop in enumerate(ALL_HOPS, 1)]  # fmt: skip


def with_taps(*taps):
    return changed(HEALTHY, clips={tap: clip for tap, clip in HEALTHY.clips.items() if tap in taps})


def test_a_segment_rule_gets_its_place():
    seen = []

    def look(place):
        seen.append((str(place.segment), place.input, place.output, place.input_rate_hz, place.output_rate_hz))
        return clear()

    judged(rules=[on_segments("AAA001", look, hop) for hop in (Hop.SENDER, Hop.SPEAKER)])
    assert seen == [
        ("captured to sent", "`captured`", "`sent`", 16000, 16000),
        ("played to heard", "`played`", "`heard`", 24000, 48000),
    ]


def test_hops_whose_joint_was_not_recorded_are_judged_as_one_under_the_clients_code():
    result = judged(with_taps(Tap.PROMPT, Tap.SENT, Tap.RECEIVED, Tap.HEARD), rules=LOOKED_AT)
    assert [(item.code, str(item.segment), item.title) for item in result.findings] == [
        ("AAA002", "prompt to sent", "the microphone or sender is broken"),
        ("AAA003", "received to heard", "the player or loudspeaker is broken"),
    ]
    assert result.findings[0].evidence[-1].text == (
        "`captured` was not recorded, so microphone and sender together are judged as one"
    )
    outcomes = {item.code: (item.status, item.reason) for item in result.outcomes}
    assert outcomes["AAA004"] == (
        Status.NOT_CHECKED, "`played` was not recorded; the hops player and speaker together were judged as one",
    )  # fmt: skip
    assert result.findings[1].to_json()["segment"] == ["received", "heard"]


@pytest.mark.parametrize(
    ("taps", "missing"),
    [((Tap.PLAYED, Tap.HEARD), "`received` was not recorded"), ((Tap.HEARD,), "`received` and `played` were not"),
     ((Tap.SENT, Tap.PLAYED), "`received` was not recorded")],
)  # fmt: skip
def test_a_hop_without_its_ends_is_not_checked_and_says_which_tap_is_missing(taps, missing):
    (outcome,) = judged(with_taps(*taps), rules=LOOKED_AT[2:3]).outcomes
    assert outcome.status is Status.NOT_CHECKED
    assert outcome.reason.startswith(missing)


def test_a_pair_of_recordings_is_judged_by_the_rules_of_its_segment_and_of_recordings():
    own = rule("REC901", lambda recording: fault(f"{recording.name} is broken"), scope=Scope.RECORDING,
               explained_by=("AAA003",))  # fmt: skip
    of_takes = rule("AAA009", lambda turns: fault())
    pair = Recording(name="b.wav", sample_rate_hz=48000, tap=Tap.HEARD, reference="a.wav", reference_rate_hz=24000,
                     segment=Segment(Tap.RECEIVED, Tap.HEARD))  # fmt: skip
    found = judge_recording(Measurements(()), pair, rules=[*LOOKED_AT, own, of_takes]).findings
    assert [(item.code, item.title, item.consequence_of) for item in found] == [
        ("AAA003", "the player or loudspeaker is broken", None), ("REC901", "b.wav is broken", "AAA003"),
    ]  # fmt: skip
    alone = judge_recording(Measurements(()), Recording(name="b.wav", sample_rate_hz=48000), rules=[*LOOKED_AT, own])
    assert [item.code for item in alone.findings] == ["REC901"]


# --- runs


def run_of(takes, rules=(), metrics=()):
    results = [judged(take, metrics, rules) for take in takes]
    return judge_run("name", "Title", results, takes[0].config, takes[0].environment, rules=rules)


def numbered(count, **story):
    return [build(replace(Story(**story), take_id=f"{number:04d}", reply_s=None)) for number in range(1, count + 1)]


def test_summary_has_n_missing_and_no_p95_of_few():
    takes = numbered(3)
    number = iter([1.0, None, 3.0])

    def measure(timeline):
        value = next(number)
        return not_measured(Missing(MissingCode.SILENT, "absent")) if value is None else Reading(value=value)

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

    def over_run(summary, takes, environment):
        seen.append((len(summary), [take.id for take in takes], environment["audio"]))
        return fault("slow")

    rules = [rule("AAA001", lambda turns: fault()), rule("SVC001", over_run, scope=Scope.RUN, explained_by=("AAA001",))]
    run = run_of(numbered(2), rules, [metric(lambda timeline: Reading(value=1.0))])
    assert seen == [(1, ["0001", "0002"], "wire")]
    assert [(item.finding.code, item.finding.consequence_of) for item in run.findings] == [
        ("AAA001", None), ("SVC001", "AAA001"),
    ]  # fmt: skip


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"consequence_of": "AAA002", "severity": Severity.ERROR}, {"severity": Severity.WARNING}),
        ({"severity": Severity.WARNING, "confidence": 1.0}, {"severity": Severity.ERROR, "confidence": 0.5}),
        ({"confidence": 0.5}, {"confidence": 0.9}),
    ],
    ids=["a root before a consequence", "the more severe", "the surer"],
)
def test_the_worst_finding_of_a_code_stands_for_all_takes(better, worse, order):
    (found,) = judged(rules=[rule("AAA001", lambda turns: fault())]).findings
    takes = [changed(judged(), id=f"{number:04d}", findings=(changed(found, **more),))
             for number, more in enumerate((better, worse)[::order])]  # fmt: skip
    run = judge_run("r", "", takes, HEALTHY.config, HEALTHY.environment, rules=())
    (told,) = run.findings
    assert told.finding == changed(found, **worse)
    assert told.take_ids == ("0000", "0001")


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


TIMED = tuple(item for item in all_metrics() if item.kind is MetricKind.TAKE)


@settings(max_examples=60, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(events=events, keep=st.booleans())
def test_no_timeline_makes_the_engine_fall_over(events, keep):
    """Sound is not measured anew for each timeline: no measure of sound reads events."""
    kept = SHORT.timeline.events if keep else ()
    result = judge_take(changed(SHORT, timeline=Timeline((*kept, *events))), metrics=TIMED)
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
