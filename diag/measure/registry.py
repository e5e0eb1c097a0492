"""Registry of metrics. A metric is one file in `diag.measure.metrics`; there is no list to edit.

`@metric` declares everything about a metric: where it is measured, its label, unit, group and order in reports, its
words in a comparison, and its tolerance. The limit beyond which a value is a fault is
declared by the rule that judges it.
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
"""How the values of the parts of a long recording are combined: their sum; the mean weighted by length ("rate"); the
mean, the median or the mean of powers ("level"), weighted by seconds of sound; the highest; or the first."""


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
    """How long a person waits, up to different moments of the reply."""
    STAGES = "stages"
    """The stages that a wait consists of."""
    TURNS = "turn-taking"
    """Turn-taking: interruptions, overlap, and how a conversation changes."""
    SCHEDULE = "schedule"
    """When chunks of audio were received and sent."""
    SPEED = "speed"
    """Speed, clock drift and delay."""
    TREBLE = "treble"
    """How much of the upper bands is preserved."""
    CONTINUITY = "continuity"
    """Inserted silence, lost and repeated sound."""
    GLITCHES = "glitches"
    """Damaged samples, and sound that is not speech."""
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
TAKE_NEEDS = frozenset({*(tap.value for tap in Tap), "timeline", "environment", "turn", "turns"})


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A registered metric: its name, where it is measured, and the function that measures it.

    Parameters
    ----------
    needs, optional : tuple of str
        Names of the function's parameters without and with a default.
    taps : tuple of Tap
        Taps on which a tap metric is measured; empty for other kinds.
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
    compared: bool = False
    on_clock: bool = False

    @property
    def place_in_report(self) -> tuple[int, float]:
        """Sort key of the metric in reports: its group, then its order in the group."""
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
    compared: bool = False,
    on_clock: bool = False,
) -> Callable[[Callable[..., Reading]], Callable[..., Reading]]:
    """Register a metric function.

    The names of its parameters say what it needs and where it is measured:

    - `reference, estimated`: on every segment of the chain whose ends carry the same speech;
    - `clip`, and optionally `voice=None` (the profile of the voice that speaks): on every tap, or only on `taps`;
    - any of the taps by name, `timeline`, `environment`, `turns`, `turn`: on the take, once for each turn with `turn`.

    A parameter with a default is optional: it is passed if the take has it, and the metric runs without it too. One
    name may be registered once for each kind of place, each with its own function (such as `dullness_db`). `label`,
    `group` and `order` are then given with one of them and apply to all.

    Parameters
    ----------
    name : str
        Metric id with its unit, such as `ttfa_heard_s`.
    unit : str
        "s", "dB", "Hz", "1" and so on.
    better : {"lower", "higher", "one", "zero", "none"}
        Which values are better: "one" for ratios, "zero" for signed losses, "none" for metrics that are not judged.
    version : int
        Increased when the method changes, so that old and new values are not compared.
    taps : tuple of Tap
        Taps on which a tap metric is measured; all by default. A recording whose tap is not known is always measured.
    tolerance : float
        Smallest difference that matters, in the metric's unit.
    pool : Pool
        How the values of parts are combined if a recording is too long to be measured as a whole.
    label : str
        Name in words for reports, such as "Treble lost".
    group, order : Group, float
        Place in reports.
    headline : str or None
        Words for the sentence of a comparison, such as "time to the first sound heard". None if the sentence never
        names this metric. If several metrics changed, the first by group and `order` is named.
    tile : bool
        Whether it is one of the few figures at the top of a run. For a segment metric the worst segment is shown.
    compared : bool
        For a tap metric: whether it is measured on the reference of a pair too, because its rule judges the difference
        between recording and reference.
    on_clock : bool
        Whether it depends on when the recordings began, and not on their samples alone. It is then measured for each
        take, also where takes have the same recordings.

    Raises
    ------
    TypeError
        If a parameter name is not known, or a name is registered twice for one kind of place.
    """

    def register(function: Callable[..., Reading]) -> Callable[..., Reading]:
        kind, allowed = _kind_of(function)
        needs = needs_of(function, allowed, name)
        optional = tuple(need for need in needs if has_default(function, need))
        if (name, kind) in _metrics:
            raise TypeError(f"{kind} metric {name} is registered twice")
        _metrics[name, kind] = Metric(
            name=name, unit=unit, better=better, version=version, function=function,
            needs=tuple(need for need in needs if need not in optional), kind=kind,
            taps=taps if kind is MetricKind.TAP else (), tolerance=tolerance, pool=pool, optional=optional,
            label=label, group=group, order=order, headline=headline, tile=tile, compared=compared,
            on_clock=on_clock,
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
        If no registration of a metric name has a label.
    """
    for package in PACKAGES:
        import_all(package)
    labelled = {item.name: item for item in _metrics.values() if item.label}
    unlabelled = [item.name for item in _metrics.values() if item.name not in labelled]
    if unlabelled:
        raise TypeError(f"{', '.join(unlabelled)}: no label is declared")
    # A module that was imported before the others must not come first: processes would list them in unlike orders.
    in_order = sorted(_metrics.values(), key=lambda item: item.function.__module__)
    return tuple(
        replace(item, label=known.label, group=known.group, order=known.order)
        for item in in_order
        if (known := labelled[item.name])
    )


def metric_named(name: str, kind: MetricKind | None = None) -> Metric | None:
    """Return the metric with a name, optionally of one kind; None if there is none."""
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
    """Return name and words of the metrics that the sentence of a comparison may name, most important first."""
    words = {item.name: item.headline for item in all_metrics() if item.headline is not None}
    return {name: words[name] for name in sorted(words, key=report_order)}
