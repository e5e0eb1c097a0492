"""Plugin of pytest: the marker `diag` records a configuration, and the fixture `diag` holds the result for assertions.

pytest loads it where diag is installed (entry point `pytest11`). diag itself does not need pytest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from diag.core.results import Report, RunResult

_MARK = "diag(config, **options): record takes of a configuration; options are those of `diag.Options`"
_reports = pytest.StashKey[dict[str, "Report"]]()


@dataclass(frozen=True)
class VoiceRun:
    """What the takes of one configuration showed."""

    report: Report = field(repr=False)

    @property
    def run(self) -> RunResult:
        """The judged run."""
        return self.report.runs[0]

    @property
    def findings(self) -> Mapping[str, str]:
        """Title of each finding by its code, consequences of others left out."""
        return {
            item.finding.code: item.finding.title for item in self.run.findings if item.finding.consequence_of is None
        }

    def value(self, metric: str, *, statistic: str = "median", hop: str | None = None, tap: str | None = None) -> float:
        """Return a figure of a measure over all takes.

        Parameters
        ----------
        metric : str
            Name of the measure, such as "ttfa_heard_s".
        statistic : {"median", "p95", "low", "high"}
            There is a 95th percentile from 20 takes on.
        hop, tap : str, optional
            Where it was measured, for measures of several hops or taps.

        Raises
        ------
        AssertionError
            If it was not measured. A missing value never passes.
        """
        rows = [
            row
            for row in self.run.summary
            if row.metric == metric
            and row.turn is None
            and hop in (None, row.hop and row.hop.value)
            and tap in (None, row.tap and row.tap.value)
        ]
        if len(rows) > 1:
            places = ", ".join(str(row.hop or row.tap) for row in rows)
            raise AssertionError(f"{metric} was measured in several places; give `hop` or `tap`: {places}")
        value = getattr(rows[0], statistic) if rows else None
        if value is None:
            taken = f"{rows[0].n} values" if rows else "there is no such measure here"
            raise AssertionError(f"{metric} has no {statistic}: {taken}")
        return float(value)

    def check(self, *, fail_on: str = "error") -> None:
        """Fail unless the run is shown to be good: no finding at or above `fail_on`, and nothing left unproven.

        Raises
        ------
        AssertionError
            With the verdict and the path of the report.
        """
        from diag.core.errors import ExitCode
        from diag.judge.gate import exit_code
        from diag.report.sentences import verdict_line

        code = exit_code(self.report, fail_on)
        if code is not ExitCode.GOOD:
            verdict = verdict_line(self.report)
            raise AssertionError(f"{verdict.text} {verdict.next_step} (exit code {int(code)}; {self.report.report})")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the folder of the reports to the options of pytest."""
    parser.getgroup("diag").addoption("--diag-out", default="reports", help="folder for runs and reports of diag")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", _MARK)
    config.stash[_reports] = {}


@pytest.fixture
def diag(request: pytest.FixtureRequest) -> VoiceRun:
    """Return what the takes of the test's marker showed.

    Tests with the same marker share one recording. The report is a property of the test (`--junit-xml` keeps it) and a
    section of its output.
    """
    marker = request.node.get_closest_marker("diag")
    if marker is None or len(marker.args) != 1:
        raise pytest.UsageError(f"{request.node.name}: mark it with the configuration, as @pytest.mark.diag('healthy')")
    report = _recorded(request.config, marker.args[0], dict(marker.kwargs))
    # What `record_property` does, which warns of the format of JUnit XML that newer pytest writes by default.
    request.node.user_properties.append(("diag_report", report.report))
    request.node.add_report_section("call", "diag", _text(report))
    return VoiceRun(report)


def _recorded(config: pytest.Config, name: str, given: dict[str, Any]) -> Report:
    """Return the report of a configuration, recorded at its first use in this session."""
    from diag.api.options import Options
    from diag.api.run import run
    from diag.core.errors import DiagError

    key = repr((str(name), sorted(given.items())))
    made = config.stash[_reports]
    if key not in made:
        try:
            made[key] = run(str(name), Options(**{"out": Path(config.getoption("--diag-out")), **given}))
        except DiagError as error:
            pytest.fail(str(error), pytrace=False)
    return made[key]


def _text(report: Report) -> str:
    from diag.judge.gate import exit_code
    from diag.report.terminal import report_text

    return report_text(report, exit_code(report), width=100)
