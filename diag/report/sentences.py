"""Texts that all reports share: states, verdict lines, labels of measures, values with their unit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from diag.core.chain import Segment, Tap
from diag.core.errors import ExitCode
from diag.core.results import (
    Bench,
    Change,
    Finding,
    Report,
    RuleOutcome,
    RunFinding,
    RunResult,
    Severity,
    SummaryRow,
    Tier,
    VerdictLine,
)
from diag.core.states import State
from diag.core.units import MINUS, format_value, with_minus
from diag.judge.gate import checked, exit_code
from diag.judge.proof import by_reason
from diag.measure.registry import Group, metric_named, report_order
from diag.report.language import language, ntr, tr
from diag.report.localised import in_words, localised
from diag.report.release_text import release_verdict


def state_of(severity: Severity) -> State:
    """Return the state that a finding of this severity gives to its hop or run."""
    return {Severity.ERROR: State.FAILS, Severity.WARNING: State.WATCH, Severity.INFO: State.UNKNOWN}[severity]


def word_of(severity: Severity) -> str:
    """Return the word beside a finding's mark."""
    return severity.value


def verdict_line(report: Report) -> VerdictLine:
    """Return the first line of the report: its stored verdict, or the one that follows from its findings.

    The stored one is English, so it is derived again in another language.
    """
    return report.verdict if report.verdict and language() == "en" else verdict_of(localised(report))


def verdict_of(report: Report) -> VerdictLine:
    """Return the verdict that follows from a report's decision, findings, comparisons and self-check."""
    if report.release is not None and any(run.counted for run in report.runs):
        return release_verdict(report.release)
    if report.bench is not None:
        return _bench_verdict(report, report.bench)
    if not any(run.counted for run in report.runs):
        return VerdictLine(State.UNKNOWN, tr("NOTHING MEASURED"), nothing_measured(report.runs))
    if report.comparisons:
        worst = min(report.comparisons, key=lambda item: list(_CHANGES).index(item.verdict))
        state, word = _CHANGES[worst.verdict]
        sentence = full_stop(capitalised(worst.sentence))
        next_step = _readiness(report).next_step
        included = next_step.rstrip(".").lower() in sentence.lower()
        return VerdictLine(state, tr(word.upper()), sentence, "" if included else next_step)
    return _readiness(report)


def _bench_verdict(report: Report, bench: Bench) -> VerdictLine:
    sentence = full_stop(capitalised(_bench_sentence(bench)))
    code = exit_code(report)
    if code is ExitCode.GOOD:
        return VerdictLine(State.GOOD, tr("AS EXPECTED"), sentence)
    if code is ExitCode.FAILED:
        return VerdictLine(State.FAILS, tr("NOT AS EXPECTED"), sentence)
    return VerdictLine(State.UNKNOWN, tr(_HEADLINES[code]), sentence)


def _bench_sentence(bench: Bench) -> str:
    """Return the result of a bench in one sentence: which scenarios are wrong, and which have too few takes."""
    rows = bench.rows
    shown = sum(row.passed for row in rows)
    failed = [row.scenario for row in rows if row.as_expected is False]
    short = [f"{row.scenario} ({tr('{k} of {n}').format(k=row.takes, n=row.asked)})" for row in rows if row.too_short]
    if not failed and not short:
        return tr("every scenario shows the expected findings ({shown} of {n})").format(shown=shown, n=len(rows))
    words = tr("{shown} of {n} scenarios show the expected findings in every take that was asked for")
    parts = [words.format(shown=shown, n=len(rows))]
    parts += [tr("look at {names}").format(names=", ".join(failed))] if failed else []
    parts += [tr("too few takes were counted in {names}").format(names=", ".join(short))] if short else []
    return "; ".join(parts)


_CHANGES = {
    Change.WORSE: (State.FAILS, "worse"),
    Change.TOO_FEW: (State.UNKNOWN, "too few takes"),
    Change.NONE_SHOWN: (State.GOOD, "no clear difference"),
    Change.BETTER: (State.GOOD, "better"),
}


def call_of(change: Change) -> tuple[State, str]:
    """Return state and word for the change in one line of a comparison."""
    return _CHANGES[change]


_HEADLINES = {
    ExitCode.GOOD: "READY",
    ExitCode.FAILED: "NOT READY",
    ExitCode.CANNOT_MEASURE: "NOT MEASURED",
    ExitCode.TOO_LITTLE_EVIDENCE: "TOO FEW TAKES",
}


