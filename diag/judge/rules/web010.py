"""WEB010."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Verdict, clear, not_checked, raised
from diag.core.units import counted, format_seconds
from diag.judge.page_evidence import page_of
from diag.judge.registry import rule

LEAST_GAP_S, LONGEST_GAP_S = 0.001, 1.0
"""Shorter gaps are rounding; longer ones lie between two replies."""
LEAST_OVERLAP_S = 0.0005


@rule("WEB010", name="schedule-ahead-too-small", severity="warning", hop=Hop.PLAYER, explained_by=("SVC004", "WEB001"))
def schedule_ahead_too_small(observed: ObservedClient) -> Verdict:
    """The page schedules the chunks of a reply so that they do not join.

    What it shows
        Between buffers of one reply there are gaps, because a chunk was scheduled after the one before had ended; or
        they overlap.

    Why it matters
        Each gap is a click or a hole in a word; each overlap plays two chunks at once.

    Evidence
        For each buffer, how far ahead it was scheduled, and the time from the end of the one before.

    Likely causes
        - The first chunk of a reply starts at `currentTime`, so the second is late as soon as the network is.
        - Chunks are started as they arrive, with `start()` and no time.

    Fix
        Keep the end of what is scheduled, and start with a lead:
        `next = Math.max(next, context.currentTime + 0.1); source.start(next); next += buffer.duration`.

    Does not prove
        That the page is at fault where the service delivers slower than speech; that has a finding of its own.
    """
    page = page_of(observed)
    if isinstance(page, Verdict):
        return page
    if not page.schedules:
        return (
            clear() if page.playing_contexts else not_checked(msg("the page played nothing through the Web Audio API"))
        )
    schedule = max(page.schedules, key=lambda item: len(item.ahead_s))
    gaps = [gap for gap in schedule.gap_s if LEAST_GAP_S < gap < LONGEST_GAP_S]
    overlaps = [gap for gap in schedule.gap_s if gap < -LEAST_OVERLAP_S]
    if not gaps and not overlaps:
        return clear()
    lead_s = min(schedule.ahead_s)
    first = Evidence(
        text=msg(
            "{count} buffers; the shortest lead is {lead_s}",
            count=len(schedule.ahead_s),
            lead_s=format_seconds(max(lead_s, 0.0)),
        )
        if lead_s >= 0
        else msg(
            "{count} buffers; the latest was {lead_s} too late",
            count=len(schedule.ahead_s),
            lead_s=format_seconds(-lead_s),
        )
    )
    if gaps:
        longest = format_seconds(max(gaps))
        title = msg(
            "The page schedules chunks too late: {count} of up to {longest} within the reply",
            count=counted(len(gaps), "gap"),
            longest=longest,
        )
        seen = msg("{count}, {whole} in total", count=counted(len(gaps), "gap"), whole=format_seconds(sum(gaps)))
        cause = msg("the first chunk starts without a lead")
    else:
        title = (
            msg("The page plays chunks over each other: 1 of them begins before the one before has ended")
            if len(overlaps) == 1
            else msg(
                "The page plays chunks over each other: {count} of them begin before the one before has ended",
                count=len(overlaps),
            )
        )
        seen = msg(
            "{count} of up to {longest}",
            count=counted(len(overlaps), "overlap"),
            longest=format_seconds(-min(overlaps)),
        )
        cause = msg("chunks are started as they arrive, or are scheduled by a wrong length")
    return raised(
        title,
        evidence=[first, Evidence(text=seen)],
        likely_cause=cause,
        fix=msg(
            "start each chunk where the one before ends, with a lead: `next = Math.max(next, "
            "context.currentTime + 0.1); source.start(next); next += buffer.duration`"
        ),
    )
