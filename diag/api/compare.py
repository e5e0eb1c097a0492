"""`diag compare`: two configurations or saved runs side by side."""

from __future__ import annotations

from pathlib import Path

from diag.api.options import AUTO_TAKES, Options, Progress, Quiet
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
    from diag.api.run_plan import grown
    from diag.judge.comparison import compare_runs, is_decided
    from diag.judge.difference import LEVEL

    options, progress = options or Options(), progress or Quiet()
    fresh = [find_scenario(config) for config in (a, b) if not is_saved_run(config)]
    plans, options = planned_or_resumed(fresh, options, progress, command="compare")
    saved = {config: analyze_run(Path(config), voice=options.voice) for config in (a, b) if is_saved_run(config)}
    looks = AUTO_TAKES if options.auto and plans else (options.takes,)
    for takes in looks:
        if options.auto:
            plans = [grown(plan, takes) for plan in plans]
        recorded = iter(execute(plans, options, progress))
        results = [saved[config] if config in saved else next(recorded) for config in (a, b)]
        comparison = compare_runs(results[0], results[1], seed=options.seed, level=LEVEL / len(looks))
        if is_decided(comparison):
            break
    report = Report(runs=tuple(results), comparisons=(comparison,))
    return finish(report, options, name=f"compare-{results[0].name}-{results[1].name}")
