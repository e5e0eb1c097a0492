"""HTTP and WebSocket server: upgrades, refusals, REST calls, and limits on the resources of a client."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time

from aiohttp import web

from diag.emulator.chance import draw_faults
from diag.emulator.closing import CLOSES, cut
from diag.emulator.faults import Http, SlowPong
from diag.emulator.link import Link
from diag.emulator.paths import Target, credential, parse_target
from diag.emulator.profile import Profile, Upgrade
from diag.emulator.rest import call_method, error_body, list_models, new_token, one_model
from diag.emulator.session import Session
from diag.emulator.socket_link import SocketLink
from diag.emulator.tolerant import TolerantHandler
from diag.emulator.transcript import KeptLink
from diag.emulator.watched_link import Watch, WatchedLink, Watcher

MAX_CLIENT_FRAME_BYTES = 8 * 1024 * 1024
MAX_SESSIONS = 1000
REQUEST_WITHIN_S = 15.0
"""A connection that has not sent a complete request after this time is cut."""
CLOSE_WAIT_S = 2.0
PROXY_VERSION = "v1beta1"
"""API version for paths that name none (setting `any_path`); clients of such paths are treated as clients of Vertex."""
BACKLOG = 1024
CROSS_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
}
"""Headers that allow web pages of any origin to call the emulator, as the real service does."""

_QUIET = logging.getLogger("diag.emulator.http")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False


class Server:
    """Server of several profiles.

    Parameters
    ----------
    profiles : dict of str to Profile
        Profiles by name; "" is the one at the root. Profiles may be added and removed while serving.
    max_sessions : int
        Number of sessions at a time; further ones are refused with HTTP 503.
    watch : callable or None
        Makes a watcher for each request for a session.
    """

    def __init__(
        self, profiles: dict[str, Profile], *, max_sessions: int = MAX_SESSIONS, watch: Watch | None = None
    ) -> None:
        self.profiles = profiles
        self._max_sessions = max_sessions
        self._watch = watch
        self._links: set[SocketLink] = set()
        self._http = web.Server(self._handle)
        self._unheard: dict[asyncio.Protocol, asyncio.TimerHandle] = {}
        self._listeners: list[asyncio.Server] = []

    @property
    def sessions(self) -> int:
        """Return the number of open sessions."""
        return len(self._links)

    async def listen(self, host: str, port: int, context: ssl.SSLContext | None) -> int:
        """Listen on an address; return the port.

        Parameters
        ----------
        port : int
            Port to use; 0 for a free one.
        context : ssl.SSLContext or None
            TLS settings; None for plain HTTP.

        Raises
        ------
        OSError
            If the address cannot be bound.
        """
        listener = await asyncio.get_running_loop().create_server(
            self._protocol,
            host,
            port,
            ssl=context,
            backlog=BACKLOG,
            ssl_handshake_timeout=REQUEST_WITHIN_S if context else None,
            ssl_shutdown_timeout=CLOSE_WAIT_S if context else None,
            start_serving=True,
        )
        self._listeners.append(listener)
        bound: int = listener.sockets[0].getsockname()[1]
        return bound

    async def close(self) -> None:
        """Stop listening and end all sessions."""
        for listener in self._listeners:
            listener.close()
        leaving = CLOSES["going_away"]
        await asyncio.gather(*(link.close(leaving.code, cut(leaving.reason)) for link in self._links))
        await self._http.shutdown(timeout=CLOSE_WAIT_S)

    def _protocol(self) -> asyncio.Protocol:
        loop = asyncio.get_running_loop()
        # Protocol errors of clients are expected: they are answered but not logged.
        protocol = TolerantHandler(
            self._http, loop=loop, access_log=None, logger=_QUIET, keepalive_timeout=REQUEST_WITHIN_S
        )
        self._unheard[protocol] = loop.call_later(REQUEST_WITHIN_S, self._cut, protocol)
        return protocol

    def _cut(self, protocol: web.RequestHandler) -> None:
        del self._unheard[protocol]
        if protocol.transport is not None:
            protocol.transport.abort()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        timer = self._unheard.pop(request.protocol, None)
        if timer is not None:
            timer.cancel()
        if request.method == "OPTIONS":
            return web.Response(status=204, headers=CROSS_ORIGIN)
        target = parse_target(request.raw_path)
        profile = self.profiles.get(target.profile)
        socket_wanted = request.headers.get("Upgrade", "").lower() == "websocket"
        if profile is None:
            return _refusal(404)
        if target.kind == "other":
            if not (socket_wanted and profile.settings.any_path):
                return _refusal(404)
            target = Target(kind="live", version=PROXY_VERSION, vertex=True)
        elif target.kind != "live":
            return await self._rest(request, target, profile)
        return await self._watched(request, target, profile) if socket_wanted else _refusal(400)

    async def _watched(self, request: web.BaseRequest, target: Target, profile: Profile) -> web.StreamResponse:
        if self._watch is None:
            return await self._upgrade(request, target, profile, None)
        headers = {name.lower(): value for name, value in request.headers.items()}
        watcher = self._watch(request.raw_path, headers)
        try:
            answer = await self._upgrade(request, target, profile, watcher)
            if answer.status >= 400:
                watcher.refused(answer.status, time.perf_counter())
            return answer
        finally:
            watcher.gone()

    async def _rest(self, request: web.BaseRequest, target: Target, profile: Profile) -> web.StreamResponse:
        key, _ = credential(request.raw_path, request.headers)
        if key is None:
            return _refusal(403)
        if not profile.accepts(key):
            return _refusal(400, CLOSES["key_invalid"].reason)
        if target.kind == "models" and request.method == "GET":
            answer = one_model(profile, target) if target.model else list_models(profile, target)
        elif target.kind == "tokens" and request.method == "POST":
            answer = new_token(profile)
        elif target.kind == "call" and request.method == "POST":
            try:
                async with asyncio.timeout(REQUEST_WITHIN_S):
                    body = await request.read()
            except TimeoutError:
                return _refusal(408)
            answer = call_method(profile, target, body)
        else:
            return _refusal(404)
        return web.Response(
            status=answer.status,
            body=answer.body,
            content_type=answer.content_type,
            charset="utf-8",
            headers=CROSS_ORIGIN,
        )

    async def _upgrade(
        self, request: web.BaseRequest, target: Target, profile: Profile, watcher: Watcher | None
    ) -> web.StreamResponse:
        number = profile.next_session()
        active = [fault for fault, _ in draw_faults(profile.settings.faults, seed=profile.seed, session=number)]
        for fault in active:
            if isinstance(fault, Http):
                profile.note("fault_fired", session=number, fault=fault.kind, status=fault.status)
                return _refusal(fault.status)
        if self.sessions >= self._max_sessions:
            return _refusal(503)
        transport = request.transport
        _tune(transport)
        key, via = credential(request.raw_path, request.headers)
        upgrade = Upgrade(
            version=target.version,
            vertex=target.vertex,
            firebase=target.firebase,
            constrained=target.constrained,
            credential=key,
            via=via,
            agent=request.headers.get("User-Agent", "")[:200],
        )
        # No compression: it would hardly shrink the audio, but would delay sending.
        ws = web.WebSocketResponse(
            compress=False, autoping=False, timeout=CLOSE_WAIT_S, max_msg_size=MAX_CLIENT_FRAME_BYTES
        )
        await ws.prepare(request)
        slow_pong = next((fault for fault in active if isinstance(fault, SlowPong)), None)
        if slow_pong is not None:
            profile.note("fault_fired", session=number, fault=slow_pong.kind)
        link = SocketLink(ws, transport, pong_delay_s=slow_pong.delay_s if slow_pong else 0.0)
        self._links.add(link)
        try:
            await self._run(link if watcher is None else WatchedLink(link, watcher), profile, upgrade, number)
        finally:
            self._links.discard(link)
        return ws

    async def _run(self, link: Link, profile: Profile, upgrade: Upgrade, number: int) -> None:
        if profile.transcript_dir is None:
            await Session(link, profile, upgrade, number).run()
            return
        kept = KeptLink(link, profile.transcript_dir, number, profile.truth)
        try:
            await Session(kept, profile, upgrade, number).run()
        finally:
            kept.finish()


def _tune(transport: asyncio.BaseTransport | None) -> None:
    """Switch Nagle's algorithm off, so that small messages are sent at once."""
    raw = transport.get_extra_info("socket") if transport is not None else None
    if raw is not None:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _refusal(status: int, message: str = "") -> web.Response:
    return web.Response(
        status=status,
        body=error_body(status, message),
        content_type="application/json",
        charset="utf-8",
        headers=CROSS_ORIGIN,
    )
