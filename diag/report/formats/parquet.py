"""Parquet: one row per measurement and take, for data frames and databases."""

from __future__ import annotations

from diag.core.results import Report
from diag.report.exports import export_format
from diag.report.measurement_table import parquet_of, rows_of_report


@export_format(suffix=".parquet", summary="the same rows, for data frames", library="pyarrow", extra="parquet")
def parquet(report: Report) -> bytes:
    """Return the rows of `Report.to_frame`; values with several bands are in the column `values`."""
    return parquet_of(rows_of_report(report))
