"""A request that does not arrive in time does not hold its connection."""

import asyncio

from diag.emulator import transport
from diag.emulator.bank import Bank
from diag.emulator.profile import Profile
from diag.emulator.settings import EmulatorSettings
from diag.emulator.truth import TruthLog

_HEAD = (
    b"POST /v1beta/models/gemini-2.5-flash-preview-tts:generateContent?key=any HTTP/1.1\r\nHost: x\r\n"
    b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
)


def test_a_body_that_stops_in_the_middle_is_refused_after_the_documented_time(monkeypatch):
    monkeypatch.setattr(transport, "REQUEST_WITHIN_S", 0.2)

    async def ask():
        truth = TruthLog()
        bank = Bank(replies=(), prompts=(), recogniser=None)
        profile = Profile(name="", settings=EmulatorSettings(), seed=0, bank=bank, truth=truth)
        server = transport.Server({"": profile})
        port = await server.listen("127.0.0.1", 0, None)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_HEAD)
        try:
            async with asyncio.timeout(5):
                return await reader.readline()
        finally:
            writer.close()
            await server.close()
            truth.close()

    assert asyncio.run(ask()).startswith(b"HTTP/1.1 408 ")
