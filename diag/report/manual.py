"""Text and JSON of `diag explain`: findings, measures, symptoms and words of this project."""

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
from diag.report.language import language, tr
from diag.report.localised import rule_texts
from diag.report.sections import sections
from diag.report.sentences import label, state_of
from diag.report.symptoms import GLOSSARY, SYMPTOMS, Symptom, rules_of, symptoms_of
from diag.report.wrapping import wrapped

METRIC_HEADINGS = {
    "What": "What it measures",
    "From – to": "From – to",
    "Better is": "Better is",
    "Not measured when": "Not measured when",
    "Reference": "Reference",
}
"""Headings in the documentation of measures, each as it is translated: "What" alone is a column of tables."""
_WIDTH_OF_SECTIONS = 100
_CODE = re.compile(r"([A-Za-z]{3})[-_ ]?(\d{1,4})")


Topic = Rule | Metric | Symptom | tuple[str, str]
"""What can be explained; a pair is a word of the glossary and its meaning."""


def explain(name: str, width: int = 80) -> str:
    """Return the explanation of a finding, a measure, a symptom or a word as text.

    Parameters
    ----------
    name : str
        The code of a finding, such as "PLY001", in upper or lower case; its name, such as "playback-rate-mismatch"; a
        measure or its label in reports, such as "rate_ratio" or "Treble lost"; what is heard, such as "dull"; a word
        of this project, such as "tap"; or words of a finding's title.

    Raises
    ------
    BadInputError
        If nothing is known by that name; the message names the most similar ones.
    """
    return "\n\n".join(_topic_text(topic, width) for topic in _resolved(name))


def explanation(name: str) -> dict[str, Any]:
    """Return the explanation of a finding, a measure, a symptom or a word as a JSON document.

    Raises
    ------
    BadInputError
        As `explain`.
    """
    topics = _resolved(name)
    metrics = tuple(topic for topic in topics if isinstance(topic, Metric))
    others = [_topic_json(topic) for topic in topics if not isinstance(topic, Metric)]
    bodies = [*others, _measure_json(metrics)] if metrics else others
    if len(bodies) == 1:
        return {"schema_version": SCHEMA_VERSION, **bodies[0]}
    return {"schema_version": SCHEMA_VERSION, "kind": "several", "topics": bodies}


def _topic_text(topic: Topic, width: int) -> str:
    if isinstance(topic, Rule):
        return _rule_text(topic)
    if isinstance(topic, Metric):
        return _measure_text(topic)
    if isinstance(topic, Symptom):
        return _symptom_text(topic, width)
    word, meaning = topic
    return "\n".join(wrapped(f"{word}: {tr(meaning)}", width, later="  "))


def _topic_json(topic: Rule | Symptom | tuple[str, str]) -> dict[str, Any]:
    if isinstance(topic, Rule):
        return _rule_json(topic)
    if isinstance(topic, Symptom):
        commands = [{"command": command, "tells": tells} for command, tells in topic.commands]
        codes = [rule.code for rule in rules_of(topic, all_rules())]
        return {"kind": "symptom", "title": topic.title, "findings": codes, "commands": commands}
    return {"kind": "word", "word": topic[0], "meaning": topic[1]}


def overview(width: int = 80) -> str:
    """Return one line per finding: code, name and summary."""
    lines: list[str] = []
    for rule in all_rules():
        line = f"{state_of(rule.severity).shape} {rule.code}  {rule.name:<26} {_summary(rule)}"
        lines += wrapped(line, width, later=" " * 10)
    heard = ", ".join(symptom.words[0] for symptom in SYMPTOMS)
    return "\n".join(
        [
            *lines,
            "",
            tr("Details of a finding: `diag explain CODE`; of a measure: `diag explain rate_ratio`"),
            *wrapped(
                tr("What can cause what you hear: `diag explain dull`; also {words}").format(words=heard),
                width,
                later="  ",
            ),
        ]
    )


def contents() -> dict[str, Any]:
    """Return every finding and every measure as a JSON document."""
    return {
        "schema_version": SCHEMA_VERSION,
        "findings": [_rule_json(rule) for rule in all_rules()],
        "measures": [_measure_json(metrics) for metrics in _measures().values()],
    }


def _measures() -> dict[str, tuple[Metric, ...]]:
    """Return every measure by name, with its segment metric before its tap metric."""
    ordered = sorted(all_metrics(), key=lambda metric: (metric.name, metric.kind is not MetricKind.SEGMENT))
    return {name: tuple(group) for name, group in groupby(ordered, key=lambda metric: metric.name)}


def _resolved(wanted: str) -> Sequence[Topic]:
    """Return what a word stands for: a finding, a measure, or symptoms and a word of the glossary."""
    rules = {rule.code: rule for rule in all_rules()}
    names = {rule.name: rule.code for rule in rules.values()}
    measures = _measures()
    labels = {label(name).lower(): name for name in measures}
    lower = " ".join(wanted.lower().split())
    if wanted.upper() in rules:
        return (rules[wanted.upper()],)
    if lower in measures:
        return measures[lower]
    singular = lower if lower in GLOSSARY else lower.removesuffix("s")
    words = [(singular, GLOSSARY[singular])] if singular in GLOSSARY else []
    labelled = measures[labels[lower]] if lower in labels else ()
    found: list[Topic] = [*words, *symptoms_of(lower), *labelled]
    if found or lower in names:
        return found or (rules[names[lower]],)
    titled = _with_these_words(lower, list(rules.values()))
    if titled:
        return titled
    near = _nearest(wanted, sorted(rules), names, sorted(measures))
    meant = " or ".join(f"`diag explain {item}`" for item in near)
    raise BadInputError(
        f"Could not explain {wanted or 'nothing'}",
        seen="no finding, measure, symptom or word is known by that name",
        allowed="a code such as PLY001, a measure such as rate_ratio, or what you hear, such as dull",
        next_step=f"did you mean {meant}?" if near else "list them with `diag explain`",
    )


