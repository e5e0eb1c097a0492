"""Timing of received and sent chunks of audio, from events alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diag.core.clip import Clip
from diag.core.messages import msg
from diag.core.results import Reading, Tier, not_measured
from diag.core.take import Turn
from diag.core.timeline import Timeline
from diag.measure.metrics.moments import audio_chunks
from diag.measure.reasons import NO_AUDIO, too_short
from diag.measure.registry import Group, metric

SLOWEST_OVER_S = 0.5
"""Shortest period over which a pace is measured; shorter ones only show jitter."""


def arrivals(timeline: Timeline, turn: Turn, received: Clip) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the arrival time of each chunk, and the time in the reply at which it is due. Both start at 0."""
    chunks = audio_chunks(timeline, turn)
    arrival = np.array([event.t_s for event in chunks])
    due = np.array([event.data["start_frame"] for event in chunks], dtype=np.float64) / received.sample_rate_hz
    return arrival - arrival[:1].sum(), due - due[:1].sum()


@metric(
    "buffer_needed_s", unit="s", better="lower", tolerance=0.02,
    label="Buffer needed", group=Group.SCHEDULE, order=1,
)  # fmt: skip
def buffer_needed(turn: Turn, timeline: Timeline, received: Clip) -> Reading:
    """Smallest buffer with which a player would not have underrun.

    What
        Time that a player must wait after the first byte so that every chunk has arrived when it is due. It is the
        largest delay of a chunk relative to the playing time of the audio before it.
    From – to
        The turn's first chunk – its last.
    Better is
        Lower; 0 if every chunk came before it was due.
    Not measured when
        No audio was received.
    Reference
        Exact: a simulated player underruns with any smaller buffer.
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
        For each pair of neighbouring chunks, the time between arrivals minus the length of the earlier chunk. The value
        is the 95th percentile of the deviation from the median: 0 for any steady pace.
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
        return not_measured(too_short(msg("fewer than three chunks of audio were received")), Tier.EVENTS)
    extra = np.diff(arrival) - np.diff(due)
    return Reading(value=float(np.percentile(np.abs(extra - np.median(extra)), 95)), tier=Tier.EVENTS)


@metric(
    "realtime_factor_min", unit="1", better="higher", tolerance=0.05,
    label="Slowest delivery", group=Group.SCHEDULE, order=3,
)  # fmt: skip
def realtime_factor_min(turn: Turn, timeline: Timeline, received: Clip) -> Reading:
    """Pace of the slowest period of the reply's delivery.

    What
        Seconds of audio received per second, over the slowest period of at least 0.5 s between two arrivals.
    From – to
        Any chunk of the turn – any later one.
    Better is
        Higher: below 1 the player uses up its buffer.
    Not measured when
        All chunks arrived within 0.5 s.
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
        return not_measured(too_short(msg("the reply arrived within half a second")), Tier.EVENTS)
    return Reading(value=slowest, tier=Tier.EVENTS)


@metric(
    "realtime_ratio", unit="1", better="one", tolerance=0.01,
    label="Audio sent per second", group=Group.SCHEDULE, order=4,
)  # fmt: skip
def realtime_ratio(turn: Turn, timeline: Timeline, sent: Clip) -> Reading:
    """Seconds of audio sent per second, at the declared sample rate.

    What
        1 if the client sends in real time; 3 if 48 kHz audio is labelled 16 kHz.
    From – to
        The first batch sent in this turn – the last.
    Better is
        Nearer to 1; SND005 allows 5 %.
    Not measured when
        The batches span less than one second.
    Reference
        Least-squares slope of the length of audio sent before each batch over the time of sending.
    """
    batches = timeline.named("batch_sent", start_s=turn.start_s, end_s=turn.end_s)
    t_s = np.array([event.t_s for event in batches])
    if t_s.size < 3 or t_s[-1] - t_s[0] < 1.0:
        return not_measured(too_short(msg("less than one second of audio was sent in this turn")), Tier.EVENTS)
    audio_s = np.array([event.data["start_frame"] for event in batches], dtype=np.float64) / sent.sample_rate_hz
    centred = t_s - t_s.mean()
    return Reading(value=float(centred @ audio_s / (centred @ centred)), tier=Tier.EVENTS)
