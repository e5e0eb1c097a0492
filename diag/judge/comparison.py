"""Compare two runs: what differs, by how much, with which confidence, and the reason in one sentence."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from diag.core import stats
from diag.core.chain import Segment, Tap
from diag.core.errors import BadInputError
from diag.core.messages import Message, fixed_text, joined, msg
from diag.core.results import (
    Change,
    Comparison,
    Measurement,
    RunComparison,
    RunFinding,
    RunResult,
    Severity,
    TakeResult,
)
from diag.core.units import counted, format_value
from diag.judge.difference import (
    LEVEL,
    chance_of,
    chance_of_counts,
    corrected,
    floor_between_equals,
    smallest_shown,
)
from diag.measure.registry import Metric, all_metrics, headlines

MUST_MATCH = ("audio", "endpoint")
"""Fields of the environment that must be equal for the figures of two runs to be comparable."""
_FRAMES = ("setup", "setup_frame")
"""Settings that are compared as they were sent, in `setup_diff`."""
SETUP_CAUSES: Mapping[str, str] = {
    "CFG001": "generationConfig.responseModalities",
    "CFG002": "model",
    "CFG003": "generationConfig.responseModalities",
    "CFG006": "",
    "CFG012": "realtimeInputConfig.automaticActivityDetection",
    "CFG013": "",
}
"""Findings whose cause is in the setup message, and the beginning of the field's name that can cause it."""
_QUIET = ("audio_server", "host", "time")

DECIDED_TOLERANCES = 2.0
"""`--takes auto` goes on while less than this many tolerances of a headline measure in seconds would not be shown."""
MOST_FIELDS = 3
"""Number of differing fields of the setup messages that the sentence names."""

Place = tuple[str, Segment | None, Tap | None]
Key = tuple[str, int]


def compare_runs(
    a: RunResult, b: RunResult, *, seed: int, allow_different: bool = False, level: float = LEVEL
) -> RunComparison:
    """Compare two runs; every difference is b minus a.

    The take is the unit. Takes are paired by prompt and, within a prompt, by order. The difference is the median of the
    paired differences (the mean for shares such as `answered`). Its interval is a 95 % percentile bootstrap over pairs,
    or over prompts if at least five prompts repeat. A difference is called better or worse if its interval excludes
    zero, it is at least the metric's tolerance, and its probability by chance, corrected for the number of metrics
    tested, is small enough. Headline measures and all others are two families of tests, and each has half of `level`.

    A take without a reply is a change for the worse in all measures of the reply. Metrics whose values all lie within
    the tolerance cannot differ, whichever take belongs to which run, so they are not among the metrics tested.

    Parameters
    ----------
    a, b : RunResult
        Discarded takes are left out.
    seed : int
        Seed of the bootstrap.
    allow_different : bool
        Compare figures even if audio or endpoint differ.
    level : float
        Probability of calling any metric of two equal runs worse.

    Raises
    ------
    BadInputError
        If the runs differ in audio or endpoint, naming the fields.
    """
    if not allow_different:
        _refuse_unlike(a, b)
    comparisons = _comparisons(a, b, seed, level)
    config_diff = tuple(item for item in differences(a.config, b.config) if item[0].split(".")[0] not in _FRAMES)
    setup_diff = setup_differences(a.setup, b.setup) if a.setup is not None and b.setup is not None else ()
    sentence, verdict = _sentence(a, b, comparisons, config_diff, setup_diff)
    return RunComparison(
        a=a.name,
        b=b.name,
        sentence=sentence,
        config_diff=config_diff,
        setup_diff=setup_diff,
        environment_diff=tuple(
            item for item in differences(a.environment, b.environment) if item[0].split(".")[0] not in _QUIET
        ),
        comparisons=comparisons,
        verdict=verdict,
    )


def differences(a: Mapping[str, Any], b: Mapping[str, Any], prefix: str = "") -> tuple[tuple[str, Any, Any], ...]:
    """Return the fields that differ, as (dotted name, value in a, value in b); None if a side lacks the field."""
    found: list[tuple[str, Any, Any]] = []
    for name in dict.fromkeys([*a, *b]):
        left, right = a.get(name), b.get(name)
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            found.extend(differences(left, right, f"{prefix}{name}."))
        elif left != right:
            found.append((f"{prefix}{name}", left, right))
    return tuple(found)


