"""`diag history`: measures over all saved runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from diag import __version__
from diag.core.errors import BadInputError, did_you_mean
from diag.core.results import SCHEMA_VERSION
from diag.files.run_index import read_runs_folder
from diag.files.whole_files import write_whole
from diag.judge.history import Measure, Series, series_of

MEASURES_CACHE = ".history-measures.json"


@dataclass(frozen=True, kw_only=True)
class History:
    """The series of a folder of runs; `runs` is their number, `unreadable` has folders that are damaged."""

    series: tuple[Series, ...]
    runs: int
    unreadable: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        return {
            "schema_version": SCHEMA_VERSION,
            "runs": self.runs,
            "unreadable": list(self.unreadable),
            "series": [item.to_json() for item in self.series],
        }


def history(
    folder: str | Path, *, configs: Sequence[str] = (), metrics: Sequence[str] = (), last: int | None = None
) -> History:
    """Return measures over the runs in a folder, with breaks and steps.

    Parameters
    ----------
    folder : str or Path
        Folder of run folders, usually reports/runs.
    configs : sequence of str
        Names of configurations; all by default.
    metrics : sequence of str
        Names of measures; by default those that headlines of comparisons name.
    last : int, optional
        Only so many runs of each configuration, the newest.

    Raises
    ------
    BadInputError
        If there is no run in the folder, or no such configuration or measure.
    """
    folder = Path(folder)
    attempted = f"Could not show the history of {folder}"
    if not folder.is_dir():
        raise BadInputError(attempted, seen="there is no such folder", next_step="record a run with `diag run`")
    runs, unreadable = read_runs_folder(folder)
    if not runs:
        raise BadInputError(attempted, seen="it holds no run", next_step="record a run with `diag run`")
    known = tuple(dict.fromkeys(run.name for run in runs))
    _check_names(configs, known, attempted, what="configuration")
    if configs:
        runs = [run for run in runs if run.name in configs]
    if last is not None:
        newest = {name: [run for run in runs if run.name == name][-last:] for name in known}
        runs = [run for run in runs if run in newest[run.name]]
    measures = _measures(folder)
    _check_names(metrics, [item.name for item in measures], attempted, what="measure")
    chosen = [item for item in measures if (item.name in metrics if metrics else item.headline)]
    return History(series=series_of(runs, chosen), runs=len(runs), unreadable=tuple(unreadable))


def _check_names(names: Sequence[str], known: Sequence[str], attempted: str, *, what: str) -> None:
    for name in names:
        if name not in known:
            raise BadInputError(
                attempted, seen=f"there is no {what} `{name}`", allowed=", ".join(known[:12]),
                next_step=did_you_mean(name, known, f"choose a {what} of these"),
            )  # fmt: skip


def _measures(folder: Path) -> list[Measure]:
    """Return what the metrics declare. Importing them takes longer than the rest of the work, so it is kept."""
    import diag.measure.metrics

    sources = Path(diag.measure.metrics.__path__[0])
    state = [__version__, *sorted(f"{path.name} {path.stat().st_mtime_ns}" for path in sources.glob("*.py"))]
    cache = folder / MEASURES_CACHE
    with suppress(OSError, ValueError, KeyError, TypeError):
        document = json.loads(cache.read_bytes())
        if document["state"] == state:
            return [Measure(**item) for item in document["measures"]]
    from diag.measure.registry import all_metrics, headlines

    named = headlines()
    ordered = sorted(all_metrics(), key=lambda item: item.place_in_report)
    measures = [
        Measure(name=item.name, label=item.label, unit=item.unit, better=item.better, tolerance=item.tolerance,
                headline=item.name in named)
        for item in {item.name: item for item in ordered}.values()
    ]  # fmt: skip
    with suppress(OSError):
        write_whole(cache, json.dumps({"state": state, "measures": [asdict(item) for item in measures]}).encode())
    return measures
