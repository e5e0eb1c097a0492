"""What is noted of the open audio streams of a take, and whether they have come to rest before a prompt."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from diag.core.timeline import EventName
from diag.record.audio.ports import AudioSession
from diag.record.take_log import TakeLog

AT_REST_S = 1.0
"""Streams without a late callback or a loss for so long are at rest: stamps of their device are right again then."""
REST_WITHIN_S = 3.0
"""Longest wait for that; a machine that is busy all the time disturbs the take later too, and that is noted."""
LOOK_EVERY_S = 0.05


def note_streams(log: TakeLog, audio: AudioSession) -> None:
    """Note the devices, rates and latencies of streams that have been opened."""
    data = {
        "devices": dict(audio.devices),
        "rates_hz": dict(audio.rates_hz),
        "latency_s": dict(audio.latency_s),
        "ear_channels": audio.ear_channels,
    }
    log.emit(EventName.STREAMS_OPENED, data)


def note_end(log: TakeLog, audio: AudioSession, failed: str | None, before_prompts: Mapping[str, int]) -> None:
    """Note what disturbed the streams.

    Parameters
    ----------
    failed : str or None
        What `audio.failed` was before the streams were closed.
    before_prompts : mapping of str to int
        What `audio.xruns` was when the first prompt began; empty if none did.
    """
    for port, count in audio.xruns.items():
        log.emit(EventName.XRUNS, {"port": port, "count": count, "before_prompts": before_prompts.get(port, 0)})
    for late in audio.late:
        t_s = late.t_s - log.origin_s
        log.emit(EventName.CALLBACK_LATE, {"port": late.port, "late_s": late.late_s}, t_s=t_s)
    if failed is not None:
        log.emit(EventName.DEVICE_FAILED, {"detail": failed})


async def at_rest(audio: AudioSession) -> None:
    """Wait until nothing has disturbed the streams for `AT_REST_S`, at most for `REST_WITHIN_S`.

    A browser or a program that starts takes both cores of a small machine for a second or two.
    """
    until_s = time.perf_counter() + REST_WITHIN_S
    lost, disturbed_s = sum(audio.xruns.values()), 0.0
    while (now_s := time.perf_counter()) < until_s:
        if (count := sum(audio.xruns.values())) != lost:
            lost, disturbed_s = count, now_s
        disturbed_s = max(disturbed_s, *(late.t_s for late in audio.late[-1:]), 0.0)
        if now_s - disturbed_s >= AT_REST_S:
            break
        await asyncio.sleep(LOOK_EVERY_S)
