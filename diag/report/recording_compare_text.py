"""Text, JSON and exit code of `diag compare` for two recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diag.core.errors import ExitCode
from diag.core.states import State
from diag.judge.recording_comparison import MeasureDifference, RecordingChange, RecordingComparison
from diag.report.language import tr
from diag.report.localised import localised_comparison
from diag.report.recording_text import exit_code, result_lines
from diag.report.sentences import capitalised, figure, full_stop, label, signed
from diag.report.wrapping import wrapped

_CALLS = {
    RecordingChange.WORSE: (State.FAILS, "WORSE"),
    RecordingChange.BETTER: (State.GOOD, "BETTER"),
    RecordingChange.DIFFERENT: (State.UNKNOWN, "DIFFERENT"),
    RecordingChange.NONE_FOUND: (State.GOOD, "NO DIFFERENCE"),
    RecordingChange.NOT_COMPARED: (State.UNKNOWN, "NOT COMPARED"),
}
MEASURES_SHOWN = 6


def call_of_recordings(comparison: RecordingComparison) -> tuple[State, str]:
    """Return state and headline of a comparison of recordings."""
    return _CALLS[comparison.verdict]


def comparison_exit_code(comparison: RecordingComparison, fail_on: str = "error") -> ExitCode:
    """Return FAILED for a fault in A or B, or if B is worse; else TOO_LITTLE_EVIDENCE if it was not decided.

    What could not be checked in one of them alone does not matter here: the comparison is about their difference.
    USAGE if a recording could not be read, CANNOT_MEASURE if nothing was measured.
    """
    own = exit_code([comparison.a, comparison.b], fail_on)
    if own in (ExitCode.FAILED, ExitCode.USAGE, ExitCode.CANNOT_MEASURE):
        return own
    if comparison.verdict is RecordingChange.WORSE and fail_on != "never":
        return ExitCode.FAILED
    open_ends = (RecordingChange.DIFFERENT, RecordingChange.NOT_COMPARED)
    return ExitCode.TOO_LITTLE_EVIDENCE if comparison.verdict in open_ends else ExitCode.GOOD


def comparison_text(
    comparison: RecordingComparison, code: ExitCode, *, width: int = 80, verbose: bool = False, page: Path | None = None
) -> str:
    """Return the result in a sentence, what differs, what was not compared, and the findings of both recordings."""
    state, word = call_of_recordings(comparison)
    comparison = localised_comparison(comparison)
    lines = wrapped(f"{state.shape} {tr(word)}  {full_stop(capitalised(comparison.sentence))}", width, later="  ")
    lines += ["", *wrapped(tr("A is {a}, B is {b}").format(a=comparison.a.name, b=comparison.b.name), width)]
    for item in comparison.differences:
        mark = {"b": f"{State.FAILS.shape} B", "a": f"{State.FAILS.shape} A", "": f"{State.UNKNOWN.shape}  "}[
            item.worse
        ]
        lines += wrapped(f"  {mark}  {item.words}", width, later="       ")
    shown = comparison.measures if verbose else comparison.measures[:MEASURES_SHOWN]
    for measure in shown:
        lines += wrapped(f"    {measure_difference_words(measure)}", width, later="      ")
    rest = len(comparison.measures) - len(shown)
    if rest:
        lines.append(tr("    {n} more measures differ; -v shows them").format(n=rest))
    for words in comparison.not_compared:
        lines += wrapped(f"  {State.UNKNOWN.shape} {tr('not compared')}: {words}", width, later="    ")
    for side, result in (("A", comparison.a), ("B", comparison.b)):
        lines += ["", f"{side}:", *result_lines(result, width, verbose=verbose)]
    end = [tr("report {path}").format(path=page)] if page else []
    return "\n".join([*lines, "", *end, tr("exit code {code}").format(code=int(code))])


def measure_difference_words(item: MeasureDifference) -> str:
    """Return a measure in both recordings with the change, or its value for the pair."""
    name = tr(label(item.metric))
    if item.a is None or item.b is None:
        of_pair = tr("B against A")
        return f"{name}, {of_pair}  {figure(item.difference, item.unit)}"
    change = tr(", change {change}").format(change=signed(item.difference, item.unit))
    return f"{name}  {figure(item.a, item.unit)} -> {figure(item.b, item.unit)}{change}"


def comparison_document(comparison: RecordingComparison, page: str | None = None) -> dict[str, Any]:
    """Return the JSON document of `diag compare --json` for two recordings; `page` is the path of the HTML report."""
    return {**comparison.to_json(), "report": page}