def setup_differences(a: Mapping[str, Any], b: Mapping[str, Any], prefix: str = "") -> tuple[tuple[str, Any, Any], ...]:
    """Return the fields of two setup messages that differ, as `differences` does.

    An object that one side leaves out is compared field by field too, so that each field has the same name everywhere.
    """
    found: list[tuple[str, Any, Any]] = []
    for name in dict.fromkeys([*a, *b]):
        left, right = a.get(name), b.get(name)
        one, other = ({} if side is None else side for side in (left, right))
        # An empty object says something by being there, so it is compared with nothing as a whole.
        if isinstance(one, Mapping) and isinstance(other, Mapping) and {} not in (left, right):
            found.extend(setup_differences(one, other, f"{prefix}{name}."))
        elif left != right:
            found.append((f"{prefix}{name}", left, right))
    return tuple(found)


def _refuse_unlike(a: RunResult, b: RunResult) -> None:
    unlike = [
        item
        for name in MUST_MATCH
        for item in differences({name: a.environment.get(name)}, {name: b.environment.get(name)})
    ]
    if unlike:
        raise BadInputError(
            f"Could not compare {a.name} and {b.name}",
            seen="they differ in " + ", ".join(f"{name} ({left} and {right})" for name, left, right in unlike),
            allowed="two runs on the same audio and endpoint, measured in the same way",
            next_step="record one of them again with the audio and endpoint of the other",
        )


# --- metric by metric -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Tested:
    """One metric at one place: what was measured, and the probability of its change by chance (None if not tested)."""

    metric: Metric
    comparison: Comparison
    changes: tuple[float, ...]
    chance: float | None


def _comparisons(a: RunResult, b: RunResult, seed: int, level: float) -> tuple[Comparison, ...]:
    known = {metric.name: metric for metric in all_metrics()}
    in_a, in_b = _by_place(a), _by_place(b)
    failed = _failed(a), _failed(b)
    found = [
        _test_metric(metric, place, in_a.get(place, {}), in_b.get(place, {}), failed=failed, seed=seed)
        for place in dict.fromkeys([*in_a, *in_b])
        if (metric := known.get(place[0])) is not None and metric.better != "none"
    ]
    # Two families: a measure that few look at does not make it harder to show a change of the wait.
    judged: dict[int, Comparison] = {}
    for leading in (True, False):
        family = [index for index, item in enumerate(found) if _leads(item.metric) is leading]
        tested = [index for index in family if found[index].chance is not None]
        chances = dict(zip(tested, corrected([found[index].chance or 0.0 for index in tested]), strict=True))
        for index in family:
            judged[index] = _judged(found[index], chances.get(index), tested=len(tested), level=level / 2)
    return tuple(judged[index] for index in range(len(found)))


def _leads(metric: Metric) -> bool:
    return metric.headline is not None


def _by_place(run: RunResult) -> dict[Place, dict[Key, Measurement]]:
    """Return measurements by place, then by prompt and by the number of earlier takes of that prompt."""
    found: dict[Place, dict[Key, Measurement]] = defaultdict(dict)
    for take in run.counted:
        for item in take.measurements:
            if isinstance(item.value, tuple) or (item.segment is not None and not item.segment.comparable):
                continue
            prompt = _prompt_of(take, item.turn)
            place = (item.metric, item.segment, item.tap)
            count = sum(1 for name, _ in found[place] if name == prompt)
            found[place][prompt, count] = item
    return found


def _prompt_of(take: TakeResult, turn: int | None) -> str:
    one_turn = turn is not None and turn < len(take.prompt_names)
    return take.prompt_names[turn or 0] if one_turn else " / ".join(take.prompt_names)


def _failed(run: RunResult) -> frozenset[Key]:
    """Return prompts, and the number of earlier takes of that prompt, that were not answered."""
    answers = _by_place(run).get(("answered", None, None), {})
    return frozenset(key for key, item in answers.items() if item.value == 0.0)


