"""Writes docs/measures.md and docs/findings.md from the docstrings of metrics and rules.

.venv/bin/python tools/make_reference.py
"""

from __future__ import annotations

import inspect
import re
import sys
from itertools import groupby
from pathlib import Path

from diag.chain import Tap
from diag.registry import Metric, Rule, all_metrics, all_rules

DOCS = Path(__file__).resolve().parent.parent / "docs"
BETTER = {
    "lower": "lower is better",
    "higher": "higher is better",
    "one": "1 is right",
    "zero": "0 is right",
    "none": "explains, does not judge",
}


def main() -> int:
    """Write both documents."""
    (DOCS / "measures.md").write_text(measures(), encoding="utf-8")
    (DOCS / "findings.md").write_text(findings(), encoding="utf-8")
    return 0


def measures() -> str:
    """docs/measures.md."""
    metrics = sorted(all_metrics(), key=lambda metric: metric.name)
    head = (
        "# Measures\n\nMade from the docstrings by `make reference`. A measure has a value or the reason why it has "
        "none, and names the tier of its evidence: *waveform* (against the hop's own input), *profile* (against other "
        "recordings of the same voice), *blind* (from the recording alone), *events*. Tiers are never mixed.\n\n"
        "| measure | unit | on | |\n|---|---|---|---|\n"
    )
    rows = [
        f"| [`{metric.name}`](#{metric.name}) | {metric.unit} | {place_of(metric)} | {BETTER[metric.better]} |"
        for metric in metrics
    ]
    sections = [
        f"\n## {name}\n" + "".join(map(measure_section, same_name))
        for name, same_name in groupby(metrics, key=lambda metric: metric.name)
    ]
    return head + "\n".join(rows) + "\n" + "".join(sections)


def place_of(metric: Metric) -> str:
    """Where a metric is measured, in words."""
    if metric.hops:
        return "hop: " + ", ".join(hop.value for hop in metric.hops)
    if metric.taps == tuple(Tap):
        return "every tap"
    if metric.taps:
        return "tap: " + ", ".join(tap.value for tap in metric.taps)
    return "each turn" if "turn" in metric.needs else "each take"


def measure_section(metric: Metric) -> str:
    """One metric at one kind of place."""
    return f"\nOn {place_of(metric).replace(':', 's', 1)}. {in_markdown(inspect.getdoc(metric.function) or '')}\n"


def findings() -> str:
    """docs/findings.md."""
    rules = all_rules()
    head = (
        "# Findings\n\nMade from the docstrings by `make reference`; `diag explain CODE` prints one of them. Codes are "
        "permanent.\n\n| code | name | severity | on |\n|---|---|---|---|\n"
    )
    rows = [
        f"| [{rule.code}](#{rule.code.lower()}-{rule.name}) | {rule.name} | {rule.severity.value} | {hop_of(rule)} |"
        for rule in rules
    ]
    return head + "\n".join(rows) + "\n" + "".join(finding_section(rule) for rule in rules)


def hop_of(rule: Rule) -> str:
    """The hop of a rule and who owns it."""
    return f"{rule.hop.value} ({rule.hop.owner})" if rule.hop else "not bound to one hop"


def finding_section(rule: Rule) -> str:
    """One rule."""
    text = in_markdown(inspect.getdoc(rule.function) or "")
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
