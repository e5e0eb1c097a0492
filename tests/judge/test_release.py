"""The release gate: what blocks, what leaves it undecided, and how often it is wrong."""

import functools
import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from approved import check
from scipy.stats import rankdata

from benchmarks.gate_statistics import PROMPTS, Service, rates, simulated
from diag.core.chain import Hop
from diag.core.missing import Missing, MissingCode
from diag.core.release import Decision, Earlier, Limit, Weight
from diag.core.results import Change, Finding, Measurements, NotShown, RunFinding, RunNotShown, Severity
from diag.judge.comparison import compare_runs
from diag.judge.difference import (
    EXACT_TO,
    chance_of,
    chance_of_counts,
    corrected,
    floor_between_equals,
    smallest_shown,
)
from diag.judge.release import judge_product

EARLIER = Earlier(what="the baseline of 2026-11-01", takes=20)
PROMPTS_S = np.linspace(0.6, 1.3, len(PROMPTS))


def run_of(seed=1, *, takes=20, later_s=0.0, loss=0.0, spread_s=0.02):
    """A simulated run without warnings."""
    service = Service(spread_s, later_s=later_s, loss=loss)
    return replace(simulated(service, takes, np.random.default_rng(seed), PROMPTS_S), findings=())


def fault(code="PLY004", severity=Severity.WARNING, share=20, counted=20):
    found = Finding(code=code, name="n", severity=severity, hop=Hop.PLAYER, title=f"{code} is there", evidence=(),
                    likely_cause="", fix="repair it", confidence=1.0)  # fmt: skip
    return RunFinding(finding=found, take_ids=tuple(f"{k:04d}" for k in range(1, share + 1)), counted=counted)


def decide(run, before=None, **more):
    given = {"asked": 20, "earlier": None if before is None else EARLIER, "before": before}
    return judge_product(run, **{**given, **more})[0]


def texts(product, weight):
    return [reason.text for reason in product.reasons if reason.weight is weight]


# --- decisions


def test_a_faultless_release_ships_and_says_that_there_was_no_baseline():
    product = decide(run_of())
    assert product.decision is Decision.SHIP
    assert texts(product, Weight.NOTE) == ["Not held against an earlier release: there is no baseline."]


def test_a_release_like_the_one_before_ships():
    """The negative control."""
    assert decide(run_of(1), run_of(2)).decision is Decision.SHIP


def test_a_release_that_answers_100_ms_later_is_blocked_with_the_figures():
    """The positive control."""
    product = decide(run_of(1, later_s=0.1), run_of(2))
    assert product.decision is Decision.DO_NOT_SHIP
    (first, *_) = texts(product, Weight.BLOCKS)
    assert first.startswith("First audio heard is worse: ")
    assert " in the baseline of 2026-11-01, " in first
    assert first.endswith("here).")


def test_an_error_blocks_and_comes_with_its_fix():
    product = decide(replace(run_of(), findings=(fault("PLY001", Severity.ERROR),)))
    assert product.decision is Decision.DO_NOT_SHIP
    assert product.reasons[0].text == "PLY001 is there (PLY001, in 20 of 20 takes)."
    assert product.reasons[0].fix == "repair it"


@pytest.mark.parametrize(("share", "decision"), [(20, Decision.DO_NOT_SHIP), (2, Decision.SHIP)])
def test_a_warning_blocks_if_the_release_before_did_not_have_it_and_chance_does_not_explain_it(share, decision):
    run = replace(run_of(1), findings=(fault(share=share),))
    assert decide(run, run_of(2)).decision is decision
    assert decide(run).decision is Decision.SHIP
    assert decide(run, replace(run_of(2), findings=(fault(share=share),))).decision is Decision.SHIP
    assert decide(run, fail_on="warning").decision is Decision.DO_NOT_SHIP


def test_an_accepted_finding_is_listed_and_does_not_block():
    product = decide(replace(run_of(), findings=(fault("PLY001", Severity.ERROR),)), accepted=("PLY001",))
    assert product.decision is Decision.SHIP
    assert "Accepted in the suite: PLY001 is there (PLY001, in 20 of 20 takes)." in texts(product, Weight.NOTE)


def test_a_fault_of_this_machine_is_no_fault_of_the_product():
    product = decide(replace(run_of(), findings=(fault("ENV001", Severity.ERROR),)))
    assert product.decision is Decision.TOO_LITTLE_EVIDENCE


@pytest.mark.parametrize("asked", [21, 40])
def test_fewer_takes_than_asked_for_are_too_little_evidence(asked):
    assert decide(run_of(), asked=asked).decision is Decision.TOO_LITTLE_EVIDENCE


