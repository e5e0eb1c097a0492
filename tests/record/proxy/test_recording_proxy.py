"""The proxy passes everything on unchanged, whatever way a client comes in."""

from __future__ import annotations

import asyncio
import http
import os
import random
import socket
import ssl

import pytest
from proxy_echo import LIVE, echo_service, proxied, through, trusting
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from diag.files.certificates import HostCertificates
from diag.record.proxy.line import LineFaults, line_from_text


@pytest.fixture(scope="module")
def certificates():
    return HostCertificates(("*.googleapis.com",))


async def settled(sessions, count=1):
    async with asyncio.timeout(5):
        while len(sessions) < count or not all(session.over for session in sessions):
            await asyncio.sleep(0.01)


def random_messages(count, seed):
    rng = random.Random(seed)
    for _ in range(count):
        size = (
            rng.choice((0, 1, 5, 63, 64, 125, 126, 127, 1000, 4096, 65535, 65536, 70000)) if rng.random() < 0.1 else 200
        )
        data = rng.randbytes(size)
        yield data if rng.random() < 0.5 else data.hex()


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_random_messages_pass_byte_for_byte_in_both_directions(tmp_path, certificates, compression):
    count = int(os.environ.get("DIAG_PROXY_FRAMES", "2000"))
    messages = list(random_messages(count, seed=1))

    async def talk():
        options = {"compression": compression}
        async with echo_service(tmp_path, **options) as service, proxied(*service, certificates) as (port, sessions, _):
            async with through(port, certificates, **options) as ws:

                async def send():
                    for message in messages:
                        await ws.send(message)

                sending = asyncio.create_task(send())
                got = [await ws.recv() for _ in messages]
                await sending
            await settled(sessions)
            return got, sessions[0]

    got, session = asyncio.run(talk())
    plain = [message if isinstance(message, bytes) else message.encode() for message in messages]
    assert got == messages
    assert session.up == plain
    assert session.down == plain


@pytest.mark.parametrize(
    ("code", "reason"),
    [(1000, ""), (1007, "models/x is not found"), (1008, "né" * 40), (1011, "x" * 123), (4321, "own")],
)
@pytest.mark.parametrize("by", ["client", "service"])
def test_close_codes_and_reasons_reach_the_other_side(tmp_path, certificates, code, reason, by):
    closed = {}

    async def service(ws):
        if by == "service":
            await ws.close(code, reason)
        try:
            await ws.recv()
        except ConnectionClosed as error:
            closed["service"] = (error.rcvd.code, error.rcvd.reason)

    async def talk():
        async with echo_service(tmp_path, service) as address, proxied(*address, certificates) as (port, sessions, _):
            async with through(port, certificates) as ws:
                if by == "client":
                    await ws.close(code, reason)
                else:
                    with pytest.raises(ConnectionClosed):
                        await ws.recv()
                closed["client"] = (ws.close_code, ws.close_reason)
            await settled(sessions)
            return sessions[0]

    session = asyncio.run(talk())
    assert closed["client" if by == "service" else "service"] == (code, reason)
    assert session.ends[0] == (by, code, reason)


def test_a_connection_that_the_service_drops_is_dropped_for_the_client_too(tmp_path, certificates):
    async def service(ws):
        await ws.recv()
        ws.transport.abort()

    async def talk():
        async with echo_service(tmp_path, service) as address, proxied(*address, certificates) as (port, sessions, _):
            async with through(port, certificates) as ws:
                await ws.send("x")
                with pytest.raises(ConnectionClosed):
                    await ws.recv()
                code = ws.close_code
            await settled(sessions)
            return code, sessions[0].ends[0]

    assert asyncio.run(talk()) == (1006, ("service", None, ""))


def test_pings_are_answered_by_the_other_side_and_not_by_the_proxy(tmp_path, certificates):
    held = {}

    async def service(ws):
        held["rtt"] = await (await ws.ping(b"from the service"))
        await ws.recv()

    async def talk():
        async with echo_service(tmp_path, service) as address, proxied(*address, certificates) as (port, sessions, _):
            async with through(port, certificates) as ws:
                await (await ws.ping(b"from the client"))
                await ws.send("done")
            await settled(sessions)

    asyncio.run(talk())
    assert held["rtt"] > 0


