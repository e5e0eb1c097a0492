"""Series of a measure over saved runs: where they cannot be compared, and where they take a step."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from diag.core.run_facts import RunFacts
from diag.judge.steps import SHORTEST, Step, find_steps


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What a metric declares, as far as the history needs it (`diag.measure.registry.metric`)."""

    name: str
    label: str
    unit: str
    better: str
    tolerance: float
    headline: bool


class Direction(StrEnum):
    """Whether a step is good."""

    WORSE = "worse"
    BETTER = "better"
    OTHER = "changed"


@dataclass(frozen=True)
class Point:
    """The median of one run."""

    folder: str
    made: str
    revision: str
    value: float
    n: int


@dataclass(frozen=True)
class Break:
    """Where a series begins again: the position of the first run under new conditions, and what changed."""

    index: int
    changed: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Series:
    """One measure of one configuration at one place, over its runs.

    `breaks` and `steps` hold positions in `points`. Steps are searched between breaks only.
    """

    config: str
    measure: Measure
    place: str
    points: tuple[Point, ...]
    breaks: tuple[Break, ...]
    steps: tuple[Step, ...]

    @property
    def current(self) -> tuple[Point, ...]:
        """The points since the last break."""
        return self.points[self.breaks[-1].index if self.breaks else 0 :]

    @property
    def long_enough(self) -> bool:
        """Whether a step could be found since the last break."""
        return len(self.current) >= 2 * SHORTEST

    @property
    def alerts(self) -> tuple[Step, ...]:
        """Steps for the worse since the last break, unless a later step took them back."""
        start = len(self.points) - len(self.current)
        steps = [step for step in self.steps if step.index > start]
        worse = []
        for step in steps:
            if direction_of(step, self.measure) is Direction.WORSE:
                worse.append(step)
            elif (
                worse
                and direction_of(Step(step.index, worse[-1].before, step.after), self.measure) is not Direction.WORSE
            ):
                worse.pop()
        return tuple(worse)

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object."""
        return {
            "config": self.config,
            "metric": self.measure.name,
            "place": self.place,
            "unit": self.measure.unit,
            "points": [vars(point) for point in self.points],
            "breaks": [
                {"run": self.points[item.index].folder, "changed": [list(change) for change in item.changed]}
                for item in self.breaks
            ],
            "steps": [
                {
                    "run": self.points[step.index].folder,
                    "revision": self.points[step.index].revision,
                    "before": step.before,
                    "after": step.after,
                    "direction": direction_of(step, self.measure).value,
                    "alert": step in self.alerts,
                }
                for step in self.steps
            ],
        }


def direction_of(step: Step, measure: Measure) -> Direction:
    """Return whether a step made a measure worse or better; a change within its tolerance is neither."""
    target = {"lower": float("-inf"), "higher": float("inf"), "one": 1.0, "zero": 0.0}.get(measure.better)
    if target is None:
        return Direction.OTHER
    if abs(target) == float("inf"):
        change = step.change if target < 0 else -step.change
    else:
        change = abs(step.after - target) - abs(step.before - target)
    if abs(change) < measure.tolerance:
        return Direction.OTHER
    return Direction.WORSE if change > 0 else Direction.BETTER


def series_of(runs: Sequence[RunFacts], measures: Sequence[Measure]) -> tuple[Series, ...]:
    """Return one series per configuration, measure and place, in the order of `measures`.

    Parameters
    ----------
    runs : sequence of RunFacts
        Oldest first.
    measures : sequence of Measure
        Which ones. A place with fewer than two values makes no series.
    """
    configs = list(dict.fromkeys(run.name for run in runs))
    return tuple(
        series
        for config in configs
        for series in _series_of_config([run for run in runs if run.name == config], config, measures)
    )


def _series_of_config(runs: Sequence[RunFacts], config: str, measures: Sequence[Measure]) -> list[Series]:
    places = dict.fromkeys(place for run in runs for place in run.values)
    found = []
    for measure in measures:
        for place in [place for place in places if place.split(" ", 1)[0] == measure.name]:
            with_value = [run for run in runs if place in run.values]
            if len(with_value) > 1:
                found.append(_series(with_value, config, measure, place))
    return found


def _series(runs: Sequence[RunFacts], config: str, measure: Measure, place: str) -> Series:
    points = tuple(Point(run.folder, run.made, run.revision, *run.values[place]) for run in runs)
    breaks = tuple(
        Break(index, changed)
        for index in range(1, len(runs))
        if (changed := _changed(runs[index - 1].conditions, runs[index].conditions))
    )
    ends = [0, *(item.index for item in breaks), len(points)]
    steps = []
    for start, end in itertools.pairwise(ends):
        values = [point.value for point in points[start:end]]
        steps += [
            Step(start + step.index, step.before, step.after)
            for step in find_steps(values, tolerance=measure.tolerance)
        ]
    where = " ".join(part for part in place.split(" ")[1:] if part != "-")
    return Series(config=config, measure=measure, place=where, points=points, breaks=breaks, steps=tuple(steps))


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[tuple[str, str, str], ...]:
    return tuple((name, before.get(name, ""), value) for name, value in after.items() if before.get(name, "") != value)