def _readiness(report: Report) -> VerdictLine:
    code = exit_code(report)
    roots = [(run, found) for run in report.runs for found in run.findings if found.finding.consequence_of is None]
    roots.sort(key=lambda pair: -pair[1].finding.severity.rank)
    shown = [pair for pair in roots if pair[1].finding.severity is not Severity.INFO]
    counted = sum(len(run.counted) for run in report.runs)
    missing = not_shown_words(report.runs)
    if not shown and not all(checked(run) for run in report.runs):
        return VerdictLine(State.UNKNOWN, tr("NOTHING CHECKED"), tr("No check could be made on what was recorded."))
    if not shown and missing:
        sentence = ntr(
            "No fault found in {n} of {n} take, but not everything was shown to be right: {missing}.",
            "No fault found in {n} of {n} takes, but not everything was shown to be right: {missing}.",
            counted,
        )
        return VerdictLine(State.UNKNOWN, tr(NOT_SHOWN), sentence.format(n=counted, missing=missing))
    if not shown:
        state = State.GOOD if code is ExitCode.GOOD else State.UNKNOWN
        sentence = ntr(
            "No fault found in {n} of {n} take; every hop was compared with its input.",
            "No fault found in {n} of {n} takes; every hop was compared with its input.",
            counted,
        )
        return VerdictLine(state, tr(_HEADLINES[code]), sentence.format(n=counted))
    run, worst = shown[0]
    place = f"{run.name}: " if len(report.runs) > 1 else ""
    more = len(shown) - 1
    tail = ntr(" {more} more finding below.", " {more} more findings below.", more).format(more=more) if more else ""
    sentence = f"{place}{full_stop(capitalised(worst.finding.title))} {times_found(worst)}.{tail}"
    states = {ExitCode.GOOD: State.WATCH, ExitCode.FAILED: State.FAILS}
    word = tr(_HEADLINES[code])
    if code is ExitCode.GOOD:
        word = ntr("READY, WITH {n} WARNING", "READY, WITH {n} WARNINGS", len(shown)).format(n=len(shown))
    elif code is ExitCode.TOO_LITTLE_EVIDENCE and missing:
        word = tr(NOT_SHOWN)
        sentence += " " + tr("Not shown to be right: {missing}.").format(missing=missing)
    next_step = full_stop(capitalised(worst.finding.fix))
    return VerdictLine(states.get(code, State.UNKNOWN), word, sentence, next_step)


NOT_SHOWN = "NOT SHOWN"
_REASONS_NAMED = 3


def not_shown_words(runs: Sequence[RunResult]) -> str:
    """Return in words what runs do not show to be right: each reason with the checks that it prevented."""
    reasons = by_reason(entry.item for run in runs for entry in run.not_shown)
    named = [f"{_codes(item.codes)} ({item.reason})" for item in reasons[:_REASONS_NAMED]]
    rest = len(reasons) - len(named)
    more = ntr("and {n} more reason below", "and {n} more reasons below", rest).format(n=rest)
    return "; ".join([*named, more] if rest else named)


def _codes(codes: Sequence[str]) -> str:
    if len(codes) <= _REASONS_NAMED:
        return ", ".join(codes)
    return tr("{codes} and {n} more checks").format(codes=", ".join(codes[:2]), n=len(codes) - 2)


def measured_line(report: Report) -> str:
    """Return how many takes were measured, which service answered and which kind of audio was used."""
    made = sum(len(run.takes) for run in report.runs)
    counted = sum(len(run.counted) for run in report.runs)
    places = {
        name: ", ".join(dict.fromkeys(str(run.environment[name]) for run in report.runs if run.environment.get(name)))
        for name in ("endpoint", "audio")
    }
    words = ntr(
        "{k} of {n} take counted, {discarded} discarded", "{k} of {n} takes counted, {discarded} discarded", made
    )
    parts = [words.format(k=counted, n=made, discarded=made - counted)]
    if places["endpoint"] == "emulator":
        parts.append(tr("answered by the emulator, not by the real service"))
    elif places["endpoint"]:
        parts.append(tr("answered by {service}").format(service=places["endpoint"]))
    if places["audio"]:
        parts.append(tr("audio {kind}").format(kind=places["audio"]))
    return f"{'; '.join(parts)}."


def outcomes_of(run: RunResult) -> Iterator[RuleOutcome]:
    """Yield every check of the counted takes and of the run."""
    for take in run.counted:
        yield from take.outcomes
    yield from run.outcomes


def nothing_measured(runs: Sequence[RunResult]) -> str:
    """Return why there is no verdict."""
    reasons = sorted({take.discarded for run in runs for take in run.takes if take.discarded})
    made = sum(len(run.takes) for run in runs)
    if not made:
        return tr("There is no take to judge.")
    words = ntr("The {n} take was discarded: {reasons}.", "All {n} takes were discarded: {reasons}.", made)
    return words.format(n=made, reasons="; ".join(reasons))


def times_found(found: RunFinding) -> str:
    """Return in how many of the counted takes a finding was raised."""
    if found.counted == 0:
        return tr("Seen over the whole run")
    words = ntr("Found in {k} of {n} take", "Found in {k} of {n} takes", found.counted)
    return words.format(k=len(found.take_ids), n=found.counted)


