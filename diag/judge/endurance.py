"""What long sessions and growing load show: trends, losses, and a verdict in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import theilslopes

from diag.core.endurance import LoadResult, LoadStep, SoakResult
from diag.core.messages import Message, fixed_text, msg
from diag.core.stats import median, p95
from diag.core.units import counted, format_seconds

GROWTH_S = 0.3
"""Latency that may be added over a whole session. Callers notice a wait that is longer by this much."""
MEMORY_MB = 5.0
"""Memory that may be added over a whole session."""
DRIFT_PPM = 500.0
"""Difference of a device's clock, as for takes: a bad crystal is off by 200 ppm."""
NO_CLOCK_PPM = 5000.0
"""A device that seems slower than this lost audio, as on a machine that was too busy."""
SETTLED_S = 120.0
"""Time at the beginning that is left out of the trend of memory: libraries and caches are filled on first use."""
FEWEST_TURNS = 5
LATE_S = 0.05
"""A delay of diag's own sending by more than one batch spoils a session's latency."""
LOAD_GROWTH_S = 0.2
"""Growth of the median latency from the smallest to the largest load that is reported."""
FEWEST_PER_STEP = 3
"""Sessions of a step from which a spread is given."""


@dataclass(frozen=True)
class Trend:
    """A straight line through values over time: its slope per minute, and the change over the whole time."""

    per_minute: float
    change: float


@dataclass(frozen=True, kw_only=True)
class SoakSummary:
    """Trends of a long session, and the sentences that say what is wrong."""

    latency: Trend | None
    latency_per_turn_s: float | None
    memory: Trend | None
    drift_ppm: dict[str, float]
    answered: int
    underruns: int
    survived: int
    lost: int
    problems: tuple[str, ...]
    not_shown: tuple[str, ...]


def trend(t_s: Sequence[float], values: Sequence[float]) -> Trend | None:
    """Return the line with the median slope between all pairs of points; None for too few points."""
    if len(values) < FEWEST_TURNS:
        return None
    slope = float(theilslopes(np.array(values), np.array(t_s)).slope)
    return Trend(60.0 * slope, slope * (max(t_s) - min(t_s)))


def drift_ppm(points: Sequence[tuple[float, int]], rate_hz: int) -> float | None:
    """Return by how much a device's clock is fast, in parts per million, from (time, frame) points of it."""
    if len(points) < FEWEST_TURNS:
        return None
    at_s: NDArray[np.float64] = np.array([at for at, _ in points])
    frames: NDArray[np.float64] = np.array([frame for _, frame in points], dtype=np.float64)
    return 1e6 * (float(theilslopes(frames, at_s).slope) / rate_hz - 1.0)


def soak_summary(result: SoakResult) -> SoakSummary:
    """Return the trends of a long session, and what is wrong with it."""
    turns = result.turns
    answered = [(turn.t_s, turn.first_byte_s) for turn in turns if turn.first_byte_s is not None]
    latency = trend([t_s for t_s, _ in answered], [value for _, value in answered])
    numbered = [
        (float(number), turn.first_byte_s) for number, turn in enumerate(turns) if turn.first_byte_s is not None
    ]
    per_turn = trend([number for number, _ in numbered], [value for _, value in numbered])
    settled = [turn for turn in turns if turn.t_s > SETTLED_S]
    known = [(turn.t_s, turn.memory_mb) for turn in settled if turn.memory_mb is not None]
    memory = trend([t_s for t_s, _ in known], [value for _, value in known])
    drifts = {
        port: ppm
        for port, rate_hz in result.rates_hz.items()
        if (ppm := drift_ppm([turn.clocks[port] for turn in turns if port in turn.clocks], rate_hz)) is not None
    }
    ended = [item for item in result.connections if item.ended != "client"]
    summary = SoakSummary(
        latency=latency,
        latency_per_turn_s=None if per_turn is None else per_turn.per_minute / 60.0,
        memory=memory,
        drift_ppm=drifts,
        answered=len(answered),
        underruns=sum(turn.underruns for turn in turns),
        survived=sum(item.resumed is True for item in ended),
        lost=sum(item.resumed is not True for item in ended),
        problems=(),
        not_shown=(),
    )
    return SoakSummary(**{**vars(summary), "problems": _problems(result, summary), "not_shown": _not_shown(summary)})


