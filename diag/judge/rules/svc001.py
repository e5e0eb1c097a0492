"""SVC001: the reply starts late."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Evidence, Severity, SummaryRow, TakeResult, Verdict, clear, not_checked, raised
from diag.core.units import counted, format_seconds
from diag.judge.limits import SLOW_ERROR_P95_S, SLOW_ERROR_S, SLOW_WARNING_S
from diag.judge.registry import rule

_STAGES = {
    "capture_delay_s": msg("capture"),
    "batching_delay_s": msg("batching in the client"),
    "service_delay_s": msg("the service"),
    "leading_silence_s": msg("silence at the start of the reply"),
    "playout_delay_s": msg("the player's buffer"),
    "device_delay_s": msg("the playback device"),
}


@rule("SVC001", name="slow-first-audio", severity="warning", or_severity="error", hop=Hop.SERVICE, scope="run",
      explained_by=("SND001", "SND003", "SND004", "SND005", "PLY007", "SPK003", "SPK015", "TRN004"))  # fmt: skip
def slow_first_audio(summary: tuple[SummaryRow, ...], takes: tuple[TakeResult, ...]) -> Verdict:
    """The reply starts late.

    What it shows
        The time from the end of the prompt's speech to the first audible sound of the reply is too long. It is a
        warning if the median over all takes is above 1.5 s. It is an error if the median is above 3 s or the 95th
        percentile above 3.5 s.

    Why it matters
        In conversation people answer within about 0.2 s. After 1.5 s callers speak again or hang up.

    Evidence
        Median, range and number of values of `ttfa_heard_s`, or of `ttfa_received_s` if nothing could be timed at the
        ear; the longest stage of the wait; the number of replies that never came, which the median does not include.

    Likely causes
        - The model thinks for a long time, its tools are slow, or the service is overloaded.
        - The service detects the end of the turn late because of a long silence setting or a missing `audioStreamEnd`.
        - The network path to the service is long.

    Fix
        Shorten the longest stage. In the service: use a faster model, less thinking, or a shorter silence before the
        turn ends. In the client: use smaller batches or a smaller buffer.

    Does not prove
        That the service is slower than usual: compare the run with an earlier one (`diag compare`). Real Live models
        had medians of 1.5 to 2.6 s.
    """
    row, note = _row(summary, "ttfa_heard_s"), ""
    if row is None:
        row, note = _row(summary, "ttfa_received_s"), msg(" (as received: nothing could be timed at the ear)")
    if row is None or row.median is None:
        return not_checked(msg("no reply was timed in any take"))
    too_late = row.median > SLOW_ERROR_S or (row.p95 is not None and row.p95 > SLOW_ERROR_P95_S)
    if not too_late and row.median <= SLOW_WARNING_S:
        return clear()
    limit_s = SLOW_ERROR_S if row.median > SLOW_ERROR_S else SLOW_WARNING_S
    stage = _longest_stage(summary, row.median)
    where = (
        msg("; the longest stage is {stage} with {median}", stage=stage[1], median=format_seconds(stage[0]))
        if stage
        else ""
    )
    evidence = [Evidence(text=_figures(row, note), metric=row.metric)]
    if stage:
        evidence.append(
            Evidence(
                text=msg("longest stage: {stage}, median {median}", stage=stage[1], median=format_seconds(stage[0]))
            )
        )
    missing = sum(1 for take in takes for item in take.measurements.find("answered") if item.value == 0.0)
    if missing:
        evidence.append(
            Evidence(
                text=msg(
                    "{missing} without a reply, not included in the median",
                    missing=counted(missing, "prompt"),
                ),
                metric="answered",
            )
        )
    return raised(
        msg(
            "The first sound of the reply comes {median} after the prompt{note}, and the limit is {limit_s}{where}",
            median=format_seconds(row.median),
            note=note,
            limit_s=format_seconds(limit_s),
            where=where,
        ),
        evidence=evidence,
        likely_cause=msg("most of the wait is {stage}", stage=stage[1])
        if stage
        else msg("not known: the longest part of the wait was not measured by itself"),
        fix=msg(
            "shorten the longest stage; for the service: a faster model or less thinking, and a shorter "
            "silence before the turn ends (`silence_duration_ms`)"
        )
        if stage is None or stage[1] == _STAGES["service_delay_s"]
        else msg("shorten the longest stage, which is {stage}", stage=stage[1]),
        severity=Severity.ERROR if too_late else Severity.WARNING,
    )


def _longest_stage(summary: tuple[SummaryRow, ...], wait_s: float) -> tuple[float, str] | None:
    """Return the longest stage of the wait; None if a stage that was not measured may be longer."""
    stages = [(row.median, words) for name, words in _STAGES.items() if (row := _row(summary, name)) and row.median]
    longest = max(stages, default=None)
    unknown_s = wait_s - sum(median for median, _ in stages)
    return longest if longest is not None and longest[0] >= unknown_s else None


def _row(summary: tuple[SummaryRow, ...], metric: str) -> SummaryRow | None:
    return next((row for row in summary if row.metric == metric and row.turn is None and row.n), None)


def _figures(row: SummaryRow, note: str) -> str:
    low, median, high = (format_seconds(value or 0.0) for value in (row.low, row.median, row.high))
    p95 = "" if row.p95 is None else msg(", 95th percentile {p95}", p95=format_seconds(row.p95))
    return msg(
        "{metric}: median {median} ({low} to {high}, n {n}){p95}{note}",
        metric=row.metric, median=median, low=low, high=high, n=row.n, p95=p95, note=note,
    )  # fmt: skip
