"""Baselines: latencies of an earlier release, with which later ones are compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diag.core.errors import BadInputError
from diag.core.json_reading import read_json
from diag.core.results import SCHEMA_VERSION
from diag.files.run_folders import write_document
from diag.files.scenario_folders import checkout_root
from diag.files.whole_files import read_limited

LARGEST_BYTES = 10_000_000


def baseline_path(name: str) -> Path:
    """Return the path of a baseline: in `reports/baselines` of the checkout of diag, else of the working directory.

    A baseline is valid for one machine and one set of scenarios, so an installed diag does not contain any.
    """
    return (checkout_root() or Path()) / "reports" / "baselines" / f"{name}.json"


def read_baseline(path: Path) -> dict[str, Any] | None:
    """Read a baseline; return None if the file does not exist.

    Raises
    ------
    BadInputError
        If the file is damaged, or was written by a newer version of diag.
    """
    if not path.is_file():
        return None
    attempted = f"Could not read the baseline {path}"
    try:
        document = read_json(read_limited(path, LARGEST_BYTES))
        newer = int(document["schema_version"]) > SCHEMA_VERSION
        if not newer:
            for medians in document["median_s"].values():
                {metric: float(value) for metric, value in medians.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise BadInputError(
            attempted, seen=str(error), allowed="JSON as `diag bench --save-baseline` writes", next_step="restore it"
        ) from None
    if newer:
        raise BadInputError(
            attempted,
            seen=f"schema version {document['schema_version']}",
            allowed=f"up to {SCHEMA_VERSION}",
            next_step="update diag, or save a new baseline",
        )
    return dict(document)


def write_baseline(path: Path, medians_s: Mapping[str, Mapping[str, float]]) -> None:
    """Write a baseline. An earlier file is replaced.

    Parameters
    ----------
    path : Path
    medians_s : mapping of str to mapping of str to float
        Median latency in seconds, by name of the run and of the metric.

    Raises
    ------
    CannotMeasureError
        If the file cannot be written.
    """
    write_document(path, {"median_s": dict(sorted(medians_s.items())), "schema_version": SCHEMA_VERSION})
