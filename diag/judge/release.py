"""Decide whether a product should be released: from findings, limits, and the comparison with an earlier release."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from diag.core import stats
from diag.core.chain import Hop, Tap
from diag.core.messages import Message, fixed_text, msg
from diag.core.release import Decision, Earlier, Limit, Product, Reason, Weight
from diag.core.results import Change, Comparison, Measurement, RunComparison, RunFinding, RunResult, Severity
from diag.core.units import format_value
from diag.judge.comparison import badness, compare_runs
from diag.judge.difference import LEVEL, chance_of_counts, corrected
from diag.judge.gate import checked, least_rank, prevents_measuring
from diag.judge.proof import by_reason
from diag.measure.registry import Group, headlines, metric_named

BLIND_TOLERANCES = 4.0
"""A latency whose smallest difference that could be shown is larger than so many tolerances (0.2 s) was not compared
well enough: it is the largest regression of the table of `make statistics`."""
REASONS_OF_PROOF = 3
NO_BASELINE = Reason(
    weight=Weight.NOTE,
    text=msg("Not held against an earlier release: there is no baseline."),
    fix=msg("keep this release as the baseline of later ones with `diag bench --update-baseline`"),
)
"""What is said of a product that nothing is held against."""


@dataclass(frozen=True)
class _Held:
    """The earlier release that figures are compared with: how it is called, and its takes."""

    what: str
    run: RunResult


def judge_product(
    run: RunResult,
    *,
    asked: int,
    earlier: Earlier | None = None,
    before: RunResult | None = None,
    limits: Sequence[Limit] = (),
    accepted: Collection[str] = (),
    fail_on: str = "error",
    decisions: int = 1,
    seed: int = 0,
) -> tuple[Product, RunComparison | None]:
    """Decide on one product; return the decision and the comparison with the earlier release, if there is one.

    An error, a value beyond a limit, a warning that the earlier release did not show, or a headline measure that became
    worse blocks the release. What was not shown to be right leaves it undecided.

    Parameters
    ----------
    run : RunResult
        Takes of the product.
    asked : int
        Number of takes that were requested.
    earlier, before : Earlier or None, RunResult or None
        What it is held against, and the takes of that.
    limits : sequence of Limit
    accepted : collection of str
        Codes of findings that the team has accepted. They are listed, and do not block.
    fail_on : {"error", "warning", "never"}
        Lowest severity of a finding that blocks.
    decisions : int
        Number of decisions that are made together. The probability of a false alarm (`LEVEL`) holds for all of them.
    seed : int
        Seed of intervals.
    """
    # Half of it is for headline measures (`compare_runs`), and half for new warnings.
    level = LEVEL / decisions
    comparison, held = None, None
    if earlier is not None and before is not None and not earlier.refused and run.counted and before.counted:
        comparison = compare_runs(before, run, seed=seed, allow_different=True, level=level)
        held = _Held(earlier.what, before)
    reasons = [
        *_findings(run, held, accepted, fail_on, level / 2),
        *(reason for limit in limits if limit.configuration in (None, run.name) for reason in _limit(limit, run, held)),
        *(_changes(comparison, held) if comparison is not None and held is not None else ()),
        *_evidence(run, asked),
        *_earlier(earlier, before),
    ]
    order = list(Weight)
    reasons.sort(key=lambda item: order.index(item.weight))
    product = Product(
        name=run.name,
        title=run.title,
        decision=_decision(reasons),
        reasons=tuple(reasons),
        takes=len(run.counted),
        asked=asked,
        earlier=earlier,
        folder=run.folder,
    )
    return product, comparison


def _decision(reasons: Iterable[Reason]) -> Decision:
    weights = {item.weight for item in reasons}
    if Weight.BLOCKS in weights:
        return Decision.DO_NOT_SHIP
    return Decision.TOO_LITTLE_EVIDENCE if Weight.UNDECIDED in weights else Decision.SHIP


# --- findings ---------------------------------------------------------------------------------------------------


def _findings(
    run: RunResult, earlier: _Held | None, accepted: Collection[str], fail_on: str, level: float
) -> Iterator[Reason]:
    raised = {item.finding.code for item in run.findings}
    roots = [item for item in run.findings if item.finding.consequence_of not in raised]
    roots = [item for item in roots if item.finding.severity is not Severity.INFO]
    new = _new_codes(roots, run, earlier, level)
    for item in sorted(roots, key=lambda item: (-item.finding.severity.rank, -len(item.take_ids))):
        found = item.finding
        share = _share(item)
        if earlier is not None and found.code in new:
            share = msg("{share}, new since {earlier}", share=share, earlier=earlier.what)
        title = found.title.rstrip(". ") if found.title.endswith(".") else found.title
        text = msg("{title} ({code}, {share}).", title=title, code=found.code, share=share)
        if prevents_measuring(found.code):
            weight = Weight.UNDECIDED if found.severity is Severity.ERROR else Weight.NOTE
        elif found.code in accepted:
            weight, text = Weight.NOTE, msg("Accepted in the suite: {text}", text=text)
        elif fail_on == "never":
            weight = Weight.WARNS
        else:
            blocks = found.severity.rank >= least_rank(fail_on) or found.code in new
            weight = Weight.BLOCKS if blocks else Weight.WARNS
        yield Reason(weight=weight, text=text, fix=found.fix, code=found.code)


def _new_codes(
    roots: Sequence[RunFinding], run: RunResult, earlier: _Held | None, level: float
) -> frozenset[str]:  # fmt: skip
    """Return codes that are found in more takes than in the earlier release, with at most `level` for all by chance."""
    if earlier is None:
        return frozenset()
    before = {item.finding.code: len(item.take_ids) for item in earlier.run.findings}
    total_a, total_b = len(earlier.run.counted), len(run.counted)
    rising = []
    for item in roots:
        then, now = before.get(item.finding.code, 0), len(item.take_ids)
        over_run = not item.counted
        if over_run and item.finding.code not in before:
            rising.append((item.finding.code, 0.0))
        elif not over_run and now * total_a > then * total_b:
            rising.append((item.finding.code, chance_of_counts(then, total_a, now, total_b)))
    chances = corrected([chance for _, chance in rising])
    return frozenset(code for (code, _), chance in zip(rising, chances, strict=True) if chance <= level)


def _share(item: RunFinding) -> Message:
    if not item.counted:
        return msg("over the whole run")
    return msg("in {found} of {takes} takes", found=len(item.take_ids), takes=item.counted)


# --- limits -----------------------------------------------------------------------------------------------------


def _limit(limit: Limit, run: RunResult, earlier: _Held | None) -> Iterator[Reason]:
    weight = Weight.BLOCKS if limit.blocks else Weight.WARNS
    values = _places(limit, run)
    metric = metric_named(limit.metric)
    unit, better = (metric.unit, metric.better) if metric is not None else ("", "lower")
    if not values:
        yield Reason(weight=weight, metric=limit.metric,
                     text=msg("{measure} has a limit and was not measured in any take.",
                              measure=_name(limit.metric)))  # fmt: skip
    then = {} if earlier is None else _places(limit, earlier.run)
    for place, measured in values.items():
        value = _summary(measured, limit.statistic, better)
        measure = _at(_name(limit.metric), place)
        name = msg("{measure}, {statistic}", measure=measure, statistic=_STATISTICS[limit.statistic])
        if value is None:
            few = msg("{name}, has a limit: {values} values are too few for a 95th percentile, which needs {needed}.",
                      name=name, values=len(measured), needed=stats.FEWEST_FOR_P95)  # fmt: skip
            yield Reason(weight=Weight.UNDECIDED, metric=limit.metric, text=few)
            continue
        yield from _absolute(limit, name, value, unit, weight)
        if limit.rise_at_most is not None or limit.rise_at_most_percent is not None:
            was = _summary(then[place], limit.statistic, better) if place in then else None
            yield from _relative(limit, name, (was, value), weight, earlier)


def _absolute(limit: Limit, name: Message, value: float, unit: str, weight: Weight) -> Iterator[Reason]:
    shown = format_value(value, unit)
    if limit.at_most is not None and value > limit.at_most:
        text = msg("{name}, is {value}; the limit is at most {limit}.",
                   name=name, value=shown, limit=format_value(limit.at_most, unit))  # fmt: skip
        yield Reason(weight=weight, metric=limit.metric, text=text)
    if limit.at_least is not None and value < limit.at_least:
        text = msg("{name}, is {value}; the limit is at least {limit}.",
                   name=name, value=shown, limit=format_value(limit.at_least, unit))  # fmt: skip
        yield Reason(weight=weight, metric=limit.metric, text=text)


def _relative(
    limit: Limit, name: Message, values: tuple[float | None, float], weight: Weight, earlier: _Held | None
) -> Iterator[Reason]:
    was, value = values
    metric = metric_named(limit.metric)
    if earlier is None or was is None or metric is None:
        text = msg("{name}, has a limit for its change, and there is no earlier value to compare it with.", name=name)
        yield Reason(weight=Weight.UNDECIDED, metric=limit.metric, text=text)
        return
    unit = metric.unit
    rise = badness(metric.better, value) - badness(metric.better, was)
    bounds = []
    if limit.rise_at_most is not None:
        bounds.append((limit.rise_at_most, format_value(limit.rise_at_most, unit)))
    if limit.rise_at_most_percent is not None:
        bounds.append((abs(was) * limit.rise_at_most_percent / 100, f"{limit.rise_at_most_percent:g} %"))
    for bound, words in bounds:
        if rise > bound:
            text = msg("{name}, became worse since {earlier}, from {was} to {value}; the limit is {limit}.",
                       name=name, earlier=earlier.what, was=format_value(was, unit), value=format_value(value, unit),
                       limit=words)  # fmt: skip
            yield Reason(weight=weight, metric=limit.metric, text=text)


_STATISTICS = {
    "median": msg("median"), "p95": msg("95th percentile"), "mean": msg("mean"), "worst": msg("worst take"),
}  # fmt: skip


def _places(limit: Limit, run: RunResult) -> dict[str, list[float]]:
    """Return the values of a limit's metric over the counted takes, by place in words."""
    found: dict[str, list[float]] = {}
    for take in run.counted:
        for item in take.measurements:
            if item.metric == limit.metric and isinstance(item.value, float | int) and _is_at(limit, item):
                found.setdefault(str(item.hop or item.tap or ""), []).append(float(item.value))
    return found


