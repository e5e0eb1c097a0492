"""Texts and page of `diag history`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from diag.core.results import VerdictLine
from diag.core.states import State
from diag.judge.history import Break, Direction, Point, Series, direction_of
from diag.judge.steps import SHORTEST, Step
from diag.report.copied import copied_verdict, days_of
from diag.report.language import ntr, tr
from diag.report.page import packed, page_folder, rendered, write_page
from diag.report.sentences import figure, signed
from diag.report.svg import number, points
from diag.report.wrapping import padded, to_the_right, wrapped

WIDTH, HEIGHT, EDGE = 720.0, 110.0, 8.0
MOST_PLOTS = 60
"""More series are in the table only, so that the page stays small."""
_STATES = {Direction.WORSE: State.WATCH, Direction.BETTER: State.GOOD, Direction.OTHER: State.UNKNOWN}


def history_text(
    series: Sequence[Series], *, runs: int, unreadable: Sequence[str], page: str | None, width: int = 80
) -> str:
    """Return the terminal text: a sentence, the alerts, and a line per series."""
    verdict = history_verdict(series, runs)
    lines = wrapped(f"{verdict.state.shape} {verdict.sentence}", width, later="  ")
    for item, step in _alerts(series):
        lines += wrapped(f"  {State.WATCH.shape} {step_words(item, step)}", width, later="    ")
    config = None
    for item in series:
        if item.config != config:
            config = item.config
            heads = padded(tr("measure"), 34), to_the_right(tr("last"), 10), to_the_right(tr("usual"), 10)
            counts, steps = to_the_right(tr("runs"), 5), tr("step")
            lines += ["", config, f"  {' '.join(heads)}  {counts}  {steps}"]
        told = ""
        if item.steps:
            told = f"{signed(item.steps[-1].change, item.measure.unit)} {ago(item, item.steps[-1].index)}"
        last, usual = (figure(value, item.measure.unit) for value in (item.points[-1].value, _usual(item)))
        lines.append(f"  {padded(name_of(item), 34)} {last:>10} {usual:>10}  {len(item.points):>5}  {told}".rstrip())
        since = ""
        if item.breaks:
            changed, when = break_words(item.breaks[-1]), ago(item, item.breaks[-1].index)
            since = tr("since {change}, {when}").format(change=changed, when=when)
        lines += wrapped(f"    {since}", width, later="      ") if since and item is _first(series, item) else []
    if unreadable:
        lines += ["", *wrapped(f"{State.UNKNOWN.shape} {tr('not read')}: {', '.join(unreadable)}", width, later="  ")]
    return "\n".join([*lines, "", *([tr("report {path}").format(path=page)] if page else [])])


def history_verdict(series: Sequence[Series], runs: int) -> VerdictLine:
    """Return the sentence at the top. The history alerts, and never fails a build."""
    alerts, of_runs = len(_alerts(series)), tr("{n} series of {runs}").format(n=len(series), runs=_runs(runs))
    if alerts:
        words = ntr("{n} step for the worse in {series}.", "{n} steps for the worse in {series}.", alerts)
        return VerdictLine(State.WATCH, tr("STEPS"), words.format(n=alerts, series=of_runs))
    if not series:
        words = tr("{runs}: no measure has two values to compare.")
        return VerdictLine(State.UNKNOWN, tr("NO HISTORY"), words.format(runs=_runs(runs)))
    needed = tr("{n} are needed since the last change of model, SDK, machine, devices or diag").format(n=2 * SHORTEST)
    long_enough = sum(item.long_enough for item in series)
    if not long_enough:
        words = tr("{runs}: too few in each series to find a step ({needed}).")
        return VerdictLine(State.UNKNOWN, tr("TOO FEW RUNS"), words.format(runs=_runs(runs), needed=needed))
    short = len(series) - long_enough
    words = tr(" {n} more have too few runs to find one ({needed}).")
    more = words.format(n=short, needed=needed) if short else ""
    of_runs = tr("{n} series of {runs}").format(n=long_enough, runs=_runs(runs))
    return VerdictLine(
        State.GOOD, tr("NO STEP"), tr("No step for the worse in {series}.").format(series=of_runs) + more
    )


def _runs(count: int) -> str:
    return ntr("{n} run", "{n} runs", count).format(n=count)


def _alerts(series: Sequence[Series]) -> list[tuple[Series, Step]]:
    return [(item, step) for item in series for step in item.alerts]


def _first(series: Sequence[Series], item: Series) -> Series:
    return next(other for other in series if other.config == item.config)


def _usual(series: Series) -> float:
    """Return the median since the last step or break."""
    start = max([0, *(item.index for item in series.breaks), *(step.index for step in series.steps)])
    return median(point.value for point in series.points[start:])


def name_of(series: Series) -> str:
    """Return the label of a series with its place."""
    return f"{tr(series.measure.label)}{f', {tr(series.place)}' if series.place else ''}"


def step_words(series: Series, step: Step) -> str:
    """Return a step in words: by how much, and from which run on."""
    unit, point = series.measure.unit, series.points[step.index]
    levels = tr("{before} to {after}, {change}").format(
        before=figure(step.before, unit), after=figure(step.after, unit), change=signed(step.change, unit)
    )
    place = f"{point.folder}{f' ({point.revision})' if point.revision else ''}"
    words = tr("{config}: {measure} {direction}, {levels}, since {place}")
    direction = tr(direction_of(step, series.measure).value)
    return words.format(config=series.config, measure=name_of(series), direction=direction, levels=levels, place=place)


def break_words(item: Break) -> str:
    """Return what changed at a break."""
    none = tr("none")
    return "; ".join(f"{name}: {before or none} → {after or none}" for name, before, after in item.changed)


def ago(series: Series, index: int) -> str:
    """Return how many runs ago a point was."""
    runs = len(series.points) - 1 - index
    if runs == 0:
        return tr("in the last run")
    return ntr("{n} run ago", "{n} runs ago", runs).format(n=runs)


@dataclass(frozen=True)
class Plot:
    """The drawing of a series, in units of the picture."""

    line: str
    dots: tuple[tuple[str, str, str], ...]
    levels: tuple[tuple[str, str, str], ...]
    steps: tuple[tuple[str, str, str], ...]
    breaks: tuple[tuple[str, str], ...]
    top: str
    bottom: str


@dataclass(frozen=True)
class Row:
    """One series on the page."""

    name: str
    metric: str
    state: State
    word: str
    last: str
    usual: str
    runs: int
    steps: tuple[tuple[State, str], ...]
    breaks: tuple[str, ...]
    plot: Plot | None


def build_history_page(series: Sequence[Series], out: Path, *, runs: int) -> Path:
    """Write the page: each series as a row and a plot, by configuration.

    Raises
    ------
    BadInputError
        If the file cannot be written.
    """
    verdict = history_verdict(series, runs)
    # Series with alerts are drawn first.
    drawn = {id(item) for item in sorted(series, key=lambda item: not item.alerts)[:MOST_PLOTS]}
    configs = dict.fromkeys(item.config for item in series)
    groups = [
        (config, [_row(item, id(item) in drawn) for item in series if item.config == config]) for config in configs
    ]
    measured = tr("{runs}; each point is the median of the takes of one run.").format(runs=_runs(runs))
    dated = days_of([point.made for item in series for point in item.points])
    page = rendered(
        "history.html.j2",
        title=tr("history"),
        verdict=verdict,
        measured=measured,
        dated=dated,
        copied=copied_verdict(verdict, tr("history"), measured, dated, ()),
        document=packed(
            {"series": [item.to_json() for item in series if item.alerts or id(item) in drawn]}, out.parent
        ),
        groups=groups,
        width=number(WIDTH),
        height=number(HEIGHT),
        size="",
        unknown=State.UNKNOWN,
        switches=False,
        origin="Steps alert; they do not fail a build.",
    )
    with page_folder(out, next_step="name another file with --html"):
        write_page(out, page)
    return out


def _row(series: Series, draw: bool) -> Row:
    unit = series.measure.unit
    state, word = (State.GOOD, "no step for the worse") if series.long_enough else (State.UNKNOWN, "too few runs")
    if series.alerts:
        state, word = State.WATCH, "worse"
    return Row(
        name=name_of(series), metric=series.measure.name, state=state,
        word=word,
        last=figure(series.points[-1].value, unit), usual=figure(_usual(series), unit), runs=len(series.points),
        steps=tuple((_STATES[direction_of(step, series.measure)], step_words(series, step)) for step in series.steps),
        breaks=tuple(f"{series.points[item.index].folder}: {break_words(item)}" for item in series.breaks),
        plot=_plot(series) if draw else None,
    )  # fmt: skip


def _plot(series: Series) -> Plot:
    values = [point.value for point in series.points]
    low, high = min(values), max(values)
    margin = max((high - low) * 0.08, series.measure.tolerance, abs(high) * 0.02, 1e-9)
    low, high = low - margin, high + margin
    stride = (WIDTH - 2 * EDGE) / max(len(values) - 1, 1)

    def x(index: float) -> float:
        return EDGE + index * stride

    def y(value: float) -> float:
        return HEIGHT - EDGE - (value - low) / (high - low) * (HEIGHT - 2 * EDGE)

    ends = [0, *(item.index for item in series.breaks), len(values)]
    line = "".join(
        points([x(index) for index in range(start, end)], [y(value) for value in values[start:end]])
        for start, end in itertools.pairwise(ends)
    )
    steps, levels = [], []
    for step in series.steps:
        shape = _STATES[direction_of(step, series.measure)].value
        steps.append((number(x(step.index - 0.5)), shape, step_words(series, step)))
    cuts = sorted({*ends, *(step.index for step in series.steps)})
    for start, end in itertools.pairwise(cuts):
        level = number(y(median(values[start:end])))
        levels.append((number(x(max(start - 0.5, 0))), number(x(min(end - 0.5, len(values) - 1))), level))
    # Every run has a dot with its name only while there are few; the file would grow otherwise.
    dots = tuple(
        (number(x(index)), number(y(point.value)), _point_words(point, series))
        for index, point in enumerate(series.points)
    )
    return Plot(
        line=line, dots=dots if len(dots) <= MOST_DOTS else (), levels=tuple(levels), steps=tuple(steps),
        breaks=tuple((number(x(item.index - 0.5)), break_words(item)) for item in series.breaks),
        top=figure(high - margin, series.measure.unit), bottom=figure(low + margin, series.measure.unit),
    )  # fmt: skip


MOST_DOTS = 60
"""Runs of a series that have a dot with their name."""


def _point_words(point: Point, series: Series) -> str:
    revision = f", {point.revision}" if point.revision else ""
    return f"{point.folder}{revision}: {figure(point.value, series.measure.unit)}, n {point.n}"
