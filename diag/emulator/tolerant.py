"""Request heads that the HTTP library is too strict for: old SDKs send `User-Agent` twice, which the service takes."""

from __future__ import annotations

from typing import Any

from aiohttp import web

MAX_HEAD_BYTES = 32768
_END = b"\r\n\r\n"


class TolerantHandler(web.RequestHandler):
    """Takes out repeated headers from the first request of a connection before it is parsed."""

    __slots__ = ("_head",)

    def __init__(self, manager: web.Server, **options: Any) -> None:
        super().__init__(manager, **options)
        self._head: bytes | None = b""

    def data_received(self, data: bytes) -> None:
        """Bytes from the client; the head of the first request is held until it is whole."""
        if self._head is None:
            super().data_received(data)
            return
        head = self._head + data
        if _END not in head and len(head) < MAX_HEAD_BYTES:
            self._head = head
            return
        self._head = None
        super().data_received(without_repeats(head))


def without_repeats(data: bytes) -> bytes:
    """A request with only the first of headers that come twice with nothing to tell them apart but their value."""
    head, end, rest = data.partition(_END)
    kept: list[bytes] = []
    seen: set[bytes] = set()
    for line in head.split(b"\r\n"):
        name = line.partition(b":")[0].strip().lower()
        if name in (b"user-agent", b"content-type") and name in seen:
            continue
        seen.add(name)
        kept.append(line)
    return b"\r\n".join(kept) + end + rest
