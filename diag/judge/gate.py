"""Exit code of a report: whether the measured runs passed."""

from __future__ import annotations

from diag.core.errors import ExitCode
from diag.core.release import Decision
from diag.core.results import Bench, Change, Report, RunFinding, RunResult, Severity, Status

UNREACHABLE_CODE = "CFG009"
ENVIRONMENT_PREFIX = "ENV"


def exit_code(report: Report, fail_on: str = "error") -> ExitCode:
    """Return the exit code of the command that made this report.

    Parameters
    ----------
    report : Report
        A release bench is judged by its decision, a self-check by its rows. Any other report is judged by the findings
        of all its runs and by its comparisons.
    fail_on : {"error", "warning", "never"}
        Lowest severity of a finding that fails the run.

    Returns
    -------
    ExitCode
        CANNOT_MEASURE if a run has no counted take, or if the only faults are an unreachable endpoint (CFG009) or this
        machine (ENV), which say nothing about the voice app. FAILED for findings or a regression.
        TOO_LITTLE_EVIDENCE if a comparison has too few takes, if fewer takes of a scenario were counted than asked
        for, or if no fault was found but not everything was shown to be right. A refusal by the service counts as a
        measurement.
    """
    measured = any(run.counted for run in report.runs)
    if report.release is not None and measured:
        return _DECIDED[report.release.decision]
    if report.bench is not None and measured:
        return _bench_code(report.bench, fail_on)
    if not report.runs or any(not run.counted for run in report.runs):
        return ExitCode.CANNOT_MEASURE
    hindered, failing = _split(report, fail_on)
    if fail_on != "never" and (failing or _regressed(report)):
        return ExitCode.FAILED
    if hindered:
        return ExitCode.CANNOT_MEASURE
    undecided = any(comparison.verdict is Change.TOO_FEW for comparison in report.comparisons)
    unshown = any(run.not_shown or not checked(run) for run in report.runs)
    return ExitCode.TOO_LITTLE_EVIDENCE if undecided or unshown else ExitCode.GOOD


_DECIDED = {
    Decision.SHIP: ExitCode.GOOD,
    Decision.DO_NOT_SHIP: ExitCode.FAILED,
    Decision.TOO_LITTLE_EVIDENCE: ExitCode.TOO_LITTLE_EVIDENCE,
}


def _bench_code(bench: Bench, fail_on: str) -> ExitCode:
    rows = bench.rows
    if any(row.as_expected is False for row in rows) and fail_on != "never":
        return ExitCode.FAILED
    return ExitCode.TOO_LITTLE_EVIDENCE if any(row.too_short for row in rows) else ExitCode.GOOD


def checked(run: RunResult) -> bool:
    """Return whether a check of a run's takes looked at something: without one, nothing is shown to be right."""
    looked = (Status.CLEAR, Status.RAISED)
    return any(item.status in looked for take in run.counted for item in take.outcomes)


def least_rank(fail_on: str) -> int:
    """Return the lowest `Severity.rank` that fails; with "never" it is above every severity."""
    return {"error": Severity.ERROR.rank, "warning": Severity.WARNING.rank, "never": Severity.ERROR.rank + 1}[fail_on]


def _split(report: Report, fail_on: str) -> tuple[list[RunFinding], list[RunFinding]]:
    """Return findings that prevented the measurement, and findings about the voice app, at or above the limit."""
    least = Severity.WARNING.rank if fail_on == "warning" else Severity.ERROR.rank
    hindered: list[RunFinding] = []
    failing: list[RunFinding] = []
    for run in report.runs:
        for item in run.findings:
            if item.finding.severity.rank < least:
                continue
            roots = {item.finding.code, item.finding.consequence_of or item.finding.code}
            (hindered if any(prevents_measuring(code) for code in roots) else failing).append(item)
    return hindered, failing


def prevents_measuring(code: str) -> bool:
    """Return whether a finding is about the endpoint or this machine, and says nothing about the voice app."""
    return code == UNREACHABLE_CODE or code.startswith(ENVIRONMENT_PREFIX)


def _regressed(report: Report) -> bool:
    return any(comparison.verdict is Change.WORSE for comparison in report.comparisons)
