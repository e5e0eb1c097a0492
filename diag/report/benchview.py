"""Table of a bench: the findings that are expected of each scenario, and those that it showed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from diag.core.results import BenchRow
from diag.core.states import State
from diag.report.language import tr
from diag.report.runview import RunView
from diag.report.sentences import spread
from diag.report.states import row_state, row_takes


@dataclass(frozen=True)
class Code:
    """One finding of a scenario: expected, allowed, missing or not expected."""

    code: str
    state: State
    words: str


@dataclass(frozen=True)
class RowView:
    """One scenario as the report shows it."""

    name: str
    title: str
    shows: str
    anchor: str | None
    state: State
    word: str
    expected: tuple[str, ...]
    consequences: tuple[str, ...]
    codes: tuple[Code, ...]
    marks: tuple[tuple[str, State, str], ...]
    heard: tuple[str, str]
    takes: str
    discarded: int


def bench_rows(entries: Sequence[BenchRow], views: Sequence[RunView]) -> tuple[RowView, ...]:
    """Return the rows of the table, scenarios without the expected findings first."""
    by_name = {view.run.name: view for view in views}
    rows = [_row(entry, by_name.get(entry.scenario)) for entry in entries]
    return tuple(sorted(rows, key=lambda row: -row.state.rank))


def _row(entry: BenchRow, view: RunView | None) -> RowView:
    state, word = row_state(entry)
    missing = [Code(code, State.FAILS, "missing") for code in entry.expected if code not in entry.found]
    return RowView(
        entry.scenario,
        entry.title,
        entry.shows,
        view.anchor if view else None,
        state,
        word,
        entry.expected,
        entry.consequences,
        (*missing, *(_code(code, entry.expected, entry.consequences) for code in entry.found)),
        _marks(view) if view else (),
        _heard(view),
        row_takes(entry),
        entry.discarded,
    )


def _marks(view: RunView) -> tuple[tuple[str, State, str], ...]:
    """Return name, state and word of the setup and of each hop."""
    hops = ((hop.hop.value, hop.state, hop.word) for hop in view.hops)
    return (("setup", view.setup.state, view.setup.word), *hops)


def _heard(view: RunView | None) -> tuple[str, str]:
    """Return the median time to first audio, and its range and n."""
    rows = view.run.summary if view else ()
    said = next((spread(row) for row in rows if row.metric == "ttfa_heard_s"), tr("not measured"))
    median, _, rest = said.partition(" (")
    return median, rest.rstrip(")")


def _code(code: str, expected: Sequence[str], allowed: Sequence[str]) -> Code:
    if code in expected:
        return Code(code, State.GOOD, "expected")
    if code in allowed:
        return Code(code, State.GOOD, "allowed")
    return Code(code, State.WATCH, "not expected")
