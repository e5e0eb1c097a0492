"""Event loop that runs due timers after reading only a few connections, so that messages are sent on time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any

AT_ONCE = 4
"""Connections that are read before timers are checked again, at about 0.2 ms each."""

Ready = list[tuple[selectors.SelectorKey, int]]


class Turns(selectors.DefaultSelector):
    """Selector that returns only a few of the ready connections, and the next ones at the next call.

    An asyncio loop reads all ready connections before it checks its timers again. If a hundred clients send at the
    same time, a due message would wait for a hundred reads. A connection that is left out stays ready.
    """

    def __init__(self) -> None:
        super().__init__()
        self._first = 0

    def select(self, timeout: float | None = None) -> Ready:
        """Return at most `AT_ONCE` of the ready connections, in rotation."""
        ready = super().select(timeout)
        if len(ready) <= AT_ONCE:
            return ready
        first = self._first % len(ready)
        self._first = first + AT_ONCE
        return (ready + ready)[first : first + AT_ONCE]


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine as `asyncio.run` does, on a loop with this selector."""
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(Turns())) as runner:
        runner.run(main)
