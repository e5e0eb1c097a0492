"""ENV006."""

from __future__ import annotations

from diag.core.results import Evidence, TakeResult, Verdict, clear, not_checked, raised
from diag.core.stats import FEWEST_FOR_P95, FEWEST_VALUES
from diag.judge.registry import rule


@rule("ENV006", name="too-few-takes", severity="info", scope="run")
def too_few_takes(takes: tuple[TakeResult, ...]) -> Verdict:
    """Too few takes count for their figures to be leaned on.

    What it shows
        Fewer than five takes of this configuration count.

    Why it matters
        What happens now and then is missed, and a median of so few says little about the next one.

    Evidence
        The number of counted takes.

    Likely causes
        - Few takes were asked for.
        - Many were discarded; the reasons stand beside them.

    Fix
        Take more with `--takes`; a 95th percentile needs 20.

    Does not prove
        That anything is wrong. What was found was found.
    """
    count = len(takes)
    if not count:
        return not_checked("no take counts")
    if count >= FEWEST_VALUES:
        return clear()
    noun = "take counts" if count == 1 else "takes count"
    return raised(
        f"Only {count} {noun}: what happens now and then is missed",
        evidence=[Evidence(text=f"{count} counted; from {FEWEST_VALUES} on an interval of the median can be given")],
        likely_cause="few takes were asked for, or many were discarded",
        fix=f"take {FEWEST_VALUES} or more with `--takes`, and {FEWEST_FOR_P95} for a 95th percentile",
    )