def _test_metric(
    metric: Metric,
    place: Place,
    in_a: Mapping[Key, Measurement],
    in_b: Mapping[Key, Measurement],
    *,
    failed: tuple[frozenset[Key], frozenset[Key]],
    seed: int,
) -> _Tested:
    name, segment, tap = place
    values_a, values_b = _values(in_a), _values(in_b)
    pairs = [(key, values_b[key] - values_a[key]) for key in values_a if key in values_b]
    shares = bool(pairs) and {*values_a.values(), *values_b.values()} <= {0.0, 1.0}
    typical: Callable[[Sequence[float]], float | None] = _mean if shares else stats.median
    by_prompt: dict[str, list[float]] = defaultdict(list)
    for (prompt, _), change in pairs:
        by_prompt[prompt].append(change)
    own_seed = stats.derived_seed(seed, name, segment.hop.value if segment else "None", str(tap))
    comparison = Comparison(
        metric=name,
        unit=metric.unit,
        a=typical(list(values_a.values())),
        b=typical(list(values_b.values())),
        difference=typical([value for _, value in pairs]),
        interval=stats.bootstrap_interval(
            list(by_prompt.values()), statistic="mean" if shares else "median", seed=own_seed
        ),
        n_pairs=len(pairs),
        verdict=Change.TOO_FEW,
        reason=_missing(in_a, in_b),
        segment=segment,
        tap=tap,
        noise=None if shares else floor_between_equals(_by_prompt(values_b), len(pairs), seed=own_seed),
    )
    if comparison.interval is None:
        return _Tested(metric, comparison, (), None)
    if shares:
        ones = int(sum(values_a.values())), int(sum(values_b.values()))
        return _Tested(metric, comparison, (), chance_of_counts(ones[0], len(values_a), ones[1], len(values_b)))
    changes = _changes(metric, values_a, values_b, failed)
    values = (*values_a.values(), *values_b.values())
    tried = max(values) - min(values) >= metric.tolerance or bool(failed[0] ^ failed[1])
    chance = chance_of(changes, tolerance=metric.tolerance) if tried else None
    return _Tested(metric, comparison, tuple(changes), chance)


def _by_prompt(values: Mapping[Key, float]) -> list[Any]:
    groups: dict[str, list[float]] = defaultdict(list)
    for (prompt, _), value in values.items():
        groups[prompt].append(value)
    return [np.asarray(group) for group in groups.values()]


def _changes(
    metric: Metric,
    values_a: Mapping[Key, float],
    values_b: Mapping[Key, float],
    failed: tuple[frozenset[Key], frozenset[Key]],
) -> list[float]:
    """Return how much worse B is in each pair.

    A pair in which one take has no reply is a change for the worse, or the better, of the usual size. Were it the
    largest one, a single reply that stayed away before would hide that all others come later now. The share of takes
    that were answered is a measure of its own.
    """
    measured = {
        key: badness(metric.better, values_b[key]) - badness(metric.better, values_a[key])
        for key in values_a
        if key in values_b
    }
    finite = {key: value for key, value in measured.items() if math.isfinite(value)}
    usual = max(metric.tolerance, stats.median([abs(value) for value in finite.values()]) or 0.0)
    changes = list(finite.values())
    changes += [usual for key in failed[1] if key not in values_b and key in values_a]
    changes += [-usual for key in failed[0] if key not in values_a and key in values_b]
    return changes


def _values(items: Mapping[Key, Measurement]) -> dict[Key, float]:
    return {key: float(item.value) for key, item in items.items() if isinstance(item.value, float | int)}


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _judged(item: _Tested, chance: float | None, *, tested: int, level: float) -> Comparison:
    """Return the comparison of a metric with its verdict."""
    metric, found = item.metric, item.comparison
    if found.a is None or found.b is None or found.difference is None or found.interval is None:
        few = msg(
            "{pairs} with a value on both sides; {needed} are needed",
            pairs=counted(found.n_pairs, "pair"),
            needed=stats.FEWEST_VALUES,
        )
        return replace(found, reason=joined([text for text in (few, found.reason) if text]))
    smallest = smallest_shown(item.changes, tolerance=metric.tolerance, tested=tested, level=level)
    low, high = found.interval
    change = badness(metric.better, found.b) - badness(metric.better, found.a)
    shown = not low <= 0 <= high and abs(found.difference) >= metric.tolerance and change != 0
    if not shown or chance is None or chance > level:
        return replace(found, verdict=Change.NONE_SHOWN, chance=chance, smallest=smallest)
    return replace(found, verdict=Change.WORSE if change > 0 else Change.BETTER, chance=chance, smallest=smallest)


def badness(better: str, value: float) -> float:
    """Return how bad a value is, from the `better` of its metric. Larger is worse."""
    if better == "one":
        return abs(math.log(value)) if value > 0 else math.inf
    return {"lower": value, "higher": -value, "zero": abs(value)}[better]


