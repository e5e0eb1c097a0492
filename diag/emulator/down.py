"""Addresses at which connecting fails in a chosen way; each kind has its own port, opened when first used."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

from diag.emulator.transport import Server
from diag.files.certificates import untrusted_context

TLS_HANDSHAKE_FAILURE = bytes((0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28))
"""A fatal TLS alert: 40, handshake_failure."""


class DownPorts:
    """Provide addresses at which connecting fails in a chosen way.

    Parameters
    ----------
    server : Server
        Listens with an untrusted certificate for the kind "certificate".
    host : str
        Loopback address to bind.
    """

    def __init__(self, server: Server, host: str) -> None:
        self._server = server
        self._host = host
        self._ports: dict[str, int] = {}
        self._held: list[Any] = []

    async def authority(self, kind: str, port: int = 0) -> str:
        """Return an address, `host:port`, at which connecting fails.

        Parameters
        ----------
        kind : str
            Step that fails: "tcp", "tls", "certificate" or "dns".
        port : int
            Port to use; 0 for a free one.

        Raises
        ------
        OSError
            If the address cannot be bound.
        """
        if kind == "dns":
            return "endpoint.invalid"
        if kind not in self._ports:
            self._ports[kind] = await self._open(kind, port)
        return f"{bracketed(self._host)}:{self._ports[kind]}"

    def close(self) -> None:
        """Close the ports."""
        for held in self._held:
            held.close()

    async def _open(self, kind: str, port: int) -> int:
        if kind == "certificate":
            return await self._server.listen(self._host, port, untrusted_context())
        if kind == "tls":
            listener = await asyncio.start_server(_refuse_tls, self._host, port)
            self._held.append(listener)
            return int(listener.sockets[0].getsockname()[1])
        # Bound but not listening: connections are refused, and no other process can use the port meanwhile.
        held = socket.socket(socket.AF_INET6 if ":" in self._host else socket.AF_INET)
        self._held.append(held)
        held.bind((self._host, port))
        return int(held.getsockname()[1])


def bracketed(host: str) -> str:
    """Return a host as it is written in a URL: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host


async def _refuse_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(5):
            await reader.read(1)
            writer.write(TLS_HANDSHAKE_FAILURE)
            await writer.drain()
    writer.close()
