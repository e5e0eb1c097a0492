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