def test_what_was_not_shown_to_be_right_is_too_little_evidence():
    missing = RunNotShown(item=NotShown(code="SPK001", what="x", reason="it was not recorded"), take_ids=(), counted=20)
    product = decide(replace(run_of(), not_shown=(missing,)))
    assert product.decision is Decision.TOO_LITTLE_EVIDENCE
    assert texts(product, Weight.UNDECIDED) == ["Not shown to be right: SPK001 (it was not recorded)."]


def test_an_unlike_environment_is_refused_by_name_and_a_small_difference_is_flagged():
    earlier = replace(EARLIER, refused=(("audio", "wire", "virtual"),), flagged=(("machine", "a", "b"),))
    product, comparison = judge_product(run_of(1, later_s=0.5), asked=20, earlier=earlier, before=run_of(2))
    assert comparison is None
    assert product.decision is Decision.TOO_LITTLE_EVIDENCE
    refused = "Not compared with the baseline of 2026-11-01: audio was wire and is virtual."
    assert texts(product, Weight.UNDECIDED) == [refused]
    assert "Another machine than in the baseline of 2026-11-01: a then, b now." in texts(product, Weight.NOTE)


def test_an_earlier_release_without_a_measured_take_leaves_it_undecided():
    for before in (None, replace(run_of(2), takes=())):
        product, comparison = judge_product(run_of(1), asked=20, earlier=EARLIER, before=before)
        assert comparison is None
        assert product.decision is Decision.TOO_LITTLE_EVIDENCE
        expected = "Not compared with the baseline of 2026-11-01: none of its takes was measured."
        assert texts(product, Weight.UNDECIDED) == [expected]


def test_takes_that_vary_too_much_to_show_anything_are_too_little_evidence():
    product = decide(run_of(1, spread_s=1.0), run_of(2, spread_s=1.0))
    assert product.decision is Decision.TOO_LITTLE_EVIDENCE
    assert "varies so much from take to take" in texts(product, Weight.UNDECIDED)[0]


def test_replies_that_stay_away_are_outcomes_and_are_never_left_out():
    product = decide(run_of(1, loss=0.5), run_of(2))
    assert product.decision is Decision.DO_NOT_SHIP
    assert any("answered" in text.lower() for text in texts(product, Weight.BLOCKS))


# --- limits


@pytest.mark.parametrize(
    ("limit", "decision"),
    [
        ({"at_most": 0.5}, Decision.DO_NOT_SHIP),
        ({"at_most": 5.0}, Decision.SHIP),
        ({"at_least": 5.0}, Decision.DO_NOT_SHIP),
        ({"at_most": 0.5, "blocks": False}, Decision.SHIP),
        ({"at_most": 0.5, "configuration": "another"}, Decision.SHIP),
        ({"at_most": 0.5, "statistic": "worst"}, Decision.DO_NOT_SHIP),
        ({"rise_at_most": 0.1}, Decision.TOO_LITTLE_EVIDENCE),
    ],
)
def test_limits_are_held_against_the_summary_of_the_takes(limit, decision):
    limits = (Limit(metric="ttfa_heard_s", **limit),)
    assert decide(run_of(), limits=limits).decision is decision


@pytest.mark.parametrize("limit", [{"rise_at_most": 0.02}, {"rise_at_most_percent": 2.0}])
def test_a_limit_of_the_change_is_absolute_or_relative(limit):
    limits = (Limit(metric="ttfa_heard_s", **limit),)
    assert decide(run_of(1), run_of(2), limits=limits).decision is Decision.SHIP
    product = decide(run_of(1, later_s=0.1), run_of(2), limits=limits)
    assert product.decision is Decision.DO_NOT_SHIP
    assert any("became worse since the baseline" in text for text in texts(product, Weight.BLOCKS))


def test_a_missing_value_of_a_metric_with_a_limit_fails():
    product = decide(run_of(), limits=(Limit(metric="echo_db", at_most=-40.0),))
    assert product.decision is Decision.DO_NOT_SHIP
    assert texts(product, Weight.BLOCKS) == ["Echo has a limit and was not measured in any take."]


# --- every reason in words


APPROVED = Path(__file__).with_name("approved_releases.txt")


