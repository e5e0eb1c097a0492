"""`diag runs`: which saved runs there are, and which of them a rule removes."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from diag.core.errors import BadInputError
from diag.files.run_shelf import STILL_S, ShelvedRun, remove_recordings, remove_run, shelved_runs

KEEP_LAST = 10


@dataclass(frozen=True, kw_only=True)
class PruneRule:
    """Which runs may go.

    Parameters
    ----------
    keep_last : int
        So many of the newest runs of each configuration stay.
    older_than_days : float or None
        Only runs that are older may go; None for any age.
    everything : bool
        Remove whole runs. Otherwise only their recordings go, and `diag history` keeps its figures.
    """

    keep_last: int = KEEP_LAST
    older_than_days: float | None = None
    everything: bool = False


def list_runs(folder: str | Path) -> list[ShelvedRun]:
    """Return the runs in a folder, oldest first.

    Raises
    ------
    BadInputError
        If there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BadInputError(
            f"Could not list the runs in {folder}",
            seen="there is no such folder",
            next_step="record a run with `diag run`",
        )
    return shelved_runs(folder)


def runs_to_prune(runs: Sequence[ShelvedRun], rule: PruneRule, now: datetime.datetime) -> list[ShelvedRun]:
    """Return the runs that a rule removes. Runs that are kept, or in which something changed just now, stay."""
    newest = {
        run.folder for name in {run.name for run in runs} for run in _newest([r for r in runs if r.name == name], rule)
    }
    return [
        run
        for run in runs
        if run.folder not in newest
        and not run.kept
        and run.still_s > STILL_S
        and (rule.everything or run.audio_bytes > 0)
        and (rule.older_than_days is None or _age_days(run, now) > rule.older_than_days)
    ]


def _newest(runs: Sequence[ShelvedRun], rule: PruneRule) -> Sequence[ShelvedRun]:
    return runs[max(len(runs) - rule.keep_last, 0) :]


def _age_days(run: ShelvedRun, now: datetime.datetime) -> float:
    try:
        made = datetime.datetime.fromisoformat(run.made)
    except ValueError:
        return 0.0
    return (now - made).total_seconds() / 86400


def freed_bytes(runs: Sequence[ShelvedRun], rule: PruneRule) -> int:
    """Return how much space the removal gives back."""
    return sum(run.size_bytes if rule.everything else run.audio_bytes for run in runs)


def prune(runs: Sequence[ShelvedRun], rule: PruneRule) -> None:
    """Remove runs, or only their recordings.

    Raises
    ------
    CannotMeasureError
        If something cannot be removed.
    """
    for run in runs:
        if rule.everything:
            remove_run(run)
        else:
            remove_recordings(run)