def _problems(result: SoakResult, summary: SoakSummary) -> tuple[str, ...]:
    found = []
    if result.stopped is not None:
        found.append(msg("It ended before its time: {reason}.", reason=result.stopped))
    silent = len(result.turns) - summary.answered
    if silent:
        text = msg("{prompts} of {turns} had no reply.", prompts=counted(silent, "prompt"), turns=len(result.turns))
        found.append(text)
    for item in result.connections:
        if item.ended == "client" or item.resumed is True:
            continue
        again = msg("nothing was opened again")
        if item.resumed is False:
            again = msg("a new session without the old context was opened")
        found.append(msg("Connection {number} ended after {length} ({ended}); {again}.", number=item.number,
                         length=format_seconds(item.end_s - item.start_s), ended=item.ended, again=again))  # fmt: skip
    if summary.latency is not None and summary.latency.change > GROWTH_S:
        change, slope = format_seconds(summary.latency.change), format_seconds(summary.latency.per_minute)
        found.append(msg("The wait for the reply grew by {change}, {slope} a minute.", change=change, slope=slope))
    if summary.memory is not None and summary.memory.change > MEMORY_MB:
        found.append(msg("The memory of the client grew by {growth_mb:.1f} MB.", growth_mb=summary.memory.change))
    found += [_drift_words(port, ppm) for port, ppm in summary.drift_ppm.items() if abs(ppm) > DRIFT_PPM]
    if summary.underruns:
        found.append(msg("The player ran out of audio {times}.", times=counted(summary.underruns, "time")))
    return tuple(found)


def _drift_words(name: str, ppm: float) -> Message:
    port = fixed_text(name)
    if ppm < -NO_CLOCK_PPM:
        return msg("The {port} lost about {percent:.1f} % of its audio: no clock is that slow.", port=port,
                   percent=-ppm / 1e4)  # fmt: skip
    if ppm > 0:
        return msg("The clock of the {port} is {ppm:.0f} ppm too fast.", port=port, ppm=ppm)
    return msg("The clock of the {port} is {ppm:.0f} ppm too slow.", port=port, ppm=-ppm)


def _not_shown(summary: SoakSummary) -> tuple[str, ...]:
    missing = []
    if summary.latency is None:
        missing.append(msg("whether the wait grows: too few turns were answered"))
    if summary.memory is None:
        missing.append(msg("whether memory grows: too few turns, or this system does not tell"))
    if not summary.drift_ppm:
        missing.append(msg("whether clocks drift: too few turns"))
    return tuple(missing)


@dataclass(frozen=True, kw_only=True)
class LoadRow:
    """One step of load: how many sessions answered, were late because of diag, or failed, and their latency."""

    sessions: int
    counted: int
    late: int
    failed: int
    median_s: float | None
    p95_s: float | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LoadSummary:
    """All steps of load, and the sentences that say what is wrong."""

    rows: tuple[LoadRow, ...]
    growth_s: float | None
    per_session_s: float | None
    problems: tuple[str, ...]
    not_shown: tuple[str, ...]


def load_summary(result: LoadResult) -> LoadSummary:
    """Return what growing load does to latency and failures."""
    rows = tuple(map(_row, result.steps))
    known = [(row.sessions, row.median_s) for row in rows if row.median_s is not None]
    growth = per_session = None
    if len(known) > 1 and known[-1][0] > known[0][0]:
        growth = known[-1][1] - known[0][1]
        per_session = float(theilslopes(*np.array([(value, count) for count, value in known]).T).slope)
    problems = [
        msg("With {sessions}, {failed} failed: {reasons}.", sessions=counted(row.sessions, "session"),
            failed=row.failed, reasons=", ".join(row.reasons))
        for row in rows
        if row.failed
    ]  # fmt: skip
    if growth is not None and growth > LOAD_GROWTH_S:
        first, last = known[0], known[-1]
        problems.append(
            msg("The wait for the reply grows with the load: {first_wait} with {first}, {last_wait} with {last}.",
                first_wait=format_seconds(first[1]), first=counted(first[0], "session"),
                last_wait=format_seconds(last[1]), last=last[0])
        )  # fmt: skip
    missing = [
        msg("the latency with {sessions}: diag itself was late in {late}", sessions=counted(row.sessions, "session"),
            late=row.late)
        for row in rows
        if row.median_s is None and not row.failed
    ]  # fmt: skip
    return LoadSummary(
        rows=rows, growth_s=growth, per_session_s=per_session, problems=tuple(problems), not_shown=tuple(missing)
    )


def _row(step: LoadStep) -> LoadRow:
    late = [item for item in step.results if item.failed is None and item.late_s > LATE_S]
    values = [item.first_byte_s for item in step.results if item.first_byte_s is not None and item.late_s <= LATE_S]
    failed = [item.failed for item in step.results if item.failed is not None]
    return LoadRow(
        sessions=step.sessions,
        counted=len(values),
        late=len(late),
        failed=len(failed),
        median_s=median(values),
        p95_s=p95(values) if len(values) >= FEWEST_PER_STEP else None,
        reasons=tuple(dict.fromkeys(failed)),
    )
