"""Many sessions at once without devices: each sends one prompt in real time and waits for the first audio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from diag.core.client_config import ClientConfig
from diag.core.clip import Samples, pcm16_from_samples
from diag.core.endurance import LoadSession, LoadStep
from diag.record.client.resampler import resample
from diag.record.live.genai import Endpoint, LiveConnection
from diag.record.live.raw import RawConnection

BLOCK_S = 0.05
SPREAD_S = 1.0
"""The sessions of a step begin spread over this time, as callers do, so that not all speak in the same instant."""


@dataclass(frozen=True, kw_only=True)
class LoadJob:
    """What every session of a step does.

    Parameters
    ----------
    prompt : Samples
        The prompt at `rate_hz`, shape (n,).
    speech_end_s : float
        When its speech ends, in seconds from its first sample.
    """

    config: ClientConfig
    endpoint: Endpoint
    prompt: Samples
    rate_hz: int
    speech_end_s: float


def run_step(job: LoadJob, sessions: int) -> LoadStep:
    """Hold a number of sessions side by side, and return what each of them saw."""
    return asyncio.run(_step(job, sessions))


async def _step(job: LoadJob, sessions: int) -> LoadStep:
    send_hz = job.config.send.declared_rate_hz or job.config.send.sample_rate_hz
    pcm = pcm16_from_samples(resample(job.prompt, job.rate_hz, send_hz))
    size = 2 * round(BLOCK_S * send_hz)
    blocks = [pcm[start : start + size].ljust(size, b"\0") for start in range(0, len(pcm), size)]
    waits = np.linspace(0.0, SPREAD_S, sessions, endpoint=False)
    results = await asyncio.gather(*(_One(job, blocks, send_hz).run(float(wait_s)) for wait_s in waits))
    return LoadStep(sessions=sessions, results=tuple(results))


class _One:
    def __init__(self, job: LoadJob, blocks: list[bytes], send_hz: int) -> None:
        self._job = job
        self._blocks = blocks
        self._mime_type = f"audio/pcm;rate={send_hz}"
        self._silence = b"\0" * (2 * round(BLOCK_S * send_hz))
        self._first_s: float | None = None
        self._end: str | None = None
        self._over = asyncio.Event()

    async def run(self, wait_s: float) -> LoadSession:
        await asyncio.sleep(wait_s)
        job, frame = self._job, self._job.config.raw_frame
        connection: LiveConnection | RawConnection
        if frame is None:
            connection = LiveConnection(self._on_event, self._on_audio)
            opened = await connection.connect(job.config.session, job.endpoint)
        else:
            connection = RawConnection(frame, self._on_event, self._on_audio)
            opened = await connection.connect(job.config.session.api_version, job.endpoint)
        if not opened:
            return LoadSession(first_byte_s=None, failed=self._end or "refused", late_s=0.0)
        receiving = asyncio.create_task(connection.receive())
        try:
            return await self._talk(connection)
        finally:
            await connection.close()
            receiving.cancel()
            await asyncio.wait((receiving,))

    async def _talk(self, connection: LiveConnection | RawConnection) -> LoadSession:
        """Send the prompt and then silence in real time until audio comes or the wait is over."""
        timeout_s = self._job.config.turn.reply_timeout_s
        start_s, late_s, number = time.perf_counter(), 0.0, 0
        end_s = start_s + self._job.speech_end_s
        while self._first_s is None and not self._over.is_set():
            # A block can be sent once its last sample has been spoken.
            due_s = start_s + (number + 1) * BLOCK_S
            if due_s > end_s + timeout_s:
                self._end = f"no audio within {timeout_s:g} s"
                break
            await asyncio.sleep(max(due_s - time.perf_counter(), 0.0))
            late_s = max(late_s, time.perf_counter() - due_s)
            block = self._blocks[number] if number < len(self._blocks) else self._silence
            if not await connection.send_audio(block, self._mime_type):
                break
            number += 1
        first = self._first_s
        failed = None if first is not None else self._end or "the session ended"
        return LoadSession(first_byte_s=None if first is None else first - end_s, failed=failed, late_s=late_s)

    def _on_event(self, name: str, data: Mapping[str, Any]) -> None:
        if name == "turn_complete" and self._first_s is None:
            self._end = "turnComplete without audio"
            self._over.set()
        elif name in ("session_closed", "session_refused", "unreachable") and data.get("by") != "client":
            self._end = " ".join(str(data[key]) for key in ("code", "reason", "step") if data.get(key))
            self._over.set()

    def _on_audio(self, pcm: bytes, mime_type: str) -> None:
        if self._first_s is None:
            self._first_s = time.perf_counter()