@pytest.mark.parametrize(
    "path", [LIVE, "//ws/doubled", "/a%2Fb/../c?key=1&x=%20y", "/any path".replace(" ", "%20"), "/"]
)
def test_the_path_reaches_the_service_unchanged(tmp_path, certificates, path):
    seen = []

    async def service(ws):
        seen.append(ws.request.path)
        await ws.send("ready")

    async def talk():
        async with echo_service(tmp_path, service) as address, proxied(*address, certificates) as (port, *_):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting(certificates))
            key = "dGhlIHNhbXBsZSBub25jZQ=="
            writer.write(
                f"GET {path} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nUser-Agent: a\r\n"
                f"user-agent: b\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
            writer.close()
            return head

    assert b" 101 " in asyncio.run(talk())
    assert seen == [path]


def test_a_refused_upgrade_keeps_its_status_and_body(tmp_path, certificates):
    def refuse(ws, request):
        return ws.respond(http.HTTPStatus.FORBIDDEN, "no entry\n")

    async def talk():
        async with (
            echo_service(tmp_path, process_request=refuse) as address,
            proxied(*address, certificates) as (port, sessions, _),
        ):
            with pytest.raises(InvalidStatus) as caught:
                async with through(port, certificates):
                    pass
            await settled(sessions)
            return caught.value.response, sessions[0].ends

    response, ends = asyncio.run(talk())
    assert response.status_code == 403
    assert response.body == b"no entry\n"
    assert ends == [("refused", 403, "")]


def test_a_service_that_cannot_be_reached_is_told_to_client_and_watcher(certificates):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    async def talk():
        async with proxied(f"https://127.0.0.1:{port}", None, certificates) as (own, sessions, _):
            with pytest.raises(InvalidStatus) as caught:
                async with through(own, certificates):
                    pass
            await settled(sessions)
            return caught.value.response.status_code, sessions[0].ends

    assert asyncio.run(talk()) == (502, [("unreachable", None, "tcp")])


def test_a_client_with_a_fixed_host_comes_in_by_connect(tmp_path, certificates):
    async def talk():
        async with echo_service(tmp_path) as address, proxied(*address, certificates) as (port, sessions, _):
            url = f"wss://generativelanguage.googleapis.com{LIVE}?key=any"
            async with connect(url, ssl=trusting(certificates), proxy=f"http://127.0.0.1:{port}") as ws:
                await ws.send("through")
                got = await ws.recv()
            await settled(sessions)
            return got, sessions[0]

    got, session = asyncio.run(talk())
    assert got == "through"
    assert session.up == [b"through"]


def test_the_certificate_is_made_for_whatever_host_the_client_asks_for(tmp_path, certificates):
    async def talk():
        async with echo_service(tmp_path) as address, proxied(*address, certificates) as (port, *_):
            for host in ("generativelanguage.googleapis.com", "my.own.host.example", "127.0.0.1"):
                _, writer = await asyncio.open_connection(
                    "127.0.0.1", port, ssl=trusting(certificates), server_hostname=host
                )
                writer.close()

    asyncio.run(talk())


def test_other_hosts_pass_unread(tmp_path, certificates):
    async def talk():
        async with (
            echo_service(tmp_path) as (base_url, ca_file),
            proxied(base_url, ca_file, certificates) as (port, sessions, _),
        ):
            # The service's own certificate, not one of the proxy, is what the client sees.
            trust = ssl.create_default_context(cafile=ca_file)
            async with connect(
                base_url.replace("https", "wss"), ssl=trust, proxy=f"http://127.0.0.1:{port}", max_size=None
            ) as ws:
                await ws.send("hidden")
                return await ws.recv(), sessions

    assert asyncio.run(talk()) == ("hidden", [])


def test_rest_calls_pass_with_their_bodies(certificates):
    async def answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(5)
        assert b"GET" not in head
        writer.write(b"HTTP/1.1 201 Made\r\nContent-Length: 5\r\nX-Own: 1\r\n\r\n" + body[::-1])
        await writer.drain()
        writer.close()

    async def talk():
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with proxied(base_url, None, certificates) as (port, sessions, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /v1beta/models/x:call?key=secret HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde")
            got = await reader.read()
            writer.close()
        server.close()
        return got, sessions

    got, sessions = asyncio.run(talk())
    assert got == b"HTTP/1.1 201 Made\r\nContent-Length: 5\r\nX-Own: 1\r\n\r\nedcba"
    assert sessions == []


def test_a_client_that_does_not_trust_the_certificate_is_noticed(tmp_path, certificates):
    notes = []

    async def talk():
        async with (
            echo_service(tmp_path) as address,
            proxied(*address, certificates, on_note=notes.append) as (port, _, proxy),
        ):
            with pytest.raises(ssl.SSLError):
                await asyncio.open_connection("127.0.0.1", port, ssl=ssl.create_default_context())
            async with asyncio.timeout(3):
                while not proxy.refused_certificates:
                    await asyncio.sleep(0.01)

    asyncio.run(talk())
    assert "may not trust the proxy's certificate" in notes[0]


def test_garbage_does_not_end_the_proxy(tmp_path, certificates):
    async def talk():
        async with echo_service(tmp_path) as address, proxied(*address, certificates) as (port, _sessions, _):
            for garbage in (
                b"\x00\x01\x02",
                b"CONNECT\r\n\r\n",
                b"GET\r\n\r\n",
                b"\x16\x03\x01garbage",
                b"GET http://x/ HTTP/1.1\r\n\r\n",
            ):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(garbage)
                await writer.drain()
                writer.close()
            async with through(port, certificates) as ws:
                await ws.send("still here")
                return await ws.recv()

    assert asyncio.run(talk()) == "still here"


def test_an_impaired_line_delays_both_directions_and_keeps_every_byte(tmp_path, certificates):
    faults = LineFaults(delay_ms=60, jitter_ms=20)
    messages = list(random_messages(200, seed=2))

    async def talk():
        loop = asyncio.get_running_loop()
        async with (
            echo_service(tmp_path) as address,
            proxied(*address, certificates, line=faults) as (port, *_),
            through(port, certificates) as ws,
        ):
            start_s = loop.time()
            await ws.send("one")
            await ws.recv()
            there_and_back_s = loop.time() - start_s
            for message in messages:
                await ws.send(message)
            return there_and_back_s, [await ws.recv() for _ in messages]

    there_and_back_s, got = asyncio.run(talk())
    assert got == messages
    assert 0.12 <= there_and_back_s < 0.5


def test_bandwidth_and_stalls_hold_bytes_back(tmp_path, certificates):
    async def seconds(faults):
        loop = asyncio.get_running_loop()
        async with (
            echo_service(tmp_path) as address,
            proxied(*address, certificates, line=faults) as (port, *_),
            through(port, certificates) as ws,
        ):
            start_s = loop.time()
            for _ in range(5):
                await ws.send(bytes(2000))
                await ws.recv()
            return loop.time() - start_s

    # 10 kB in each direction at 400 kbit/s take 0.2 s each.
    assert asyncio.run(seconds(line_from_text("kbit_s=400"))) == pytest.approx(0.4, abs=0.15)
    assert asyncio.run(seconds(line_from_text("stall_ms=300,stall_every_s=0.001"))) > 0.3
