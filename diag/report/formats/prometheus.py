"""Prometheus text format, for the textfile collector of the node exporter or a push gateway.

Source: "Exposition formats", version 0.0.4, prometheus.io/docs/instrumenting/exposition_formats.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from diag.core.results import Report, RunResult, SummaryRow
from diag.judge.gate import exit_code
from diag.report.exports import export_format
from diag.report.sentences import label

_UNITS = {"s": "seconds", "ms": "milliseconds", "Hz": "hertz", "dB": "decibels", "dBFS": "dbfs", "1": "", "": ""}
_STATISTICS = ("median", "p95", "low", "high")

Sample = tuple[Mapping[str, str], float]


@export_format(suffix=".prom", summary="gauges for Prometheus")
def prometheus(report: Report, fail_on: str) -> bytes:
    """Return gauges: exit code, takes and findings of each run, and median, p95, lowest and highest of each measure."""
    families: dict[str, tuple[str, list[Sample]]] = {
        "diag_exit_code": (
            "Exit code of the judgement: 0 good, 1 failed, 3 not measured, 4 too little evidence.",
            [({}, float(exit_code(report, fail_on)))],
        ),
        "diag_takes": ("Number of takes.", [sample for run in report.runs for sample in _takes(run)]),
        "diag_finding_takes": (
            "Number of takes with a finding.",
            [sample for run in report.runs for sample in _findings(run)],
        ),
    }
    for run in report.runs:
        for row in run.summary:
            name = f"diag_{_name(row)}"
            family = families.setdefault(name, (label(row.metric), []))
            family[1].extend(_statistics(run, row))
    return "".join(_lines({name: family for name, family in families.items() if family[1]})).encode()


def _takes(run: RunResult) -> Iterator[Sample]:
    yield {"run": run.name, "state": "counted"}, float(len(run.counted))
    yield {"run": run.name, "state": "discarded"}, float(len(run.takes) - len(run.counted))


def _findings(run: RunResult) -> Iterator[Sample]:
    for item in run.findings:
        labels = {"run": run.name, "code": item.finding.code, "severity": item.finding.severity.value}
        yield labels, float(len(item.take_ids))


def _statistics(run: RunResult, row: SummaryRow) -> Iterator[Sample]:
    given = {
        "run": run.name,
        "hop": row.hop.value if row.hop else "",
        "tap": row.tap.value if row.tap else "",
        "turn": "" if row.turn is None else str(row.turn + 1),
    }
    labels = {name: value for name, value in given.items() if value}
    for statistic in _STATISTICS:
        value = getattr(row, statistic)
        if value is not None:
            yield {**labels, "statistic": statistic}, value


def _name(row: SummaryRow) -> str:
    """Return the name of a measure with its unit in words, as Prometheus asks for."""
    stem = re.sub(r"\W", "_", row.metric)
    unit = _UNITS.get(row.unit, row.unit)
    stem = stem.removesuffix(f"_{row.unit.lower()}") if row.unit in _UNITS else stem
    return stem if not unit or stem.endswith(f"_{unit}") else f"{stem}_{re.sub(r'[^a-zA-Z0-9]', '_', unit)}"


def _lines(families: Mapping[str, tuple[str, Iterable[Sample]]]) -> Iterator[str]:
    for name, (text, samples) in families.items():
        yield f"# HELP {name} {_escaped(text, quotes=False)}\n# TYPE {name} gauge\n"
        for labels, value in samples:
            inside = ",".join(f'{key}="{_escaped(item)}"' for key, item in labels.items())
            yield f"{name}{{{inside}}} {value!r}\n" if inside else f"{name} {value!r}\n"


def _escaped(text: str, *, quotes: bool = True) -> str:
    text = text.replace("\\", r"\\").replace("\n", r"\n")
    return text.replace('"', r"\"") if quotes else text
