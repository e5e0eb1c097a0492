"""Comma-separated values: one row per measurement and take, for spreadsheets."""

from __future__ import annotations

from diag.core.results import Report
from diag.report.exports import export_format
from diag.report.measurement_table import csv_of, rows_of_report


@export_format(suffix=".csv", summary="one row per measurement, for spreadsheets")
def csv(report: Report) -> bytes:
    """Return the rows of `Report.to_frame`; values with several bands are text such as "1.2;0.4;;3.0"."""
    return csv_of(rows_of_report(report))
