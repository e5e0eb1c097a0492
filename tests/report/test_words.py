"""Verdicts, states and figures in words."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest
from report_samples import CHECKS, comparison, finding, mute_run, run_result, slow_player_run, take, take_result

from diag.core.chain import Hop, Segment, Tap
from diag.core.results import (
    Change,
    NotShown,
    Report,
    RuleOutcome,
    RunNotShown,
    Severity,
    Status,
    SummaryRow,
    VerdictLine,
)
from diag.core.states import State
from diag.measure.registry import MetricKind, metric_named
from diag.report.picks import pick
from diag.report.runview import _segment_tile
from diag.report.sentences import capitalised, figure, label, signed, spread, verdict_line
from diag.report.states import SetupState, checks_of, hops_of, setup_of


def verdict(*runs, **more):
    line = verdict_line(Report(runs=runs, **more))
    return line.state, line.word, line.sentence


def test_good_runs_are_ready():
    assert verdict(run_result()) == (
        State.GOOD,
        "READY",
        "No fault found in 3 of 3 takes; every hop was compared with its input.",
    )


def test_an_error_is_not_ready():
    state, word, sentence = verdict(slow_player_run())
    assert (state, word) == (State.FAILS, "NOT READY")
    assert sentence.endswith("Found in 3 of 3 takes.")


def test_a_warning_is_ready_but_watched():
    run = run_result(takes=(take_result(findings=(finding(severity=Severity.WARNING),)),))
    assert verdict(run)[:2] == (State.WATCH, "READY, WITH 1 WARNING")


def test_what_was_not_shown_is_never_ready():
    missing = RunNotShown(item=NotShown(code="SPK001", what="x", reason="no ear"), take_ids=("0001",), counted=3)
    state, word, sentence = verdict(dataclasses.replace(run_result(), not_shown=(missing,)))
    assert (state, word) == (State.UNKNOWN, "NOT SHOWN")
    assert sentence.endswith("not everything was shown to be right: SPK001 (no ear).")
    warned = run_result(takes=(take_result(findings=(finding(severity=Severity.WARNING),)),))
    state, word, sentence = verdict(dataclasses.replace(warned, not_shown=(missing,)))
    assert (state, word) == (State.UNKNOWN, "NOT SHOWN")
    assert sentence.endswith("Not shown to be right: SPK001 (no ear).")


def test_nothing_measured_is_never_good():
    run = run_result(takes=(take_result(discarded="callback late"), take_result("0002", discarded="callback late")))
    assert verdict(run) == (State.UNKNOWN, "NOTHING MEASURED", "All 2 takes were discarded: callback late.")
    assert verdict() == (State.UNKNOWN, "NOTHING MEASURED", "There is no take to judge.")


def test_the_consequence_never_speaks_for_the_root():
    assert "CFG001" not in verdict(mute_run())[2]
    assert verdict(mute_run())[2].startswith("The setup does not ask for AUDIO")


@pytest.mark.parametrize(
    ("change", "state", "word"),
    [
        (Change.WORSE, State.FAILS, "WORSE"),
        (Change.BETTER, State.GOOD, "BETTER"),
        (Change.NONE_SHOWN, State.GOOD, "NO CLEAR DIFFERENCE"),
        (Change.TOO_FEW, State.UNKNOWN, "TOO FEW TAKES"),
    ],
)
def test_comparisons_say_what_they_call(change, state, word):
    said = dataclasses.replace(comparison(), verdict=change)
    assert verdict(run_result(), slow_player_run(), comparisons=(said,))[:2] == (state, word)


def test_a_verdict_that_was_made_is_kept():
    made = VerdictLine(State.WATCH, "AS TOLD", "All is well.", "go on")
    assert verdict_line(Report(runs=(slow_player_run(),), verdict=made)) is made
    assert made.text == "AS TOLD  All is well."


def states(run):
    return {hop.hop: (hop.state, hop.word) for hop in hops_of(run)}


def test_the_faulty_hop_fails_and_its_neighbours_do_not():
    found = states(slow_player_run())
    assert found[Hop.PLAYER] == (State.FAILS, "error")
    assert found[Hop.SENDER] == found[Hop.SPEAKER] == (State.GOOD, "good")


def test_a_fault_of_the_setup_is_drawn_at_the_setup():
    assert setup_of(mute_run()).state is State.FAILS
    assert setup_of(mute_run()).detail == "CFG001 some-fault"
    assert setup_of(run_result()) == SetupState(State.GOOD, "good", "1 of 1 check clear")
    assert setup_of(run_result(takes=())).state is State.UNKNOWN
    of_the_service = run_result(takes=(take_result(findings=(finding("SVC002", hop=Hop.SERVICE),)),))
    assert states(of_the_service)[Hop.SERVICE] == (State.FAILS, "error")


def test_a_hop_that_nothing_looked_at_is_not_good():
    assert states(slow_player_run())[Hop.MICROPHONE] == (State.UNKNOWN, "not shown")
    found = states(mute_run())
    assert found[Hop.PLAYER] == found[Hop.SPEAKER] == (State.UNKNOWN, "not shown")
    assert found[Hop.SERVICE] == (State.UNKNOWN, "not shown"), "what follows from the setup is not the service's fault"


def test_a_setup_check_alone_does_not_make_the_service_good():
    only = RuleOutcome(code="CFG001", name=CHECKS["CFG001"], status=Status.CLEAR)
    late = RuleOutcome(code="SVC001", name=CHECKS["SVC001"], status=Status.NOT_CHECKED, reason="no reply")
    result = dataclasses.replace(take_result(), outcomes=(only, late))
    assert states(run_result(takes=(result,)))[Hop.SERVICE] == (State.UNKNOWN, "not shown")


def test_a_crashed_check_is_not_clear():
    broken = RuleOutcome(code="PLY001", name="x", status=Status.CRASHED, reason="division by zero")
    fine = RuleOutcome(code="PLY001", name="x", status=Status.CLEAR)
    takes = (
        dataclasses.replace(take_result(), outcomes=(fine,)),
        dataclasses.replace(take_result("0002"), outcomes=(broken,)),
    )
    check = checks_of(run_result(takes=takes))[0]
    assert (check.state, check.word, check.detail) == (State.UNKNOWN, "crashed", "division by zero")


def test_discarded_takes_do_not_make_a_check_clear():
    assert checks_of(run_result(takes=(take_result(discarded="late"),))) == ()


def test_the_take_shown_is_the_one_with_the_worst_finding():
    warning = finding("SVC001", severity=Severity.WARNING, hop=Hop.SERVICE)
    takes = (take_result("0001"), take_result("0002", findings=(warning,)), take_result("0003", findings=(finding(),)))
    chosen = pick(run_result(takes=takes), [take(result.id) for result in takes])
    assert (chosen.take.id, chosen.why) == ("0003", "shows PLY001")


def test_else_it_is_the_median_one_and_never_a_discarded_one():
    results = [take_result(f"{k:04d}", extra_s=0.1 * k) for k in (1, 2, 3)]
    late = take_result("0004", discarded="late")
    chosen = pick(run_result(takes=(late, *results)), [take(item.id) for item in (late, *results)])
    assert (chosen.take.id, chosen.why) == ("0002", "median time to first audio")
    alone = pick(run_result(takes=(late,)), [take("0004")])
    assert alone.why == "discarded; no other take to show"
    assert pick(run_result(), []) is None


def test_what_is_compared_answers_the_same_prompt():
    def asked(take_id, prompt, **more):
        return dataclasses.replace(take_result(take_id, **more), prompt_names=(prompt,))

    faulty = run_result(takes=(asked("0001", "yes"), asked("0002", "hours", findings=(finding(),))))
    fine = run_result(takes=(asked("0001", "yes"), asked("0002", "weather"), asked("0003", "hours")))
    like = pick(faulty, [take("0001"), take("0002")])
    assert pick(fine, [take("0001"), take("0002"), take("0003")], like).take.id == "0003"
    assert pick(fine, [take("0001")], like).take.id == "0001", "any is better than none"


def test_names_keep_their_spelling():
    assert capitalised("playback_16k: slow") == "playback_16k: slow"
    assert capitalised("healthy: slow") == "healthy: slow"
    assert capitalised("slow voice") == "Slow voice"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.0, "1", "0"),
        (0.6666667, "1", "0.667"),
        (1.0, "1", "1"),
        (0.085, "s", "85 ms"),
        (1.934, "s", "1.93 s"),
        (None, "s", "not measured"),
        (-0.02, "s", "−20 ms"),
        (-0.04, "dB", "0.0 dB"),
        (-0.0001, "s", "0 ms"),
        (10800.0, "Hz", "10.8 kHz"),
        (110.0, "Hz", "110 Hz"),
        ((3.0, None), "dB", "3.0 dB, –"),
    ],
)
def test_figures(value, unit, words):
    assert figure(value, unit) == words


@pytest.mark.parametrize(
    ("metric", "words"), [("tonality_db", "Tonality"), ("equal_pairs", "Samples equal in pairs"), ("a_b", "A b")]
)
def test_measures_are_named_in_plain_words(metric, words):
    assert label(metric) == words


def test_differences_carry_their_sign_and_a_tie_carries_both():
    assert signed(0.2, "s") == "+200 ms"
    assert signed(-0.2, "s") == "−200 ms"
    assert signed(0.0, "s") == "±0 ms"
    assert signed(None, "s") == "not measured"


def row(n, median=1.9, low=1.4, high=2.6):
    return SummaryRow(metric="m", unit="s", n=n, missing=0, median=median, p95=None, low=low, high=high)


def test_every_median_says_its_range_and_n():
    assert spread(row(12)) == "1.90 s (1.40 s to 2.60 s, n 12)"
    assert spread(row(12, 1.03, 0.982, 1.07)) == "1.03 s (0.98 s to 1.07 s, n 12)"
    assert spread(row(12, 0.5, 0.4, 0.6)) == "500 ms (400 ms to 600 ms, n 12)"
    assert spread(row(1)) == "1.90 s (n 1)"
    assert spread(row(0, None, None, None)) == "not measured"


def test_a_check_that_does_not_apply_is_not_listed():
    page = RuleOutcome(code="WEB001", name="x", status=Status.NOT_CHECKED, reason="no page", applies=False)
    fine = RuleOutcome(code="PLY001", name="x", status=Status.CLEAR)
    takes = (dataclasses.replace(take_result(), outcomes=(fine, page)),)
    assert [check.code for check in checks_of(run_result(takes=takes))] == ["PLY001"]


def treble_tile(player_db, *codes):
    """The tile of the treble for a run whose loudspeaker loses none, and whose player loses `player_db`."""
    rows = [
        SummaryRow(
            metric="dullness_db", unit="dB", n=0 if lost_db is None else 5, missing=5 if lost_db is None else 0,
            median=lost_db, p95=None, low=lost_db, high=lost_db, segment=segment,
        )
        for segment, lost_db in (
            (Segment(Tap.RECEIVED, Tap.PLAYED), player_db), (Segment(Tap.PLAYED, Tap.HEARD), 0.0),
        )
    ]  # fmt: skip
    findings = [
        SimpleNamespace(finding=SimpleNamespace(code=code, title="The reply is already dull")) for code in codes
    ]
    run = SimpleNamespace(counted=range(5), findings=findings)
    return _segment_tile(metric_named("dullness_db", MetricKind.SEGMENT), rows, run)


def test_a_tile_shows_the_worst_segment():
    assert treble_tile(46.4)[1] == "46.4 dB"
    assert treble_tile(0.2)[1] == "0.2 dB"


def test_a_good_value_is_not_shown_for_a_segment_that_has_none():
    assert treble_tile(None)[1:] == ("not measured", "player; 0.0 dB at worst elsewhere, n 5")


def test_a_good_value_is_not_shown_for_a_reply_that_arrived_with_the_fault():
    assert treble_tile(0.0, "SVC005")[1:] == (
        "by the service", "The reply is already dull (SVC005); 0.0 dB on the way from it",
    )  # fmt: skip