def taken(values, **more):
    """A run whose takes have these values of the time to the first audio heard, and no findings."""
    run = run_of(3, takes=len(values))
    takes = []
    for take, value in zip(run.takes, values, strict=True):
        missing = None if value is not None else Missing(MissingCode.NO_TURN, "no reply came")
        items = [
            replace(item, value=value, missing=missing) if item.metric == "ttfa_heard_s" else item
            for item in take.measurements
        ]
        takes.append(replace(take, measurements=Measurements(tuple(items))))
    return replace(run, takes=tuple(takes), **more)


def ramp(middle_s, spread_s=0.01, takes=20):
    return [round(middle_s + spread_s * (number / (takes - 1) - 0.5), 6) for number in range(takes)]


FINDINGS = (
    fault("PLY001", Severity.ERROR, share=3), fault("PLY004", share=20), fault("ENV001", Severity.ERROR, share=1),
    fault("ENV006", share=2), fault("WEB008", Severity.INFO), fault("SVC001", share=0, counted=0),
)  # fmt: skip
NOT_SHOWN = tuple(
    RunNotShown(item=NotShown(code=f"SPK00{number}", what="x", reason=f"reason {number // 5}"), take_ids=(), counted=20)
    for number in range(1, 9)
) + tuple(
    RunNotShown(item=NotShown(code=f"MIC00{number}", what="x", reason=f"other {number}"), take_ids=(), counted=20)
    for number in range(1, 5)
)
LIMITS = {"at_most": 1.0, "at_least": 2.0, "rise_at_most": 0.05, "rise_at_most_percent": 4.0}
STEADY, LATER, SOONER = ramp(1.2), ramp(1.4), ramp(1.0)


@functools.cache
def situations():
    """Runs, what they are held against, and the rest that decides, by name."""
    limits = tuple(
        Limit(metric="ttfa_heard_s", statistic=statistic, **{name: value})
        for statistic in ("median", "p95", "mean", "worst") for name, value in LIMITS.items()
    )  # fmt: skip
    steady = taken(STEADY)
    return {
        "nothing before": (taken(STEADY), None, {}),
        "findings": (taken(STEADY, findings=FINDINGS), None, {}),
        "findings that the earlier release did not have": (taken(STEADY, findings=FINDINGS), steady, {}),
        "findings that it had in fewer takes": (
            taken(STEADY, findings=(fault(share=9),)), taken(STEADY, findings=(fault(share=2),)), {}),
        "findings that it had in as many takes": (
            taken(STEADY, findings=(fault(share=9),)), taken(STEADY, findings=(fault(share=8),)), {}),
        "nothing fails": (taken(STEADY, findings=FINDINGS), steady, {"fail_on": "never"}),
        "warnings fail": (taken(STEADY, findings=FINDINGS), None, {"fail_on": "warning"}),
        "accepted": (taken(STEADY, findings=FINDINGS), None, {"accepted": ("PLY001", "ENV006")}),
        "later": (taken(LATER), steady, {}),
        "sooner": (taken(SOONER), steady, {}),
        "half a tolerance later": (taken(ramp(1.225)), steady, {}),
        "uneven": (taken(ramp(1.2, 1.5)[::-1]), taken(ramp(1.2, 1.5)), {}),
        "a little uneven": (taken(ramp(1.2, 0.3)[::-1]), taken(ramp(1.2, 0.3)), {}),
        "four takes of five": (taken(ramp(1.2, takes=4), folder="runs/1"), None, {"asked": 5}),
        "five takes": (taken(ramp(1.2, takes=5)), taken(ramp(1.2, takes=4)), {"asked": 5}),
        "no take": (replace(steady, takes=()), steady, {}),
        "hardly any value": (taken([None] * 17 + [1.2] * 3), steady, {"limits": limits[:8]}),
        "not shown": (taken(STEADY, not_shown=NOT_SHOWN), None, {}),
        "limits": (taken(LATER), steady, {"limits": limits}),
        "limits that are kept": (taken(STEADY), steady, {"limits": tuple(
            Limit(metric="ttfa_heard_s", at_most=1.3, at_least=1.1, rise_at_most=0.01, blocks=False) for _ in "a")}),
        "limits just kept": (taken([1.25] * 20), taken([1.0] * 20), {"limits": (
            Limit(metric="ttfa_heard_s", at_most=1.25, at_least=1.25, rise_at_most=0.25, rise_at_most_percent=25.0),)}),
        "limits that only warn": (taken(LATER), steady, {"limits": tuple(
            Limit(metric="ttfa_heard_s", blocks=False, **{name: value}) for name, value in LIMITS.items())}),
        "limits on hops": (taken(STEADY), steady, {"limits": (
            Limit(metric="rate_ratio", at_least=2.0, hop="player"), Limit(metric="rate_ratio", at_least=2.0),
            Limit(metric="rate_ratio", at_most=0.5, hop="microphone"), Limit(metric="unknown", at_most=1.0))}),
        "many decisions": (taken(LATER), steady, {"decisions": 1000}),
    }  # fmt: skip


