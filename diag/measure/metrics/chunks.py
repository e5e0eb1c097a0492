"""Chunks of the reply as they were received."""

from __future__ import annotations

import numpy as np

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.messages import msg
from diag.core.results import Reading, Spot, Tier, not_measured
from diag.core.take import Turn
from diag.core.timeline import Timeline
from diag.measure.metrics.moments import audio_chunks
from diag.measure.reasons import NO_AUDIO, too_short
from diag.measure.registry import Group, metric

TOO_FEW = too_short(msg("fewer than two chunks of audio were received"))
NEAR = 3
"""A chunk is compared with this many earlier chunks. A chunk that is sent twice comes again at once or a little
later."""
SHORTEST_S = 0.01
AUDIBLE = 0.01
"""Lowest peak of a chunk that is compared. Quieter chunks may be equal because they are nearly silent."""


@metric(
    "repeated_chunks", unit="1", better="lower", tolerance=0.5,
    label="Chunks that came twice", group=Group.CONTINUITY, order=5,
)  # fmt: skip
def repeated_chunks(turn: Turn, timeline: Timeline, received: Clip) -> Reading:
    """Number of chunks of the reply that came twice.

    What
        Audible chunks of at least 10 ms that are identical, sample for sample, to one of the three before them.
    From – to
        The turn's first chunk – its last.
    Better is
        Lower; 0 is healthy: no two stretches of a voice are the same.
    Not measured when
        Fewer than two chunks were received.
    Reference
        Exact comparison. A steady tone repeats itself too; check `tonality_db`.
    """
    chunks = audio_chunks(timeline, turn)
    if len(chunks) < 2:
        return not_measured(TOO_FEW if chunks else NO_AUDIO, Tier.EVENTS)
    spans = [(event.data["start_frame"], event.data["start_frame"] + event.data["frames"]) for event in chunks]
    parts = [received.samples[first:last] for first, last in spans]
    again = [
        span
        for number, (span, part) in enumerate(zip(spans, parts, strict=True))
        if len(part) >= SHORTEST_S * received.sample_rate_hz
        and float(np.abs(part).max()) >= AUDIBLE
        and any(np.array_equal(part, earlier) for earlier in parts[max(0, number - NEAR) : number])
    ]
    rate_hz = received.sample_rate_hz
    return Reading(
        value=float(len(again)),
        tier=Tier.WAVEFORM,
        spots=tuple(Spot(Tap.RECEIVED, first / rate_hz, last / rate_hz) for first, last in again),
    )
