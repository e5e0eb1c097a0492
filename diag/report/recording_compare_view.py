"""View of the comparison of two recordings in the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from diag.core.results import Finding, Severity
from diag.core.states import State
from diag.judge.recording_comparison import RecordingComparison, Side
from diag.measure.registry import report_order
from diag.report.language import tr
from diag.report.recording_view import RecordingView, Shown, spectra_between
from diag.report.sentences import capitalised, figure, label, signed, state_of, word_of
from diag.report.shelf import Pair, pair_of
from diag.report.spectra import Spectra


@dataclass(frozen=True)
class Line:
    """One measure of both recordings."""

    label: str
    metric: str
    a: str
    b: str
    change: str
    noise: str
    state: State
    word: str


@dataclass(frozen=True)
class Told:
    """One finding or difference in a list: state, word and sentence."""

    state: State
    word: str
    words: str


@dataclass(frozen=True)
class ComparisonView:
    """Everything that the page shows of the comparison."""

    a: str
    b: str
    reference: str | None
    differences: tuple[Told, ...]
    a_findings: tuple[Told, ...]
    b_findings: tuple[Told, ...]
    lines: tuple[Line, ...]
    not_compared: tuple[str, ...]
    pairs: tuple[Pair, ...]
    spectra: Spectra | None
    other_words: bool


def comparison_view(
    comparison: RecordingComparison, a: Shown, b: Shown, views: Sequence[RecordingView]
) -> ComparisonView:
    """Return the view of two compared recordings, whose own views are `views`."""
    return ComparisonView(
        a=comparison.a.name,
        b=comparison.b.name,
        reference=comparison.a.reference,
        differences=tuple(
            Told(State.FAILS if item.worse else State.UNKNOWN, _worse(item.worse), item.words)
            for item in comparison.differences
        ),
        a_findings=_told(comparison.a.findings),
        b_findings=_told(comparison.b.findings),
        lines=_lines(comparison),
        not_compared=comparison.not_compared,
        pairs=_pairs(comparison, views),
        spectra=spectra_between([("A", "side-a", a.audio), ("B", "side-b", b.audio)]),
        other_words=not comparison.matched,
    )


def _worse(side: Side) -> str:
    return {"a": tr("A is worse"), "b": tr("B is worse"), "": tr("differs")}[side]


def _told(findings: Sequence[Finding]) -> tuple[Told, ...]:
    roots = [item for item in findings if item.consequence_of is None and item.severity is not Severity.INFO]
    return tuple(
        Told(
            state_of(item.severity),
            tr(word_of(item.severity)),
            f"{item.title} [{item.code}]. {tr('Fix:')} {capitalised(item.fix)}",
        )
        for item in roots
    )


def _lines(comparison: RecordingComparison) -> tuple[Line, ...]:
    return tuple(
        Line(
            tr(label(item.metric)),
            item.metric,
            "" if item.a is None else figure(item.a, item.unit),
            "" if item.b is None else figure(item.b, item.unit),
            signed(item.difference, item.unit) if item.a is not None else figure(item.difference, item.unit),
            figure(item.noise, item.unit),
            State.FAILS if item.worse else State.UNKNOWN,
            _worse(item.worse),
        )
        for item in sorted(comparison.measures, key=lambda item: (item.worse == "", report_order(item.metric)))
    )


def _pairs(comparison: RecordingComparison, views: Sequence[RecordingView]) -> tuple[Pair, ...]:
    """Return A against B, aligned by the delay measured between them if both are embedded as a whole."""
    sides = [next((track.player for track in view.tracks if track.player), None) for view in views]
    parts = [next((player for part in view.parts for player in part.players), None) for view in views]
    one, other = (whole or part for whole, part in zip(sides, parts, strict=True))
    if one is None or other is None:
        return ()
    delay_s = comparison.pair.measurements.value("hop_delay_s") if comparison.pair else None
    starts_s = None
    if delay_s is not None and not one.note and not other.note:
        starts_s = (max(-delay_s, 0.0), max(delay_s, 0.0))
    pair = pair_of(f"A {comparison.a.name}, B {comparison.b.name}", one, other, starts_s)
    return (pair,) if pair else ()
