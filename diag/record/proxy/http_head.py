"""Heads of HTTP/1.1 requests and responses, kept as the bytes that were sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


class HeadError(ValueError):
    """The bytes are not the head of an HTTP/1.1 message that the proxy can pass on."""


@dataclass(frozen=True)
class Head:
    """Start line and header lines.

    Parameters
    ----------
    start : bytes
        Start line, without the line break.
    lines : tuple of bytes
        Header lines in their order, repeated ones included.
    """

    start: bytes
    lines: tuple[bytes, ...]

    @property
    def fields(self) -> Mapping[str, str]:
        """Header fields by name in lower case; of repeated ones the first."""
        found: dict[str, str] = {}
        for line in self.lines:
            name, _, value = line.decode("latin-1").partition(":")
            found.setdefault(name.strip().lower(), value.strip())
        return found

    @property
    def request(self) -> tuple[str, str]:
        """Method and target of a request.

        Raises
        ------
        HeadError
            If the start line is not one of a request.
        """
        parts = self.start.decode("latin-1").split(" ")
        if len(parts) != 3 or not parts[1]:
            raise HeadError("not a request")
        return parts[0], parts[1]

    @property
    def status(self) -> int:
        """Status of a response.

        Raises
        ------
        HeadError
            If the start line is not one of a response.
        """
        parts = self.start.split(b" ")
        if len(parts) < 2 or not parts[0].startswith(b"HTTP/") or not parts[1].isdigit():
            raise HeadError("not a response")
        return int(parts[1])

    @property
    def asks_for_websocket(self) -> bool:
        """Whether a request asks to become a WebSocket."""
        return self.fields.get("upgrade", "").lower() == "websocket"

    def forwarded(self, prefix: str, host: str) -> bytes:
        """Return the request for the service: with its host, and a path below the service's own one.

        All other bytes stay as they are. A request that is not for a WebSocket asks to close the connection afterwards,
        so that the next one on it need not be told apart from its body.
        """
        method, target = self.request
        version = self.start.rpartition(b" ")[2]
        start = b" ".join((method.encode("latin-1"), (prefix + target).encode("latin-1"), version))
        return b"\r\n".join((start, *self._passed_on(host), b"", b""))

    def _passed_on(self, host: str) -> Iterator[bytes]:
        closing = not self.asks_for_websocket
        for line in self.lines:
            name = line.partition(b":")[0].strip().lower()
            if name == b"host":
                yield b"Host: " + host.encode("latin-1")
            elif not (name.startswith(b"proxy-") or (closing and name in (b"connection", b"keep-alive"))):
                yield line
        if closing:
            yield b"Connection: close"


def head_from_bytes(data: bytes) -> Head:
    """Return the head in bytes that end with an empty line."""
    start, *lines = data.removesuffix(b"\r\n\r\n").split(b"\r\n")
    return Head(start, tuple(lines))
