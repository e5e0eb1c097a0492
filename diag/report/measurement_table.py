"""Write measurements as a table with one row each: CSV, or Parquet if its library is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from diag.core.errors import BadInputError
from diag.judge.recording_result import AnalysisResult, frame_of

SUFFIXES = (".csv", ".parquet")


def check_table(path: Path) -> None:
    """Raise an error if the table could not be written, before anything is measured.

    Raises
    ------
    BadInputError
        If the suffix is not supported, the folder is missing, or Parquet's library is not installed.
    """
    attempted = f"Could not write the table {path}"
    if path.suffix.lower() not in SUFFIXES:
        raise BadInputError(
            attempted,
            seen=f"the suffix `{path.suffix}`",
            allowed=" or ".join(SUFFIXES),
            next_step=f"write for example {path.with_suffix('.csv').name}",
        )
    if not path.parent.is_dir():
        raise BadInputError(attempted, seen=f"there is no folder {path.parent}", next_step="create the folder first")
    if path.suffix.lower() == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise BadInputError(
            attempted,
            seen="pyarrow is not installed",
            allowed="CSV, which needs no extra library",
            next_step="`pip install 'diag[parquet]'`, or name a .csv file",
        )


def write_table(path: Path, results: Sequence[AnalysisResult]) -> None:
    """Write the rows of `AnalysisResult.to_frame` of all results.

    Values with several bands are written as text in the column `value` of CSV ("1.2;0.4;;3.0"). Parquet columns hold
    one type each, so there they have their own column, `values`.

    Raises
    ------
    BadInputError
        If the file cannot be written.
    """
    frame = frame_of(results)
    several = frame["value"].map(lambda value: isinstance(value, list))
    try:
        if path.suffix.lower() == ".csv":
            frame["value"] = frame["value"].map(_as_text).where(several, frame["value"])
            frame.to_csv(path, index=False)
        else:
            frame["values"] = (
                frame["value"].map(lambda value: value if isinstance(value, list) else None).astype(object)
            )
            frame["value"] = frame["value"].where(~several, None).astype("float64")
            frame["channel"] = frame["channel"].astype("Int64")
            frame["confidence"] = frame["confidence"].astype("float64")
            frame.to_parquet(path, index=False)
    except OSError as error:
        raise BadInputError(
            f"Could not write the table {path}", seen=error.strerror or str(error), next_step="name another file"
        ) from None


def _as_text(value: object) -> str:
    return ";".join("" if item is None else str(item) for item in value) if isinstance(value, list) else ""