def _is_at(limit: Limit, item: Measurement) -> bool:
    hop = item.hop.value if item.hop else None
    tap = item.tap.value if item.tap else None
    return limit.hop in (None, hop) and limit.tap in (None, tap)


def _summary(values: Sequence[float], statistic: str, better: str) -> float | None:
    if statistic == "p95":
        return stats.p95(values)
    if statistic == "mean":
        return sum(values) / len(values)
    if statistic == "worst":
        return max(values, key=lambda value: badness(better, value) if better != "none" else value)
    return stats.median(values)


def _name(metric: str) -> Message | str:
    known = metric_named(metric)
    return fixed_text(known.label) if known else metric


def _at(name: str, place: Hop | Tap | str | None) -> str:
    """Return the name of a measure with the hop or tap where it was measured, if there is one."""
    return msg("{name} ({place})", name=name, place=fixed_text(str(place))) if place else name


# --- the comparison with an earlier release ---------------------------------------------------------------------


def _changes(comparison: RunComparison, earlier: _Held) -> Iterator[Reason]:
    leading = list(headlines())
    items = [item for item in comparison.comparisons if item.metric in leading or item.metric == "answered"]
    for item in sorted(items, key=lambda item: leading.index(item.metric) if item.metric in leading else -1):
        if item.verdict is Change.WORSE:
            yield Reason(weight=Weight.BLOCKS, metric=item.metric, text=change_in_words(item, earlier.what))
        elif item.verdict is Change.BETTER:
            yield Reason(weight=Weight.NOTE, metric=item.metric, text=change_in_words(item, earlier.what))
        else:
            yield from _blind(item, earlier)
    for item in comparison.comparisons:
        if item not in items and item.verdict is Change.WORSE:
            yield Reason(weight=Weight.WARNS, metric=item.metric, text=change_in_words(item, earlier.what))


