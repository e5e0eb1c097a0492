"""SND005: the client sends audio faster or slower than real time."""

from __future__ import annotations

import itertools

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Measurements, Verdict, not_checked, raised
from diag.core.timeline import EventName, Timeline
from diag.core.units import LIVE_INPUT_RATE_HZ, format_seconds
from diag.judge.evidence import (
    WrongRate,
    all_clear,
    clear_if_measured,
    evidence_of,
    rate_by_pace,
    worst_fault,
    wrong_rate,
)
from diag.judge.registry import rule

LIMIT = 0.05
STALL_S = 0.5
"""Shortest pause in sending that is a stall. A program that is merely busy is late by less."""
CAUGHT_UP_WITHIN_S, CAUGHT_UP = 0.2, 0.5
"""A stall is followed by at least this share of the audio that waited, within this time. A client that sends nothing on
purpose while a reply plays has no audio waiting."""
LEAST_STALLS = 2


@rule(
    "SND005",
    name="send-pacing",
    severity="warning",
    hop=Hop.SENDER,
    explained_by=("SND003", "SND008", "SND020", "MIC005", "MIC010", "MIC016"),
)
def send_pacing(measurements: Measurements, observed: ObservedClient, timeline: Timeline) -> Verdict:
    """The client sends audio faster or slower than real time.

    What it shows
        Over a turn, the client sent more than 5 % more or less than one second of audio per second. Or it stopped
        sending for more than 0.5 s several times, and then sent at once what had waited.

    Why it matters
        If audio is sent too slowly, the speech reaches the service later and later. If it is sent too fast, the service
        sees the turn end too early, and a long turn overflows its buffers. After a pause, what the user says in it
        reaches the service late: interruptions take effect late.

    Evidence
        `realtime_ratio`: seconds of audio sent per second; the longest pause in sending.

    Likely causes
        - A timer drifts because it sleeps 50 ms after each send, or it sends one batch per tick no matter how much
          audio was captured.
        - A file is sent as fast as the connection allows.
        - The event loop that sends is blocked, for example because the reply is written to the output stream in it.

    Fix
        Send each batch as soon as the microphone has delivered it. Pace a file by the clock, not by fixed sleeps. Write
        to the output stream in a thread of its own.

    Does not prove
        Where time is lost. It is not checked if the declared sample rate is wrong, because the figure is then wrong
        too.
    """
    speed = wrong_rate(measurements, Hop.SENDER)
    if isinstance(speed, WrongRate):
        return not_checked(msg("the declared rate is wrong; see SND001"))
    if isinstance(speed, str) and measurements.find("rate_ratio", hop=Hop.SENDER):
        return not_checked(msg("it was not measured whether the declared rate is right ({speed})", speed=speed))
    found = worst_fault(
        measurements, "realtime_ratio", lambda ratio: abs(ratio - 1) > LIMIT, badness=lambda ratio: abs(ratio - 1)
    )
    if isinstance(found, Verdict):
        if not isinstance(speed, str):
            found = all_clear((found, clear_if_measured(measurements.find("rate_ratio", hop=Hop.SENDER), "rate_ratio")))
        return _stalled(timeline, observed) or found
    ratio, item = found
    # Without a recording of the prompt, only the pace itself can show that the declared rate is wrong.
    if isinstance(speed, str) and rate_by_pace(ratio, observed.sent_rate_hz or LIVE_INPUT_RATE_HZ) is not None:
        return not_checked(msg("the declared rate seems to be wrong; see SND022"))
    text = msg("{ratio:.2f} s of audio were sent per second; it should be 1", ratio=ratio)
    return raised(
        msg("The client sends {percent:.0f} % faster than real time", percent=100 * (ratio - 1))
        if ratio > 1
        else msg("The client sends {percent:.0f} % slower than real time", percent=100 * (1 - ratio)),
        evidence=[evidence_of(item, text)],
        likely_cause=msg("a timer paces the batches instead of the microphone")
        if ratio < 1
        else msg("audio is sent as fast as the connection allows"),
        fix=msg("send each batch as soon as the microphone has filled it, and pace files by the clock"),
    )


def _stalled(timeline: Timeline, observed: ObservedClient) -> Verdict | None:
    """Return the verdict on a client that stopped sending several times and then caught up; None for any other."""
    rate_hz = observed.sent_rate_hz or LIVE_INPUT_RATE_HZ
    batches = [(event.t_s, float(event.data.get("frames") or 0) / rate_hz)
               for event in timeline.named(EventName.BATCH_SENT)]  # fmt: skip
    stalls: list[tuple[float, float]] = []
    for (before_s, _), (at_s, length_s) in itertools.pairwise(batches):
        # A batch is sent when it is full, so that its own length is no pause.
        pause_s = at_s - before_s - length_s
        waited_s = sum(length for t_s, length in batches if at_s <= t_s <= at_s + CAUGHT_UP_WITHIN_S) - length_s
        if pause_s > STALL_S and waited_s >= CAUGHT_UP * pause_s:
            stalls.append((pause_s, before_s))
    if len(stalls) < LEAST_STALLS:
        return None
    longest_s, at_s = max(stalls)
    longest = format_seconds(longest_s)
    return raised(
        msg("The client stops sending for up to {longest}, and then sends all at once", longest=longest),
        evidence=[
            Evidence(
                text=msg(
                    "{count} pauses of more than {limit}, the longest at {at_s:.2f} s: what the user says then "
                    "comes late",
                    count=len(stalls),
                    limit=format_seconds(STALL_S),
                    at_s=at_s,
                )
            )
        ],
        likely_cause=msg(
            "the event loop that sends is blocked, for example because the reply is written to the output stream in it"
        ),
        fix=msg(
            "write to the output stream in a thread of its own (a callback, or `asyncio.to_thread(stream.write, data)`)"
        ),
    )
