"""The manual of findings and measures: what the documentation of each says."""

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
from diag.report.terminal import wrapped

METRIC_HEADINGS = ("What", "From – to", "Better is", "Not measured when", "Reference")
_CODE = re.compile(r"([A-Za-z]{3})[-_ ]?(\d{1,4})")


def explain(name: str) -> str:
    """All that is known of a finding or a measure, as text.

    Parameters
    ----------
    name : str
        As "PLY001", in any case; a finding's name, as "playback-rate-mismatch"; or a measure, as "rate_ratio".

    Raises
    ------
    BadInputError
        If there is no such finding or measure; the nearest is named.
    """
    found = _found(name)
    return _told(found) if isinstance(found, Rule) else "\n\n".join(map(_measure_told, found))


def explanation(name: str) -> dict[str, Any]:
    """The same as one JSON document.

    Raises
    ------
    BadInputError
        As `explain`.
    """
    found = _found(name)
    body = _rule_json(found) if isinstance(found, Rule) else _measure_json(found)
    return {"schema_version": SCHEMA_VERSION, **body}


def overview(width: int = 80) -> str:
    """Every finding in one line: code, name and what it shows."""
    lines: list[str] = []
    for rule in all_rules():
        line = f"{state_of(rule.severity).shape} {rule.code}  {rule.name:<26} {rule.documentation.splitlines()[0]}"
        lines += wrapped(line, width, later=" " * 10)
    return "\n".join([*lines, "", "More of one: `diag explain CODE`; of a measure: `diag explain rate_ratio`"])


def contents() -> dict[str, Any]:
    """Every finding and every measure, as one JSON document."""
    return {
        "schema_version": SCHEMA_VERSION,
        "findings": [_rule_json(rule) for rule in all_rules()],
        "measures": [_measure_json(metrics) for metrics in _measures().values()],
    }


def sections(document: str, headings: Sequence[str]) -> dict[str, str]:
    """What a documentation says under each of its fixed headings, in one line each; "" is the key of its summary.

    Headings stand alone on a line, underlined or not, or open one ("Fix: …").
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
    """Every measure by name; its form on hops comes before the one on taps."""
    ordered = sorted(all_metrics(), key=lambda metric: (metric.name, metric.kind is not MetricKind.SEGMENT))
    return {name: tuple(group) for name, group in groupby(ordered, key=lambda metric: metric.name)}


def _found(wanted: str) -> Rule | tuple[Metric, ...]:
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
        allowed="a code such as PLY001, or a measure such as rate_ratio; `diag explain` lists all findings",
        next_step=f"did you mean {meant}?" if near else "see `diag explain`",
    )


_MOST_NEAR = 3


def _nearest(wanted: str, codes: Sequence[str], names: dict[str, str], measures: Sequence[str]) -> list[str]:
    """What was meant: the code with this number, a family's first, or what is spelt alike."""
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
    """How bad the rule's finding is, and how bad it may be besides, in words."""
    return [severity.value for severity in (rule.severity, rule.or_severity) if severity is not None]


def _told(rule: Rule) -> str:
    hop = f"on the {rule.hop.value} hop ({rule.hop.owner})" if rule.hop else "not bound to one hop"
    usual, *other = severities(rule)
    severity = f"{usual} or {other[0]}, by its evidence" if other else usual
    head = f"{state_of(rule.severity).shape} {rule.code} {rule.name}  {severity}, {hop}"
    cause = (
        f"\n\nReported as a consequence where {' or '.join(rule.explained_by)} is found too."
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
    "none": "it explains, and does not judge",
}


def _measure_told(metric: Metric) -> str:
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
