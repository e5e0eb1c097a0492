"""Sessions of clients that diag did not start: what is kept of them, and what is found."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from pathlib import Path

import numpy as np
import pytest
from websockets.asyncio.client import connect

from diag.api.options import Options
from diag.api.watched_sessions import WatchedSessions
from diag.core.chain import Tap
from diag.emulator.embedded import EmbeddedEmulator
from diag.files.audio_files import read_wav
from diag.files.run_folders import read_take
from diag.judge.gate import exit_code
from diag.record.client.resampler import resample
from diag.record.live.genai import Endpoint
from diag.record.proxy.recording_proxy import RecordingProxy

KEY = "AIza" + "Sy0123456789abcdefghijklmnopqrstuvw"
TOKEN = "a-bearer-token-1234"
PROMPT = Path(__file__).resolve().parents[2] / "scenarios" / "prompts" / "weather_in_seoul.wav"


@pytest.fixture(scope="module")
def emulator():
    with EmbeddedEmulator() as running:
        yield running


async def talk(url, trust, pcm, rate_hz, *, snake):
    """Say a prompt in real time, labelled 16 kHz, and wait for the end of the answer."""
    size = rate_hz // 20 * 2
    async with connect(url, ssl=trust, proxy=None, additional_headers={"Authorization": f"Bearer {TOKEN}"}) as ws:
        modality = {"response_modalities": ["AUDIO"]} if snake else {"responseModalities": ["AUDIO"]}
        config = {("generation_config" if snake else "generationConfig"): modality}
        await ws.send(json.dumps({"setup": {"model": "models/gemini-3.8-live", **config}}))
        await ws.recv()

        async def send():
            loop = asyncio.get_running_loop()
            start_s = loop.time()
            for index in range(len(pcm) // size):
                await asyncio.sleep(max(0.0, start_s + index * 0.05 - loop.time()))
                blob = {
                    ("mime_type" if snake else "mimeType"): "audio/pcm;rate=16000",
                    "data": base64.b64encode(pcm[index * size : (index + 1) * size]).decode(),
                }
                await ws.send(json.dumps({("realtime_input" if snake else "realtimeInput"): {"audio": blob}}))

        sending = asyncio.create_task(send())
        try:
            async with asyncio.timeout(12):
                while not json.loads(await ws.recv()).get("serverContent", {}).get("turnComplete"):
                    pass
        except TimeoutError:
            pass
        sending.cancel()


def sessions_of(emulator, tmp_path, rate_hz, *, snake=False):
    """Run one session through the proxy; return the report, the printed lines and the take."""
    lines = []
    clip = read_wav(PROMPT)
    samples = resample(clip.samples, clip.sample_rate_hz, rate_hz)
    pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes() + bytes(rate_hz * 2 * 2)
    sessions = WatchedSessions(
        name="proxy", title="test", endpoint="emulator", options=Options(out=tmp_path), tell=lines.append
    )

    async def run():
        service = Endpoint(kind="emulator", base_url=emulator.register({}), ca_file=str(emulator.ca_file))
        proxy = RecordingProxy(service, sessions.watch)
        port = await proxy.listen()
        trust = ssl.create_default_context(cadata=proxy.certificates.pem.decode())
        path = "/ws/google.ai.generativelanguage.v1beta.GenerativeService/BidiGenerateContent"
        await talk(f"wss://127.0.0.1:{port}{path}?key={KEY}", trust, pcm, rate_hz, snake=snake)
        await asyncio.sleep(0.2)
        await proxy.close()

    asyncio.run(run())
    report = sessions.report()
    (folder,) = (tmp_path / "runs").glob("*/takes/0001")
    return report, lines, read_take(folder)


def test_a_healthy_session_is_a_take_with_two_taps_and_no_finding(emulator, tmp_path):
    report, lines, take = sessions_of(emulator, tmp_path, 16000)
    assert set(take.clips) == {Tap.SENT, Tap.RECEIVED}
    assert take.clips[Tap.SENT].sample_rate_hz == 16000
    assert [item.finding.code for item in report.runs[0].findings if item.finding.severity.rank > 0] == []
    # Nothing is wrong, but what was said and heard was not recorded.
    assert int(exit_code(report)) == 4
    assert {item.item.what for item in report.runs[0].not_shown} == {"`prompt`", "`heard`"}
    assert any("turn 1: first audio" in line for line in lines)
    assert any("closed by the client" in line for line in lines)


def test_no_key_is_in_any_file(emulator, tmp_path):
    sessions_of(emulator, tmp_path, 16000, snake=True)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 6
    for path in files:
        data = path.read_bytes()
        assert KEY.encode() not in data
        assert TOKEN.encode() not in data


def test_48_khz_audio_labelled_16_khz_is_found_without_a_recording_of_the_prompt(emulator, tmp_path):
    report, _, _ = sessions_of(emulator, tmp_path, 48000)
    found = {item.finding.code: item.finding for item in report.runs[0].findings}
    assert "48000 Hz audio seems to be sent labelled 16000 Hz" in found["SND022"].title
    assert found["SND022"].consequence_of is None
    assert int(exit_code(report)) == 1
