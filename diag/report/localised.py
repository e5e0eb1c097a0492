"""Findings and the manual in the language in use."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from string import Formatter
from typing import TYPE_CHECKING

from diag.core.messages import Message
from diag.core.release import Product
from diag.core.results import (
    Finding,
    Measurement,
    Measurements,
    NotShown,
    Report,
    RuleOutcome,
    RunComparison,
    RunResult,
    TakeResult,
)
from diag.core.units import with_minus
from diag.judge.recording_result import AnalysisResult
from diag.judge.registry import HEADINGS, Rule, all_rules
from diag.report.language import filled, language, tr
from diag.report.sections import sections

if TYPE_CHECKING:
    from diag.judge.recording_comparison import RecordingComparison

_WHY = "Why it matters"
_CAUSES = "Likely causes"
TRANSLATED_SECTIONS = ("", "What it shows", _WHY, "Evidence", _CAUSES, "Fix", "Does not prove")
"""Parts of the documentation of a rule that every catalogue has; "" is its summary."""


def rule_texts(rule: Rule) -> dict[str, str]:
    """Return the documentation of a rule by heading, "" for its summary, each part in the language in use or English.

    The texts of a segment rule are translated once for all hops: as `{who}`, `{input}` and `{output}`.
    """
    english = sections(rule.documentation, HEADINGS)
    if language() == "en":
        return english
    templates = _templates(rule)
    texts = {heading: _of_rule(rule, templates.get(heading, ""), text) for heading, text in english.items()}
    if rule.on is not None:
        texts[_CAUSES] = "- " + " - ".join(f"{tr(cause).rstrip('.')}." for cause in rule.on.causes)
    return texts


def _templates(rule: Rule) -> dict[str, str]:
    """Return the documentation of a segment rule as it is translated, by heading; empty for any other rule."""
    if rule.on is None:
        return {}
    found = sections(inspect.getdoc(rule.function) or "", HEADINGS)
    return {**found, _WHY: rule.on.why} if rule.on.why else found


def localised(report: Report) -> Report:
    """Return a report whose findings, comparisons and reasons are in the language in use, see `localised_finding`."""
    if language() == "en":
        return report
    runs = tuple(map(_localised_run, report.runs))
    comparisons = tuple(map(_localised_comparison, report.comparisons))
    release = report.release
    if release is not None:
        release = replace(release, products=tuple(map(_localised_product, release.products)))
    return replace(report, runs=runs, comparisons=comparisons, release=release)


def _localised_run(run: RunResult) -> RunResult:
    return replace(
        run,
        takes=tuple(map(_localised_take, run.takes)),
        findings=tuple(replace(item, finding=localised_finding(item.finding)) for item in run.findings),
        outcomes=_localised_outcomes(run.outcomes),
        not_shown=tuple(replace(entry, item=_localised_not_shown(entry.item)) for entry in run.not_shown),
    )


def _localised_take(take: TakeResult) -> TakeResult:
    return replace(
        take,
        measurements=_localised_measurements(take.measurements),
        outcomes=_localised_outcomes(take.outcomes),
        discarded=_or_none(take.discarded),
        not_shown=tuple(map(_localised_not_shown, take.not_shown)),
    )


def _localised_measurements(measurements: Measurements) -> Measurements:
    return Measurements(tuple(map(_localised_measurement, measurements)))


def _localised_measurement(item: Measurement) -> Measurement:
    missing = item.missing
    return item if missing is None else replace(item, missing=replace(missing, text=in_words(missing.text)))


def _localised_outcomes(outcomes: Iterable[RuleOutcome]) -> tuple[RuleOutcome, ...]:
    return tuple(replace(item, reason=_or_none(item.reason)) if item.reason else item for item in outcomes)


def _localised_not_shown(item: NotShown) -> NotShown:
    return replace(item, what=in_words(item.what), reason=in_words(item.reason))


def _or_none(text: str | None) -> str | None:
    return None if text is None else in_words(text)


def _localised_comparison(item: RunComparison) -> RunComparison:
    measures = tuple(replace(measure, reason=_or_none(measure.reason)) for measure in item.comparisons)
    return replace(item, sentence=in_words(item.sentence), comparisons=measures)


def _localised_product(product: Product) -> Product:
    reasons = tuple(replace(item, text=in_words(item.text), fix=in_words(item.fix)) for item in product.reasons)
    earlier = product.earlier and replace(product.earlier, what=in_words(product.earlier.what))
    return replace(product, reasons=reasons, earlier=earlier)


def localised_result(result: AnalysisResult) -> AnalysisResult:
    """Return a recording whose findings and reasons are in the language in use, see `localised_finding`."""
    if language() == "en":
        return result
    return replace(
        result,
        measurements=_localised_measurements(result.measurements),
        information=_localised_measurements(result.information),
        findings=tuple(localised_finding(finding) for finding in result.findings),
        outcomes=_localised_outcomes(result.outcomes),
        not_shown=tuple(map(_localised_not_shown, result.not_shown)),
    )


def localised_comparison(comparison: RecordingComparison) -> RecordingComparison:
    """Return a comparison of recordings in the language in use, see `localised_finding`."""
    if language() == "en":
        return comparison
    return replace(
        comparison,
        a=localised_result(comparison.a),
        b=localised_result(comparison.b),
        differences=tuple(replace(item, words=in_words(item.words)) for item in comparison.differences),
        not_compared=tuple(map(in_words, comparison.not_compared)),
        sentence=in_words(comparison.sentence),
    )


def localised_finding(finding: Finding) -> Finding:
    """Return a finding with its texts in the language in use, each by itself.

    A text that is a message with a translation is translated with its values. A title without one becomes the title of
    the rule, which has no figures. A fix without one becomes that of the rule only if it is the fix of the hop: a rule
    may give several fixes. Any other text stays English.
    """
    rule = _rules().get(finding.code)
    if rule is None or language() == "en":
        return finding
    texts, english = rule_texts(rule), sections(rule.documentation, HEADINGS)
    title, fix = in_words(finding.title), in_words(finding.fix)
    if title == finding.title and texts[""] != english[""]:
        title = texts[""]
    if fix == finding.fix and rule.on is not None and fix == rule.on.fix:
        fix = texts["Fix"]
    evidence = tuple(replace(item, text=in_words(item.text)) for item in finding.evidence)
    cause = tr(finding.likely_cause) if rule.on is not None else in_words(finding.likely_cause)
    return replace(finding, title=title, evidence=evidence, likely_cause=in_words(cause), fix=fix)


def in_words(text: object) -> str:
    """Return a message in the language in use; any other text as it is."""
    if not isinstance(text, Message):
        return str(text)
    template = tr(text.template)
    if template == text.template and any(words.strip(" ,.;:()[]") for words, *_ in Formatter().parse(template)):
        return str(text)
    values = {name: in_words(value) if isinstance(value, str) else value for name, value in text.values.items()}
    return with_minus(filled(template, **values))


def catalogue_texts() -> Iterator[tuple[str, str]]:
    """Yield the texts of rules that a catalogue must have, each with the code of its first rule."""
    for rule in all_rules():
        templates = _templates(rule)
        english = sections(rule.documentation, HEADINGS)
        for heading in TRANSLATED_SECTIONS:
            # The causes of a segment rule are joined from those of its hop, which follow.
            text = templates.get(heading) or english.get(heading, "")
            if text and not (heading == _CAUSES and rule.on is not None):
                yield text, rule.code
        for cause in rule.on.causes if rule.on is not None else ():
            yield cause, rule.code


def _of_rule(rule: Rule, template: str, english: str) -> str:
    translated = tr(template)
    if rule.on is None or translated == template:
        return tr(english)
    first, last = rule.on.hop.ends
    return filled(translated, who=tr(rule.on.hop.value), input=f"`{first.value}`", output=f"`{last.value}`")


@cache
def _rules() -> dict[str, Rule]:
    return {rule.code: rule for rule in all_rules()}
