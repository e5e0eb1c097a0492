"""Text and JSON of `diag explain`: the documentation of findings and measures."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from diag.core.chain import Tap
from diag.core.errors import BadInputError
from diag.core.results import SCHEMA_VERSION
from diag.judge.registry import HEADINGS, Rule, all_rules
from diag.measure.registry import Metric, MetricKind, all_metrics
from diag.report.sentences import label, state_of
from diag.report.wrapping import wrapped

METRIC_HEADINGS = ("What", "From – to", "Better is", "Not measured when", "Reference")
_CODE = re.compile(r"([A-Za-z]{3})[-_ ]?(\d{1,4})")


def explain(name: str) -> str:
    """Return the documentation of a finding or a measure as text.

    Parameters
    ----------
    name : str
        The code of a finding, such as "PLY001", in upper or lower case; its name, such as "playback-rate-mismatch"; or
        a measure, such as "rate_ratio".

    Raises
    ------
    BadInputError
        If there is no such finding or measure; the message names the most similar ones.
    """
    found = _resolved(name)
    return _rule_text(found) if isinstance(found, Rule) else "\n\n".join(map(_measure_text, found))


def explanation(name: str) -> dict[str, Any]:
    """Return the documentation of a finding or a measure as a JSON document.

    Raises
    ------
    BadInputError
        As `explain`.
    """
    found = _resolved(name)
    body = _rule_json(found) if isinstance(found, Rule) else _measure_json(found)
    return {"schema_version": SCHEMA_VERSION, **body}


def overview(width: int = 80) -> str:
    """Return one line per finding: code, name and summary."""
    lines: list[str] = []
    for rule in all_rules():
        line = f"{state_of(rule.severity).shape} {rule.code}  {rule.name:<26} {rule.documentation.splitlines()[0]}"
        lines += wrapped(line, width, later=" " * 10)
    return "\n".join([*lines, "", "Details of a finding: `diag explain CODE`; of a measure: `diag explain rate_ratio`"])


def contents() -> dict[str, Any]:
    """Return every finding and every measure as a JSON document."""
    return {
        "schema_version": SCHEMA_VERSION,
        "findings": [_rule_json(rule) for rule in all_rules()],
        "measures": [_measure_json(metrics) for metrics in _measures().values()],
    }


def sections(document: str, headings: Sequence[str]) -> dict[str, str]:
    """Return the text under each fixed heading of a docstring as one line; the summary has the key "".

    A heading is alone on its line, underlined or not, or starts the line ("Fix: …").
    """
    found: dict[str, list[str]] = {"": []}
    heading = ""
    pattern = re.compile(rf"\W*({'|'.join(map(re.escape, headings))})\W*?(?:[.:]\s+(.*))?")
    for line in document.splitlines():
        opens = pattern.fullmatch(line.strip())
        if opens:
            heading = opens[1]
            found[heading] = [opens[2] or ""]
        elif not re.fullmatch(r"\s*-+\s*", line):
            found[heading].append(line)
    return {name: " ".join(" ".join(lines).split()) for name, lines in found.items()}


def _measures() -> dict[str, tuple[Metric, ...]]:
    """Return every measure by name, with its segment metric before its tap metric."""
    ordered = sorted(all_metrics(), key=lambda metric: (metric.name, metric.kind is not MetricKind.SEGMENT))
    return {name: tuple(group) for name, group in groupby(ordered, key=lambda metric: metric.name)}


def _resolved(wanted: str) -> Rule | tuple[Metric, ...]:
    rules = {rule.code: rule for rule in all_rules()}
    names = {rule.name: rule.code for rule in rules.values()}
    measures = _measures()
    code = names.get(wanted.lower(), wanted.upper())
    if code in rules:
        return rules[code]
    if wanted.lower() in measures:
        return measures[wanted.lower()]
    near = _nearest(wanted, sorted(rules), names, sorted(measures))
    meant = " or ".join(f"`diag explain {item}`" for item in near)
    raise BadInputError(
        f"Could not explain {wanted or 'nothing'}",
        seen="no finding or measure has that code or name",
        allowed="a code such as PLY001, or a measure such as rate_ratio",
        next_step=f"did you mean {meant}?" if near else "list them with `diag explain`",
    )


_MOST_NEAR = 3


def _nearest(wanted: str, codes: Sequence[str], names: dict[str, str], measures: Sequence[str]) -> list[str]:
    """Return what was probably meant: the code with this number, the first codes of a family, or a similar name."""
    numbered = _CODE.fullmatch(wanted.strip())
    if numbered:
        family, number = numbered[1].upper(), int(numbered[2])
        for width in (number, number // 10, number % 10):
            if f"{family}{width:03d}" in codes:
                return [f"{family}{width:03d}"]
    family = [code for code in codes if wanted and code.startswith(wanted.upper()[:3])]
    if numbered or (family and len(wanted.strip()) <= len("PLY")):
        close = difflib.get_close_matches(wanted.upper(), codes, n=1, cutoff=0.5)
        return family[:_MOST_NEAR] or close
    alike = difflib.get_close_matches(wanted.lower(), [*names, *measures], n=1)
    return [names.get(item, item) for item in alike]


# --- findings ---------------------------------------------------------------------------------------------------


def severities(rule: Rule) -> list[str]:
    """Return the severity of a rule's finding, and the second severity that it may have."""
    return [severity.value for severity in (rule.severity, rule.or_severity) if severity is not None]


