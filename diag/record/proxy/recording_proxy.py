"""The proxy: accepts clients, forwards their bytes unchanged, and gives copies of the messages to recorders.

The bytes of both directions are passed on as they arrive, before anything is decoded. Only the request that opens a
connection is changed: its `Host`, and the path if the service's address has one. So messages, fragments, compression,
pings, close codes and reasons, and broken connections reach the other side as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import socket
import ssl
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol
from urllib.parse import SplitResult, urlsplit

from diag.core.errors import CannotMeasureError
from diag.files.certificates import HostCertificates
from diag.record.live.connection_facts import connect_failure
from diag.record.live.genai import Endpoint
from diag.record.proxy.front_door import (
    READ_LIMIT_BYTES,
    NotHttpError,
    Streams,
    asked_host,
    opened,
    prompt_sending,
)
from diag.record.proxy.http_head import HeadError, head_from_bytes
from diag.record.proxy.line import Line, LineFaults
from diag.record.proxy.session_recorder import Request
from diag.record.proxy.websocket_frames import FrameError, FrameReader, Opcode

LIVE_HOSTS = re.compile(
    r"generativelanguage\.googleapis\.com|firebasevertexai\.googleapis\.com|(.+-)?aiplatform\.googleapis\.com"
)
"""Hosts of the Live API. Requests to other hosts that come by CONNECT are passed on untouched and unread."""
CERTIFIED_NAMES = ("*.googleapis.com",)
CHUNK_BYTES = 65536
CONNECT_WITHIN_S = 15.0
CLOSE_WITHIN_S = 3.0
GIVES_UP_WITHIN_S = 1.0
"""A TLS connection that ends so soon without a request was given up. Connections that a browser opens in advance last
longer."""
BACKLOG = 256
_BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
_NOT_HERE = b"HTTP/1.1 501 Not Implemented\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
_CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_ENDS_EARLY = (
    NotHttpError, HeadError, TimeoutError, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError,
)  # fmt: skip
"""Ordinary ends of a connection before a whole request or answer has passed."""


class Watcher(Protocol):
    """Gets copies of what passes in one session; times are `time.perf_counter` readings."""

    def from_client(self, payload: bytes, t_s: float) -> None:
        """Take a message of the client."""

    def from_service(self, payload: bytes, t_s: float) -> None:
        """Take a message of the service."""

    def closed(self, by: str, code: int | None, reason: str, t_s: float) -> None:
        """Take the end of the session; may be called several times, and the first call counts."""

    def refused(self, status: int, t_s: float) -> None:
        """Take the HTTP status with which the service refused the upgrade."""

    def unreachable(self, data: Mapping[str, Any], t_s: float) -> None:
        """Take why the service was not reached."""

    def gone(self) -> None:
        """Take the end of the connection; nothing follows."""


class RecordingProxy:
    """Proxy for one service.

    Parameters
    ----------
    service : Endpoint
    watch : callable
        Called with the request of each WebSocket session; returns its watcher.
    line : LineFaults
        Impairments of the line.
    seed : int
        Seed of the line's random choices.
    on_note : callable
        Called with a sentence about each thing that a user should know, such as a certificate that a client refused.

    Attributes
    ----------
    certificates : HostCertificates
        What clients must trust.
    refused_certificates : int
        Number of connections that clients gave up because they did not trust the certificate.
    requests : int
        Number of requests that were forwarded to the service, sessions included.
    """

    def __init__(
        self,
        service: Endpoint,
        watch: Callable[[Request], Watcher],
        *,
        line: LineFaults | None = None,
        seed: int = 0,
        on_note: Callable[[str], object] | None = None,
        certificates: HostCertificates | None = None,
    ) -> None:
        self._service = service
        self._watch = watch
        self._faults = line or LineFaults()
        self._seed = seed
        self._note = on_note or (lambda text: None)
        self.certificates = certificates or HostCertificates(CERTIFIED_NAMES)
        self._listener: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._sessions = 0
        self._own = ""
        self.refused_certificates = 0
        self.requests = 0
        self._trust = ssl.create_default_context(cafile=service.ca_file)
        self._trust.set_alpn_protocols(["http/1.1"])

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; return the port.

        Raises
        ------
        CannotMeasureError
            If the address cannot be bound.
        """
        try:
            listener = socket.create_server((host, port), family=_family(host), backlog=BACKLOG)
        except OSError as error:
            raise CannotMeasureError(
                f"Could not listen on {host}:{port}",
                seen=error.strerror or str(error),
                next_step="choose another port with `--port N`, or leave `--port` out to use a free one",
            ) from None
        listener.setblocking(False)
        self._listener = listener
        bound: int = listener.getsockname()[1]
        self._own = f"{host}:{bound}"
        self._start(self._accept(listener))
        return bound

    async def close(self) -> None:
        """Stop listening and end all connections."""
        if self._listener is not None:
            self._listener.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, _ = await loop.sock_accept(listener)
            except OSError:
                await asyncio.sleep(0.1)  # out of file descriptors; connections that end free some
                continue
            sock.setblocking(False)
            prompt_sending(sock)
            self._start(self._connection(sock))

    async def _connection(self, sock: socket.socket) -> None:
        with contextlib.suppress(*_ENDS_EARLY):
            try:
                host = await asked_host(sock)
                if host is not None and self._ours(host):
                    await asyncio.get_running_loop().sock_sendall(sock, _CONNECTED)
            except BaseException:
                sock.close()
                raise
            if host is not None and not self._ours(host):
                await _tunnel(sock, host)
            else:
                await self._client(sock, host)

    async def _client(self, sock: socket.socket, asked: str | None) -> None:
        begun_s = time.perf_counter()
        try:
            client = await opened(sock, self.certificates.context)
        except OSError as error:
            # Not every client says why it gives up; only handshakes can fail here.
            self._untrusted(str(error))
            return
        try:
            await self._request(client, asked)
        except (asyncio.IncompleteReadError, OSError) as error:
            # With TLS 1.3 a client checks the certificate when the handshake is over for the server.
            silent = not getattr(error, "partial", b"")
            if silent and _is_secure(client) and time.perf_counter() - begun_s < GIVES_UP_WITHIN_S:
                self._untrusted(str(error))
        finally:
            await asyncio.shield(_closed(client))

    def _untrusted(self, detail: str) -> None:
        self.refused_certificates += 1
        self._note(f"a client gave up the TLS connection; it may not trust the proxy's certificate ({detail})")

    def _ours(self, host: str) -> bool:
        name = host.rpartition(":")[0].strip("[]").lower()
        return LIVE_HOSTS.fullmatch(name) is not None or host == self._own

    async def _request(self, client: Streams, asked: str | None) -> None:
        head = head_from_bytes(await client.reader.readuntil(b"\r\n\r\n"))
        _, target = head.request
        if not target.startswith("/"):
            client.writer.write(_NOT_HERE + b"This proxy serves HTTPS (CONNECT) only.\n")
            return
        name = (asked or head.fields.get("host", "")).partition(":")[0].lower()
        address = self._address(name)
        self.requests += 1
        request = Request(
            target=target, headers=head.fields, host=address.hostname or "", endpoint=self._service.kind
        )  # fmt: skip
        watcher = self._watch(request) if head.asks_for_websocket else None
        try:
            service = await self._reached(address, client, watcher)
            if service is None:
                return
            try:
                service.writer.write(head.forwarded(address.path.rstrip("/"), _authority(address)))
                if watcher is None:
                    await _both_ways(client, service)
                else:
                    await self._session(client, service, watcher)
            finally:
                await asyncio.shield(_closed(service))
        finally:
            if watcher is not None:
                watcher.gone()

    def _address(self, asked: str) -> SplitResult:
        """Return the address of the service; for Gemini, the host that the client asked for if it has Live sessions."""
        if self._service.kind == "gemini" and LIVE_HOSTS.fullmatch(asked):
            return urlsplit(f"https://{asked}")
        return urlsplit(self._service.base_url)

    async def _reached(self, address: SplitResult, client: Streams, watcher: Watcher | None) -> Streams | None:
        secure = address.scheme in ("https", "wss")
        port = address.port or (443 if secure else 80)
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                reader, writer = await asyncio.open_connection(
                    address.hostname, port, ssl=self._trust if secure else None, limit=READ_LIMIT_BYTES
                )
        except (OSError, TimeoutError) as error:
            fact = connect_failure(error)
            if watcher is not None:
                watcher.unreachable(fact.data, time.perf_counter())
            client.writer.write(_BAD_GATEWAY + f"The proxy could not reach {address.hostname}: {error}\n".encode())
            return None
        prompt_sending(writer.get_extra_info("socket"))
        return Streams(reader, writer)

    async def _session(self, client: Streams, service: Streams, watcher: Watcher) -> None:
        raw = await service.reader.readuntil(b"\r\n\r\n")
        client.writer.write(raw)
        head = head_from_bytes(raw)
        if head.status != 101:
            watcher.refused(head.status, time.perf_counter())
            await _both_ways(client, service)
            return
        extensions = head.fields.get("sec-websocket-extensions", "")
        self._sessions += 1
        await _Relay(client, service, watcher, extensions, self._lines()).run()

    def _lines(self) -> tuple[tuple[LineFaults, random.Random], ...]:
        if self._faults.clean:
            return ()
        return tuple((self._faults, random.Random(f"{self._seed}/{self._sessions}/{side}")) for side in (0, 1))


