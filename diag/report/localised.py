"""Findings and the manual in the language in use."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from diag.core.results import Finding, Report, RunFinding
from diag.judge.registry import HEADINGS, Rule, all_rules
from diag.report.language import language, tr
from diag.report.sections import sections

TRANSLATED_SECTIONS = ("", "What it shows", "Fix")
"""Parts of the documentation of a rule that every catalogue has; "" is its summary."""


def rule_texts(rule: Rule) -> dict[str, str]:
    """Return the documentation of a rule by heading, "" for its summary, each part in the language in use or English.

    The texts of a segment rule are translated once for all hops: as `{who}`, `{input}` and `{output}`.
    """
    english = sections(rule.documentation, HEADINGS)
    if language() == "en":
        return english
    templates = sections(inspect.getdoc(rule.function) or "", HEADINGS) if rule.on else {}
    return {heading: _of_rule(rule, templates.get(heading, ""), text) for heading, text in english.items()}


def localised(report: Report) -> Report:
    """Return a report whose findings have title and fix in the language in use: those of their rule, without figures.

    The figures of a finding are in its evidence. The report is returned as it is in English, and for a finding whose
    rule has no translation.
    """
    if language() == "en":
        return report
    runs = tuple(replace(run, findings=tuple(_localised(item) for item in run.findings)) for run in report.runs)
    return replace(report, runs=runs)


def _localised(item: RunFinding) -> RunFinding:
    return replace(item, finding=localised_finding(item.finding))


def localised_finding(finding: Finding) -> Finding:
    """Return a finding with title and fix in the language in use, if its rule has both."""
    rule = _rules().get(finding.code)
    if rule is None or language() == "en":
        return finding
    texts, english = rule_texts(rule), sections(rule.documentation, HEADINGS)
    if texts[""] == english[""] or texts.get("Fix") == english.get("Fix"):
        return finding
    return replace(finding, title=texts[""], fix=texts["Fix"])


def catalogue_texts() -> Iterator[tuple[str, str]]:
    """Yield the texts of rules that a catalogue must have, each with the code of its first rule."""
    for rule in all_rules():
        templates = sections(inspect.getdoc(rule.function) or "", HEADINGS) if rule.on else {}
        english = sections(rule.documentation, HEADINGS)
        for heading in TRANSLATED_SECTIONS:
            yield templates.get(heading) or english.get(heading, ""), rule.code


def _of_rule(rule: Rule, template: str, english: str) -> str:
    translated = tr(template)
    if rule.on is None or translated == template:
        return tr(english)
    first, last = rule.on.hop.ends
    return translated.format(who=tr(rule.on.hop.value), input=f"`{first.value}`", output=f"`{last.value}`")


@cache
def _rules() -> dict[str, Rule]:
    return {rule.code: rule for rule in all_rules()}
