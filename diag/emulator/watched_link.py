"""Link that gives copies of all messages of another link to a watcher."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from diag.emulator.link import Link, OuterLink


class Watcher(Protocol):
    """Gets copies of what passes in one session; times are `time.perf_counter` readings."""

    def from_client(self, payload: bytes | str, t_s: float) -> None:
        """Take a message of the client."""

    def from_service(self, payload: bytes | str, t_s: float) -> None:
        """Take a message of the service."""

    def closed(self, by: str, code: int | None, reason: str, t_s: float) -> None:
        """Take the end of the session; only the first call counts. `by` is "client" or "service"."""

    def refused(self, status: int, t_s: float) -> None:
        """Take the HTTP status with which the service refused the upgrade."""

    def gone(self) -> None:
        """Take the end of the connection; nothing follows."""


Watch = Callable[[str, Mapping[str, str]], Watcher]
"""Called with the target and the headers (names in lower case) of each request for a session; returns its watcher."""


class WatchedLink(OuterLink):
    """Link whose messages a watcher gets too, each after it has passed."""

    def __init__(self, link: Link, watcher: Watcher) -> None:
        super().__init__(link)
        self._watcher = watcher

    async def receive(self) -> str | bytes | None:
        data = await super().receive()
        t_s = time.perf_counter()
        if data is None:
            self._watcher.closed("client", *self._link.ended, t_s)
        else:
            self._watcher.from_client(data, t_s)
        return data

    async def send(self, payload: bytes) -> None:
        t_s = time.perf_counter()
        await super().send(payload)
        self._watcher.from_service(payload, t_s)

    async def close(self, code: int, reason: bytes) -> None:
        self._watcher.closed("service", code, reason.decode("utf-8", "replace"), time.perf_counter())
        await super().close(code, reason)

    def drop(self) -> None:
        self._watcher.closed("service", None, "", time.perf_counter())
        super().drop()
