"""`diag compare`: two configurations or saved runs side by side."""

from __future__ import annotations

from pathlib import Path

from diag.api.options import Options, Progress, Quiet
from diag.api.run import execute, finish, is_saved_run, planned_or_resumed
from diag.core.results import Report
from diag.files.scenarios import find_scenario


def compare(a: str, b: str, options: Options | None = None, progress: Progress | None = None) -> Report:
    """Record takes of two configurations interleaved (or read two saved runs) and say what differs and why.

    Raises
    ------
    BadInputError, CannotMeasureError
        As in `run`; BadInputError too where two runs must not be compared.
    """
    from diag.api.analyze import analyze_run
    from diag.judge.comparison import compare_runs

    options, progress = options or Options(), progress or Quiet()
    fresh = [find_scenario(config) for config in (a, b) if not is_saved_run(config)]
    plans, options = planned_or_resumed(fresh, options, progress, command="compare")
    recorded = iter(execute(plans, options, progress))
    results = [
        analyze_run(Path(config), voice=options.voice) if is_saved_run(config) else next(recorded) for config in (a, b)
    ]
    comparison = compare_runs(results[0], results[1], seed=options.seed)
    report = Report(runs=tuple(results), comparisons=(comparison,))
    return finish(report, options, name=f"compare-{results[0].name}-{results[1].name}")
