"""Positive proof: what must have been looked at and found right before something is called good.

That nothing was found proves nothing by itself. Each link that was not compared is named with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from diag.core.chain import Hop
from diag.core.results import NotShown, RuleOutcome, Status
from diag.judge.registry import Rule, Scope, all_rules


def not_shown_on_segments(
    outcomes: Iterable[RuleOutcome], hops: Sequence[Hop], rules: Sequence[Rule] | None = None
) -> tuple[NotShown, ...]:
    """Return the checks of these hops' segments that neither passed nor found their fault.

    Parameters
    ----------
    outcomes : iterable of RuleOutcome
    hops : sequence of Hop
        Hops that are responsible for a segment of the recorded chain.
    rules : sequence, optional
        All registered ones by default.
    """
    by_code = {item.code: item for item in outcomes}
    found = []
    for rule in all_rules() if rules is None else rules:
        outcome = by_code.get(rule.code)
        if rule.scope is not Scope.SEGMENT or rule.hop not in hops or outcome is None:
            continue
        if outcome.status in (Status.NOT_CHECKED, Status.CRASHED):
            found.append(NotShown(code=rule.code, what=rule.name, reason=outcome.reason or "the check itself failed"))
    return tuple(found)


@dataclass(frozen=True)
class Reasons:
    """Reasons why something was not shown, each with the codes that it stands for."""

    reason: str
    codes: tuple[str, ...]


def by_reason(items: Iterable[NotShown]) -> tuple[Reasons, ...]:
    """Return each reason once, with the codes of all checks that it kept from being made."""
    grouped: dict[str, list[str]] = {}
    for item in items:
        grouped.setdefault(item.reason, []).append(item.code)
    return tuple(Reasons(reason, tuple(dict.fromkeys(codes))) for reason, codes in grouped.items())
