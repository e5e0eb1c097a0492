"""An event loop in which the clock comes first: what is due is sent before everybody who has spoken has been heard."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any

AT_ONCE = 4
"""Connections read between two looks at the clock, at some 0.2 ms each."""

Ready = list[tuple[selectors.SelectorKey, int]]


class Turns(selectors.DefaultSelector):
    """Gives only a few of those that are ready, the next ones next time.

    An asyncio loop reads all of them before it looks at the clock again: a hundred clients that speak in the same
    moment would delay what is due by as many messages. Who is left out stays ready.
    """

    def __init__(self) -> None:
        super().__init__()
        self._first = 0

    def select(self, timeout: float | None = None) -> Ready:
        """Some of the ready connections, in turns."""
        ready = super().select(timeout)
        if len(ready) <= AT_ONCE:
            return ready
        first = self._first % len(ready)
        self._first = first + AT_ONCE
        return (ready + ready)[first : first + AT_ONCE]


def run(main: Coroutine[Any, Any, None]) -> None:
    """`asyncio.run` with such a loop."""
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(Turns())) as runner:
        runner.run(main)
