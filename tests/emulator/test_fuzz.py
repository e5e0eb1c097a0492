"""Garbage, half-open and slow clients: no crash, no leak, no stuck session, and the others are served meanwhile."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import random
import ssl
from pathlib import Path
from typing import Any

import pytest
from emulator_raw import HELLO, LIVE, QUICK, SETUP, audio, raw
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from diag.emulator.embedded import EmbeddedEmulator

AT_ONCE = 8
SETTINGS = {
    **QUICK,
    "setup_timeout_s": 1.0,
    "idle_timeout_s": 1.0,
    "tool_calls": "every_turn",
    "interim_transcripts": True,
    "transcript_with_audio": True,
    "chunk_spread": 0.5,
    "unrecognised": "wait",
}
TALKATIVE = {
    **SETUP["setup"],
    "inputAudioTranscription": {},
    "outputAudioTranscription": {},
    "sessionResumption": {"transparent": True},
    "explicitVadSignal": True,
    "tools": [{"functionDeclarations": [{"name": "f"}]}],
}
SETUPS = [SETUP, {"setup": TALKATIVE}, {"setup": {"model": "models/gemini-3.5-transcribe-live"}}]
WORDS = [
    "setup", "model", "models/gemini-3.8-live", "realtimeInput", "realtime_input", "audio", "data", "mimeType",
    "audio/pcm;rate=16000", "clientContent", "turns", "parts", "text", "turnComplete", "toolResponse", "id",
    "generationConfig", "responseModalities", "AUDIO", "activityStart", "audioStreamEnd", "mediaChunks", "inlineData",
    "sessionResumption", "handle", "functionResponses", "tools", "functionDeclarations", "AAAA", "\ud7ff", "",
]  # fmt: skip


def any_json(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.randrange(9 if depth < 4 else 6)
    if kind >= 6:
        return {rng.choice(WORDS): any_json(rng, depth + 1) for _ in range(rng.randrange(4))}
    if kind == 5:
        return [any_json(rng, depth + 1) for _ in range(rng.randrange(3))]
    return [None, True, rng.choice(WORDS), rng.randint(-(2**40), 2**40), rng.random() * 1e9][kind]


def mutated(rng: random.Random, good: bytes) -> bytes:
    data = bytearray(good)
    for _ in range(rng.randrange(1, 6)):
        place = rng.randrange(len(data))
        action = rng.randrange(4)
        if action == 0:
            data[place] = rng.randrange(256)
        elif action == 1:
            del data[place : place + rng.randrange(1, 20)]
        elif action == 2:
            data[place:place] = data[: rng.randrange(1, 30)]
        else:
            data[place:place] = rng.randbytes(rng.randrange(1, 8))
        data = data or bytearray(b"{")
    return bytes(data)


GOOD = [
    SETUP,
    {"setup": TALKATIVE},
    audio(HELLO[:1600].tobytes()),
    {"realtimeInput": {"audioStreamEnd": True}},
    {"realtimeInput": {"text": "hello"}},
    {"clientContent": {"turns": [{"role": "user", "parts": [{"text": "x"}]}], "turnComplete": True}},
    {"toolResponse": {"functionResponses": [{"id": "x", "name": "f", "response": {}, "scheduling": "INTERRUPT"}]}},
]


def frame(rng: random.Random) -> bytes | str:
    kind = rng.randrange(5)
    if kind == 0:
        return rng.randbytes(rng.randrange(0, 200))
    if kind == 1:
        return json.dumps(any_json(rng))
    if kind == 2:
        good = json.dumps(rng.choice(GOOD))
        return good[: rng.randrange(len(good))]
    if kind == 3:
        return mutated(rng, json.dumps(rng.choice(GOOD)).encode())
    pcm = base64.b64encode(rng.randbytes(rng.randrange(0, 3000))).decode()
    blob = {"data": pcm, "mimeType": f"audio/pcm;rate={rng.choice([1, 1000, 7999, 16000, 96000])}"}
    return json.dumps({"realtimeInput": {rng.choice(["audio", "video", "mediaChunks"]): blob}})


async def fuzz_one(tls: ssl.SSLContext, base_url: str, rng: random.Random, frames: int) -> int:
    """One connection with up to that many bad frames; gives how many were sent before it was closed."""
    sent = 0
    try:
        async with raw(tls, base_url) as client:
            if rng.random() < 0.7:
                await client.set_up(rng.choice(SETUPS))
            for _ in range(frames):
                sent += 1
                await client.ws.send(frame(rng))
                if rng.random() < 0.3:
                    await asyncio.sleep(0)
            if rng.random() < 0.5:
                client.ws.transport.abort()
    except (ConnectionClosed, ConnectionError, InvalidHandshake, TimeoutError):
        pass
    return max(sent, 1)


async def rude_socket(tls: ssl.SSLContext | None, port: int, rng: random.Random) -> None:
    """Bytes that are no HTTP, half a request, a broken WebSocket frame, or nothing at all; then gone or lingering."""
    upgrade = (
        f"GET {LIVE}?key=a HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()
    says = rng.choice(
        [
            b"",
            rng.randbytes(300),
            b"GET / HTTP/1.1\r\nHost:",
            b"POST /v1beta/models/x:generateContent?key=a HTTP/1.1\r\nContent-Length: 999999999\r\n\r\nabc",
            upgrade.replace(b"dGhl", b"\x00"),
            upgrade + b"\xff\xff" + rng.randbytes(20),
            upgrade + b"\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff",
            upgrade + b"\x01\x03abc\x89\x00",
        ]
    )
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
            with contextlib.suppress(OSError, TimeoutError):
                writer.write(says)
                await writer.drain()
                if rng.random() < 0.5:
                    await asyncio.wait_for(reader.read(100), 0.3)
            writer.transport.abort()
            writer.close()
            await writer.wait_closed()


def memory_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


async def campaign(emulator: EmbeddedEmulator, tls: ssl.SSLContext, base_url: str, total: int, seed: int) -> int:
    rng = random.Random(seed)
    port = int(base_url.split(":")[2].partition("/")[0])
    done = 0
    while done < total:
        batch = [fuzz_one(tls, base_url, random.Random(rng.random()), rng.randrange(1, 12)) for _ in range(AT_ONCE)]
        rude = [rude_socket(rng.choice([tls, None]), port, rng) for _ in range(2)]
        done += sum(await asyncio.gather(*batch))
        await asyncio.gather(*rude)
    return done


async def healthy_turn(tls: ssl.SSLContext, base_url: str) -> int:
    async with raw(tls, base_url) as client:
        await client.set_up()
        await client.say()
        return len((await client.hear(for_s=20)).chunks)


def run_campaign(bank_dir: Path, total: int, capfd: pytest.CaptureFixture) -> None:
    with EmbeddedEmulator(replies_dir=bank_dir) as emulator:
        tls = ssl.create_default_context(cafile=str(emulator.ca_file))
        fuzzed, healthy = emulator.register(SETTINGS), emulator.register(QUICK)

        async def run() -> tuple[float, float]:
            await campaign(emulator, tls, fuzzed, min(total, 150), 1)
            before_mb = memory_mb(emulator.pid)
            fuzzing = asyncio.create_task(campaign(emulator, tls, fuzzed, total, 2))
            while not fuzzing.done():
                assert await healthy_turn(tls, healthy) > 3
            await fuzzing
            after_mb = memory_mb(emulator.pid)
            await asyncio.sleep(2.5)  # the limits on setup and idle time end whoever still lingers
            return before_mb, after_mb

        before_mb, after_mb = asyncio.run(run())
        lines = emulator.truth(fuzzed)
        opened = sorted(line["session"] for line in lines if line["event"] == "session_open")
        ended = sorted(line["session"] for line in lines if line["event"] in ("closed", "dropped"))
        assert opened == ended
        assert len(opened) > total / 20
        codes = {line["code"] for line in lines if line["event"] == "closed" and line["by"] == "service"}
        assert codes <= {1007, 1008, 1009, 1011}
        # The kept truth grows with the sessions; 1 kB for each frame is far more than it needs.
        assert after_mb - before_mb < 10 + total / 1000
    assert capfd.readouterr().err == ""


def test_a_bounded_campaign(bank_dir: Path, capfd: pytest.CaptureFixture) -> None:
    run_campaign(bank_dir, 300, capfd)


@pytest.mark.slow
def test_ten_thousand_bad_frames(bank_dir: Path, capfd: pytest.CaptureFixture) -> None:
    run_campaign(bank_dir, 10_000, capfd)


def test_a_client_that_takes_nothing_does_not_disturb_others(emulator: EmbeddedEmulator, tls: ssl.SSLContext) -> None:
    base_url = emulator.register({**QUICK, "faults": [{"kind": "oversized_frame", "size_bytes": 30_000_000}]})
    healthy = emulator.register(QUICK)

    async def run() -> int:
        async with raw(tls, base_url) as stuck:
            await stuck.set_up()
            stuck.ws.transport.pause_reading()
            await stuck.say()
            chunks = await healthy_turn(tls, healthy)
            stuck.ws.transport.abort()
            return chunks

    assert asyncio.run(run()) > 3


def test_oversized_client_frames_are_refused(emulator: EmbeddedEmulator, tls: ssl.SSLContext) -> None:
    async def run() -> int:
        async with raw(tls, emulator.register(QUICK)) as client:
            await client.set_up()
            with contextlib.suppress(ConnectionClosed):
                await client.ws.send(b" " * 9_000_000)
            with pytest.raises(ConnectionClosed) as caught:
                await client.ws.recv()
            return caught.value.rcvd.code

    assert asyncio.run(run()) == 1009
