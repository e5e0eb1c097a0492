"""The release suite: every scenario must show what it says it shows, and healthy must not have become slower."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from diag.api.options import Options, Progress, Quiet
from diag.api.run import execute, finish, planned_or_resumed
from diag.core.errors import BadInputError
from diag.core.results import Report, RunResult, Severity
from diag.files.baselines import read_baseline, write_baseline
from diag.files.prompts import project_folder
from diag.files.scenarios import Scenario, find_scenario
from diag.judge.drift import Drift, drift_from, medians_of
from diag.judge.gate import row_too_short

REPORT_NAME = "bench"
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
        Names or paths; empty for all of `scenarios/`.
    save_baseline : bool
        Keep this run's figures as the baseline of later ones.

    Returns
    -------
    Report
        `extra["bench"]` has a row a scenario (see `row_of`); `extra["drift"]` what changed against the baseline;
        `extra["seconds"]`.

    Raises
    ------
    BadInputError, CannotMeasureError
        As in `diag.api.run.run`.
    """
    options, progress = options or Options(), progress or Quiet()
    start_s = time.perf_counter()
    chosen = [find_scenario(name) for name in dict.fromkeys(scenarios)] or (
        None if options.resume else _all_scenarios()
    )
    plans, options = planned_or_resumed(chosen, options, progress, command="bench")
    baseline = None
    if options.endpoint in COMPARABLE_ENDPOINTS:
        baseline = project_folder().parent / "reports" / "baselines" / f"{options.audio}-{options.endpoint}.json"
    # A damaged baseline is told before takes are spent.
    before = None if baseline is None or save_baseline else read_baseline(baseline)
    results = execute(plans, options, progress)
    rows = [row_of(plan.scenario, result, asked=plan.takes) for plan, result in zip(plans, results, strict=True)]
    sound = [result for result, row in zip(results, rows, strict=True) if not row["expected"]]
    drift = drift_from(before, sound)
    extra = {
        "bench": rows,
        "drift": [item.to_json() for item in drift],
        "seconds": round(time.perf_counter() - start_s, 1),
        "command": "make bench",
    }
    report = Report(runs=tuple(results), verdict=verdict_of(rows, drift), extra=extra)
    report = finish(report, options, name=REPORT_NAME)
    if baseline is not None and save_baseline:
        write_baseline(baseline, {run.name: medians_of(run) for run in sound})
    return report


def _all_scenarios() -> list[Scenario]:
    files = sorted(project_folder().glob("*.toml"))
    if not files:
        raise BadInputError(
            "Could not run the release suite",
            seen=f"no scenario in {project_folder()}",
            allowed="TOML files as described in CONTRIBUTING.md",
            next_step="restore scenarios/",
        )
    scenarios = [find_scenario(str(path)) for path in files]
    return sorted(scenarios, key=lambda scenario: bool(scenario.expect.findings))


def row_of(scenario: Scenario, result: RunResult, *, asked: int) -> dict[str, Any]:
    """Hold one run against its scenario's expectations.

    It is as expected when every counted take shows each expected root finding and no take shows another one of
    severity warning or error; consequences must be announced by the scenario too. It passes when, besides, as many
    takes count as were asked for: what was discarded may hide anything.

    Returns
    -------
    dict
        `as_expected` is None where no take counts; `passed`; `takes` counted of `asked`; `discarded`; `found` (warnings
        and errors) with `counts` [takes, counted takes] of each; `expected`; `consequences` seen; `folder` of the run.
    """
    expected, allowed = set(scenario.expect.findings), set(scenario.expect.consequences)
    counted = result.counted
    of_weight = [item for item in result.findings if item.finding.severity is not Severity.INFO]
    roots = {item.finding.code: item for item in of_weight if item.finding.consequence_of is None}
    others = {item.finding.code for item in of_weight if item.finding.consequence_of is not None}
    everywhere = all(len(roots[code].take_ids) == len(counted) for code in expected if code in roots)
    shown = bool(expected) or not result.not_shown
    as_expected = set(roots) == expected and everywhere and others <= allowed and shown if counted else None
    return {
        "scenario": scenario.name,
        "title": scenario.title,
        "shows": scenario.shows,
        "expected": sorted(expected),
        "consequences": sorted(others),
        "found": sorted(roots),
        "counts": {code: [len(item.take_ids), len(counted)] for code, item in roots.items()},
        "takes": len(counted),
        "asked": asked,
        "discarded": len(result.takes) - len(counted),
        "as_expected": as_expected,
        "passed": as_expected is True and len(counted) >= asked,
        "folder": result.folder,
    }


def verdict_of(rows: Sequence[Mapping[str, Any]], drift: Sequence[Drift]) -> str:
    """The bench in one sentence: what is wrong, and what is short of takes."""
    shown = sum(row["passed"] for row in rows)
    failed = [row["scenario"] for row in rows if row["as_expected"] is False]
    failed += [item.sentence for item in drift if item.worse]
    short = [f"{row['scenario']} ({row['takes']} of {row['asked']})" for row in rows if row_too_short(row)]
    if not failed and not short:
        return f"every scenario shows what it must ({shown} of {len(rows)})"
    parts = [f"{shown} of {len(rows)} scenarios show what they must in every take that was asked for"]
    parts += [f"look at {', '.join(failed)}"] if failed else []
    parts += [f"too few takes count in {', '.join(short)}"] if short else []
    return "; ".join(parts)
