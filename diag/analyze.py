"""Judges what is on disk: saved runs, and recordings alone, without devices and without a network."""

from __future__ import annotations

from pathlib import Path

from diag.errors import BadInputError
from diag.judge import judge_run, judge_take
from diag.results import RunResult, TakeResult
from diag.store import read_run, write_result
from diag.take import Take


def analyze_run(folder: str | Path, *, save: bool = False) -> RunResult:
    """Judge a saved run again, from its takes alone.

    Takes are read one after another, so a run may be larger than memory.

    Parameters
    ----------
    folder : str or Path
        A run folder.
    save : bool
        Write each take's result.json anew.

    Raises
    ------
    BadInputError
        If it is not a run, has no finished take, or a take is damaged.
    """
    run = read_run(folder)
    if not run.take_ids:
        raise BadInputError(
            f"Could not judge the run {folder}",
            seen="it holds no finished take",
            next_step=f"go on with `--resume {folder}`",
        )
    results: list[TakeResult] = []
    take: Take | None = None
    for take_id in run.take_ids:
        take = run.take(take_id)
        results.append(judge_take(take))
        if save:
            write_result(run.folder / "takes" / take_id, results[-1])
    assert take is not None
    return judge_run(
        run.name,
        str(run.facts.get("title", "")),
        results,
        take.config,
        run.facts.get("environment") or take.environment,
        folder=str(run.folder),
    )
