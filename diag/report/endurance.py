"""Reports of `diag soak` and `diag load`: text for the terminal, and one HTML page with a chart."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from diag.core.endurance import LoadResult, SoakResult, SoakTurn
from diag.core.errors import ExitCode
from diag.core.results import VerdictLine
from diag.core.states import State
from diag.core.units import counted, format_seconds
from diag.judge.endurance import LoadSummary, SoakSummary
from diag.report.copied import copied_verdict
from diag.report.language import tr
from diag.report.localised import in_words
from diag.report.page import packed, page_folder, rendered, write_page
from diag.report.svg import number, points, ticks

MOST_CONNECTIONS = 5
"""Connections that are listed one by one in the text; the page has all."""
WIDTH, HEIGHT = 900.0, 190.0
LOAD_COLUMNS = ("sessions at once", "answered", "failed", "diag late", "median", "95th percentile")
CONNECTION_COLUMNS = ("connection", "from", "to", "ended by", "session resumed", "time without one")
LEFT, RIGHT, TOP, BOTTOM = 64.0, 16.0, 14.0, 30.0


@dataclass(frozen=True)
class Line:
    """One line of a chart: its name and its path."""

    name: str
    path: str
    dots: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Chart:
    """A chart with time or load to the right: labelled ticks, lines, and vertical marks with words."""

    title: str
    words: str
    x_name: str
    lines: tuple[Line, ...]
    x_ticks: tuple[tuple[str, str], ...]
    y_ticks: tuple[tuple[str, str], ...]
    marks: tuple[tuple[str, str], ...] = ()

    @property
    def box(self) -> str:
        """The view box of the drawing."""
        return f"0 0 {WIDTH:g} {HEIGHT:g}"


def chart(
    title: str,
    words: str,
    x_name: str,
    series: Sequence[tuple[str, Sequence[float], Sequence[float]]],
    *,
    marks: Sequence[tuple[float, str]] = (),
    from_zero: bool = True,
    least_span: float = 1e-3,
) -> Chart | None:
    """Return a chart of lines; None if there is nothing to draw.

    Parameters
    ----------
    series : sequence of (name, xs, ys)
    marks : sequence of (x, words)
        Vertical lines.
    from_zero : bool
        Whether the vertical axis begins at 0.
    least_span : float
        Least height of the vertical axis, so that noise does not look like a change.
    """
    xs = [x for _, values, _ in series for x in values]
    ys = [y for _, _, values in series for y in values]
    if not xs:
        return None
    low_x = min(xs)
    high_x = max(low_x + 1e-9, *xs)
    low_y = 0.0 if from_zero and min(ys) >= 0 else min(ys)
    if not from_zero:
        low_y -= max(least_span - (max(ys) - low_y), 0.0) / 2
    high_y = max(low_y + least_span, *ys)

    def across(x: float) -> float:
        return LEFT + (x - low_x) / (high_x - low_x) * (WIDTH - LEFT - RIGHT)

    def up(y: float) -> float:
        return HEIGHT - BOTTOM - (y - low_y) / (high_y - low_y) * (HEIGHT - TOP - BOTTOM)

    lines = tuple(
        Line(
            name,
            points(map(across, values_x), map(up, values_y)),
            tuple((number(across(x)), number(up(y))) for x, y in zip(values_x, values_y, strict=True)),
        )
        for name, values_x, values_y in series
        if values_x
    )
    return Chart(
        title=title,
        words=words,
        x_name=x_name,
        lines=lines,
        x_ticks=tuple((number(across(x)), f"{x:g}") for x in ticks(low_x, high_x, 8)),
        y_ticks=tuple((number(up(y)), f"{y:g}") for y in ticks(low_y, high_y, 4)),
        marks=tuple((number(across(x)), text) for x, text in marks if low_x <= x <= high_x),
    )


def write_soak(result: SoakResult, summary: SoakSummary, folder: Path) -> Path:
    """Write the page and the JSON of a long session, and return the path of the page."""
    return _write(
        folder,
        "soak",
        result.name,
        lines=soak_lines(result, summary),
        problems=summary.problems,
        not_shown=summary.not_shown,
        charts=_soak_charts(result),
        document={"soak": result.to_json(), "summary": asdict(summary)},
        table=_connections(result),
    )


def _soak_charts(result: SoakResult) -> list[Chart]:
    """Return the charts of a long session: waits, memory and clocks; those without a value are left out."""
    marks = [
        (item.end_s / 60, "goAway" if item.ended == "goAway" else tr("lost"))
        for item in result.connections
        if item.ended != "client"
    ]
    charts = (
        chart(
            tr("Seconds from the end of the prompt"),
            tr("The wait for the first byte and for the first sound of each reply over time"),
            tr("minutes"),
            [
                (tr("first byte"), *_over_time(result, lambda turn: turn.first_byte_s)),
                (tr("first sound played"), *_over_time(result, lambda turn: turn.first_played_s)),
            ],
            marks=marks,
        ),
        chart(
            tr("Memory of the client, MB"),
            tr("Memory over time"),
            tr("minutes"),
            [(tr("memory"), *_over_time(result, lambda turn: turn.memory_mb))],
            from_zero=False,
            least_span=10.0,
        ),
        chart(
            tr("Clock drift, milliseconds"),
            tr("How far each device's clock has moved from its nominal rate"),
            tr("minutes"),
            [(tr(port), *_drift(result, port)) for port in result.rates_hz],
            from_zero=False,
        ),
    )
    return [item for item in charts if item is not None]


def _over_time(result: SoakResult, value_of: Callable[[SoakTurn], float | None]) -> tuple[list[float], list[float]]:
    """Return the minutes of the turns that have a value, and their values."""
    known = [(turn.t_s / 60, value) for turn in result.turns if (value := value_of(turn)) is not None]
    return _split(known)


def write_load(result: LoadResult, summary: LoadSummary, folder: Path) -> Path:
    """Write the page and the JSON of growing load, and return the path of the page."""
    rows = summary.rows
    drawn = chart(
        tr("Seconds from the end of the prompt to the first byte"),
        tr("The wait for the first byte over the number of sessions at once"),
        tr("sessions at once"),
        [
            (tr("median"), *_split([(float(row.sessions), row.median_s) for row in rows if row.median_s is not None])),
            (
                tr("95th percentile"),
                *_split([(float(row.sessions), row.p95_s) for row in rows if row.p95_s is not None]),
            ),
        ],
        marks=[(float(row.sessions), tr("{n} failed").format(n=row.failed)) for row in rows if row.failed],
    )
    table = [
        tuple(map(tr, LOAD_COLUMNS)),
        *(
            (
                str(row.sessions),
                str(row.counted + row.late),
                str(row.failed),
                str(row.late),
                _wait(row.median_s),
                _wait(row.p95_s),
            )
            for row in rows
        ),
    ]
    return _write(
        folder,
        "load",
        result.name,
        lines=load_lines(summary),
        problems=summary.problems,
        not_shown=summary.not_shown,
        charts=[drawn] if drawn else [],
        document={"load": result.to_json(), "summary": asdict(summary)},
        table=table,
    )


def soak_lines(result: SoakResult, summary: SoakSummary) -> list[str]:
    """Return what a long session showed, one sentence a line."""
    last_s = max((turn.t_s for turn in result.turns), default=0.0)
    head = tr("{turns} in {minutes:.1f} min, {answered} answered, {connections}")
    turns, connections = counted(len(result.turns), "turn"), counted(len(result.connections), "connection")
    lines = [
        head.format(turns=in_words(turns), minutes=last_s / 60, answered=summary.answered,
                    connections=in_words(connections))
    ]  # fmt: skip
    waits = [turn.first_byte_s for turn in result.turns if turn.first_byte_s is not None]
    if waits:
        first = tr("First byte: {shortest} to {longest}")
        lines.append(first.format(shortest=format_seconds(min(waits)), longest=format_seconds(max(waits))))
    if summary.latency is not None and summary.latency_per_turn_s is not None:
        slopes_ms = (1000 * summary.latency.per_minute, 1000 * summary.latency_per_turn_s)
        lines.append(tr("Wait over time: {:+.1f} ms a minute, {:+.1f} ms a turn").format(*slopes_ms))
    if summary.memory is not None:
        lines.append(tr("Memory: {:+.1f} MB over the session").format(summary.memory.change))
    if summary.drift_ppm:
        drifts = ", ".join(f"{tr(port)} {ppm:+.0f} ppm" for port, ppm in summary.drift_ppm.items())
        lines.append(tr("Clock drift: {drifts}").format(drifts=drifts))
    gap_s = max((turn.gap_s for turn in result.turns), default=0.0)
    gaps = tr("Gaps: {underruns}; the latest chunk came {late} after its time")
    underruns = in_words(counted(summary.underruns, "underrun"))
    lines.append(gaps.format(underruns=underruns, late=format_seconds(gap_s)))
    resumed = [item for item in result.connections if item.resumed is True]
    again = tr("Connection {number}: {ended} after {length}, session resumed {away} later")
    lines += [
        again.format(number=item.number, ended=item.ended, length=format_seconds(item.end_s - item.start_s),
                     away=format_seconds(item.away_s or 0.0))
        for item in resumed[:MOST_CONNECTIONS]
    ]  # fmt: skip
    if len(resumed) > MOST_CONNECTIONS:
        lines.append(tr("{n} more connections were resumed").format(n=len(resumed) - MOST_CONNECTIONS))
    return lines


def load_lines(summary: LoadSummary) -> list[str]:
    """Return what growing load showed, one line for each step."""
    lines = []
    for row in summary.rows:
        wait = tr("no latency")
        if row.median_s is not None:
            spread = "" if row.p95_s is None else tr(", 95th percentile {p95}").format(p95=format_seconds(row.p95_s))
            wait = tr("first byte after {median} (median{spread})")
            wait = wait.format(median=format_seconds(row.median_s), spread=spread)
        parts = [wait]
        if row.failed:
            parts.append(tr("{n} failed").format(n=row.failed))
        if row.late:
            parts.append(tr("{n} not counted because diag was late").format(n=row.late))
        sessions = in_words(counted(row.sessions, "session"))
        lines.append(tr("{sessions} at once: {what}").format(sessions=sessions, what=", ".join(parts)))
    if summary.per_session_s is not None:
        lines.append(tr("Each further session adds {:.1f} ms").format(1000 * summary.per_session_s))
    return lines


def endurance_text(lines: Sequence[str], problems: Sequence[str], not_shown: Sequence[str], page: Path) -> str:
    """Return the text for the terminal."""
    state = _state(problems, not_shown)
    body = [f"  {line}" for line in lines]
    body += [f"  {State.FAILS.shape} {in_words(problem)}" for problem in problems]
    body += [f"  {State.UNKNOWN.shape} {tr('not shown')}: {in_words(item)}" for item in not_shown]
    return "\n".join([f"{state.shape} {tr(_WORDS[state])}", *body, "", tr("report {path}").format(path=page)])


_WORDS = {State.GOOD: "READY", State.FAILS: "NOT READY", State.UNKNOWN: "NOT SHOWN"}


def exit_code_of(summary: SoakSummary | LoadSummary) -> int:
    """Return the exit code of a command with this result."""
    state = _state(summary.problems, summary.not_shown)
    codes = {State.FAILS: ExitCode.FAILED, State.UNKNOWN: ExitCode.TOO_LITTLE_EVIDENCE}
    return int(codes.get(state, ExitCode.GOOD))


def _state(problems: Sequence[str], not_shown: Sequence[str]) -> State:
    return State.FAILS if problems else State.UNKNOWN if not_shown else State.GOOD


def _write(
    folder: Path,
    kind: str,
    name: str,
    *,
    lines: Sequence[str],
    problems: Sequence[str],
    not_shown: Sequence[str],
    charts: Sequence[Chart],
    document: dict[str, Any],
    table: Sequence[Sequence[str]],
) -> Path:
    plain = re.sub(r"[^\w.\-]+", "-", name).strip("-.")[:60] or kind
    page = folder / f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{kind}-{plain}.html"
    state = _state(problems, not_shown)
    problems, not_shown = [in_words(item) for item in problems], [in_words(item) for item in not_shown]
    sentence = tr("{measured}; nothing is wrong.").format(measured=lines[0])
    if problems or not_shown:
        sentence = problems[0] if problems else tr("Not shown: {what}.").format(what=not_shown[0])
    title = tr("{kind} of {name}").format(kind=kind, name=name)
    verdict = VerdictLine(state, tr(_WORDS[state]), sentence)
    html = rendered(
        "endurance.html.j2",
        title=title,
        verdict=verdict,
        measured=lines[0],
        dated=time.strftime("%Y-%m-%d", time.gmtime()),
        copied=copied_verdict(verdict, title, lines[0]),
        switches=False,
        size="",
        origin=tr("Made by diag {kind}.").format(kind=kind),
        problems=problems,
        not_shown=not_shown,
        lines=lines,
        charts=charts,
        table=table,
        document=packed(document, folder),
    )
    with page_folder(page, next_step="choose another folder with --out"):
        write_page(page, html)
    return page


def _connections(result: SoakResult) -> list[tuple[str, ...]]:
    return [
        tuple(map(tr, CONNECTION_COLUMNS)),
        *(
            (
                str(item.number),
                f"{item.start_s:.1f} s",
                f"{item.end_s:.1f} s",
                tr("the end of the run") if item.ended == "client" else item.ended,
                "-" if item.resumed is None else tr("yes") if item.resumed else tr("no"),
                "-" if item.away_s is None else format_seconds(item.away_s),
            )
            for item in result.connections
        ),
    ]


def _drift(result: SoakResult, port: str) -> tuple[list[float], list[float]]:
    """Return minutes, and how many milliseconds a port's clock has gained since its first point."""
    clocks = [turn.clocks[port] for turn in result.turns if port in turn.clocks]
    if not clocks:
        return [], []
    (first_s, first), rate_hz = clocks[0], result.rates_hz[port]
    gained = [1000 * ((frame - first) / rate_hz - (at_s - first_s)) for at_s, frame in clocks]
    return [at_s / 60 for at_s, _ in clocks], gained


def _split(pairs: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in pairs], [y for _, y in pairs]


def _wait(value_s: float | None) -> str:
    return "-" if value_s is None or math.isnan(value_s) else format_seconds(value_s)
