"""Run every rule that applies to a take, a recording or a run.

If a rule raises an exception, its outcome is `CRASHED` and the other rules still run (see
`diag.measure.engine.guarded`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from diag import __version__
from diag.core import stats
from diag.core.chain import Hop, Segment, Tap, segments_of
from diag.core.keys import without_keys, without_secrets
from diag.core.live_setup import canonical
from diag.core.messages import joined, msg
from diag.core.missing import Missing
from diag.core.observed_client import ObservedClient, observed_client
from diag.core.plain_text import quotable
from diag.core.results import (
    Evidence,
    Finding,
    Measurement,
    Measurements,
    RuleOutcome,
    RunFinding,
    RunResult,
    Severity,
    Status,
    SummaryRow,
    TakeResult,
    Verdict,
    not_checked,
)
from diag.core.take import Take
from diag.core.timeline import Timeline
from diag.dsp.profile import VoiceProfile
from diag.judge.proof import not_shown_in_run, not_shown_in_take, voice_not_shown
from diag.judge.recording import Recording
from diag.judge.registry import Place, Rule, Scope, all_rules
from diag.measure.engine import guarded, measure_take
from diag.measure.registry import Metric, all_metrics

if TYPE_CHECKING:
    from diag.core.client_config import ClientConfig


LONGEST_TITLE = 300
LONGEST_TEXT = 1000
"""Titles and texts of findings are cut after this many characters."""


@dataclass(frozen=True)
class Judgement:
    """The findings, worst first, and the outcome of each rule."""

    findings: tuple[Finding, ...]
    outcomes: tuple[RuleOutcome, ...]
    discards: tuple[str, ...] = ()


# --- one take -----------------------------------------------------------------------------------------------------


def judge_take(
    take: Take,
    *,
    voice: VoiceProfile | None = None,
    metrics: Sequence[Metric] | None = None,
    rules: Sequence[Rule] | None = None,
) -> TakeResult:
    """Measure and judge one take, with any subset of the taps.

    Parameters
    ----------
    take : Take
        Its `scenario` is never read.
    voice : VoiceProfile, optional
        Profile of the voice that replies, for the measures that compare a tap with it.
    metrics, rules : sequences, optional
        All registered ones by default.
    """
    measurements = Measurements(tuple(measure_take(take, all_metrics() if metrics is None else metrics, voice)))
    observed = observed_client(take.timeline, take.config)
    given = {
        "measurements": measurements,
        "timeline": take.timeline,
        "observed": observed,
        "environment": take.environment,
        "turns": take.turns,
        "voice": voice,
    }
    chosen = all_rules() if rules is None else rules
    judgement = _judged(
        [rule for rule in chosen if rule.scope in (Scope.TAKE, Scope.SEGMENT)],
        given,
        {segment.hop: _place_on_take(segment, take) for segment in segments_of(take.clips) if segment.comparable},
        set(take.clips),
    )
    return TakeResult(
        id=take.id,
        prompt_names=tuple(turn.prompt_name for turn in take.turns),
        measurements=measurements,
        findings=judgement.findings,
        outcomes=judgement.outcomes,
        discarded=joined(judgement.discards) if judgement.discards else None,
        not_shown=(
            *not_shown_in_take(take, measurements, judgement.outcomes, chosen),
            *(voice_not_shown(take, measurements) if voice is not None else ()),
        ),
        setup=None if observed.setup is None else without_secrets(canonical(observed.setup)),
    )


def _place_on_take(segment: Segment, take: Take) -> tuple[Segment, str, str, int, int]:
    first, last = segment.first, segment.last
    rates = take.clips[first].sample_rate_hz, take.clips[last].sample_rate_hz
    return segment, f"`{first.value}`", f"`{last.value}`", *rates


# --- recordings ---------------------------------------------------------------------------------------------------


def judge_recording(
    measurements: Measurements, recording: Recording, *, rules: Sequence[Rule] | None = None
) -> Judgement:
    """Judge a recording by itself and, where there is one, against its reference.

    Parameters
    ----------
    measurements : Measurements
        Of the recording's tap, and of its segment where it has a reference.
    recording : Recording
    rules : sequence, optional
        All registered ones by default.
    """
    given = {
        "measurements": measurements,
        "recording": recording,
        "timeline": Timeline(()),
        "observed": ObservedClient(),
        "environment": {},
        "turns": (),
    }
    segment = recording.segment
    hop = segment.hop if segment else None
    chosen = [
        rule
        for rule in (all_rules() if rules is None else rules)
        if rule.scope is Scope.RECORDING or (rule.scope is Scope.SEGMENT and rule.hop is hop)
    ]
    places = {}
    if segment is not None:
        names = recording.reference or "the reference", recording.name
        places[segment.hop] = (segment, *names, recording.reference_rate_hz, recording.sample_rate_hz)
    return _judged(chosen, given, places, {segment.first, segment.last} if segment else set())


# --- rules --------------------------------------------------------------------------------------------------------

_Ends = tuple[Segment, str, str, int | None, int | None]


def _judged(
    rules: Sequence[Rule], given: Mapping[str, Any], places: Mapping[Hop, _Ends], taps: Collection[Tap]
) -> Judgement:
    verdicts = _without_hidden([(rule, _verdict(rule, given, places, taps)) for rule in rules])
    raised = [(rule, verdict) for rule, verdict in verdicts if verdict.status is Status.RAISED]
    in_take = bool(given.get("turns"))
    findings = [_finding(rule, verdict, places, in_take=in_take) for rule, verdict in raised]
    return Judgement(
        findings=_with_causes(findings, rules, _roots(findings)),
        outcomes=tuple(_outcome(rule, verdict) for rule, verdict in verdicts),
        discards=tuple(verdict.title for _, verdict in raised if verdict.discard),
    )


def _without_hidden(verdicts: Sequence[tuple[Rule, Verdict]]) -> list[tuple[Rule, Verdict]]:
    """Return the verdicts without findings on a sound that another finding shows to be garbage."""
    hiding = [rule for rule, verdict in verdicts if rule.hides and verdict.status is Status.RAISED]

    def kept(rule: Rule, verdict: Verdict) -> Verdict:
        by = next((other for other in hiding if _hides(other, rule)), None)
        if by is None or verdict.status is not Status.RAISED:
            return verdict
        return not_checked(msg("the bytes were misread; see {code}", code=by.code))

    return [(rule, kept(rule, verdict)) for rule, verdict in verdicts]


def _hides(by: Rule, rule: Rule) -> bool:
    if rule is by or rule.scope not in (Scope.SEGMENT, Scope.RECORDING):
        return False
    # A finding on a recording alone never hides one on its segment, which is more specific.
    return not rule.hides and (rule.scope is Scope.RECORDING or (by.scope is Scope.SEGMENT and by.hop is rule.hop))


def _verdict(rule: Rule, given: Mapping[str, Any], places: Mapping[Hop, _Ends], taps: Collection[Tap]) -> Verdict:
    arguments = {need: given[need] for need in rule.needs if need != "place"}
    if rule.on is not None:
        if rule.on.hop not in places:
            return not_checked(_not_recorded(rule.on.hop, taps))
        arguments["place"] = Place(places[rule.on.hop][0], rule.on, *places[rule.on.hop][1:])
    result = guarded(rule.function, arguments)
    return Verdict(status=Status.CRASHED, reason=result.text) if isinstance(result, Missing) else result


def _not_recorded(hop: Hop, taps: Collection[Tap]) -> str:
    """Return why a hop cannot be judged alone: which tap is missing, and the hops that it was merged with."""
    missing = [tap for tap in hop.ends if tap not in taps]
    merged = next((segment for segment in segments_of(taps) if hop in segment.hops and segment.comparable), None)
    text = (
        msg("`{tap}` was not recorded", tap=missing[0].value)
        if len(missing) == 1
        else msg("{taps} were not recorded", taps=joined([f"`{tap.value}`" for tap in missing], " and "))
    )
    return text if merged is None else msg("{text}; the hops {hops} were judged as one", text=text, hops=merged.covers)


def _finding(rule: Rule, verdict: Verdict, places: Mapping[Hop, _Ends], *, in_take: bool) -> Finding:
    segment = places[rule.on.hop][0] if rule.on is not None else None
    evidence = verdict.evidence
    if segment is not None and segment.merged and in_take:
        between = [tap for tap in Tap if tap in {end for hop in segment.hops for end in hop.ends}][1:-1]
        joints = " and ".join(f"`{tap.value}`" for tap in between)
        text = msg("{taps} was not recorded, so {hops} are judged as one", taps=joints, hops=segment.covers)
        evidence = (*evidence, Evidence(text=text))
    return Finding(
        code=rule.code,
        name=rule.name,
        severity=verdict.severity or rule.severity,
        hop=rule.hop,
        # Any of these may quote a server, a file or an app.
        title=quotable(verdict.title, LONGEST_TITLE),
        evidence=tuple(replace(item, text=quotable(item.text, LONGEST_TEXT)) for item in evidence),
        likely_cause=quotable(verdict.likely_cause, LONGEST_TEXT),
        fix=quotable(verdict.fix, LONGEST_TEXT),
        confidence=verdict.confidence,
        segment=segment,
    )


def _outcome(rule: Rule, verdict: Verdict) -> RuleOutcome:
    return RuleOutcome(
        code=rule.code, name=rule.name, status=verdict.status, reason=verdict.reason, applies=verdict.applies
    )


def _roots(findings: Iterable[Finding]) -> set[str]:
    """Return the codes that may explain others: what is information only is the cause of no fault."""
    return {item.code for item in findings if item.severity is not Severity.INFO}


def _with_causes(findings: Iterable[Finding], rules: Iterable[Rule], roots: set[str]) -> tuple[Finding, ...]:
    """Return the findings with `consequence_of` set to the root cause that explains them, if it was found too."""
    parents = {
        rule.code: next((code for code in rule.explained_by if code in roots and code != rule.code), None)
        for rule in rules
    }

    def root_of(code: str) -> str | None:
        seen = {code}
        parent = parents.get(code)
        while parent is not None and parents.get(parent) is not None and parent not in seen:
            seen.add(parent)
            parent = parents[parent]
        return None if parent == code else parent

    explained = (replace(item, consequence_of=item.consequence_of or root_of(item.code)) for item in findings)
    return tuple(sorted(explained, key=lambda item: (item.consequence_of is not None, -item.severity.rank, item.code)))


# --- a run --------------------------------------------------------------------------------------------------------


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

    Discarded takes are kept and shown but not counted. If every take was discarded, the findings that discarded them
    are the findings of the run.
    """
    everything = all_rules() if rules is None else rules
    counted = tuple(take for take in takes if take.discarded is None)
    summary = summarise(counted)
    over_run = _judged(
        [rule for rule in everything if rule.scope is Scope.RUN],
        {"summary": summary, "takes": counted, "environment": environment},
        {},
        (),
    )
    found = _roots([*(item for take in counted for item in take.findings), *over_run.findings])
    ids = tuple(take.id for take in counted)
    findings = [
        *_gathered(counted or takes),
        *(
            RunFinding(finding=item, take_ids=ids, counted=len(ids))
            for item in _with_causes(over_run.findings, everything, found)
        ),
    ]
    return RunResult(
        name=name,
        title=quotable(without_keys(title), LONGEST_TITLE),
        config=without_secrets(config.model_dump(mode="json")),
        environment=without_secrets(environment),
        takes=tuple(takes),
        summary=summary,
        findings=tuple(sorted(findings, key=_worst_first)),
        outcomes=(*_take_outcomes(counted), *over_run.outcomes),
        not_shown=not_shown_in_run(counted),
        folder=folder,
        tool_version=__version__,
    )


