"""Writes docs/measures.md with its pictures and docs/findings.md, from the docstrings of metrics and rules.

How right a measure is comes from docs/accuracy.csv, which `make ears` writes.

.venv/bin/python tools/make_reference.py [--words]

With `--words`, pictures stay as they are.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pictures

from benchmarks.accuracy.table import read_rows
from diag.core.chain import Tap
from diag.judge.registry import Rule, all_rules
from diag.measure.registry import Metric, MetricKind, all_metrics
from diag.report.manual import severities

DOCS = Path(__file__).resolve().parent.parent / "docs"
PICTURES = "pictures/measures"
INFORMATION = "information"
BETTER = {
    "lower": "lower is better",
    "higher": "higher is better",
    "one": "1 is right",
    "zero": "0 is right",
    "none": "explains, does not judge",
}


def main() -> int:
    """Write both documents and the pictures."""
    if "--words" not in sys.argv[1:]:
        pictures.write(DOCS / PICTURES)
    (DOCS / "measures.md").write_text(measures(), encoding="utf-8")
    (DOCS / "findings.md").write_text(findings(), encoding="utf-8")
    return 0


def measures() -> str:
    """docs/measures.md."""
    metrics = sorted(all_metrics(), key=lambda metric: metric.name)
    rows_found = read_rows()
    head = (
        "# Measures\n\nMade from the docstrings by `make reference`. A measure has a value or the reason why it has "
        "none, and names the tier of its evidence: *waveform* (against the hop's own input), *profile* (against other "
        "recordings of the same voice), *blind* (from the recording alone), *events*. Tiers are never mixed. Figures "
        "in pictures are what the measure says of the clip that is drawn. How right it is was measured on faults of "
        "known size ([accuracy.md](accuracy.md)).\n\n"
        "| measure | unit | on | |\n|---|---|---|---|\n"
    )
    rows = [
        f"| [`{metric.name}`](#{metric.name}) | {metric.unit} | {place_of(metric)} | {BETTER[metric.better]} |"
        for metric in metrics
    ]
    sections = [
        f"\n## {name}\n" + "".join(map(measure_section, same_name)) + shown(name) + how_right(name, rows_found)
        for name, same_name in groupby(metrics, key=lambda metric: metric.name)
    ]
    return head + "\n".join(rows) + "\n" + "".join(sections)


def place_of(metric: Metric) -> str:
    """Where a metric is measured, in words."""
    if metric.kind is MetricKind.SEGMENT:
        return "every segment"
    if metric.taps == tuple(Tap):
        return "every tap"
    if metric.taps:
        return "tap: " + ", ".join(tap.value for tap in metric.taps)
    return "each turn" if "turn" in metric.needs else "each take"


def measure_section(metric: Metric) -> str:
    """One metric at one kind of place."""
    return f"\nOn {place_of(metric).replace(':', 's', 1)}. {in_markdown(inspect.getdoc(metric.function) or '')}\n"


def shown(name: str) -> str:
    """The picture of a measure; empty where nobody has drawn one yet, which a test tells."""
    stem = pictures.name_of(name)
    return f"\n![{pictures.PICTURES[stem].words}]({PICTURES}/{stem}.png)\n" if stem else ""


def how_right(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """What `make ears` found of a measure, one line a condition; empty where it was not tried."""
    mine = [row for row in rows if row["measure"] == name and row["tier"] != INFORMATION]
    if not mine:
        return ""
    conditions: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for row in mine:
        conditions.setdefault((row["tier"], row["condition"]), {})[row["half"]] = row
    judged = [by_half for by_half in conditions.values() if any(row["goal"] for row in by_half.values())]
    reached = sum(all(row["reached"] is not False for row in by_half.values()) for by_half in judged)
    lines = ["| tier | condition | goal | development voices | held-out voices | |", "|---|---|---|---|---|---|"]
    for (tier, condition), by_half in conditions.items():
        goal = next(iter(by_half.values()))["goal"]
        cells = [
            f"{by_half[half]['found']}, n = {by_half[half]['trials']}" if half in by_half else "–"
            for half in ("development", "held-out")
        ]
        missed = any(row["reached"] is False for row in by_half.values())
        state = "**missed**" if missed else "reached" if goal else ""
        lines.append(f"| {tier} | {condition} | {goal or '–'} | {' | '.join(cells)} | {state} |")
    summary = f"How right it is: {reached} of {len(judged)} goals reached" if judged else "How right it is"
    return f"\n<details><summary>{summary}</summary>\n\n" + "\n".join(lines) + "\n\n</details>\n"


def findings() -> str:
    """docs/findings.md."""
    rules = all_rules()
    head = (
        "# Findings\n\nMade from the docstrings by `make reference`; `diag explain CODE` prints one of them. Codes are "
        "permanent.\n\n| code | name | severity | on |\n|---|---|---|---|\n"
    )
    rows = [
        f"| [{rule.code}](#{rule.code.lower()}-{rule.name}) | {rule.name} | {' or '.join(severities(rule))} "
        f"| {hop_of(rule)} |"
        for rule in rules
    ]
    return head + "\n".join(rows) + "\n" + "".join(finding_section(rule) for rule in rules)


def hop_of(rule: Rule) -> str:
    """The hop of a rule and who owns it."""
    return f"{rule.hop.value} ({rule.hop.owner})" if rule.hop else "not bound to one hop"


def finding_section(rule: Rule) -> str:
    """One rule."""
    text = in_markdown(rule.documentation)
    cause = (
        f"\n\nTold as a consequence where {' or '.join(rule.explained_by)} is found too." if rule.explained_by else ""
    )
    return f"\n## {rule.code} {rule.name}\n\n{text}{cause}\n"


def in_markdown(docstring: str) -> str:
    """Headings with indented text below them as bold words with paragraphs."""
    lines = []
    for line in docstring.splitlines():
        heading = re.fullmatch(r"(What|What it shows|[A-Z][a-z–-]+(?: [a-z–-]+){0,3}):?", line)
        lines.append(f"\n**{heading[1]}**\n" if heading else line.removeprefix("    "))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


if __name__ == "__main__":
    sys.exit(main())
