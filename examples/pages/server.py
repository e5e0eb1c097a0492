"""Server of the example pages: the pages themselves, and a relay between a page and the Live API.

The key stays here, and the page speaks the messages of the Live API to the relay.

    python server.py 8010

`GOOGLE_GEMINI_BASE_URL` is the address of the Live API, and `GEMINI_API_KEY` the key. The page that uploads what
MediaRecorder records needs ffmpeg.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
import struct
import sys
from pathlib import Path

import numpy as np
from aiohttp import ClientSession, ClientWebSocketResponse, TCPConnector, WSMsgType, web

FOLDER = Path(__file__).resolve().parent
SERVICE = os.environ.get("GOOGLE_GEMINI_BASE_URL", "https://generativelanguage.googleapis.com").rstrip("/")
PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
KEY = os.environ.get("GEMINI_API_KEY") or os.environ.get("GOOGLE_API_KEY") or ""
SENT_HZ, BATCH_BYTES = 16000, 1600
REPLY_HZ = 24000
PADDING_BYTES = 65536

replies: dict[str, asyncio.Queue[bytes | None]] = {}
"""Audio of the replies that are played by an audio element, by the number of their session; None ends a reply."""


async def live(request: web.Request) -> web.StreamResponse:
    """Pass the messages of a page and those of the service on; add what the page cannot do itself."""
    page = web.WebSocketResponse(max_msg_size=0)
    await page.prepare(request)
    trust = ssl.create_default_context()
    headers = {"x-goog-api-key": KEY} if KEY else {}
    number = request.query.get("reply")
    reply = replies.setdefault(number, asyncio.Queue()) if number else None
    async with (
        ClientSession(connector=TCPConnector(ssl=trust)) as client,
        client.ws_connect(SERVICE + PATH, headers=headers, max_msg_size=0) as service,
    ):
        to_page = asyncio.create_task(pass_replies(service, page, reply))
        try:
            if "recorder" in request.query:
                await pass_recording(page, service, request.query.get("fault", ""))
            else:
                async for message in page:
                    await service.send_str(message.data)
        finally:
            to_page.cancel()
    return page


async def pass_replies(
    service: ClientWebSocketResponse, page: web.WebSocketResponse, reply: asyncio.Queue[bytes | None] | None
) -> None:
    """Pass the service's messages on to the page, and their audio to the audio element's stream."""
    while (message := await service.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
        text = message.data if message.type is WSMsgType.TEXT else message.data.decode()
        await page.send_str(text)
        content = json.loads(text).get("serverContent", {})
        if reply is not None:
            for part in content.get("modelTurn", {}).get("parts", []):
                if "inlineData" in part:
                    await reply.put(base64.b64decode(part["inlineData"]["data"]))
            if content.get("generationComplete") or content.get("interrupted"):
                await reply.put(None)
    await page.close(code=service.close_code or 1011, message=str(message.extra or "").encode()[:120])


async def pass_recording(page: web.WebSocketResponse, service: ClientWebSocketResponse, fault: str) -> None:
    """Decode the WebM that a page records, and send it as PCM. The first message of the page is the setup."""
    rate_hz = 48000 if fault == "decoded_at_48k" else SENT_HZ
    channels = 2 if fault == "stereo_as_mono" else 1
    decoder = await asyncio.create_subprocess_exec(
        "ffmpeg", "-loglevel", "error", "-fflags", "nobuffer", "-probesize", "32", "-f", "webm", "-i", "pipe:0",
        "-f", "s16le", "-ac", str(channels), "-ar", str(rate_hz), "-flush_packets", "1", "pipe:1",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert decoder.stdin is not None
    sending = asyncio.create_task(send_decoded(decoder, service))
    count = 0
    try:
        async for message in page:
            if message.type is WSMsgType.TEXT:
                await service.send_str(message.data)
                continue
            count += 1
            if fault == "lost_slices" and count % 12 == 0:
                continue
            decoder.stdin.write(message.data)
            await decoder.stdin.drain()
    finally:
        decoder.kill()
        await decoder.wait()
        sending.cancel()


async def send_decoded(decoder: asyncio.subprocess.Process, service: ClientWebSocketResponse) -> None:
    """Send decoded audio in batches of 50 ms."""
    assert decoder.stdout is not None
    while True:
        pcm = await decoder.stdout.readexactly(BATCH_BYTES)
        audio = {"data": base64.b64encode(pcm).decode(), "mimeType": f"audio/pcm;rate={SENT_HZ}"}
        await service.send_str(json.dumps({"realtimeInput": {"audio": audio}}))


async def wav(request: web.Request) -> web.StreamResponse:
    """Stream one reply as a WAV file whose length is not known yet.

    Chromium reads blocks of 32 kB, and needs two before it plays. So there is padding before the samples, and these are
    floating point in stereo: a block of them lasts 0.2 s, and one of 16 bit in mono 0.7 s.
    """
    number, fault = request.match_info["number"], request.query.get("fault", "")
    queue = replies.setdefault(number, asyncio.Queue())
    answer = web.StreamResponse(headers={"Content-Type": "audio/wav", "Cache-Control": "no-store"})
    await answer.prepare(request)
    header = wav_header(16000 if fault == "header_16k" else REPLY_HZ)
    await answer.write(header)
    while (pcm := await queue.get()) is not None:
        samples = np.frombuffer(pcm, ">i2" if fault == "wrong_bytes" else "<i2").astype("<f4") / 32768
        await answer.write(np.repeat(samples, 2).tobytes())
    await answer.write_eof()
    return answer


def wav_header(rate_hz: int) -> bytes:
    """Return the header of a WAV file of 32-bit floating point in stereo, of the greatest length that it can state."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 2, rate_hz, rate_hz * 8, 8, 32)
    padding = struct.pack("<4sI", b"JUNK", PADDING_BYTES) + bytes(PADDING_BYTES)
    return b"RIFF\xff\xff\xff\xffWAVE" + form + padding + b"data\xff\xff\xff\xff"


def main() -> None:
    """Serve until Ctrl-C."""
    app = web.Application()
    app.router.add_get("/live", live)
    app.router.add_get("/reply/{number}.wav", wav)
    app.router.add_static("/", FOLDER)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)


if __name__ == "__main__":
    main()