def _blind(item: Comparison, earlier: _Held) -> Iterator[Reason]:
    """Return why nothing can be said on a latency, if so."""
    metric = metric_named(item.metric)
    if metric is None or metric.group is not Group.LATENCY:
        return
    if item.verdict is Change.TOO_FEW:
        yield Reason(weight=Weight.UNDECIDED, metric=item.metric,
                     text=msg("{measure} was not compared with {earlier}: {reason}.", measure=_name(item.metric),
                              earlier=earlier.what, reason=item.reason))  # fmt: skip
    elif item.smallest is not None and item.smallest > BLIND_TOLERANCES * metric.tolerance:
        more = math.ceil(item.n_pairs * (item.smallest / (BLIND_TOLERANCES * metric.tolerance)) ** 2)
        yield Reason(
            weight=Weight.UNDECIDED,
            metric=item.metric,
            text=msg(
                "{measure} varies so much from take to take that only a change of {smallest} or more would have "
                "been shown.",
                measure=_name(item.metric),
                smallest=format_value(item.smallest, item.unit),
            ),
            fix=msg("record about {more} takes (`--takes {more}`), with a baseline of as many", more=more),
        )


def change_in_words(item: Comparison, before: str) -> Message:
    """Return the sentence on a measure that became worse or better since `before`.

    It ends with what two series of the same thing differ by.
    """
    values = {
        "measure": _at(_name(item.metric), item.hop or item.tap),
        "a": format_value(item.a, item.unit),
        "before": before,
        "b": format_value(item.b, item.unit),
    }
    worse = item.verdict is Change.WORSE
    if item.noise is None:
        if worse:
            return msg("{measure} is worse: {a} in {before}, {b} now.", **values)
        return msg("{measure} is better: {a} in {before}, {b} now.", **values)
    values["noise"] = format_value(item.noise, item.unit)
    if worse:
        return msg("{measure} is worse: {a} in {before}, {b} now (two series of the same thing differ by up to {noise} "
                   "here).", **values)  # fmt: skip
    return msg("{measure} is better: {a} in {before}, {b} now (two series of the same thing differ by up to {noise} "
               "here).", **values)  # fmt: skip


