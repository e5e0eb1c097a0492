"""Registry of metrics. A metric is one file in `diag.measure.metrics`; there is no list to edit.

All that is known of a metric is declared with `@metric`: where it is measured, its label, unit, group and order in
reports, its words in a comparison, whether baselines keep it, and its tolerance. From where on a value is a fault
is declared by the rule that judges it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Literal

from diag.core.chain import Tap
from diag.core.plugins import has_default, import_all, needs_of
from diag.core.results import Reading

PACKAGES: tuple[str, ...] = ("diag.measure.metrics",)
"""Packages whose modules are imported for their metrics."""

Better = Literal["lower", "higher", "one", "zero", "none"]
Pool = Literal["sum", "rate", "mean", "median", "level", "highest", "first"]
"""How the values of the parts of a long recording become the recording's: added up; mean by length; mean, median or
mean of powers (dB) by seconds of sound; the highest; the first."""


class MetricKind(StrEnum):
    """Where a metric is measured."""

    SEGMENT = "segment"
    TAP = "tap"
    TAKE = "take"


class Group(StrEnum):
    """Groups of metrics in reports, in the order in which they are shown."""

    ANSWER = "answer"
    """Whether a reply came."""
    LATENCY = "latency"
    """How long a person waits, up to several moments."""
    STAGES = "stages"
    """The stages that a wait consists of."""
    SCHEDULE = "schedule"
    """When chunks of audio came and went."""
    SPEED = "speed"
    """Speed, clock drift and delay."""
    TREBLE = "treble"
    """What is left of the upper bands."""
    CONTINUITY = "continuity"
    """What was put in, left out or repeated."""
    GLITCHES = "glitches"
    """Broken samples, and sound that is no speech."""
    LEVEL = "level"
    """Levels and echo."""
    HARNESS = "harness"
    """How far the measurement itself can be trusted."""
    OTHER = "other"

    @property
    def rank(self) -> int:
        """Place among the groups, from 0."""
        return tuple(Group).index(self)


SEGMENT_NEEDS = frozenset({"reference", "estimated"})
TAP_NEEDS = frozenset({"clip", "voice"})
TAKE_NEEDS = frozenset({*(tap.value for tap in Tap), "timeline", "environment", "turn"})


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A registered metric: what it is called, where it is measured, and the function that measures it.

    Parameters
    ----------
    needs, optional : tuple of str
        Names of the function's parameters without and with a default.
    taps : tuple of Tap
        Where a metric of taps is measured; empty for other kinds.
    others
        As in `metric`.
    """

    name: str
    unit: str
    better: Better
    version: int
    function: Callable[..., Reading]
    needs: tuple[str, ...]
    kind: MetricKind = MetricKind.TAKE
    taps: tuple[Tap, ...] = ()
    tolerance: float = 0.0
    pool: Pool = "median"
    optional: tuple[str, ...] = ()
    label: str = ""
    group: Group = Group.OTHER
    order: float = 0.0
    headline: str | None = None
    tile: bool = False
    baseline: bool = False
    compared: bool = False

    @property
    def place_in_report(self) -> tuple[int, float]:
        """Sort key of the metric in reports: its group, then its order in it."""
        return self.group.rank, self.order


_metrics: dict[tuple[str, MetricKind], Metric] = {}