def _rule_text(rule: Rule) -> str:
    hop = f"on the {rule.hop.value} hop ({rule.hop.owner})" if rule.hop else "not on a single hop"
    usual, *other = severities(rule)
    severity = f"{usual} or {other[0]}, depending on the evidence" if other else usual
    head = f"{state_of(rule.severity).shape} {rule.code} {rule.name}  {severity}, {hop}"
    cause = (
        f"\n\nReported as a consequence if one of these is found too: {', '.join(rule.explained_by)}."
        if rule.explained_by
        else ""
    )
    return f"{head}\n\n{rule.documentation}{cause}"


def _rule_json(rule: Rule) -> dict[str, Any]:
    told = sections(rule.documentation, HEADINGS)
    return {
        "kind": "finding",
        "code": rule.code,
        "name": rule.name,
        "severities": severities(rule),
        "hop": rule.hop.value if rule.hop else None,
        "over": rule.scope,
        "explained_by": list(rule.explained_by),
        "summary": told.pop(""),
        "sections": told,
    }


# --- measures ---------------------------------------------------------------------------------------------------

_BETTER = {
    "lower": "lower is better",
    "higher": "higher is better",
    "one": "1 is right",
    "zero": "0 is right",
    "none": "for information, not judged",
}


def _measure_text(metric: Metric) -> str:
    unit = "" if metric.unit in ("1", "") else f" in {metric.unit}"
    head = f"{metric.name}  {label(metric.name)}{unit}, on {_place(metric)}; {_BETTER[metric.better]}"
    return f"{head}\n\n{inspect.getdoc(metric.function) or ''}"


def _place(metric: Metric) -> str:
    if metric.kind is MetricKind.SEGMENT:
        return "every segment whose ends carry the same speech"
    if metric.taps:
        return "every tap" if set(metric.taps) == set(Tap) else ", ".join(f"`{tap.value}`" for tap in metric.taps)
    return "each turn" if "turn" in metric.needs else "each take"


def _measure_json(metrics: tuple[Metric, ...]) -> dict[str, Any]:
    places = []
    for metric in metrics:
        told = sections(inspect.getdoc(metric.function) or "", METRIC_HEADINGS)
        places.append(
            {
                "kind": metric.kind.value,
                "taps": [tap.value for tap in metric.taps],
                "version": metric.version,
                "summary": told.pop(""),
                "sections": told,
            }
        )
    first = metrics[0]
    return {
        "kind": "measure",
        "metric": first.name,
        "label": label(first.name),
        "unit": first.unit,
        "better": first.better,
        "places": places,
    }
