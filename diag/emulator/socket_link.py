"""Connection of a session over an aiohttp WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import time

from aiohttp import WSMsgType, web


class SocketLink:
    """Send binary messages, receive text or binary ones, and answer pings after a delay; a `Link`.

    Parameters
    ----------
    pong_delay_s : float or None
        Delay of the answer to a ping; None to answer none.
    """

    def __init__(
        self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, *, pong_delay_s: float | None
    ) -> None:
        self._socket = socket
        self._transport = transport
        self._pong_delay_s = pong_delay_s
        self._pongs: set[asyncio.Task[None]] = set()
        self._ended: tuple[int | None, str] = (None, "")
        self._sending_since_s: float | None = None
        self._received_s = time.perf_counter()

    @property
    def ended(self) -> tuple[int | None, str]:
        return self._ended

    @property
    def gone(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    @property
    def idle_s(self) -> float:
        """Return the time since the client's last message, in seconds."""
        return time.perf_counter() - self._received_s

    @property
    def blocked_s(self) -> float:
        """Return how long the current send has waited for the client, in seconds; 0 if none waits."""
        since_s = self._sending_since_s
        return 0.0 if since_s is None else time.perf_counter() - since_s

    async def receive(self) -> str | bytes | None:
        while True:
            message = await self._socket.receive()
            self._received_s = time.perf_counter()
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                data: str | bytes = message.data
                return data
            if message.type is WSMsgType.PING:
                await self._pong(message.data)
            elif message.type is WSMsgType.CLOSE:
                self._ended = (message.data or 1005, str(message.extra or ""))
                return None
            elif message.type is not WSMsgType.PONG:
                code = self._socket.close_code
                self._ended = (None if code in (None, 1006) else code, "")
                return None

    async def send(self, payload: bytes) -> None:
        self._sending_since_s = time.perf_counter()
        await self._socket.send_bytes(payload)
        self._sending_since_s = None

    async def close(self, code: int, reason: bytes) -> None:
        if not self._socket.closed:
            with contextlib.suppress(ConnectionError):  # the client has closed it already
                await self._socket.close(code=code, message=reason)
        self._forget_pongs()

    def drop(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._forget_pongs()

    async def _pong(self, data: bytes) -> None:
        if self._pong_delay_s == 0:
            await self._socket.pong(data)
        elif self._pong_delay_s is not None and len(self._pongs) < 100:
            task = asyncio.create_task(self._late_pong(data, self._pong_delay_s))
            self._pongs.add(task)
            task.add_done_callback(self._pongs.discard)

    async def _late_pong(self, data: bytes, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        with contextlib.suppress(ConnectionError):  # the client has left meanwhile
            await self._socket.pong(data)

    def _forget_pongs(self) -> None:
        for task in self._pongs:
            task.cancel()
