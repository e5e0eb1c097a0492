"""Where clients of the proxy arrive: one port for plain HTTP, TLS and HTTP CONNECT.

The first bytes of a connection are looked at without taking them from the socket, so the same port serves a base URL
with TLS or without, and the CONNECT requests of clients that have a proxy in their environment.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from dataclasses import dataclass

HEAD_WITHIN_S = 60.0
"""A connection that sends nothing for this long is closed. Browsers open connections in advance."""
HEAD_BYTES = 65536
READ_LIMIT_BYTES = 262144
_TLS_HANDSHAKE = b"\x16"
_CONNECT = re.compile(rb"CONNECT (\S+) HTTP/1\.[01]\r\n", re.IGNORECASE)
_POLL_S = 0.005


class NotHttpError(Exception):
    """The connection began with something that is neither HTTP nor TLS, or ended before a whole request."""


@dataclass
class Streams:
    """The two directions of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


async def asked_host(sock: socket.socket) -> str | None:
    """Return the `host:port` of a CONNECT request, which is taken from the socket; None for any other request.

    Raises
    ------
    NotHttpError
        If the connection ended, or the request is too long.
    """
    async with asyncio.timeout(HEAD_WITHIN_S):
        if await peek(sock, 7) != b"CONNECT":
            return None
        while True:
            head = await peek(sock, HEAD_BYTES)
            end = head.find(b"\r\n\r\n")
            if end >= 0:
                break
            if len(head) >= HEAD_BYTES:
                raise NotHttpError
            await asyncio.sleep(_POLL_S)
    found = _CONNECT.match(head)
    if found is None:
        raise NotHttpError
    await asyncio.get_running_loop().sock_recv(sock, end + 4)
    return found[1].decode("latin-1")


async def opened(sock: socket.socket, context: ssl.SSLContext) -> Streams:
    """Return the streams of an accepted socket, with TLS if the client begins a TLS handshake.

    Raises
    ------
    NotHttpError
        If the connection ended before its first byte.
    OSError
        If the handshake failed; `ssl.SSLError` if the client does not accept the certificate.
    """
    try:
        async with asyncio.timeout(HEAD_WITHIN_S):
            secure = await peek(sock, 1) == _TLS_HANDSHAKE
    except BaseException:
        sock.close()
        raise
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=READ_LIMIT_BYTES, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, sock, ssl=context if secure else None)
    return Streams(reader, asyncio.StreamWriter(transport, protocol, reader, loop))


async def peek(sock: socket.socket, size: int) -> bytes:
    """Return up to `size` bytes that the client has sent, without taking them; wait for the first one.

    Raises
    ------
    NotHttpError
        If the connection ended.
    """
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def readable() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(sock, readable)
    try:
        await ready
    finally:
        loop.remove_reader(sock)
    data = sock.recv(size, socket.MSG_PEEK)
    if not data:
        raise NotHttpError
    return data


def prompt_sending(sock: socket.socket | None) -> None:
    """Switch Nagle's algorithm off, so that small messages are sent at once."""
    if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
