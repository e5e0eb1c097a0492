"""The release suite: every scenario must show what it says it shows, and healthy must not have become slower."""

from __future__ import annotations

import time
from collections.abc import Sequence

from diag.api.options import Options, Progress, Quiet
from diag.api.run import execute, finish, planned_or_resumed
from diag.core.errors import BadInputError
from diag.core.results import Bench, BenchRow, Report, RunResult, Severity
from diag.files.baselines import baseline_path, read_baseline, write_baseline
from diag.files.scenario_folders import built_in_folder, suite_files
from diag.files.scenarios import Scenario, find_scenarios, read_scenario
from diag.judge.drift import drift_from, medians_of

REPORT_NAME = "bench"
_COMMAND = "diag bench"
COMPARABLE_ENDPOINTS = ("emulator", "gemini")
"""A URL may be anything: only these are the same service from release to release."""


def bench(
    options: Options | None = None,
    progress: Progress | None = None,
    *,
    scenarios: Sequence[str] = (),
    save_baseline: bool = False,
) -> Report:
    """Run scenarios side by side and hold what they show against what they must show.

    Parameters
    ----------
    scenarios : sequence of str
        Names or paths of configurations or of folders of them, as "faults"; empty for all of the user's own
        `scenarios/` folder, or all built-in ones.
    save_baseline : bool
        Keep this run's figures as the baseline of later ones.

    Returns
    -------
    Report
        `bench` has a row for each scenario, and how latencies compare with the baseline.

    Raises
    ------
    BadInputError, CannotMeasureError
        As in `diag.api.run.run`.
    """
    options, progress = options or Options(), progress or Quiet()
    start_s = time.perf_counter()
    chosen = find_scenarios(scenarios) or (None if options.resume else _all_scenarios(progress))
    plans, options = planned_or_resumed(chosen, options, progress, command="bench")
    baseline = None
    if options.endpoint in COMPARABLE_ENDPOINTS:
        baseline = baseline_path(f"{options.audio}-{options.endpoint}")
    # A damaged baseline is told before takes are spent.
    before = None if baseline is None or save_baseline else read_baseline(baseline)
    compared = any(not plan.scenario.expect.findings for plan in plans)
    if baseline is not None and before is None and not save_baseline and compared:
        how = "`--save-baseline` saves those of this run"
        progress.note(f"no baseline at {baseline}: latencies are not compared ({how})")
    results = execute(plans, options, progress)
    rows = [row_of(plan.scenario, result, asked=plan.takes) for plan, result in zip(plans, results, strict=True)]
    sound = [result for result, row in zip(results, rows, strict=True) if not row.expected]
    drift = drift_from(before, sound)
    made = Bench(
        rows=tuple(rows),
        drift=drift,
        seconds=round(time.perf_counter() - start_s, 1),
        command=_COMMAND,
    )
    report = Report(runs=tuple(results), bench=made)
    report = finish(report, options, name=REPORT_NAME)
    if baseline is not None and save_baseline:
        write_baseline(baseline, {run.name: medians_of(run) for run in sound})
    return report


def _all_scenarios(progress: Progress) -> list[Scenario]:
    files = suite_files()
    if not files:
        raise BadInputError(
            "Could not run the bench",
            seen="no configuration in scenarios/",
            allowed="TOML files as described in docs/configuration.md",
            next_step="restore scenarios/, or install diag again",
        )
    if files[0].parent != built_in_folder():
        progress.note(f"running the configurations in {files[0].parent}")
    return sorted(map(read_scenario, files), key=lambda scenario: bool(scenario.expect.findings))


def row_of(scenario: Scenario, result: RunResult, *, asked: int) -> BenchRow:
    """Return one run compared with its scenario's expectations.

    It is as expected when every counted take shows each expected root finding and no take shows another one of
    severity warning or error (information counts where it is expected); consequences must be announced by the scenario
    too. A scenario that expects nothing must show every link to be right. It passes when, besides, as many takes count
    as were asked for: what was discarded may hide anything.
    """
    expected, allowed = set(scenario.expect.findings), set(scenario.expect.consequences)
    counted = result.counted
    of_weight = [
        item for item in result.findings if item.finding.severity is not Severity.INFO or item.finding.code in expected
    ]
    roots = {item.finding.code: item for item in of_weight if item.finding.consequence_of is None}
    others = {item.finding.code for item in of_weight if item.finding.consequence_of is not None}
    everywhere = all(len(roots[code].take_ids) == len(counted) for code in expected if code in roots)
    shown = bool(expected) or not result.not_shown
    as_expected = set(roots) == expected and everywhere and others <= allowed and shown if counted else None
    return BenchRow(
        scenario=scenario.name,
        title=scenario.title,
        shows=scenario.shows,
        expected=tuple(sorted(expected)),
        consequences=tuple(sorted(others)),
        found=tuple(sorted(roots)),
        counts={code: (len(item.take_ids), len(counted)) for code, item in roots.items()},
        takes=len(counted),
        asked=asked,
        discarded=len(result.takes) - len(counted),
        as_expected=as_expected,
        folder=result.folder,
    )
