"""Positive proof: what must have been checked and found right before a take is called good.

The absence of findings proves nothing by itself. A take is good only if the session opened, every turn was answered
completely, and every check compared every segment of the chain. A recording alone is good only if every check that
applies to it was made. Each check that was not made is listed with the reason.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from diag.core.chain import Hop, Segment, Tap, segments_of
from diag.core.messages import Message, msg
from diag.core.results import Measurements, NotShown, RuleOutcome, RunNotShown, Status, TakeResult
from diag.core.take import Take, Turn
from diag.core.timeline import EventName, Timeline
from diag.judge.registry import Rule, Scope, all_rules
from diag.measure.registry import metric_named

SIDES = (Segment(Tap.PROMPT, Tap.SENT), Segment(Tap.RECEIVED, Tap.HEARD))
"""Both sides of the client: the path of the prompt and the path of the reply."""


def not_shown_in_take(
    take: Take,
    measurements: Measurements,
    outcomes: Sequence[RuleOutcome],
    rules: Sequence[Rule] | None = None,
) -> tuple[NotShown, ...]:
    """Return what a take does not show to be right.

    Parameters
    ----------
    take : Take
    measurements : Measurements
    outcomes : sequence of RuleOutcome
        Of every rule that ran on the take.
    rules : sequence, optional
        All registered ones by default.
    """
    hops = [segment.hop for segment in segments_of(take.clips) if segment.comparable]
    return (
        *_conversation(take.timeline, take.turns, measurements),
        *_unrecorded(take.clips),
        *not_shown_on_segments(outcomes, hops, rules),
    )


def _conversation(timeline: Timeline, turns: Sequence[Turn], measurements: Measurements) -> Iterator[NotShown]:
    if timeline.first(EventName.SESSION_OPEN) is None:
        yield NotShown(what=msg("the session"), reason=msg("no session was opened"), hop=Hop.SERVICE)
        return
    if not turns:
        yield NotShown(what=msg("the conversation"), reason=msg("no turn took place"), hop=Hop.SERVICE)
    for turn in turns:
        if measurements.value("answered", turn=turn.index) != 1.0:
            yield NotShown(what=msg("the reply"), reason=msg("no audible reply came"), hop=Hop.SERVICE)
        elif not _complete(timeline, turn):
            yield NotShown(what=msg("the end of the reply"), reason=msg("the service did not report it as complete"),
                           hop=Hop.SERVICE)  # fmt: skip


def _complete(timeline: Timeline, turn: Turn) -> bool:
    ends = (EventName.GENERATION_COMPLETE, EventName.TURN_COMPLETE, EventName.INTERRUPTED)
    return any(event.data.get("turn") == turn.index for event in timeline.named(*ends))


def _unrecorded(taps: Collection[Tap]) -> Iterator[NotShown]:
    for side in SIDES:
        for tap, hop in ((side.first, side.hops[0]), (side.last, side.hops[-1])):
            if tap not in taps:
                yield NotShown(what=f"`{tap.value}`", reason=msg("`{tap}` was not recorded", tap=tap.value), hop=hop)


def not_shown_on_segments(
    outcomes: Iterable[RuleOutcome], hops: Sequence[Hop], rules: Sequence[Rule] | None = None
) -> tuple[NotShown, ...]:
    """Return the checks of these hops' segments that neither came out clear nor raised a finding.

    Parameters
    ----------
    outcomes : iterable of RuleOutcome
    hops : sequence of Hop
        Hops that are responsible for a segment of the recorded chain.
    rules : sequence, optional
        All registered ones by default.
    """
    every = all_rules() if rules is None else rules
    return _not_made(outcomes, [rule for rule in every if rule.scope is Scope.SEGMENT and rule.hop in hops])


def not_shown_of_recording(
    outcomes: Iterable[RuleOutcome], rules: Sequence[Rule] | None = None
) -> tuple[NotShown, ...]:
    """Return the checks of a recording without a reference that apply to it and were not made.

    Parameters
    ----------
    outcomes : iterable of RuleOutcome
    rules : sequence, optional
        All registered ones by default.
    """
    by_code = {item.code: item for item in outcomes}
    every = all_rules() if rules is None else rules
    applying = [
        rule
        for rule in every
        if rule.scope is Scope.RECORDING and (rule.code not in by_code or by_code[rule.code].applies)
    ]
    return _not_made(by_code.values(), applying)


def _not_made(outcomes: Iterable[RuleOutcome], rules: Iterable[Rule]) -> tuple[NotShown, ...]:
    by_code = {item.code: item for item in outcomes}
    found = []
    for rule in rules:
        outcome = by_code.get(rule.code)
        if outcome is None or outcome.status in (Status.NOT_CHECKED, Status.CRASHED):
            reason = (
                msg("the check was not made") if outcome is None else outcome.reason or msg("the check itself failed")
            )
            found.append(NotShown(code=rule.code, what=rule.name, reason=reason, hop=rule.hop))
    return tuple(found)


def voice_not_shown(take: Take, measurements: Measurements) -> tuple[NotShown, ...]:
    """Return the replies of a take that could not be compared with the profile of the voice, one entry at most."""
    for turn in take.turns:
        if measurements.value("answered", turn=turn.index) == 1.0:
            for item in measurements.find("voice_distance_db", tap=Tap.RECEIVED, turn=turn.index):
                if item.missing is not None:
                    return (NotShown(what=msg("the voice of the reply"), reason=item.missing.text, hop=Hop.SERVICE),)
    return ()


def not_shown_in_run(takes: Sequence[TakeResult]) -> tuple[RunNotShown, ...]:
    """Return what the counted takes of a run do not show to be right, each with the takes concerned."""
    found: dict[tuple[str, str, Hop | None], list[tuple[str, NotShown]]] = {}
    for take in takes:
        for item in take.not_shown:
            found.setdefault((item.code, item.what, item.hop), []).append((take.id, item))
    return tuple(
        RunNotShown(
            item=items[0][1], take_ids=tuple(dict.fromkeys(take_id for take_id, _ in items)), counted=len(takes)
        )
        for items in found.values()
    )


@dataclass(frozen=True)
class Reasons:
    """A reason why something was not shown to be right, with the codes of all checks that it prevented."""

    reason: str
    codes: tuple[str, ...]


def by_reason(items: Iterable[NotShown]) -> tuple[Reasons, ...]:
    """Return each reason once, with the codes of all checks that it prevented.

    Reasons that differ only in the metric named before them count as one.
    """
    grouped: dict[str, list[str]] = {}
    for item in items:
        grouped.setdefault(_without_metric(item.reason), []).append(item.code or item.what)
    return tuple(Reasons(reason, tuple(dict.fromkeys(codes))) for reason, codes in grouped.items())


def _without_metric(reason: str) -> str:
    """Return a reason without the metric named before it."""
    measure, colon, rest = reason.partition(": ")
    if not colon or metric_named(measure) is None:
        return reason
    return str(reason.values.get("reason", rest)) if isinstance(reason, Message) else rest