_SMALL_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "as",
        "at",
        "by",
        "for",
        "in",
        "is",
        "it",
        "its",
        "not",
        "of",
        "or",
        "that",
        "the",
        "to",
        "was",
        "with",
    ]
)
_MOST_FOUND = 3


def _with_these_words(wanted: str, rules: Sequence[Rule]) -> list[Rule]:
    """Return the rules whose summary has most of these words, as the title of a finding has; at least two of them."""
    asked = set(re.findall(r"[a-z]+", wanted)) - _SMALL_WORDS
    shared = {rule.code: len(asked & set(re.findall(r"[a-z]+", rule.documentation.lower().split("\n\n")[0])))
              for rule in rules}  # fmt: skip
    most = max(shared.values(), default=0)
    if most < 2:
        return []
    return [rule for rule in rules if shared[rule.code] == most][:_MOST_FOUND]


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


# --- symptoms ---------------------------------------------------------------------------------------------------


def _symptom_text(symptom: Symptom, width: int) -> str:
    lines = [tr(symptom.title), "", "  " + tr("Commands that tell the causes apart")]
    for command, tells in symptom.commands:
        lines += [f"    {command}", *wrapped(f"      {tr(tells)}", width, later="      ")]
    lines += ["", "  " + tr("Findings that can cause it")]
    for rule in rules_of(symptom, all_rules()):
        summary = _summary(rule)
        lines += wrapped(f"    {state_of(rule.severity).shape} {rule.code}  {summary}", width, later=" " * 14)
    return "\n".join(lines)


# --- findings ---------------------------------------------------------------------------------------------------


def _summary(rule: Rule) -> str:
    return rule.documentation.splitlines()[0] if language() == "en" else rule_texts(rule)[""]


def severities(rule: Rule) -> list[str]:
    """Return the severity of a rule's finding, and the second severity that it may have."""
    return [severity.value for severity in (rule.severity, rule.or_severity) if severity is not None]


def _rule_text(rule: Rule) -> str:
    on_hop = tr("on the {hop} hop ({owner})")
    hop = on_hop.format(hop=tr(rule.hop.value), owner=tr(rule.hop.owner)) if rule.hop else tr("not on a single hop")
    usual, *other = map(tr, severities(rule))
    severity = (
        tr("{usual} or {other}, depending on the evidence").format(usual=usual, other=other[0]) if other else usual
    )
    head = f"{state_of(rule.severity).shape} {rule.code} {rule.name}  {severity}, {hop}"
    cause = (
        "\n\n"
        + tr("Reported as a consequence if one of these is found too: {codes}.").format(
            codes=", ".join(rule.explained_by)
        )
        if rule.explained_by
        else ""
    )
    return f"{head}\n\n{_documentation(rule)}{cause}"


def _documentation(rule: Rule) -> str:
    """Return the documentation of a rule, each section in the language in use if it has a translation."""
    if language() == "en":
        return rule.documentation
    texts = rule_texts(rule)
    return _under_headings(texts[""], {tr(heading): texts[heading] for heading in HEADINGS if heading in texts})


def _under_headings(summary: str, texts: dict[str, str]) -> str:
    """Return a summary and the texts below it, each under its heading."""
    lines = wrapped(summary, _WIDTH_OF_SECTIONS)
    for heading, text in texts.items():
        lines += ["", heading]
        listed = text.startswith("- ")
        # The items of a list have been joined to one line.
        for item in text.removeprefix("- ").split(" - ") if listed else [text]:
            later = "      " if listed else "    "
            lines += wrapped(f"    {'- ' if listed else ''}{item}", _WIDTH_OF_SECTIONS, later=later)
    return "\n".join(lines)


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

BETTER = {
    "lower": "lower is better",
    "higher": "higher is better",
    "one": "1 is right",
    "zero": "0 is right",
    "none": "for information, not judged",
}


def _measure_text(metric: Metric) -> str:
    words = (
        tr("{name}  {label}, on {place}; {better}")
        if metric.unit in ("1", "")
        else tr("{name}  {label} in {unit}, on {place}; {better}")
    )
    head = words.format(
        name=metric.name,
        label=tr(label(metric.name)),
        unit=metric.unit,
        place=_place(metric),
        better=tr(BETTER[metric.better]),
    )
    return f"{head}\n\n{_description(metric)}"


def _description(metric: Metric) -> str:
    """Return the documentation of a measure, each section in the language in use if it has a translation."""
    if language() == "en":
        return inspect.getdoc(metric.function) or ""
    texts = metric_sections(metric)
    summary = tr(texts.pop(""))
    return _under_headings(summary, {tr(METRIC_HEADINGS[heading]): tr(text) for heading, text in texts.items()})


def metric_sections(metric: Metric) -> dict[str, str]:
    """Return the documentation of a measure in English by heading, "" for its summary."""
    return sections(inspect.getdoc(metric.function) or "", tuple(METRIC_HEADINGS))


def _place(metric: Metric) -> str:
    if metric.kind is MetricKind.SEGMENT:
        return tr("every segment whose ends carry the same speech")
    if metric.taps:
        return tr("every tap") if set(metric.taps) == set(Tap) else ", ".join(f"`{tap.value}`" for tap in metric.taps)
    return tr("each turn") if "turn" in metric.needs else tr("each take")


def _measure_json(metrics: tuple[Metric, ...]) -> dict[str, Any]:
    places = []
    for metric in metrics:
        told = metric_sections(metric)
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
