"""The matrix of a bench: what each scenario must show, and what it showed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diag.core.states import State
from diag.report.runview import RunView
from diag.report.sentences import spread
from diag.report.states import row_state, row_takes


@dataclass(frozen=True)
class Code:
    """One finding of a scenario: found, missing, or found though it must not be."""

    code: str
    state: State
    words: str


@dataclass(frozen=True)
class BenchRow:
    """One scenario."""

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


def bench_rows(entries: Sequence[Mapping[str, Any]], views: Sequence[RunView]) -> tuple[BenchRow, ...]:
    """Rows of the matrix, those that do not show what they must first."""
    by_name = {view.run.name: view for view in views}
    rows = [_row(entry, by_name.get(str(entry["scenario"]))) for entry in entries]
    return tuple(sorted(rows, key=lambda row: -row.state.rank))


def _row(entry: Mapping[str, Any], view: RunView | None) -> BenchRow:
    expected = tuple(str(code) for code in entry.get("expected", ()))
    allowed = tuple(str(code) for code in entry.get("consequences", ()))
    found = tuple(str(code) for code in entry.get("found", ()))
    state, word = row_state(entry)
    name = str(entry["scenario"])
    missing = [Code(code, State.FAILS, "missing") for code in expected if code not in found]
    return BenchRow(
        name,
        str(entry.get("title", "")),
        str(entry.get("shows", "")),
        view.anchor if view else None,
        state,
        word,
        expected,
        allowed,
        (*missing, *(_code(code, expected, allowed) for code in found)),
        _marks(view) if view else (),
        _heard(view),
        row_takes(entry),
        int(entry.get("discarded", 0)),
    )


def _marks(view: RunView) -> tuple[tuple[str, State, str], ...]:
    """Setup and hops: name, state, word."""
    hops = ((hop.hop.value, hop.state, hop.word) for hop in view.hops)
    return (("setup", view.setup.state, view.setup.word), *hops)


def _heard(view: RunView | None) -> tuple[str, str]:
    """Median time to first audio, and its range and n."""
    rows = view.run.summary if view else ()
    said = next((spread(row) for row in rows if row.metric == "ttfa_heard_s"), "not measured")
    median, _, rest = said.partition(" (")
    return median, rest.rstrip(")")


def _code(code: str, expected: Sequence[str], allowed: Sequence[str]) -> Code:
    if code in expected:
        return Code(code, State.GOOD, "expected")
    if code in allowed:
        return Code(code, State.GOOD, "allowed")
    return Code(code, State.WATCH, "not expected")
