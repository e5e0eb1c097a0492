"""Interface of the connection that a session uses."""

from __future__ import annotations

from typing import Protocol


class Dropped(Exception):  # noqa: N818 (an end that was asked for)
    """Raised to cut the connection without a close frame."""


class Link(Protocol):
    """A WebSocket connection."""

    async def receive(self) -> str | bytes | None:
        """Return the next message; None when the client has left."""

    async def send(self, payload: bytes) -> None:
        """Send a binary message.

        Raises
        ------
        ConnectionError
            If the client has left.
        """

    async def close(self, code: int, reason: bytes) -> None:
        """Close with a code and at most 123 bytes of reason."""

    def drop(self) -> None:
        """Cut the TCP connection."""

    @property
    def ended(self) -> tuple[int | None, str]:
        """Return the client's close code (None if it sent no close frame) and reason."""

    @property
    def gone(self) -> bool:
        """Return whether the connection is known to be lost, even if `receive` has not returned None yet."""

    @property
    def idle_s(self) -> float:
        """Return the time since the client's last message, in seconds."""

    @property
    def blocked_s(self) -> float:
        """Return how long the current send has waited for the client, in seconds; 0 if none waits."""


class OuterLink:
    """Link around another one, which passes everything on; what is to differ is overridden."""

    def __init__(self, link: Link) -> None:
        self._link = link

    @property
    def ended(self) -> tuple[int | None, str]:
        return self._link.ended

    @property
    def gone(self) -> bool:
        return self._link.gone

    @property
    def idle_s(self) -> float:
        return self._link.idle_s

    @property
    def blocked_s(self) -> float:
        return self._link.blocked_s

    async def receive(self) -> str | bytes | None:
        return await self._link.receive()

    async def send(self, payload: bytes) -> None:
        await self._link.send(payload)

    async def close(self, code: int, reason: bytes) -> None:
        await self._link.close(code, reason)

    def drop(self) -> None:
        self._link.drop()