def how_sure(finding: Finding) -> str:
    """Return a confidence as a word and a figure."""
    word = "high" if finding.confidence >= 0.9 else "medium" if finding.confidence >= 0.7 else "low"
    return tr("{word} ({figure:.2f} of 1)").format(word=tr(word), figure=finding.confidence)


def of_takes(k: int, n: int) -> str:
    """Return a count such as '3 of 12 takes'."""
    return ntr("{k} of {n} take", "{k} of {n} takes", n).format(k=k, n=n)


def plural(n: int, noun: str) -> str:
    """Return the noun, with an s unless `n` is 1."""
    return noun if n == 1 else f"{noun}s"


def capitalised(text: str) -> str:
    """Return the text with a capital first letter, unless its first word is a name that must keep its spelling."""
    first = text.split(" ", 1)[0]
    return text[:1].upper() + text[1:] if first.isalpha() else text


def full_stop(text: str) -> str:
    """Return the text with a full stop at its end unless it has end punctuation."""
    text = text.strip()
    return text if not text or text[-1] in ".!?" else f"{text}."


def spread(row: SummaryRow) -> str:
    """Return median, range and n of a summary row in words."""
    if row.median is None:
        return tr("not measured")
    if row.n == 1 or row.low is None or row.high is None:
        return f"{figure(row.median, row.unit)} (n {row.n})"
    median, low, high = alike((row.median, row.low, row.high), row.unit)
    return tr("{median} ({low} to {high}, n {n})").format(median=median, low=low, high=high, n=row.n)


def alike(values: Sequence[float], unit: str) -> list[str]:
    """Return values in the same unit: if one of them is shown in seconds, all are, so that they are easy to compare."""
    if unit == "s" and max(abs(value) for value in values) >= 0.9995:
        return [f"{value:.2f} s" for value in values]
    return [figure(value, unit) for value in values]


def figure(value: float | Sequence[float | None] | None, unit: str) -> str:
    """Return a value with its unit; the members of a vector are separated by commas."""
    if value is None:
        return tr("not measured")
    if isinstance(value, Sequence):
        return ", ".join(figure(item, unit) if item is not None else "–" for item in value)
    if unit in ("1", "") and 0.01 <= abs(value) < 10:
        return with_minus(f"{value:.3f}".rstrip("0").rstrip("."))
    if unit == "Hz" and abs(value) >= 1000:
        return with_minus(f"{value / 1000:.1f} kHz")
    text = format_value(value, unit)
    # A value that rounds to zero has no sign.
    return text.removeprefix(MINUS) if not re.search("[1-9]", text) else text


TIER_WORDS = {
    Tier.WAVEFORM: "against its input",
    Tier.PROFILE: "against the voice",
    Tier.BLIND: "by itself",
    Tier.EVENTS: "from events",
}
"""What a value was measured against, by its tier."""


def signed(value: float | None, unit: str) -> str:
    """Return a difference with its sign."""
    if value is None:
        return tr("not measured")
    text = figure(abs(value), unit)
    return f"±{text}" if value == 0 else f"{'+' if value > 0 else '−'}{text}"


_OPINION_LABELS = {
    "dnsmos_sig": "DNSMOS, speech",
    "dnsmos_bak": "DNSMOS, background",
    "dnsmos_ovrl": "DNSMOS, overall",
    "dnsmos_p808": "DNSMOS, P.808",
    "pesq_wb": "PESQ, wide band",
    "visqol": "ViSQOL",
}
"""Opinion scores are information, not metrics, so they are not in the registry."""


def label(metric: str) -> str:
    """Return a measure's label as declared with its metric, or a name made from its id."""
    known = metric_named(metric)
    return known.label if known else _OPINION_LABELS.get(metric, capitalised(metric.replace("_", " ")))


def report_group(metric: str) -> tuple[tuple[int, float], str]:
    """Return the sort key of a metric in reports and the name of its group."""
    known = metric_named(metric)
    return report_order(metric), capitalised((known.group if known else Group.OTHER).value)


def label_in_sentence(metric: str) -> str:
    """Return a measure's label with a small first letter, unless its first word is an abbreviation such as DC."""
    text = tr(label(metric))
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


def place(segment: Segment | None, tap: Tap | None, turn: int | None = None) -> str:
    """Return where something was measured: "player hop", "player and speaker together", "heard tap, turn 2", or ""."""
    parts = [tr("{tap} tap").format(tap=tap.value)] if tap else []
    if segment is not None:
        parts = [in_words(segment.covers) if segment.merged else tr("{hop} hop").format(hop=tr(segment.covers))]
    if turn is not None and turn > 0:
        parts.append(tr("turn {number}").format(number=turn + 1))
    return ", ".join(parts)
