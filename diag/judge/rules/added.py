"""Faults that a hop adds: a measure of its output tap less the same measure of its input tap."""

from __future__ import annotations

from collections.abc import Callable

from diag.core.chain import Hop
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.judge.rules.figures import number, why_not

FLAT_TOPS_LIMIT_HZ = 10.0
"""Whole recordings were seen with up to 4.4 flat tops a second after resampling; overdriven ones have hundreds."""


def added_fault(
    measurements: Measurements,
    hop: Hop,
    metric: str,
    *,
    limit: float,
    words: Callable[[float], str],
    likely_cause: str,
    remedy: str,
) -> Verdict:
    """Raise where the output of a hop exceeds its input by more than a limit in any turn.

    `words` makes the title of how much the hop added.
    """
    before, after = hop.ends
    pairs = []
    for item in measurements.find(metric, tap=after):
        own, output = measurements.value(metric, tap=before, turn=item.turn), number(item)
        if own is not None and output is not None:
            pairs.append((output - own, own, output, item))
    if not pairs:
        return not_checked(why_not(measurements.find(metric, tap=after), metric))
    added, own, output, item = max(pairs, key=lambda pair: pair[0])
    if added <= limit:
        return clear()
    text = f"{metric} is {own:.3g} in `{before}` and {output:.3g} in `{after}`"
    return raised(
        words(added),
        evidence=[Evidence(text=text, metric=metric, turn=item.turn, spots=item.spots)],
        likely_cause=likely_cause,
        remedy=remedy,
    )
