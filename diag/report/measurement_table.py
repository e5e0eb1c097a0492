"""Write measurements as a table with one row each: CSV, or Parquet if its library is installed."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from diag.core.errors import BadInputError
from diag.core.results import Report
from diag.judge.recording_result import AnalysisResult, frame_of

if TYPE_CHECKING:
    import pandas

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
    try:
        path.write_bytes(csv_of(frame) if path.suffix.lower() == ".csv" else parquet_of(frame))
    except OSError as error:
        raise BadInputError(
            f"Could not write the table {path}", seen=error.strerror or str(error), next_step="name another file"
        ) from None


def rows_of_report(report: Report) -> pandas.DataFrame:
    """Return the rows of `Report.to_frame` with columns of plain values: without spots, and a segment as text."""
    frame = report.to_frame().drop(columns=["spots", "events"], errors="ignore")
    if "segment" in frame:
        frame["segment"] = frame["segment"].map(lambda ends: "–".join(ends) if isinstance(ends, list) else None)
    return frame


def csv_of(frame: pandas.DataFrame) -> bytes:
    """Return a table as CSV; values with several bands become text."""
    frame = frame.copy()
    if "value" in frame:
        several = frame["value"].map(lambda value: isinstance(value, list))
        frame["value"] = frame["value"].map(_as_text).where(several, frame["value"])
    return str(frame.to_csv(index=False)).encode()


def parquet_of(frame: pandas.DataFrame) -> bytes:
    """Return a table as Parquet; values with several bands are in the column `values`."""
    frame = frame.copy()
    if "value" in frame:
        several = frame["value"].map(lambda value: isinstance(value, list))
        frame["values"] = frame["value"].map(lambda value: value if isinstance(value, list) else None).astype(object)
        frame["value"] = frame["value"].where(~several, None).astype("float64")
        frame["confidence"] = frame["confidence"].astype("float64")
    for name in {"channel", "turn"} & set(frame):
        frame[name] = frame[name].astype("Int64")
    content = io.BytesIO()
    frame.to_parquet(content, index=False)
    return content.getvalue()


def _as_text(value: object) -> str:
    return ";".join("" if item is None else str(item) for item in value) if isinstance(value, list) else ""
