"""Text, JSON and exit code of `diag analyze`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from diag.core.errors import ExitCode
from diag.core.missing import MissingCode
from diag.core.results import SCHEMA_VERSION, Finding, Measurement, Measurements, Severity, Status
from diag.core.states import State
from diag.core.units import format_seconds
from diag.dsp.additions import NOTHING_DB
from diag.dsp.dullness import BANDS_HZ
from diag.judge.gate import least_rank
from diag.judge.proof import by_reason
from diag.report.language import filled, ntr, tr
from diag.report.localised import in_words, localised_result
from diag.report.sentences import TIER_WORDS, figure, label, label_in_sentence, state_of, word_of
from diag.report.wrapping import padded, wrapped

if TYPE_CHECKING:
    from pathlib import Path

    from diag.judge.recording_result import AnalysisResult

_LABEL_WIDTH = 24


BLOCKS_SHOWN = 8
"""If there are more recordings than this, each gets one line."""


def exit_code(results: Sequence[AnalysisResult], fail_on: str = "error") -> ExitCode:
    """Return FAILED for a finding at or above the limit, else why recordings could not be judged, else GOOD.

    USAGE if a recording could not be read, CANNOT_MEASURE if one has no measured value, TOO_LITTLE_EVIDENCE if in one
    no fault was found, but not everything that a good recording needs was shown.
    """
    if any(item.severity.rank >= least_rank(fail_on) for result in results for item in result.findings):
        return ExitCode.FAILED
    if any(result.refused is not None for result in results):
        return ExitCode.USAGE
    measured = [any(item.value is not None for item in result.measurements) for result in results]
    if not results or not all(measured):
        return ExitCode.CANNOT_MEASURE
    unshown = any(state_of_result(result) is State.UNKNOWN for result in results)
    return ExitCode.TOO_LITTLE_EVIDENCE if unshown else ExitCode.GOOD


def results_text(
    results: Sequence[AnalysisResult],
    code: ExitCode,
    *,
    width: int = 80,
    verbose: bool = False,
    page: Path | None = None,
) -> str:
    """Return verdict, findings and, with `verbose`, measures of each recording; if there are many, one line each.

    `page` is the HTML report that was written, if any.
    """
    results = [localised_result(result) for result in results]
    end = [tr("report {path}").format(path=page)] if page else []
    end.append(tr("exit code {code}").format(code=int(code)))
    if len(results) > BLOCKS_SHOWN:
        return "\n".join([*_table_lines(results, width), "", *wrapped(counted_words(results), width), end[-1]])
    blocks = ["\n".join(result_lines(result, width, verbose=verbose)) for result in results]
    return "\n\n".join([*blocks, "\n".join(end)])


def state_of_result(result: AnalysisResult) -> State:
    """Return how a result is displayed: by its worst finding, or as unknown if something was not checked."""
    if result.refused is not None:
        return State.UNKNOWN
    weighty = [state_of(item.severity) for item in result.findings if item.severity is not Severity.INFO]
    return max(weighty, key=lambda item: item.rank, default=State.UNKNOWN if result.not_shown else State.GOOD)


def _table_lines(results: Sequence[AnalysisResult], width: int) -> list[str]:
    longest = max(len(in_words(result.called)) for result in results)
    column = min(longest, max(16, width // 3))
    lines = []
    for result in results:
        told = _found(result)
        length = "" if result.refused is not None else format_seconds(result.duration_s)
        lines += wrapped(
            f"{state_of_result(result).shape} {in_words(result.called):<{column}}  {length:>8}  {told}",
            width,
            later=" " * (column + 14),
        )
    return lines


def _found(result: AnalysisResult) -> str:
    if result.refused is not None:
        return result.refused
    found = "; ".join(f"{item.title} [{item.code}]" for item in result.findings)
    return found or nothing_found(result)


def nothing_found(result: AnalysisResult) -> str:
    """Return what a recording without a finding shows, in two or three words."""
    return tr("not everything could be checked") if result.not_shown else tr("no fault found")


def counted_words(results: Sequence[AnalysisResult]) -> str:
    """Return how many recordings have which result, as "3 recordings: 1 with an error, 2 without a fault"."""
    unread = sum(result.refused is not None for result in results)
    states = [state_of_result(result) for result in results if result.refused is None]
    words = {
        State.FAILS: tr("{n} with an error"),
        State.WATCH: tr("{n} with a warning"),
        State.GOOD: tr("{n} without a fault"),
        State.UNKNOWN: tr("{n} where not everything could be checked"),
    }
    counted = [word.format(n=states.count(state)) for state, word in words.items() if state in states]
    counted += [tr("{n} that could not be read").format(n=unread)] if unread else []
    all_of_them = ntr("{n} recording", "{n} recordings", len(results)).format(n=len(results))
    return f"{all_of_them}: {', '.join(counted)}"


def result_lines(result: AnalysisResult, width: int, *, verbose: bool) -> list[str]:
    """Return the lines on one recording: verdict, findings and, with `verbose`, all measures."""
    lines = wrapped(f"{state_of_result(result).shape} {in_words(result.sentence)}", width, later="  ")
    if result.refused is not None:
        return lines
    note = result.note or channels_in_words(result)
    lines += wrapped(
        f"  {format_seconds(result.duration_s)}, {result.sample_rate_hz} Hz, {note}; {compared_words(result)}",
        width,
        later="  ",
    )
    followed = [] if verbose else [item for item in result.findings if item.consequence_of is not None]
    for index, finding in enumerate(result.findings):
        if finding not in followed:
            lines += _finding_lines(finding, width, first=index == 0 and finding.severity is not Severity.INFO)
    if followed:
        titles = "; ".join(f"{item.title} [{item.code}]" for item in followed)
        lines += wrapped("  " + tr("as a consequence: {titles}").format(titles=titles), width, later="    ")
    for words in usual_words(result):
        lines += wrapped(f"  {words}", width, later="    ")
    for reasons in by_reason(result.not_shown):
        line = f"  {State.UNKNOWN.shape} {tr('not shown')} {', '.join(reasons.codes)}: {reasons.reason}"
        lines += wrapped(line, width, later="    ")
    lines += _measure_lines(result, width) if verbose else _main_measure_lines(result, width)
    return [*lines, *_information_lines(result, width)]


def channels_in_words(result: AnalysisResult) -> str:
    """Return the number of channels: "1 channel", "2 channels"."""
    return ntr("{n} channel", "{n} channels", result.channels).format(n=result.channels)


def usual_words(result: AnalysisResult) -> tuple[str, ...]:
    """Return what a recording shows that is no finding, because its voice always shows it."""
    return tuple(item.reason for item in result.outcomes if item.status is Status.CLEAR and item.reason)


def compared_words(result: AnalysisResult) -> str:
    """Return in words what the recording was compared with."""
    against = [
        result.reference or "",
        tr("the profile of the voice {voice}").format(voice=result.voice) if result.voice else "",
    ]
    named = tr(" and ").join(item for item in against if item)
    return tr("compared with {names}").format(names=named) if named else tr("judged by itself")


def _finding_lines(finding: Finding, width: int, *, first: bool) -> list[str]:
    """Return a finding with its evidence and its fix. The title of the first one is already in the verdict."""
    lines: list[str] = []
    if not first:
        after = tr(", a consequence of {code}").format(code=finding.consequence_of) if finding.consequence_of else ""
        line = (
            f"  {state_of(finding.severity).shape} {word_of(finding.severity)}: {finding.title} [{finding.code}{after}]"
        )
        lines += wrapped(line, width, later="    ")
    for item in finding.evidence:
        lines += wrapped(f"    {item.text}", width, later="      ")
    if finding.consequence_of is None:
        lines += wrapped(f"    {tr('fix')}  {finding.fix}", width, later=" " * 9)
    return lines


_MAIN_AGAINST = ("rate_ratio", "dullness_db", "level_change_db", "hop_delay_s")
_MAIN_ALONE = ("bandwidth_hz", "level_lufs", "peak_dbfs")
"""Measures that are shown without `-v`: those of the segment if there is a reference, else those of the recording."""


def _main_measure_lines(result: AnalysisResult, width: int) -> list[str]:
    """Return the few measures that are always worth a look, on one line."""
    compared = result.reference is not None
    found = [
        f"{label_in_sentence(item.metric)} {figure(item.value, item.unit)}"
        for name in (_MAIN_AGAINST if compared else _MAIN_ALONE)
        for item in result.measurements.find(name)
        if isinstance(item.value, float) and (item.segment is not None) is compared
    ]
    if not found:
        return []
    words = tr("measured: {values} (-v shows all)").format(values=", ".join(found))
    return wrapped(f"  {words}", width, later="    ")


def _measure_lines(result: AnalysisResult, width: int) -> list[str]:
    """Return every measure grouped by what it was measured on, then those that were not measured."""
    segment = [item for item in result.measurements if item.segment is not None]
    alone = [item for item in result.measurements if item.segment is None]
    groups = (
        (filled(tr("measured against {reference}"), reference=result.reference), segment),
        (tr("measured by itself"), [item for item in alone if item.tap == result.tap]),
        (
            tr("{reference} measured by itself").format(reference=result.reference),
            [item for item in alone if item.tap != result.tap],
        ),
    )
    lines: list[str] = []
    for title, items in groups:
        measured = [item for item in items if item.value is not None]
        if measured:
            lines += ["", f"  {title}"]
        for item in measured:
            lines += wrapped(_measure_line(item, result.measurements), width, later=" " * (_LABEL_WIDTH + 3))
    unmeasured: dict[str, list[str]] = {}
    for item in result.measurements:
        if item.missing is not None and item.missing.code is not MissingCode.NO_PROFILE:
            unmeasured.setdefault(item.missing.text, []).append(label_in_sentence(item.metric))
    for reason, names in unmeasured.items():
        words = tr("{measures} not measured: {reason}").format(measures="; ".join(dict.fromkeys(names)), reason=reason)
        lines += wrapped(f"  {State.UNKNOWN.shape} {words}", width, later="    ")
    return lines


def _information_lines(result: AnalysisResult, width: int) -> list[str]:
    """Return a block with the opinion scores; those without a value are grouped by reason."""
    if not result.information.items:
        return []
    lines = wrapped("  " + tr("Opinion scores (1 to 5), for information only"), width, later="  ")
    without: dict[str, list[str]] = {}
    for item in result.information:
        if isinstance(item.value, float):
            lines.append(
                f"    {label(item.metric):<{_LABEL_WIDTH - 2}} {item.value:.2f}  ({tr(TIER_WORDS[item.tier])})"
            )
        else:
            without.setdefault(item.reason or tr("no reason was given"), []).append(label(item.metric))
    for reason, names in without.items():
        words = tr("{names} not scored: {reason}").format(names="; ".join(names), reason=reason)
        lines += wrapped(f"    {State.UNKNOWN.shape} {words}", width, later=" " * 6)
    return lines


def _measure_line(item: Measurement, every: Measurements) -> str:
    return f"    {padded(tr(label(item.metric)), _LABEL_WIDTH)} {measure_words(item, every)}"


def measure_words(item: Measurement, every: Measurements) -> str:
    """Return the value of a measure with what it was compared with, as "−10.6 dB (against its input)"."""
    covers = _covered(item, every)
    none = item.unit == "dB" and isinstance(item.value, float) and item.value <= NOTHING_DB
    value = tr("none found") if none else figure(item.value, item.unit)
    return f"{value}  ({tr(TIER_WORDS[item.tier])}{covers})"


def _covered(item: Measurement, every: Measurements) -> str:
    """Return the part of the treble in which a loss was measured, if it is not all of it."""
    if item.metric != "dullness_db":
        return ""
    bands = next((other.value for other in every.find("dullness_bands_db") if other.tier is item.tier), None)
    if not isinstance(bands, tuple) or all(value is not None for value in bands):
        return ""
    spans: list[tuple[float, float]] = []
    for (low, high), value in zip(BANDS_HZ, bands, strict=False):
        if value is not None and spans and spans[-1][1] == low:
            spans[-1] = (spans[-1][0], high)
        elif value is not None:
            spans.append((low, high))
    told = tr(" and ").join(
        tr("{low} to {high} kHz").format(low=f"{low / 1000:g}", high=f"{high / 1000:g}") for low, high in spans
    )
    return tr(", of {spans} only").format(spans=told)


def results_document(results: Sequence[AnalysisResult], page: str | None = None) -> dict[str, Any]:
    """Return the JSON document of `diag analyze --json`: one run whose takes are the recordings.

    `page` is the path of the HTML report, if one was written.
    """
    takes = [_take(result) for result in results]
    findings = [
        {**finding, "takes": [take["id"]], "counted": len(takes)} for take in takes for finding in take["findings"]
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "runs": [{"name": "recordings", "config": {}, "takes": takes, "summary": [], "findings": findings}],
        "comparisons": [],
        "verdict": " ".join(result.sentence for result in results),
        "report": page,
    }


def _take(result: AnalysisResult) -> dict[str, Any]:
    return {"id": result.name, **{key: value for key, value in result.to_json().items() if key != "schema_version"}}