def _missing(in_a: Mapping[Key, Measurement], in_b: Mapping[Key, Measurement]) -> str | None:
    """Return how many values each side lacks and why, so that no average hides missing values; else None."""
    told = []
    for side, items in (("A", in_a), ("B", in_b)):
        missing = [item for item in items.values() if item.value is None]
        if missing:
            told.append(
                msg(
                    "{side} has no value in {missing} of {takes} ({reason})",
                    side=side,
                    missing=len(missing),
                    takes=len(items),
                    reason=missing[0].reason,
                )
            )
    return joined(told) if told else None


def is_decided(comparison: RunComparison) -> bool:
    """Return whether more takes would not change the verdict: a difference, or one that would have been shown.

    No difference is decided if, for every headline measure in seconds, twice its tolerance would have been shown.
    """
    if comparison.verdict in (Change.WORSE, Change.BETTER):
        return True
    known = {metric.name: metric for metric in all_metrics() if metric.headline is not None and metric.unit == "s"}
    items = [item for item in comparison.comparisons if item.metric in known]
    return bool(items) and all(
        item.smallest is not None and item.smallest <= DECIDED_TOLERANCES * known[item.metric].tolerance
        for item in items
        if item.a is not None and item.b is not None
    )


# --- the sentence -----------------------------------------------------------------------------------------------


def _sentence(
    a: RunResult,
    b: RunResult,
    comparisons: Sequence[Comparison],
    config_diff: Sequence[tuple[str, Any, Any]],
    setup_diff: Sequence[tuple[str, Any, Any]],
) -> tuple[str, Change]:
    """Return what differs and why, with the fix: from findings that only one side has, otherwise from figures.

    A finding whose cause is in the setup message comes first, together with the fields of the messages that differ.
    """
    if not a.counted or not b.counted:
        empty = a.name if not a.counted else b.name
        return msg("{name} has no counted take, so nothing can be compared.", name=empty), Change.TOO_FEW
    codes_a, codes_b = ({item.finding.code for item in _roots(run)} for run in (a, b))
    only_b = sorted((item for item in _roots(b) if item.finding.code not in codes_a), key=_setup_first)
    only_a = sorted((item for item in _roots(a) if item.finding.code not in codes_b), key=_setup_first)
    if only_b or only_a:
        by_setup = _setup_words(a, b, [*only_b[:1], *only_a[:1]], setup_diff)
        if only_b and only_a:
            text = msg("{fixed}. New fault of {fault}.", fixed=_fixed(b, only_a[0]), fault=_fault(b, only_b[0]))
        elif only_b:
            text = msg("{fault}; {name} does not have this fault.", fault=_fault(b, only_b[0]), name=a.name)
        else:
            text = msg("{fixed}.", fixed=_fixed(b, only_a[0]))
            if only_a[0].finding.code in SETUP_CAUSES:
                fix = _plain(only_a[0].finding.fix)
                text = msg("{text} Fix of {name}: {fix}.", text=text, name=a.name, fix=fix)
        rest = len(only_a) + len(only_b) - (2 if only_a and only_b else 1)
        if rest:
            text = msg("{text} ({findings} below.)", text=text, findings=counted(rest, "more finding"))
        if by_setup:
            text = msg("{first} {other}", first=by_setup, other=text)
        return text, _verdict_of_findings(only_a, only_b)
    changed = [item for item in comparisons if item.verdict in (Change.WORSE, Change.BETTER)]
    leading = headlines()
    changed = [item for item in changed if item.metric in leading]
    changed.sort(key=lambda item: (item.verdict is not Change.WORSE, list(leading).index(item.metric)))
    if changed:
        return _figure(a, b, changed[0], config_diff), changed[0].verdict
    measured = [item for item in comparisons if item.metric in leading and item.verdict is not Change.TOO_FEW]
    if not measured:
        return (
            msg("Too few takes to tell {a} and {b} apart: at least {fewest} pairs are needed.", a=a.name, b=b.name,
                fewest=stats.FEWEST_VALUES),
            Change.TOO_FEW,
        )  # fmt: skip
    if codes_a & codes_b:
        both = ", ".join(sorted(codes_a & codes_b))
        text = msg("No difference shown between {a} and {b}; both have {codes}.", a=a.name, b=b.name, codes=both)
    else:
        text = msg("No difference shown between {a} and {b}.", a=a.name, b=b.name)
    return text, Change.NONE_SHOWN


