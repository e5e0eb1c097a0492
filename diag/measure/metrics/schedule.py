"""When audio came and went, from events alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diag.core.clip import Clip
from diag.core.results import Reading, Tier, not_measured
from diag.core.take import Turn
from diag.core.timeline import Timeline
from diag.measure.metrics.moments import audio_chunks
from diag.measure.reasons import NO_AUDIO, too_short
from diag.measure.registry import Group, metric

SLOWEST_OVER_S = 0.5
"""Shorter stretches than this are jitter, not pace."""


def arrivals(timeline: Timeline, turn: Turn, received: Clip) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Arrival of each chunk, and the time in the reply at which its first sample is due; both start at 0."""
    chunks = audio_chunks(timeline, turn)
    arrival = np.array([event.t_s for event in chunks])
    due = np.array([event.data["start_frame"] for event in chunks], dtype=np.float64) / received.sample_rate_hz
    return arrival - arrival[:1].sum(), due - due[:1].sum()


@metric(
    "buffer_needed_s", unit="s", better="lower", tolerance=0.02,
    label="Buffer needed", group=Group.SCHEDULE, order=1,
)  # fmt: skip
def buffer_needed(turn: Turn, timeline: Timeline, received: Clip) -> Reading:
    """Least buffer with which a player would not have run dry.

    What
        How long a player must wait after the first byte, so that every chunk is there when it is due: the largest
        lateness of a chunk against the playing time of the audio before it.
    From – to
        The turn's first chunk – its last.
    Better is
        Lower; 0 where audio always came ahead of time.
    Not measured when
        No audio was received.
    Reference
        Exact: a simulated player starves with any smaller buffer.
    """
    arrival, due = arrivals(timeline, turn, received)
    if arrival.size == 0:
        return not_measured(NO_AUDIO, Tier.EVENTS)
    return Reading(value=float(np.max(arrival - due, initial=0.0)), tier=Tier.EVENTS)


@metric(
    "arrival_jitter_s", unit="s", better="lower", tolerance=0.01,
    label="Arrival jitter", group=Group.SCHEDULE, order=2,
)  # fmt: skip
def arrival_jitter(turn: Turn, timeline: Timeline, received: Clip) -> Reading:
    """Irregularity of the chunks' arrival.

    What
        95th percentile of how far a gap between arrivals, less the audio that the earlier chunk brought, lies from
        its median: 0 for any steady pace.
    From – to
        The turn's first chunk – its last.
    Better is
        Lower.
    Not measured when
        Fewer than three chunks were received.
    Reference
        No threshold; SVC004 judges `buffer_needed_s`.
    """
    arrival, due = arrivals(timeline, turn, received)
    if arrival.size < 3:
        return not_measured(too_short("fewer than three chunks of audio were received"), Tier.EVENTS)
    extra = np.diff(arrival) - np.diff(due)
    return Reading(value=float(np.percentile(np.abs(extra - np.median(extra)), 95)), tier=Tier.EVENTS)


@metric(
    "realtime_factor_min", unit="1", better="higher", tolerance=0.05,
    label="Slowest delivery", group=Group.SCHEDULE, order=3,
)  # fmt: skip
def realtime_factor_min(turn: Turn, timeline: Timeline, received: Clip) -> Reading:
    """Pace of the slowest stretch of the reply's delivery.

    What
        Audio received per second of clock, over the slowest stretch of at least 0.5 s between two arrivals.
    From – to
        Any chunk of the turn – any later one.
    Better is
        Higher: below 1 the player lives on its buffer.
    Not measured when
        The arrivals span less than 0.5 s (the reply came at once).
    Reference
        1 is exactly real time.
    """
    arrival, due = arrivals(timeline, turn, received)
    slowest = np.inf
    for first in range(arrival.size):
        elapsed = arrival[first + 1 :] - arrival[first]
        long = elapsed >= SLOWEST_OVER_S
        if long.any():
            slowest = min(slowest, float(np.min((due[first + 1 :] - due[first])[long] / elapsed[long])))
    if not np.isfinite(slowest):
        return not_measured(too_short("the reply arrived within half a second"), Tier.EVENTS)
    return Reading(value=slowest, tier=Tier.EVENTS)


@metric(
    "realtime_ratio", unit="1", better="one", tolerance=0.01,
    label="Audio sent per second", group=Group.SCHEDULE, order=4,
)  # fmt: skip
def realtime_ratio(turn: Turn, timeline: Timeline, sent: Clip) -> Reading:
    """Audio sent per second of clock, at its declared rate.

    What
        1 where the client sends as fast as it speaks; 3 where 48 kHz audio is labelled 16 kHz.
    From – to
        The first batch sent in this turn – the last.
    Better is
        Nearer to 1; SND005 allows 5 %.
    Not measured when
        Batches span less than one second.
    Reference
        Least-squares slope of the audio sent before each batch over the time of sending.
    """
    batches = timeline.named("batch_sent", start_s=turn.start_s, end_s=turn.end_s)
    t_s = np.array([event.t_s for event in batches])
    if t_s.size < 3 or t_s[-1] - t_s[0] < 1.0:
        return not_measured(too_short("less than one second of audio was sent in this turn"), Tier.EVENTS)
    audio_s = np.array([event.data["start_frame"] for event in batches], dtype=np.float64) / sent.sample_rate_hz
    centred = t_s - t_s.mean()
    return Reading(value=float(centred @ audio_s / (centred @ centred)), tier=Tier.EVENTS)
