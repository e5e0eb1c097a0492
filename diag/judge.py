"""Turns takes into measurements and findings: runs every metric and every rule, and never falls over.

A metric or a rule that throws becomes a result that says so, and the rest goes on; this is the one place of the
project that catches every exception.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from diag import __version__, stats
from diag.chain import HEARD_PROMPT_CHANNEL, HEARD_REPLY_CHANNEL, Hop, Tap
from diag.clip import Clip
from diag.registry import Metric, Rule, all_metrics, all_rules
from diag.results import (
    Finding,
    Measurement,
    Measurements,
    Reading,
    RuleOutcome,
    RunFinding,
    RunResult,
    Spot,
    Status,
    SummaryRow,
    TakeResult,
    Verdict,
    not_measured,
)
from diag.take import Take, Turn

if TYPE_CHECKING:
    from diag.config import ClientConfig

_PROMPT_TAPS = (Tap.PROMPT, Tap.CAPTURED, Tap.SENT)
_TAP_NAMES = frozenset(tap.value for tap in Tap)
_NO_TURN = "no turn took place in this take"


# --- one take ---------------------------------------------------------------------------------------------------


def judge_take(
    take: Take, *, metrics: Sequence[Metric] | None = None, rules: Sequence[Rule] | None = None
) -> TakeResult:
    """Measure and judge one take.

    Parameters
    ----------
    take : Take
        Its `scenario` is never read.
    metrics, rules : sequences, optional
        All registered ones by default.
    """
    measurements = Measurements(tuple(_measure(take, all_metrics() if metrics is None else metrics)))
    given = {
        "measurements": measurements,
        "timeline": take.timeline,
        "config": take.config,
        "environment": take.environment,
        "turns": take.turns,
    }
    chosen = [rule for rule in (all_rules() if rules is None else rules) if rule.scope == "take"]
    verdicts = [(rule, _verdict(rule, given)) for rule in chosen]
    findings = [_finding(rule, verdict) for rule, verdict in verdicts if verdict.status is Status.RAISED]
    discards = [verdict.title for _, verdict in verdicts if verdict.status is Status.RAISED and verdict.discard]
    return TakeResult(
        id=take.id,
        prompt_names=tuple(turn.prompt_name for turn in take.turns),
        measurements=measurements,
        findings=_with_causes(findings, chosen, {item.code for item in findings}),
        outcomes=tuple(_outcome(rule, verdict) for rule, verdict in verdicts),
        discarded="; ".join(discards) or None,
    )


def measure_recording(
    clip: Clip, reference: Clip | None = None, *, metrics: Sequence[Metric] | None = None
) -> Measurements:
    """Measure a recording alone, and against a reference where there is one, with every metric that fits.

    Measurements against the reference come first; none of them has a hop or a tap.
    """
    found = []
    for metric in all_metrics() if metrics is None else metrics:
        if metric.hops and reference is not None:
            found.append(_measurement(metric, _reading(metric, {"reference": reference, "estimated": clip}), None))
    for metric in all_metrics() if metrics is None else metrics:
        if metric.taps:
            found.append(_measurement(metric, _reading(metric, {"clip": clip}), None))
    return Measurements(tuple(found))


def _measure(take: Take, metrics: Sequence[Metric]) -> Iterator[Measurement]:
    turns: tuple[Turn | None, ...] = take.turns or (None,)
    for metric in metrics:
        if metric.hops:
            for hop in metric.hops:
                for turn in turns:
                    yield _on_hop(take, metric, hop, turn)
        elif metric.taps:
            for tap in metric.taps:
                for turn in turns:
                    yield _on_tap(take, metric, tap, turn)
        else:
            for turn in turns if "turn" in metric.needs else (None,):
                yield _on_take(take, metric, turn)


def _on_hop(take: Take, metric: Metric, hop: Hop, turn: Turn | None) -> Measurement:
    reference, estimated = (_cut(take, tap, turn) for tap in hop.ends)
    missing = next((part for part in (reference, estimated) if isinstance(part, str)), None)
    if hop is Hop.SERVICE:
        missing = "what went in and what came out are different speech"
    if missing:
        return _measurement(metric, not_measured(missing), turn, hop=hop)
    reading = _reading(metric, {"reference": reference, "estimated": estimated})
    on_output = replace(reading, spots=tuple(replace(spot, tap=hop.ends[1]) for spot in reading.spots))
    return _measurement(metric, _moved(on_output, take, turn), turn, hop=hop)


def _on_tap(take: Take, metric: Metric, tap: Tap, turn: Turn | None) -> Measurement:
    clip = _cut(take, tap, turn)
    if isinstance(clip, str):
        return _measurement(metric, not_measured(clip), turn, tap=tap)
    reading = _reading(metric, {"clip": clip})
    on_tap = replace(reading, spots=tuple(replace(spot, tap=tap) for spot in reading.spots))
    return _measurement(metric, _moved(on_tap, take, turn), turn, tap=tap)


def _on_take(take: Take, metric: Metric, turn: Turn | None) -> Measurement:
    whole = {"timeline": take.timeline, "config": take.config, "environment": take.environment, "turn": turn}
    given: dict[str, Any] = {}
    for need in metric.needs:
        if need == "turn" and turn is None:
            return _measurement(metric, not_measured(_NO_TURN), turn)
        if need in _TAP_NAMES and Tap(need) not in take.clips:
            return _measurement(metric, not_measured(_no_recording(Tap(need))), turn)
        given[need] = take.clips[Tap(need)] if need in _TAP_NAMES else whole[need]
    present = {tap.value: clip for tap, clip in take.clips.items()} | whole
    given.update({need: present[need] for need in metric.optional if need in present})
    return _measurement(metric, _reading(metric, given), turn)


_cuts: WeakKeyDictionary[Take, dict[tuple[Tap, int | None], Clip | str]] = WeakKeyDictionary()


def _cut(take: Take, tap: Tap, turn: Turn | None) -> Clip | str:
    """The turn's stretch of a tap as mono, or why there is none.

    The same object every time: metrics keep what they worked out beside the clip.
    """
    cuts, place = _cuts.setdefault(take, {}), (tap, None if turn is None else turn.index)
    if place not in cuts:
        cuts[place] = _newly_cut(take, tap, turn)
    return cuts[place]


def _newly_cut(take: Take, tap: Tap, turn: Turn | None) -> Clip | str:
    clip = take.clips.get(tap)
    if clip is None:
        return _no_recording(tap)
    if turn is None:
        return _NO_TURN
    prompt_side = tap in _PROMPT_TAPS
    span = (turn.prompt_spans if prompt_side else turn.reply_spans).get(tap)
    if span is None or span[1] <= span[0]:
        return f"no {'prompt' if prompt_side else 'reply'} lies on `{tap}` in this turn"
    reply_channel = HEARD_REPLY_CHANNEL if tap is Tap.HEARD and clip.channels > 1 else HEARD_PROMPT_CHANNEL
    return clip.slice(*span).channel(reply_channel)


def _no_recording(tap: Tap) -> str:
    return f"the take has no `{tap}` recording"


def _moved(reading: Reading, take: Take, turn: Turn | None) -> Reading:
    """Spots of a reading on a cut, from seconds of the cut to seconds of the tap's whole clip."""
    if turn is None or not reading.spots:
        return reading
    spans = {**turn.reply_spans, **{tap: span for tap, span in turn.prompt_spans.items() if tap in _PROMPT_TAPS}}
    moved = []
    for spot in reading.spots:
        first = spans[spot.tap][0] if spot.tap in spans else 0
        shift_s = first / take.clips[spot.tap].sample_rate_hz if spot.tap in take.clips else 0.0
        moved.append(Spot(spot.tap, spot.start_s + shift_s, spot.end_s + shift_s))
    return replace(reading, spots=tuple(moved))


