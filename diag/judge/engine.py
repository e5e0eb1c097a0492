"""Turns takes into measurements and findings: runs every metric and every rule, and never falls over.

A metric or a rule that throws becomes a result that says so, and the rest goes on (see `diag.measure.engine`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from diag import __version__
from diag.core import stats
from diag.core.chain import Hop, Tap
from diag.core.results import (
    Finding,
    Measurement,
    Measurements,
    RuleOutcome,
    RunFinding,
    RunResult,
    Status,
    SummaryRow,
    TakeResult,
    Verdict,
)
from diag.core.take import Take
from diag.dsp.profile import VoiceProfile
from diag.judge.registry import Rule, all_rules
from diag.measure.engine import guarded, measure_take
from diag.measure.registry import Metric, all_metrics

if TYPE_CHECKING:
    from diag.core.client_config import ClientConfig

# --- one take ---------------------------------------------------------------------------------------------------


def judge_take(
    take: Take,
    *,
    voice: VoiceProfile | None = None,
    metrics: Sequence[Metric] | None = None,
    rules: Sequence[Rule] | None = None,
) -> TakeResult:
    """Measure and judge one take.

    Parameters
    ----------
    take : Take
        Its `scenario` is never read.
    voice : VoiceProfile, optional
        Of the voice that replies, for the measures of taps that are held against it.
    metrics, rules : sequences, optional
        All registered ones by default.
    """
    measurements = Measurements(tuple(measure_take(take, all_metrics() if metrics is None else metrics, voice)))
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


# --- rules ------------------------------------------------------------------------------------------------------


def _verdict(rule: Rule, given: Mapping[str, Any]) -> Verdict:
    result = guarded(rule.function, {need: given[need] for need in rule.needs})
    return Verdict(status=Status.CRASHED, reason=result) if isinstance(result, str) else result


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
