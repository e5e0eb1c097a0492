"""Acceptance of requests with repeated headers.

Old SDKs send `User-Agent` twice. The real service accepts that, but the HTTP library does not.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

MAX_HEAD_BYTES = 32768
_END = b"\r\n\r\n"


class TolerantHandler(web.RequestHandler):
    """HTTP request handler that removes repeated headers from the first request of a connection before parsing."""

    __slots__ = ("_head",)

    def __init__(self, manager: web.Server, **options: Any) -> None:
        super().__init__(manager, **options)
        self._head: bytes | None = b""

    def data_received(self, data: bytes) -> None:
        """Take bytes from the client; keep the head of the first request back until it is complete."""
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
    """Return a request with only the first of repeated `User-Agent` and `Content-Type` headers."""
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