def metric(
    name: str,
    *,
    unit: str,
    better: Better,
    version: int = 1,
    taps: tuple[Tap, ...] = tuple(Tap),
    tolerance: float = 0.0,
    pool: Pool = "median",
    label: str = "",
    group: Group = Group.OTHER,
    order: float = 0.0,
    headline: str | None = None,
    tile: bool = False,
    baseline: bool = False,
    compared: bool = False,
) -> Callable[[Callable[..., Reading]], Callable[..., Reading]]:
    """Register a metric function.

    The names of its parameters are its needs and say where it is measured:

    - `reference, estimated`: on every segment of the chain whose both ends carry the same speech;
    - `clip`, and where wanted `voice=None`, the profile of the voice that speaks: on every tap, or on `taps` only;
    - any of the taps by name, `timeline`, `environment`, `turn`: on the take.

    A parameter with a default is optional: it is passed where the take has it, and its absence does not keep the
    metric from running. One name may be registered for each kind of place, with a function each (as `dullness_db`);
    `label`, `group` and `order` are then given with one of them and hold for all.

    Parameters
    ----------
    name : str
        Metric id with its unit, as `ttfa_heard_s`.
    unit : str
        "s", "dB", "Hz", "1" and so on.
    better : {"lower", "higher", "one", "zero", "none"}
        Which way is better: nearer to one for ratios, nearer to zero for signed losses, none for explanations.
    version : int
        Raised when the method changes, so that old and new values are not compared.
    taps : tuple of Tap
        Where a metric of a clip is measured; all taps by default. A recording whose tap is not known is always
        measured.
    tolerance : float
        Smallest difference, in the metric's unit, that a person could care about.
    pool : Pool
        How the values of parts become one, where a recording is too long to be measured whole.
    label : str
        Name in words for reports, as "Treble lost".
    group, order : Group, float
        Place in reports.
    headline : str or None
        Words for the sentence of a comparison, as "time to the first sound heard"; None where a comparison never
        leads with this metric. The first in order of group and `order` leads.
    tile : bool
        Whether it is one of the few figures at the top of a run; of a segment metric, the segment furthest off.
    baseline : bool
        Whether baselines keep its median; only for metrics in seconds of which less is better.
    compared : bool
        For a metric of a clip: whether a pair of recordings needs it of the reference too, because a fault is told by
        what the estimated recording has more, or less, than the reference.

    Raises
    ------
    TypeError
        If a parameter is none of the known needs, a name is registered twice for one kind of place, or `baseline` is
        asked for a metric that is not in seconds or of which less is not better.
    """

    def register(function: Callable[..., Reading]) -> Callable[..., Reading]:
        kind, allowed = _kind_of(function)
        needs = needs_of(function, allowed, name)
        optional = tuple(need for need in needs if has_default(function, need))
        if (name, kind) in _metrics:
            raise TypeError(f"{kind} metric {name} is registered twice")
        if baseline and (unit, better) != ("s", "lower"):
            raise TypeError(f"{name} cannot be part of a baseline: it is not in seconds of which less is better")
        _metrics[name, kind] = Metric(
            name=name, unit=unit, better=better, version=version, function=function,
            needs=tuple(need for need in needs if need not in optional), kind=kind,
            taps=taps if kind is MetricKind.TAP else (), tolerance=tolerance, pool=pool, optional=optional,
            label=label, group=group, order=order, headline=headline, tile=tile, baseline=baseline, compared=compared,
        )  # fmt: skip
        return function

    return register


def _kind_of(function: Callable[..., Reading]) -> tuple[MetricKind, frozenset[str]]:
    """Return the kind of place that the parameters of a function ask for, and all needs allowed there."""
    names = inspect.signature(function).parameters.keys()
    if SEGMENT_NEEDS & names:
        return MetricKind.SEGMENT, SEGMENT_NEEDS
    return (MetricKind.TAP, TAP_NEEDS) if "clip" in names else (MetricKind.TAKE, TAKE_NEEDS)


@cache
def all_metrics() -> tuple[Metric, ...]:
    """Return every metric in `PACKAGES`, in order of file and definition.

    Raises
    ------
    TypeError
        If a metric has no label, neither with it nor with another of the same name.
    """
    for package in PACKAGES:
        import_all(package)
    labelled = {item.name: item for item in _metrics.values() if item.label}
    unlabelled = [item.name for item in _metrics.values() if item.name not in labelled]
    if unlabelled:
        raise TypeError(f"{', '.join(unlabelled)}: no label is declared")
    return tuple(
        replace(item, label=known.label, group=known.group, order=known.order)
        for item in _metrics.values()
        if (known := labelled[item.name])
    )


def metric_named(name: str, kind: MetricKind | None = None) -> Metric | None:
    """Return the metric of a name, of one kind where that is asked for; None where there is none."""
    return next((item for item in all_metrics() if item.name == name and kind in (None, item.kind)), None)


def report_order(name: str) -> tuple[int, float]:
    """Return the sort key of a metric in reports; names that are not registered come last."""
    known = metric_named(name)
    return known.place_in_report if known else (len(Group), 0.0)


def metrics_in(group: Group) -> tuple[str, ...]:
    """Return the names of the metrics of a group, in order."""
    return tuple(sorted({item.name for item in all_metrics() if item.group is group}, key=report_order))


def tiles() -> tuple[Metric, ...]:
    """Return the metrics that are shown at the top of a run, in order."""
    return tuple(sorted((item for item in all_metrics() if item.tile), key=lambda item: item.place_in_report))


def headlines() -> dict[str, str]:
    """Return the words of metrics that a comparison may lead with, by name, the first to lead first."""
    words = {item.name: item.headline for item in all_metrics() if item.headline is not None}
    return {name: words[name] for name in sorted(words, key=report_order)}
