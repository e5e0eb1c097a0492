"""SVC001."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Evidence, Severity, SummaryRow, TakeResult, Verdict, clear, not_checked, raised
from diag.core.units import format_seconds
from diag.judge.limits import SLOW_ERROR_P95_S, SLOW_ERROR_S, SLOW_WARNING_S
from diag.judge.registry import rule

_STAGES = {
    "capture_delay_s": "capture",
    "batching_delay_s": "batching in the client",
    "service_delay_s": "the service",
    "leading_silence_s": "silence at the start of the reply",
    "playout_delay_s": "the player's buffer",
    "device_delay_s": "the playback device",
}


@rule("SVC001", name="slow-first-audio", severity="warning", or_severity="error", hop=Hop.SERVICE, scope="run",
      explained_by=("SND001", "SND003", "SND004", "SND005", "PLY007", "SPK003", "SPK015"))  # fmt: skip
def slow_first_audio(summary: tuple[SummaryRow, ...], takes: tuple[TakeResult, ...]) -> Verdict:
    """The reply begins late.

    What it shows
        Over all takes, the median time from the end of the prompt's speech to the first audible sound heard is above
        1.5 s (warning) or above 3 s, or its 95th percentile above 3.5 s (error).

    Why it matters
        People answer each other within about 0.2 s; after 1.5 s callers speak again or hang up.

    Evidence
        Median, range and number of `ttfa_heard_s`, or of `ttfa_received_s` where nothing was heard; the longest stage
        of the waterfall; replies that never came, which no median holds.

    Likely causes
        - The model thinks for long, its tools are slow, or the service is overloaded.
        - The end of the turn is noticed late: long silence settings, no `audioStreamEnd`.
        - A long way to the service.

    Fix
        Look at the longest stage. In the service: a faster model, less thinking, a shorter silence for the end of the
        turn. In the client: smaller batches, a smaller buffer.

    Does not prove
        That the service is slower than usual: hold it against a baseline with `diag compare`. Real Live models were
        seen at medians of 1.5 to 2.6 s.
    """
    row, note = _row(summary, "ttfa_heard_s"), ""
    if row is None:
        row, note = _row(summary, "ttfa_received_s"), " (as received: nothing could be timed at the ear)"
    if row is None or row.median is None:
        return not_checked("no reply was timed in any take")
    too_late = row.median > SLOW_ERROR_S or (row.p95 is not None and row.p95 > SLOW_ERROR_P95_S)
    if not too_late and row.median <= SLOW_WARNING_S:
        return clear()
    limit_s = SLOW_ERROR_S if row.median > SLOW_ERROR_S else SLOW_WARNING_S
    stage = max(
        ((stage.median, words) for name, words in _STAGES.items() if (stage := _row(summary, name)) and stage.median),
        default=None,
    )
    where = f"; {format_seconds(stage[0])} of it is {stage[1]}" if stage else ""
    evidence = [Evidence(text=_figures(row, note), metric=row.metric)]
    if stage:
        evidence.append(Evidence(text=f"longest stage: {stage[1]}, median {format_seconds(stage[0])}"))
    missing = sum(1 for take in takes for item in take.measurements.find("answered") if item.value == 0.0)
    if missing:
        evidence.append(
            Evidence(text=f"{missing} prompt(s) got no reply at all and are in no median", metric="answered")
        )
    return raised(
        f"The first sound of the reply comes {format_seconds(row.median)} after the prompt{note}, "
        f"limit {format_seconds(limit_s)}{where}",
        evidence=evidence,
        likely_cause=f"most of the wait is {stage[1]}" if stage else "not known: no stage of the wait was measured",
        fix="shorten the longest stage; for the service: a faster model or less thinking, and a shorter silence "
        "before the turn is taken as over (`silence_duration_ms`)"
        if stage is None or stage[1] == _STAGES["service_delay_s"]
        else f"shorten the longest stage, which is {stage[1]}",
        severity=Severity.ERROR if too_late else Severity.WARNING,
    )


def _row(summary: tuple[SummaryRow, ...], metric: str) -> SummaryRow | None:
    return next((row for row in summary if row.metric == metric and row.turn is None and row.n), None)


def _figures(row: SummaryRow, note: str) -> str:
    low, median, high = (format_seconds(value or 0.0) for value in (row.low, row.median, row.high))
    p95 = f", 95th percentile {format_seconds(row.p95)}" if row.p95 is not None else ""
    return f"{row.metric}: median {median} ({low} to {high}, n {row.n}){p95}{note}"
