"""Feeding of the prompt directly to the client, for rigs whose mouth and microphone are closed."""

from __future__ import annotations

import asyncio
import time

from diag.record.audio.ports import PortPlan
from diag.record.client.resampler import Resampler

BLOCK_S = 0.02


async def feed_without_devices(plan: PortPlan) -> None:
    """Move the mouth's samples to the microphone's callback in real time, until cancelled.

    Each block is due a fixed time after the start. A late block does not delay the following ones, so the stream does
    not drift.

    Parameters
    ----------
    plan : PortPlan
        Its mouth and microphone callbacks must not be None.
    """
    assert plan.mouth is not None
    assert plan.microphone is not None
    frames = round(BLOCK_S * plan.mouth_rate_hz)
    resampler = Resampler(plan.mouth_rate_hz, plan.microphone_rate_hz)
    start_s = time.perf_counter()
    count = 0
    while True:
        due_s = start_s + count * BLOCK_S
        await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
        block = resampler.push(plan.mouth(frames, time.perf_counter(), due_s))
        if len(block):
            plan.microphone(block.reshape(-1, 1), time.perf_counter(), None)
        count += 1