class _Relay:
    """Both directions of one WebSocket session."""

    def __init__(
        self,
        client: Streams,
        service: Streams,
        watcher: Watcher,
        extensions: str,
        lines: tuple[tuple[LineFaults, random.Random], ...],
    ) -> None:
        self._client, self._service = client, service
        self._watcher = watcher
        self._up: FrameReader | None = FrameReader(extensions, from_client=True)
        self._down: FrameReader | None = FrameReader(extensions, from_client=False)
        self._lines = tuple(
            Line(faults, rng, write)
            for (faults, rng), write in zip(lines, (service.writer.write, self._deliver), strict=bool(lines))
        )

    async def run(self) -> None:
        """Pass bytes on until either side ends, then end the other side."""
        names = ("client", "service")
        tasks = [asyncio.create_task(self._upward()), asyncio.create_task(self._downward())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            by = names[0] if tasks[0] in done else names[1]
            self._watcher.closed(by, None, "", time.perf_counter())
            for line in self._lines:
                await line.flush()
        finally:
            for line in self._lines:
                line.close()
            self._client.writer.close()
            self._service.writer.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _upward(self) -> None:
        line = self._lines[0] if self._lines else None
        writer = self._service.writer
        with contextlib.suppress(OSError):
            while data := await self._client.reader.read(CHUNK_BYTES):
                t_s = time.perf_counter()
                if line is None:
                    writer.write(data)
                else:
                    line.send(data, t_s)
                self._read_client(data, t_s)
                await (writer.drain() if line is None else line.drain())

    async def _downward(self) -> None:
        line = self._lines[1] if self._lines else None
        writer = self._client.writer
        with contextlib.suppress(OSError):
            while data := await self._service.reader.read(CHUNK_BYTES):
                if line is None:
                    self._deliver(data)
                else:
                    line.send(data, time.perf_counter())
                await (writer.drain() if line is None else line.drain())

    def _deliver(self, data: bytes) -> None:
        """Pass bytes on to the client, then decode them. Events have the time at which the client gets them."""
        t_s = time.perf_counter()
        self._client.writer.write(data)
        if self._down is not None:
            try:
                for message in self._down.push(data):
                    if message.opcode is Opcode.CLOSE:
                        self._watcher.closed("service", *message.close, t_s)
                    elif message.opcode in (Opcode.TEXT, Opcode.BINARY):
                        self._watcher.from_service(message.payload, t_s)
            except FrameError:
                self._down = None

    def _read_client(self, data: bytes, t_s: float) -> None:
        if self._up is not None:
            try:
                for message in self._up.push(data):
                    if message.opcode is Opcode.CLOSE:
                        self._watcher.closed("client", *message.close, t_s)
                    elif message.opcode in (Opcode.TEXT, Opcode.BINARY):
                        self._watcher.from_client(message.payload, t_s)
            except FrameError:
                self._up = None


async def _both_ways(one: Streams, other: Streams) -> None:
    """Pass bytes on in both directions until either side ends."""

    async def onward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                writer.write(data)
                await writer.drain()

    tasks = [
        asyncio.create_task(onward(one.reader, other.writer)),
        asyncio.create_task(onward(other.reader, one.writer)),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _tunnel(sock: socket.socket, host: str) -> None:
    """Connect a client to a host that has no Live sessions, unread."""
    loop = asyncio.get_running_loop()
    name, _, port = host.rpartition(":")
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            reader, writer = await asyncio.open_connection(name.strip("[]"), int(port))
    except (OSError, ValueError):
        await loop.sock_sendall(sock, _BAD_GATEWAY)
        sock.close()
        return
    await loop.sock_sendall(sock, _CONNECTED)
    own_reader, own_writer = await asyncio.open_connection(sock=sock)
    one, other = Streams(own_reader, own_writer), Streams(reader, writer)
    try:
        await _both_ways(one, other)
    finally:
        await asyncio.shield(asyncio.gather(_closed(one), _closed(other)))


async def _closed(streams: Streams) -> None:
    streams.writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        await asyncio.wait_for(streams.writer.wait_closed(), CLOSE_WITHIN_S)


def _is_secure(streams: Streams) -> bool:
    return streams.writer.get_extra_info("ssl_object") is not None


def _authority(address: SplitResult) -> str:
    return address.netloc.rpartition("@")[2]


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