def _setup_first(item: RunFinding) -> bool:
    """Sort key: findings whose cause is in the setup message before all others."""
    return item.finding.code not in SETUP_CAUSES


def _setup_words(
    a: RunResult, b: RunResult, named: Sequence[RunFinding], setup_diff: Sequence[tuple[str, Any, Any]]
) -> Message | None:
    """Return in which fields the setup messages differ, if one of the named findings can come from them; else None."""
    beginnings = [SETUP_CAUSES[item.finding.code] for item in named if item.finding.code in SETUP_CAUSES]
    fields = [item for item in setup_diff if any(item[0].startswith(beginning) for beginning in beginnings)]
    if not fields:
        return None
    words = [
        msg("`{name}` is {left} in {a} and {right} in {b}", name=name, left=_sent(left), a=a.name, right=_sent(right),
            b=b.name)
        for name, left, right in fields[:MOST_FIELDS]
    ]  # fmt: skip
    if len(fields) > MOST_FIELDS:
        words.append(msg("and {rest} more", rest=len(fields) - MOST_FIELDS))
    return msg("The setup messages differ: {fields}.", fields=joined(words, ", "))


def _sent(value: Any) -> str:
    return msg("left out") if value is None else json.dumps(value, ensure_ascii=False)


def _roots(run: RunResult) -> list[RunFinding]:
    worth = (Severity.ERROR, Severity.WARNING)
    return [item for item in run.findings if item.finding.consequence_of is None and item.finding.severity in worth]


def _fault(run: RunResult, item: RunFinding) -> Message:
    found = item.finding
    where: Message | str = found.code
    if len(item.take_ids) != item.counted:
        where = msg("{code}, in {found} of {takes} takes", code=found.code, found=len(item.take_ids),
                    takes=item.counted)  # fmt: skip
    return msg("{name}: {title} ({where}). Fix: {fix}", name=run.name, title=_plain(found.title), where=where,
               fix=_plain(found.fix))  # fmt: skip


def _fixed(b: RunResult, item: RunFinding) -> Message:
    """Return a fault that only A has. Its fix is left out because B no longer needs it."""
    title = _plain(item.finding.title)
    return msg("{name} no longer has {code} ({title})", name=b.name, code=item.finding.code, title=title)


def _plain(text: str) -> str:
    return text.rstrip(". ") if text.endswith((".", " ")) else text


def _verdict_of_findings(only_a: Sequence[RunFinding], only_b: Sequence[RunFinding]) -> Change:
    def rank(items: Iterable[RunFinding]) -> int:
        return max((item.finding.severity.rank for item in items), default=-1)

    return Change.BETTER if rank(only_a) > rank(only_b) else Change.WORSE


def _figure(a: RunResult, b: RunResult, item: Comparison, config_diff: Sequence[tuple[str, Any, Any]]) -> Message:
    assert item.interval is not None
    place = f" ({item.hop or item.tap})" if item.hop or item.tap else ""
    low, high = (format_value(value, item.unit) for value in item.interval)
    settings = [
        msg("{name} {left} and {right}", name=name, left=_setting(left), right=_setting(right))
        for name, left, right in config_diff[:3]
    ]
    values = {
        "a": a.name,
        "b": b.name,
        "measure": fixed_text(headlines()[item.metric]),
        "place": place,
        "before": format_value(item.a, item.unit),
        "after": format_value(item.b, item.unit),
        "change": format_value(item.difference, item.unit),
        "low": low,
        "high": high,
        "pairs": item.n_pairs,
    }
    if item.verdict is Change.WORSE:
        text = msg("{b} is worse than {a}: {measure}{place} {before} and {after}, a change of {change} "
                   "(95 % {low} to {high}, {pairs} pairs).", **values)  # fmt: skip
    else:
        text = msg("{b} is better than {a}: {measure}{place} {before} and {after}, a change of {change} "
                   "(95 % {low} to {high}, {pairs} pairs).", **values)  # fmt: skip
    if settings:
        return msg("{text} They differ in {settings}.", text=text, settings=joined(settings, ", "))
    return msg("{text} Their settings are the same.", text=text)


def _setting(value: Any) -> str:
    return "(unset)" if value is None else str(value)
