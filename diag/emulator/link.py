"""The connection under a session, as the session sees it."""

from __future__ import annotations

from typing import Protocol


class Dropped(Exception):  # noqa: N818 (an end that was asked for)
    """The emulator cuts the connection without a close frame."""


class Link(Protocol):
    """A WebSocket connection."""

    async def receive(self) -> str | bytes | None:
        """The next message; None when the client is gone."""

    async def send(self, payload: bytes) -> None:
        """Send a binary message; raises ConnectionError when the client is gone."""

    async def close(self, code: int, reason: bytes) -> None:
        """Close with a code and at most 123 bytes of reason."""

    def drop(self) -> None:
        """Cut the TCP connection."""

    @property
    def ended(self) -> tuple[int | None, str]:
        """How the client ended it: its close code (None for a bare drop) and reason."""

    @property
    def gone(self) -> bool:
        """Whether the connection is known to be lost, though nobody has received that yet."""

    @property
    def idle_s(self) -> float:
        """Since the client's last message."""

    @property
    def blocked_s(self) -> float:
        """How long the client has not taken what is being sent."""