def _reading(metric: Metric, given: Mapping[str, Any]) -> Reading:
    result = _guarded(metric.function, given)
    return not_measured(f"crashed: {result}") if isinstance(result, str) else result


def _measurement(
    metric: Metric, reading: Reading, turn: Turn | None, *, hop: Hop | None = None, tap: Tap | None = None
) -> Measurement:
    return Measurement(
        metric=metric.name,
        unit=metric.unit,
        value=_plain(reading.value),
        reason=reading.reason,
        tier=reading.tier,
        turn=None if turn is None else turn.index,
        hop=hop,
        tap=tap,
        confidence=reading.confidence,
        spots=reading.spots,
    )


def _plain(value: float | tuple[float | None, ...] | None) -> float | tuple[float | None, ...] | None:
    """Numbers of numpy's own types do not go into JSON."""
    if isinstance(value, tuple):
        return tuple(None if item is None else float(item) for item in value)
    return None if value is None else float(value)


# --- rules ------------------------------------------------------------------------------------------------------


def _verdict(rule: Rule, given: Mapping[str, Any]) -> Verdict:
    result = _guarded(rule.function, {need: given[need] for need in rule.needs})
    return Verdict(status=Status.CRASHED, reason=result) if isinstance(result, str) else result


def _guarded(function: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    """What the function returns, or the words of what it threw."""
    try:
        result = function(**given)
        if not isinstance(result, Reading | Verdict):
            raise TypeError(f"{function.__name__} returned {type(result).__name__}")
        if isinstance(result, Reading) and not np.isfinite(_numbers(result.value)).all():
            raise ValueError(f"{function.__name__} gave {result.value}, which is not a finite number")
    except Exception as error:  # noqa: BLE001 (a bug in one metric or rule must not cost the run)
        return f"{type(error).__name__}: {error}"
    return result


def _numbers(value: float | tuple[float | None, ...] | None) -> list[float]:
    values = value if isinstance(value, tuple) else (value,)
    return [float(item) for item in values if item is not None]


def _finding(rule: Rule, verdict: Verdict) -> Finding:
    return Finding(
        code=rule.code,
        name=rule.name,
        severity=verdict.severity or rule.severity,
        hop=rule.hop,
        title=verdict.title,
        evidence=verdict.evidence,
        likely_cause=verdict.likely_cause,
        remedy=verdict.remedy,
        confidence=verdict.confidence,
    )


def _outcome(rule: Rule, verdict: Verdict) -> RuleOutcome:
    return RuleOutcome(code=rule.code, name=rule.name, status=verdict.status, reason=verdict.reason)


def _with_causes(findings: Iterable[Finding], rules: Iterable[Rule], found: set[str]) -> tuple[Finding, ...]:
    """Findings with `consequence_of` set to the root that explains them, if one was found too."""
    parents = {
        rule.code: next((code for code in rule.explained_by if code in found and code != rule.code), None)
        for rule in rules
        if rule.code in found
    }

    def root_of(code: str) -> str | None:
        seen = {code}
        parent = parents.get(code)
        while parent is not None and parents.get(parent) is not None and parent not in seen:
            seen.add(parent)
            parent = parents[parent]
        return None if parent == code else parent

    told = (replace(item, consequence_of=item.consequence_of or root_of(item.code)) for item in findings)
    return tuple(sorted(told, key=lambda item: (item.consequence_of is not None, -item.severity.rank, item.code)))


# --- a run ------------------------------------------------------------------------------------------------------


def judge_run(
    name: str,
    title: str,
    takes: Sequence[TakeResult],
    config: ClientConfig,
    environment: Mapping[str, Any],
    *,
    rules: Sequence[Rule] | None = None,
    folder: str | None = None,
) -> RunResult:
    """Judge all takes of one configuration together.

    Discarded takes are kept and shown, but count nowhere; where every take was discarded, the findings that
    discarded them are the run's findings.
    """
    everything = all_rules() if rules is None else rules
    counted = tuple(take for take in takes if take.discarded is None)
    summary = summarise(counted)
    given = {"summary": summary, "takes": counted, "config": config, "environment": environment}
    chosen = [rule for rule in everything if rule.scope == "run"]
    verdicts = [(rule, _verdict(rule, given)) for rule in chosen]
    over_run = [_finding(rule, verdict) for rule, verdict in verdicts if verdict.status is Status.RAISED]
    found = {item.code for take in counted for item in take.findings} | {item.code for item in over_run}
    ids = tuple(take.id for take in counted)
    findings = [
        *_gathered(counted or takes),
        *(
            RunFinding(finding=item, take_ids=ids, counted=len(ids))
            for item in _with_causes(over_run, everything, found)
        ),
    ]
    return RunResult(
        name=name,
        title=title,
        config=config.model_dump(mode="json"),
        environment=dict(environment),
        takes=tuple(takes),
        summary=summary,
        findings=tuple(sorted(findings, key=_worst_first)),
        outcomes=(*_take_outcomes(counted), *(_outcome(rule, verdict) for rule, verdict in verdicts)),
        folder=folder,
        tool_version=__version__,
    )


def summarise(takes: Sequence[TakeResult]) -> tuple[SummaryRow, ...]:
    """One row a metric and place over all takes; where takes have several turns, one more a turn."""
    several = any(len(take.prompt_names) > 1 for take in takes)
    rows: dict[tuple[str, Hop | None, Tap | None, int | None], list[Measurement]] = {}
    for take in takes:
        for item in take.measurements:
            if isinstance(item.value, tuple):
                continue
            rows.setdefault((item.metric, item.hop, item.tap, None), []).append(item)
            if several and item.turn is not None:
                rows.setdefault((item.metric, item.hop, item.tap, item.turn), []).append(item)
    return tuple(_row(place, items) for place, items in rows.items())


def _row(place: tuple[str, Hop | None, Tap | None, int | None], items: Sequence[Measurement]) -> SummaryRow:
    metric, hop, tap, turn = place
    values = [float(item.value) for item in items if item.value is not None and not isinstance(item.value, tuple)]
    return SummaryRow(
        metric=metric,
        unit=items[0].unit,
        n=len(values),
        missing=len(items) - len(values),
        median=stats.median(values),
        p95=stats.p95(values),
        low=min(values, default=None),
        high=max(values, default=None),
        turn=turn,
        hop=hop,
        tap=tap,
    )


def _gathered(takes: Sequence[TakeResult]) -> Iterator[RunFinding]:
    """Findings of takes by code: the worst take's words, a root before a consequence, and in which takes."""
    by_code: dict[str, list[tuple[str, Finding]]] = {}
    for take in takes:
        for item in take.findings:
            by_code.setdefault(item.code, []).append((take.id, item))
    for found in by_code.values():
        worst = min(
            found, key=lambda pair: (pair[1].consequence_of is not None, -pair[1].severity.rank, -pair[1].confidence)
        )
        yield RunFinding(finding=worst[1], take_ids=tuple(take_id for take_id, _ in found), counted=len(takes))


def _worst_first(item: RunFinding) -> tuple[bool, int, int, str]:
    finding = item.finding
    return finding.consequence_of is not None, -finding.severity.rank, -len(item.take_ids), finding.code


def _take_outcomes(takes: Sequence[TakeResult]) -> Iterator[RuleOutcome]:
    """How each rule on takes came out over the run: clear only where it was clear in every take."""
    by_code: dict[str, list[RuleOutcome]] = {}
    for take in takes:
        for item in take.outcomes:
            by_code.setdefault(item.code, []).append(item)
    for found in by_code.values():
        counts = Counter(item.status for item in found)
        status = next(
            status for status in (Status.CRASHED, Status.RAISED, Status.NOT_CHECKED, Status.CLEAR) if counts[status]
        )
        reason = next((item.reason for item in found if item.status is status), None)
        yield replace(found[0], status=status, reason=reason)
