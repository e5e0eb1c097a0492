"""A WebSocket service over TLS that answers with the bytes that it gets, and a client side for the proxy's tests."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from diag.files.certificates import make_certificates
from diag.record.live.genai import Endpoint
from diag.record.proxy.recording_proxy import RecordingProxy

LIVE = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"


class Watched:
    """Watcher that keeps everything."""

    def __init__(self, request=None):
        self.request = request
        self.up, self.down, self.ends, self.over = [], [], [], False

    def from_client(self, payload, t_s):
        self.up.append(payload)

    def from_service(self, payload, t_s):
        self.down.append(payload)

    def closed(self, by, code, reason, t_s):
        self.ends.append((by, code, reason))

    def refused(self, status, t_s):
        self.ends.append(("refused", status, ""))

    def unreachable(self, data, t_s):
        self.ends.append(("unreachable", None, data["step"]))

    def gone(self):
        self.over = True


@asynccontextmanager
async def echo_service(folder, handler=None, **options):
    """Serve `handler` (an echo by default); yield its base URL and certificate file."""

    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    certificates = make_certificates(folder)
    async with serve(handler or echo, "127.0.0.1", 0, ssl=certificates.context, max_size=None, **options) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"https://127.0.0.1:{port}", str(certificates.ca_file)


@asynccontextmanager
async def proxied(base_url, ca_file, certificates, *, kind="url", **options):
    """Run a proxy in front of a service; yield its port and the watchers of its sessions."""
    sessions = []

    def watch(request):
        sessions.append(Watched(request))
        return sessions[-1]

    proxy = RecordingProxy(
        Endpoint(kind=kind, base_url=base_url, ca_file=ca_file), watch, certificates=certificates, **options
    )
    port = await proxy.listen()
    try:
        yield port, sessions, proxy
    finally:
        await proxy.close()


def trusting(certificates) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=certificates.pem.decode())


def through(port, certificates, path=LIVE + "?key=any", **options):
    """A client of the proxy by its base URL."""
    options = {"compression": None, **options}
    return connect(
        f"wss://127.0.0.1:{port}{path}",
        ssl=trusting(certificates),
        max_size=None,
        proxy=None,
        close_timeout=2,
        **options,
    )
