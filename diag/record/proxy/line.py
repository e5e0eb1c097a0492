"""Impairments of the line between client and service: delay, jitter, stalls and bandwidth, in both directions."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, fields

from diag.core.errors import BadInputError

QUEUE_BYTES = 1024 * 1024
"""With more than this waiting on an impaired line, the sender is made to wait too."""


@dataclass(frozen=True, kw_only=True)
class LineFaults:
    """Impairments of the line; 0 switches one off.

    Parameters
    ----------
    delay_ms : float
        Constant delay in each direction.
    jitter_ms : float
        Largest random delay in addition; uniformly distributed. The order is kept.
    stall_ms, stall_every_s : float
        Length of a stall, in which nothing passes, and the mean time between the starts of two stalls.
    kbit_s : float
        Bandwidth in each direction, in 1000 bit/s.
    """

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    stall_ms: float = 0.0
    stall_every_s: float = 5.0
    kbit_s: float = 0.0

    @property
    def clean(self) -> bool:
        """Return whether nothing is impaired."""
        return not (self.delay_ms or self.jitter_ms or self.stall_ms or self.kbit_s)


def line_from_text(text: str) -> LineFaults:
    """Return the impairments in a text such as `delay_ms=80,jitter_ms=40`.

    Raises
    ------
    BadInputError
        If a name or a value is not allowed.
    """
    names = [field.name for field in fields(LineFaults)]
    values: dict[str, float] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if name.strip() not in names or not 0 <= number < 1e6:
            raise BadInputError(
                "Could not use --line",
                seen=f"`{part}`",
                allowed=f"{', '.join(names)}, each with a number from 0",
                next_step="write for example `--line delay_ms=80,jitter_ms=40`",
            )
        values[name.strip()] = number
    return LineFaults(**values)


class Line:
    """One direction of an impaired line.

    Parameters
    ----------
    faults : LineFaults
    rng : random.Random
        Source of all random choices of this direction.
    write : callable
        Passes bytes on.
    """

    def __init__(self, faults: LineFaults, rng: random.Random, write: Callable[[bytes], None]) -> None:
        self._faults = faults
        self._rng = rng
        self._write = write
        self._queue: deque[tuple[float, bytes]] = deque()
        self._bytes = 0
        self._last_s = 0.0
        self._next_stall_s = time.perf_counter() + rng.expovariate(1 / faults.stall_every_s)
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._task = asyncio.create_task(self._run())

    def send(self, data: bytes, t_s: float) -> None:
        """Take bytes that arrived at `t_s`; they are passed on when they are due."""
        due_s = self._due_s(len(data), t_s)
        self._queue.append((due_s, data))
        self._bytes += len(data)
        self._wake.set()
        if self._bytes > QUEUE_BYTES:
            self._room.clear()

    async def drain(self) -> None:
        """Wait until the line has room again."""
        await self._room.wait()

    async def flush(self) -> None:
        """Pass on everything that waits, each when it is due."""
        while self._queue:
            await asyncio.sleep(max(0.001, self._queue[0][0] - time.perf_counter()))

    def close(self) -> None:
        """Stop; what waits is dropped."""
        self._task.cancel()

    def _due_s(self, size: int, t_s: float) -> float:
        faults = self._faults
        jitter_s = self._rng.random() * faults.jitter_ms / 1000
        due_s = max(self._last_s, t_s + faults.delay_ms / 1000 + jitter_s)
        if faults.kbit_s:
            due_s = max(due_s, self._last_s) + size * 8 / (1000 * faults.kbit_s)
        if faults.stall_ms:
            while due_s >= self._next_stall_s + faults.stall_ms / 1000:
                self._next_stall_s += faults.stall_ms / 1000 + self._rng.expovariate(1 / faults.stall_every_s)
            if due_s >= self._next_stall_s:
                due_s = self._next_stall_s + faults.stall_ms / 1000
        self._last_s = due_s
        return due_s

    async def _run(self) -> None:
        while True:
            while not self._queue:
                self._wake.clear()
                await self._wake.wait()
            wait_s = self._queue[0][0] - time.perf_counter()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            _, data = self._queue.popleft()
            self._bytes -= len(data)
            if self._bytes <= QUEUE_BYTES:
                self._room.set()
            self._write(data)