@pytest.mark.parametrize("name", situations())
def test_every_reason_is_in_words_that_were_approved(name):
    run, before, more = situations()[name]
    product = decide(run, before, **more)
    lines = [f"{product.decision.value}, {product.takes} of {product.asked} takes"]
    lines += [f"{item.weight.value}: {item.text} {item.fix or ''}".rstrip() for item in product.reasons]
    check(APPROVED, name, "\n".join(lines))


# --- statistics


def test_equal_changes_up_and_down_are_chance():
    assert chance_of([0.1, -0.1, 0.1, -0.1, 0.1, -0.1], tolerance=0.05) > 0.4
    assert chance_of([0.0] * 12, tolerance=0.05) == 1.0


def test_ten_changes_in_one_direction_have_the_chance_of_ten_heads():
    changes = np.arange(1, 11) / 10
    assert chance_of(changes, tolerance=0.05) == pytest.approx(2**-10)
    assert chance_of(-changes, tolerance=0.05) == pytest.approx(2**-10)


def test_the_chance_of_signs_is_that_of_all_orders_of_signs():
    changes = np.array([0.1, -0.2, 0.2, 0.5, -0.05, 0.7, 0.8, 0.15, 0.9, -0.6, 1.1])
    scores = np.minimum(rankdata(np.abs(changes)), len(changes) / 2)
    sums = [scores @ np.array(signs) for signs in itertools.product((-1, 1), repeat=len(changes))]
    expected = np.mean(np.array(sums) >= scores @ np.sign(changes) - 1e-9)
    assert chance_of(changes, tolerance=0.05) == pytest.approx(expected)


def test_many_changes_are_tested_by_the_normal_distribution_with_the_same_result():
    changes = np.random.default_rng(1).normal(0.2, 1, EXACT_TO)
    counted = chance_of(changes, tolerance=0.05)
    approximate = chance_of([*changes, 1e-9, -1e-9], tolerance=0.05)
    assert approximate == pytest.approx(counted, rel=0.1)


def test_counts_follow_the_tea_test_of_fisher():
    assert chance_of_counts(0, 5, 5, 5) == pytest.approx(1 / math.comb(10, 5))
    assert chance_of_counts(5, 5, 0, 5) == pytest.approx(1 / math.comb(10, 5))
    assert chance_of_counts(0, 0, 5, 5) == 1.0


def test_correction_multiplies_the_smallest_by_all_and_keeps_the_order():
    assert corrected([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert corrected([]) == []


def test_more_takes_show_smaller_differences_and_none_below_the_tolerance():
    values = np.random.default_rng(1).normal(0, 0.1, 80)
    shown = [smallest_shown(values[:count], tolerance=0.05, tested=4) for count in (5, 20, 80)]
    assert shown[0] > shown[1] > shown[2] >= 0.05
    assert smallest_shown(values[:1], tolerance=0.05, tested=4) is None


def test_the_noise_floor_is_that_of_the_takes_and_not_of_the_prompts():
    rng = np.random.default_rng(1)
    groups = [place + rng.normal(0, 0.02, 10) for place in (0.5, 5.0)]
    assert 0.004 < floor_between_equals(groups, 20, seed=1) < 0.02
    assert floor_between_equals([np.array([1.0]), np.array([2.0])], 20, seed=1) is None


@pytest.mark.parametrize("takes", [5, 20])
def test_few_of_many_equal_releases_are_blocked(takes):
    """A short form of `make statistics`: the nominal rate is 2 %, so 3 of 25 would be seen in 1 of 80 such tests."""
    _, blocked, _ = rates(Service(0.06), takes, 25, 3, spread_s=0.06)
    assert blocked <= 2 / 25


def test_nearly_all_later_releases_are_blocked():
    _, blocked, _ = rates(Service(0.02, 0.1), 20, 15, 4, spread_s=0.02)
    assert blocked >= 14 / 15


def test_a_metric_that_cannot_differ_takes_no_part_in_the_correction():
    comparison = compare_runs(run_of(1), run_of(2), seed=1)
    chances = {item.metric: item.chance for item in comparison.comparisons}
    assert chances["rate_ratio"] is None
    assert chances["ttfa_heard_s"] is not None
    assert all(item.verdict is Change.NONE_SHOWN for item in comparison.comparisons)
