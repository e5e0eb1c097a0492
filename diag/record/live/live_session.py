"""What sessions of the Live API have in common, with the SDK and without it: how they end and how that is reported."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from diag.record.live.connection_facts import Fact, session_end

CLOSE_TIMEOUT_S = 3.0
"""Longest wait for the other side to answer the end of a session."""
Emit = Callable[[str, Mapping[str, Any]], None]
"""Called with the name and the data of each event."""


class LiveSession:
    """One session of the Live API; every message is reported as events when it arrives.

    Parameters
    ----------
    emit : Emit
        Called with each event.
    on_audio : callable
        Called with (pcm, mime_type) of each audio chunk; it must not block.
    """

    def __init__(self, emit: Emit, on_audio: Callable[[bytes, str], None]) -> None:
        self._emit = emit
        self._on_audio = on_audio
        self._stack = contextlib.AsyncExitStack()
        self._closing = False
        self.open = False
        self.handle: str | None = None
        """The newest handle with which the session can be resumed; it is secret and reaches no event."""

    async def close(self) -> None:
        """Close the session from the client's side; does nothing if it has ended already."""
        self._closing = True
        with contextlib.suppress(TimeoutError, OSError):
            await asyncio.wait_for(self._stack.aclose(), CLOSE_TIMEOUT_S)
        if self.open:
            self.open = False
            self._emit("session_closed", {"code": 1000, "reason": "", "by": "client"})

    def _closed(self, error: BaseException) -> None:
        if not self.open or self._closing:
            return
        self.open = False
        self._report(session_end(error))

    def _report(self, fact: Fact) -> None:
        self._emit(fact.name, fact.data)
