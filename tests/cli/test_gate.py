"""Exit codes of reports."""

import pytest

from diag.core.errors import ExitCode
from diag.core.release import Decision, KnownAnswer, Product, Release, SelfCheck
from diag.core.results import Change, NotShown, RunNotShown, Severity
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


@pytest.mark.parametrize("fail_on", ["error", "never"])
def test_what_was_not_shown_to_be_right_is_not_good(make, fail_on):
    missing = RunNotShown(item=NotShown(code="SPK001", what="x", reason="y"), take_ids=("0001",), counted=3)
    unsure = make.replace(make.run(), not_shown=(missing,))
    assert exit_code(make.report(unsure), fail_on) is ExitCode.TOO_LITTLE_EVIDENCE
    faulty = make.replace(make.run("a", make.finding()), not_shown=(missing,))
    assert exit_code(make.report(faulty)) is ExitCode.FAILED


PASSED, WRONG = {"as_expected": True}, {"as_expected": False}


def test_bench_is_judged_by_its_rows_not_by_planted_findings(make):
    run = make.run("a", make.finding())
    assert exit_code(make.report(run, bench=make.bench(PASSED))) is ExitCode.GOOD
    assert exit_code(make.report(run, bench=make.bench(PASSED, WRONG))) is ExitCode.FAILED
    assert exit_code(make.report(run, bench=make.bench(WRONG)), "never") is ExitCode.GOOD


def product(decision):
    return Product(name="app", title="", decision=decision, reasons=(), takes=3, asked=3)


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        ((Decision.SHIP,), ExitCode.GOOD),
        ((Decision.SHIP, Decision.DO_NOT_SHIP), ExitCode.FAILED),
        ((Decision.SHIP, Decision.TOO_LITTLE_EVIDENCE), ExitCode.TOO_LITTLE_EVIDENCE),
        ((Decision.DO_NOT_SHIP, Decision.TOO_LITTLE_EVIDENCE), ExitCode.FAILED),
    ],
)
def test_a_release_is_judged_by_its_worst_product(make, decisions, expected):
    release = Release(products=tuple(map(product, decisions)))
    assert exit_code(make.report(make.run("a", make.finding()), release=release)) is expected


def test_nothing_ships_on_detectors_that_failed(make):
    missed = SelfCheck(answers=(KnownAnswer(name="x", title="", expected=("PLY001",), found=()),), seconds=1.0)
    release = Release(products=(product(Decision.SHIP),), self_check=missed)
    assert exit_code(make.report(make.run(), release=release)) is ExitCode.TOO_LITTLE_EVIDENCE


def test_a_release_without_a_take_could_not_be_measured(make):
    release = Release(products=(product(Decision.TOO_LITTLE_EVIDENCE),))
    assert exit_code(make.report(make.run(takes=0), release=release)) is ExitCode.CANNOT_MEASURE


@pytest.mark.parametrize("fail_on", ["error", "never"])
@pytest.mark.parametrize("as_expected", [True, None])
def test_bench_with_too_few_takes_of_a_scenario_cannot_decide(make, as_expected, fail_on):
    short = {"as_expected": as_expected, "takes": 2}
    report = make.report(make.run(), bench=make.bench(PASSED, short))
    assert exit_code(report, fail_on) is ExitCode.TOO_LITTLE_EVIDENCE
    assert exit_code(make.report(make.run(), bench=make.bench(PASSED, short, WRONG))) is ExitCode.FAILED


def test_bench_that_gave_nothing_could_not_measure(make):
    report = make.report(make.run(takes=0), bench=make.bench({"as_expected": None, "takes": 0}))
    assert exit_code(report) is ExitCode.CANNOT_MEASURE