# --- evidence ---------------------------------------------------------------------------------------------------


def _evidence(run: RunResult, asked: int) -> Iterator[Reason]:
    counted = len(run.counted)
    if not counted or not checked(run):
        yield Reason(weight=Weight.UNDECIDED, text=msg("Nothing was checked: no take was measured."))
        return
    if counted < stats.FEWEST_VALUES:
        few = msg("Few takes ({takes}): faults that come now and then may be missed.", takes=counted)
        yield Reason(weight=Weight.WARNS, text=few, fix=msg("record {takes} takes", takes=stats.FEWEST_FOR_P95))
    if counted < asked:
        more = msg("record more")
        if run.folder:
            more = msg("record the rest with `diag bench --resume {folder}`", folder=run.folder)
        text = msg("Only {takes} of {asked} takes were measured.", takes=counted, asked=asked)
        yield Reason(weight=Weight.UNDECIDED, text=text, fix=more)
    for item in by_reason(entry.item for entry in run.not_shown)[:REASONS_OF_PROOF]:
        text = msg("Not shown to be right: {codes} ({reason}).",
                   codes=", ".join(item.codes[:REASONS_OF_PROOF]), reason=item.reason)  # fmt: skip
        yield Reason(weight=Weight.UNDECIDED, text=text)


def _earlier(earlier: Earlier | None, before: RunResult | None) -> Iterator[Reason]:
    if earlier is None:
        yield NO_BASELINE
        return
    for name, then, now in earlier.refused:
        text = msg("Not compared with {earlier}: {name} was {then} and is {now}.",
                   earlier=earlier.what, name=fixed_text(name), then=then, now=now)  # fmt: skip
        fix = msg("measure as then, or keep a new baseline with `diag bench --update-baseline`")
        yield Reason(weight=Weight.UNDECIDED, text=text, fix=fix)
    if not earlier.refused and (before is None or not before.counted):
        text = msg("Not compared with {earlier}: none of its takes was measured.", earlier=earlier.what)
        yield Reason(weight=Weight.UNDECIDED, text=text,
                     fix=msg("keep a new baseline with `diag bench --update-baseline`, or name another run after "
                             "`--against`"))  # fmt: skip
    for name, then, now in earlier.flagged:
        text = msg("Another {name} than in {earlier}: {then} then, {now} now.",
                   name=fixed_text(name), earlier=earlier.what, then=then, now=now)  # fmt: skip
        yield Reason(weight=Weight.NOTE, text=text)