_PlaceOfRow = tuple[str, Segment | None, Tap | None, int | None]


def summarise(takes: Sequence[TakeResult]) -> tuple[SummaryRow, ...]:
    """Return one row per metric and place over all takes; if takes have several turns, one more row for each turn."""
    several = any(len(take.prompt_names) > 1 for take in takes)
    rows: dict[_PlaceOfRow, list[Measurement]] = {}
    for take in takes:
        for item in take.measurements:
            if isinstance(item.value, tuple):
                continue
            rows.setdefault((item.metric, item.segment, item.tap, None), []).append(item)
            if several and item.turn is not None:
                rows.setdefault((item.metric, item.segment, item.tap, item.turn), []).append(item)
    return tuple(_row(place, items) for place, items in rows.items())


def _row(place: _PlaceOfRow, items: Sequence[Measurement]) -> SummaryRow:
    metric, segment, tap, turn = place
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
        segment=segment,
        tap=tap,
    )


def _gathered(takes: Sequence[TakeResult]) -> Iterator[RunFinding]:
    """Yield one finding per code, the worst of all takes (root causes first), with the takes that have it."""
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
    """Yield the outcome of each take rule over the run: clear only if it was clear in every take."""
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
        yield replace(found[0], status=status, reason=reason, applies=any(item.applies for item in found))
