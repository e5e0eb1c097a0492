"""ENV006: there are too few counted takes to rely on their figures."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.results import Evidence, TakeResult, Verdict, clear, not_checked, raised
from diag.core.stats import FEWEST_FOR_P95, FEWEST_VALUES
from diag.judge.registry import rule


@rule("ENV006", name="too-few-takes", severity="info", scope="run")
def too_few_takes(takes: tuple[TakeResult, ...]) -> Verdict:
    """There are too few counted takes to rely on their figures.

    What it shows
        Fewer than five takes of this configuration were counted.

    Why it matters
        Intermittent faults may be missed, and the median of so few takes predicts the next take poorly.

    Evidence
        The number of counted takes.

    Likely causes
        - Few takes were asked for.
        - Many were discarded; the report gives the reason for each.

    Fix
        Record more takes with `--takes`. A 95th percentile needs 20.

    Does not prove
        That anything is wrong. Other findings of these takes remain valid.
    """
    count = len(takes)
    if not count:
        return not_checked(msg("no take was counted"))
    if count >= FEWEST_VALUES:
        return clear()
    return raised(
        msg("Only 1 take was counted: intermittent faults may be missed")
        if count == 1
        else msg("Only {count} takes were counted: intermittent faults may be missed", count=count),
        evidence=[
            Evidence(
                text=msg(
                    "a 95 % interval for the median needs at least {fewest_values} takes", fewest_values=FEWEST_VALUES
                )
            )
        ],
        likely_cause=msg("few takes were asked for, or many were discarded"),
        fix=msg(
            "record {fewest_values} or more with `--takes`, and {fewest_for_p95} for a 95th percentile",
            fewest_values=FEWEST_VALUES,
            fewest_for_p95=FEWEST_FOR_P95,
        ),
    )
