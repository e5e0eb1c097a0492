"""The release suite: every scenario must show what it says it shows, and healthy must not have become slower."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from diag.baseline import Drift, drift_from, read_baseline, write_baseline
from diag.conduct import Options, Progress, Quiet, execute, find_scenario, finish, planned_or_resumed
from diag.config import Scenario
from diag.errors import BadInputError
from diag.prompts import project_folder
from diag.results import Report, RunResult, Severity

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
        `extra["bench"]` has a row a scenario (`scenario, title, shows, expected, consequences, found, takes,
        discarded, passed, sentence`); `extra["drift"]` what changed against the baseline; `extra["seconds"]`.

    Raises
    ------
    BadInputError, CannotMeasureError
        As in `diag.conduct.run`.
    """
    options, progress = options or Options(), progress or Quiet()
    start_s = time.perf_counter()
    chosen = [find_scenario(name) for name in scenarios] or _all_scenarios()
    plans, options = planned_or_resumed(chosen, options, command="bench")
    results = execute(plans, options, progress)
    rows = [row_of(plan.scenario, result) for plan, result in zip(plans, results, strict=True)]
    drift = _drift(results, rows, options, save_baseline=save_baseline)
    failed = [row["scenario"] for row in rows if not row["passed"]] + [item.sentence for item in drift if item.worse]
    extra = {
        "bench": rows,
        "drift": [item.to_json() for item in drift],
        "seconds": round(time.perf_counter() - start_s, 1),
        "command": "make bench",
    }
    report = Report(runs=tuple(results), verdict=_verdict(rows, failed), extra=extra)
    return finish(report, options, name=REPORT_NAME)


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


def row_of(scenario: Scenario, result: RunResult) -> dict[str, Any]:
    """Hold one run against its scenario's expectations.

    It passes when every counted take shows each expected root finding and no take shows another one of severity
    warning or error; consequences must be announced by the scenario too.
    """
    expected, allowed = set(scenario.expect.findings), set(scenario.expect.consequences)
    counted = result.counted
    roots = {item.finding.code: item for item in result.findings if item.finding.consequence_of is None}
    others = {item.finding.code for item in result.findings if item.finding.consequence_of is not None}
    of_weight = {code for code, item in roots.items() if item.finding.severity is not Severity.INFO}
    everywhere = all(len(roots[code].take_ids) == len(counted) for code in expected if code in roots)
    passed = bool(counted) and of_weight == expected and everywhere and others <= allowed
    return {
        "scenario": scenario.name,
        "title": scenario.title,
        "shows": scenario.shows,
        "expected": sorted(expected),
        "consequences": sorted(others),
        "found": sorted(roots),
        "counts": {code: [len(item.take_ids), len(counted)] for code, item in roots.items()},
        "takes": len(counted),
        "discarded": len(result.takes) - len(counted),
        "passed": passed,
    }


def _verdict(rows: Sequence[dict[str, Any]], failed: Sequence[str]) -> str:
    shown = sum(row["passed"] for row in rows)
    if not failed:
        return f"every scenario shows what it must ({shown} of {len(rows)})"
    return f"{shown} of {len(rows)} scenarios show what they must; look at {', '.join(failed)}"


def _drift(
    results: Sequence[RunResult], rows: Sequence[dict[str, Any]], options: Options, *, save_baseline: bool
) -> tuple[Drift, ...]:
    """Changes of the scenarios that must show nothing, against the baseline for this kind of audio and endpoint."""
    if options.endpoint not in COMPARABLE_ENDPOINTS:
        return ()
    sound = [result for result, row in zip(results, rows, strict=True) if not row["expected"]]
    path = project_folder().parent / "reports" / "baselines" / f"{options.audio}-{options.endpoint}.json"
    if save_baseline:
        write_baseline(path, sound)
        return ()
    return drift_from(read_baseline(path), sound)
