"""Feeds the prompt straight to the client where there is no mouth and microphone to carry it."""

from __future__ import annotations

import asyncio
import time

from diag.record.audio.ports import PortPlan
from diag.record.client.resampler import Resampler

BLOCK_S = 0.02


async def feed_without_devices(plan: PortPlan) -> None:
    """Move the mouth's samples to the microphone's callback in real time, until cancelled.

    Blocks are due on a monotonic schedule; a late one is caught up with, so the stream does not drift.
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
