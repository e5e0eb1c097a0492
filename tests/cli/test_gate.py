"""Exit codes of reports."""

import pytest

from diag.core.chain import Hop
from diag.core.errors import ExitCode
from diag.core.results import Bench, Change, Drift, NotShown, RunNotShown, Severity
from diag.judge.gate import exit_code


def test_nothing_found_is_good(make):
    assert exit_code(make.report(make.run())) is ExitCode.GOOD


def test_error_fails_by_default_and_never_does_not(make):
    report = make.report(make.run("a", make.finding()))
    assert exit_code(report) is ExitCode.FAILED
    assert exit_code(report, "never") is ExitCode.GOOD


@pytest.mark.parametrize(
    ("severity", "fail_on", "expected"),
    [
        (Severity.WARNING, "error", ExitCode.GOOD),
        (Severity.WARNING, "warning", ExitCode.FAILED),
        (Severity.INFO, "warning", ExitCode.GOOD),
    ],
)
def test_limit_of_severity(make, severity, fail_on, expected):
    report = make.report(make.run("a", make.finding(severity=severity)))
    assert exit_code(report, fail_on) is expected


@pytest.mark.parametrize("code", ["CFG001", "CFG002", "CFG004", "CFG005", "CFG008"])
def test_refusal_by_the_service_is_a_measurement(make, code):
    assert exit_code(make.report(make.run("a", make.finding(code)))) is ExitCode.FAILED


@pytest.mark.parametrize("code", ["CFG009", "ENV001", "ENV002"])
def test_endpoint_or_machine_at_fault_could_not_measure(make, code):
    follows = make.finding("SVC002", consequence_of=code)
    report = make.report(make.run("a", make.finding(code), follows))
    assert exit_code(report) is ExitCode.CANNOT_MEASURE
    assert exit_code(report, "never") is ExitCode.CANNOT_MEASURE


def test_a_fault_of_the_product_wins_over_one_of_the_machine(make):
    report = make.report(make.run("a", make.finding("ENV003"), make.finding("PLY001")))
    assert exit_code(report) is ExitCode.FAILED


def test_a_severe_consequence_of_a_mild_root_fails(make):
    mild = make.finding("SND006", severity=Severity.WARNING)
    grave = make.finding("SVC002", consequence_of="SND006")
    assert exit_code(make.report(make.run("a", mild, grave))) is ExitCode.FAILED


@pytest.mark.parametrize("fail_on", ["error", "never"])
def test_never_good_when_nothing_was_measured(make, fail_on):
    assert exit_code(make.report(), fail_on) is ExitCode.CANNOT_MEASURE
    assert exit_code(make.report(make.run(takes=0, discarded=3)), fail_on) is ExitCode.CANNOT_MEASURE
    assert exit_code(make.report(make.run(), make.run("b", takes=0)), fail_on) is ExitCode.CANNOT_MEASURE


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (Change.WORSE, ExitCode.FAILED),
        (Change.BETTER, ExitCode.GOOD),
        (Change.NONE_SHOWN, ExitCode.GOOD),
        (Change.TOO_FEW, ExitCode.TOO_LITTLE_EVIDENCE),
    ],
)
def test_comparison(make, verdict, expected):
    report = make.report(make.run(), make.run("b"), comparisons=(make.comparison(verdict),))
    assert exit_code(report) is expected


def bench(make, *rows, drift=()):
    return Bench(rows=tuple(make.bench_row(as_expected=right, takes=takes) for right, takes in rows), drift=drift)


PASSED, WRONG, SHORT, NOTHING = (True, 5), (False, 5), (True, 3), (None, 0)


def test_bench_is_judged_by_its_rows_not_by_planted_findings(make):
    run = make.run("a", make.finding())
    assert exit_code(make.report(run, bench=bench(make, PASSED))) is ExitCode.GOOD
    assert exit_code(make.report(run, bench=bench(make, PASSED, WRONG))) is ExitCode.FAILED
    assert exit_code(make.report(run, bench=bench(make, WRONG)), "never") is ExitCode.GOOD


def test_bench_fails_when_slower_than_the_baseline(make):
    for worse, expected in ((False, ExitCode.GOOD), (True, ExitCode.FAILED)):
        drift = Drift(run="a", metric="ttfb_s", baseline_s=1.0, now_s=1.2, n=5, worse=worse, sentence="slower")
        assert exit_code(make.report(make.run(), bench=bench(make, PASSED, drift=(drift,)))) is expected


@pytest.mark.parametrize("fail_on", ["error", "never"])
@pytest.mark.parametrize("short", [SHORT, NOTHING])
def test_bench_with_too_few_takes_of_a_scenario_cannot_decide(make, short, fail_on):
    report = make.report(make.run(), bench=bench(make, PASSED, short))
    assert exit_code(report, fail_on) is ExitCode.TOO_LITTLE_EVIDENCE
    assert exit_code(make.report(make.run(), bench=bench(make, PASSED, short, WRONG))) is ExitCode.FAILED


def test_bench_that_gave_nothing_could_not_measure(make):
    assert exit_code(make.report(make.run(takes=0), bench=bench(make, NOTHING))) is ExitCode.CANNOT_MEASURE


# --- positive proof

UNSHOWN = RunNotShown(
    item=NotShown(code="SPK003", what="speaker-rate", reason="`heard` was not recorded", hop=Hop.SPEAKER),
    take_ids=("0001",), counted=1,
)  # fmt: skip


@pytest.mark.parametrize("fail_on", ["error", "warning", "never"])
def test_what_was_not_shown_is_too_little_evidence(make, fail_on):
    run = make.replace(make.run(), not_shown=(UNSHOWN,))
    assert exit_code(make.report(run), fail_on) is ExitCode.TOO_LITTLE_EVIDENCE
    assert exit_code(make.report(make.run("good"), run), fail_on) is ExitCode.TOO_LITTLE_EVIDENCE


def test_an_error_wins_over_what_was_not_shown(make):
    run = make.replace(make.run("a", make.finding()), not_shown=(UNSHOWN,))
    assert exit_code(make.report(run)) is ExitCode.FAILED


def test_a_run_that_no_check_looked_at_is_too_little_evidence(make):
    run = make.run()
    blind = make.replace(run, takes=tuple(make.replace(take, outcomes=()) for take in run.takes))
    assert exit_code(make.report(blind)) is ExitCode.TOO_LITTLE_EVIDENCE
