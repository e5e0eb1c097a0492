"""Many sessions at once without devices: each sends one prompt in real time and waits for the first audio.

The sessions are held in a process of their own, as takes are. In the process of the command, they waited for other
programs of the same priority: with two other busy processes on two cores, up to 0.17 s.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from diag.core.client_config import ClientConfig
from diag.core.clip import Samples, pcm16_from_samples
from diag.core.endurance import LoadSession, LoadStep
from diag.core.keys import remember_address
from diag.core.processes import KillableProcessPool, keep_time_alone, no_garbage_collection, process_died
from diag.core.timeline import session_lost
from diag.core.units import counted
from diag.record.client.resampler import resample
from diag.record.live.genai import Endpoint, LiveConnection
from diag.record.live.raw import RawConnection
from diag.record.take_workers import load_workers

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


@contextmanager
def step_runner() -> Iterator[Callable[[LoadJob, int], LoadStep]]:
    """Start a process for the sessions, ahead of the other work of this machine.

    Yields
    ------
    callable
        Holds a number of sessions side by side there, and returns what each of them saw. It raises
        `CannotMeasureError` if the process has died.
    """
    pool = KillableProcessPool(1, load_workers(), initializer=keep_time_alone)

    def run(job: LoadJob, sessions: int) -> LoadStep:
        try:
            return pool.submit(_run_step, job, sessions).result()
        except BrokenProcessPool:
            attempted = f"Could not hold {counted(sessions, 'session')} at once"
            raise process_died(attempted, next_step="ask for fewer sessions") from None

    try:
        yield run
    except BaseException:
        pool.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _run_step(job: LoadJob, sessions: int) -> LoadStep:
    remember_address(job.endpoint.base_url)
    with no_garbage_collection():
        return asyncio.run(_step(job, sessions))


async def _step(job: LoadJob, sessions: int) -> LoadStep:
    send_hz = job.config.send.declared_rate_hz or job.config.send.sample_rate_hz
    pcm = pcm16_from_samples(resample(job.prompt, job.rate_hz, send_hz))
    size = 2 * round(BLOCK_S * send_hz)
    blocks = [pcm[start : start + size].ljust(size, b"\0") for start in range(0, len(pcm), size)]
    talks = [_Talk(job, blocks, send_hz) for _ in range(sessions)]
    await asyncio.gather(*(talk.open() for talk in talks))
    waits_s = np.linspace(0.0, SPREAD_S, sessions, endpoint=False).tolist()
    rest = asyncio.Event()
    running = [asyncio.create_task(talk.run(wait_s, rest)) for talk, wait_s in zip(talks, waits_s, strict=True)]
    await asyncio.gather(*(talk.settled.wait() for talk in talks))
    # All sessions go on until the last one has its answer, so that the load is the same for all.
    rest.set()
    await asyncio.gather(*running)
    await asyncio.gather(*(talk.close() for talk in talks))
    return LoadStep(sessions=sessions, results=tuple(talk.result for talk in talks))


class _Talk:
    """One session of a step.

    Attributes
    ----------
    settled : asyncio.Event
        The first audio came, or it is known that none will.
    """

    def __init__(self, job: LoadJob, blocks: list[bytes], send_hz: int) -> None:
        self._job = job
        self._blocks = blocks
        self._mime_type = f"audio/pcm;rate={send_hz}"
        self._silence = b"\0" * (2 * round(BLOCK_S * send_hz))
        self._first_s: float | None = None
        self._end_s = 0.0
        self._late_s = 0.0
        self._failed: str | None = None
        self._receiving: asyncio.Task[None] | None = None
        self.settled = asyncio.Event()
        frame = job.config.raw_frame
        self._connection: LiveConnection | RawConnection = (
            LiveConnection(self._on_event, self._on_audio)
            if frame is None
            else RawConnection(frame, self._on_event, self._on_audio)
        )

    async def open(self) -> None:
        """Open the session."""
        connection, session = self._connection, self._job.config.session
        if isinstance(connection, RawConnection):
            opened = await connection.connect(session.api_version, self._job.endpoint)
        else:
            opened = await connection.connect(session, self._job.endpoint)
        if opened:
            self._receiving = asyncio.create_task(connection.receive())
        else:
            self._fail("refused")

    async def run(self, wait_s: float, rest: asyncio.Event) -> None:
        """Send the prompt and then silence in real time, until `rest` is set."""
        await asyncio.sleep(wait_s)
        start_s, number = time.perf_counter(), 0
        self._end_s = start_s + self._job.speech_end_s
        until_s = self._end_s + self._job.config.turn.reply_timeout_s
        while not rest.is_set() and self._connection.open:
            # A block can be sent once its last sample has been spoken.
            due_s = start_s + (number + 1) * BLOCK_S
            if self._first_s is None and due_s > until_s:
                self._fail(f"no audio within {self._job.config.turn.reply_timeout_s:g} s")
            await asyncio.sleep(max(due_s - time.perf_counter(), 0.0))
            if self._first_s is None and due_s >= self._end_s:
                # What comes late from here on delays the reply; before, the service only waits for more speech.
                self._late_s = max(self._late_s, time.perf_counter() - due_s)
            block = self._blocks[number] if number < len(self._blocks) else self._silence
            if not await self._connection.send_audio(block, self._mime_type):
                self._fail("the session ended")
            number += 1

    async def close(self) -> None:
        """Close the session."""
        await self._connection.close()
        if self._receiving is not None:
            self._receiving.cancel()
            await asyncio.wait((self._receiving,))

    @property
    def result(self) -> LoadSession:
        """What the session saw."""
        first_s = self._first_s
        return LoadSession(
            first_byte_s=None if first_s is None else first_s - self._end_s,
            failed=self._failed if first_s is None else None,
            late_s=self._late_s,
        )

    def _fail(self, reason: str) -> None:
        if self._failed is None:
            self._failed = reason
        self.settled.set()

    def _on_event(self, name: str, data: Mapping[str, Any]) -> None:
        if name == "turn_complete" and self._first_s is None:
            self._fail("turnComplete without audio")
        elif name in ("session_closed", "session_refused", "unreachable") and session_lost(data):
            self._fail(" ".join(str(data[key]) for key in ("code", "reason", "step") if data.get(key)))

    def _on_audio(self, pcm: bytes, mime_type: str) -> None:
        if self._first_s is None:
            self._first_s = time.perf_counter()
            self.settled.set()
