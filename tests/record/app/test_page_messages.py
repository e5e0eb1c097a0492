"""What the messages of a page's own WebSockets give where no session passed the proxy."""

import base64
import json

import numpy as np
import pytest

from diag.core.timeline import EventName
from diag.record.app.driver import PageMessage
from diag.record.app.page_messages import note_messages
from diag.record.proxy.session_recorder import WireAudio

URL = "wss://voice.test/talk"
SOUND = (8000 * np.sin(np.arange(96000) / 20)).astype("<i2")


def message(at_s, payload, *, sent, binary=True, socket="1"):
    return PageMessage(at_s=at_s, socket=socket, url=URL, sent=sent, binary=binary, payload=payload)


def noted(messages):
    """Counts, the emitted events as (name, time, data), and the audio."""
    events, audio = [], WireAudio()
    counts = note_messages(
        messages, lambda name, data, *, t_s=None: events.append((name, t_s, data)), lambda t_s: t_s - 100.0, audio
    )
    return counts, events, audio


def stream(samples, rate_hz, *, sent, start_s=100.0, length_s=0.05, socket="1"):
    """Messages of 50 ms that leave in real time, each when it is full."""
    size = round(rate_hz * length_s)
    parts = [samples[at : at + size] for at in range(0, len(samples) - size + 1, size)]
    return [
        message(start_s + (index + 1) * length_s, part.tobytes(), sent=sent, socket=socket)
        for index, part in enumerate(parts)
    ]


@pytest.mark.parametrize("rate_hz", [16000, 24000, 48000])
def test_the_rate_of_what_is_sent_is_measured_by_the_clock(rate_hz):
    counts, events, audio = noted(stream(SOUND, rate_hz, sent=True))
    assert counts == (len(SOUND) // (rate_hz // 20), 0)
    assert audio.sent.sample_rate_hz == rate_hz
    assert bytes(audio.sent.pcm) == SOUND.tobytes()
    name, t_s, data = events[1]
    assert (name, round(t_s, 3), data["start_frame"]) == (EventName.BATCH_SENT, 0.1, rate_hz // 20)


def test_what_is_received_without_a_rate_is_taken_for_24_khz():
    _, events, audio = noted(stream(SOUND, 48000, sent=False))
    assert {name for name, *_ in events} == {EventName.CHUNK_RECEIVED}
    assert audio.received.sample_rate_hz == 24000


def test_a_stated_rate_counts():
    blob = {"mimeType": "audio/pcm;rate=8000", "data": base64.b64encode(SOUND[:400].tobytes()).decode()}
    text = json.dumps({"audio": blob}).encode()
    _, _, audio = noted([message(100.0, text, sent=False, binary=False)])
    assert audio.received.sample_rate_hz == 8000


def test_floating_point_is_converted():
    _, _, audio = noted(stream((SOUND / 32768).astype("<f4"), 16000, sent=True))
    assert np.abs(np.frombuffer(bytes(audio.sent.pcm), "<i2") - SOUND.astype(int)).max() <= 1


def test_the_stream_of_a_recorder_is_no_pcm():
    messages = [message(100.0, b"\x1aE\xdf\xa3" + bytes(900), sent=True), message(100.1, bytes(range(250)), sent=True)]
    assert noted(messages)[0] == (0, 0)


def test_the_socket_with_most_audio_counts():
    other = stream(SOUND[:4000], 16000, sent=True, socket="2")
    _, _, audio = noted(stream(SOUND, 16000, sent=True) + other)
    assert bytes(audio.sent.pcm) == SOUND.tobytes()


def test_messages_of_the_live_api_give_the_events_of_a_session():
    def says(at_s, content, *, sent):
        return message(at_s, json.dumps(content).encode(), sent=sent, binary=False)

    blob = {"mimeType": "audio/pcm;rate=24000", "data": base64.b64encode(SOUND[:2400].tobytes()).decode()}
    voice = {"mimeType": "audio/pcm;rate=16000", "data": base64.b64encode(SOUND[:800].tobytes()).decode()}
    setup = {"model": "models/m", "generationConfig": {"responseModalities": ["AUDIO"]}}
    counts, events, audio = noted(
        [
            says(100.0, {"setup": setup}, sent=True),
            says(100.1, {"setupComplete": {}}, sent=False),
            says(100.2, {"realtimeInput": {"audio": voice}}, sent=True),
            says(101.0, {"serverContent": {"modelTurn": {"parts": [{"inlineData": blob}]}}}, sent=False),
            says(101.5, {"serverContent": {"generationComplete": True}}, sent=False),
        ]
    )
    assert counts == (1, 1)
    names = [name for name, *_ in events]
    assert names == [
        EventName.SESSION_CONNECTING, EventName.SETUP_SENT, EventName.SESSION_OPEN, EventName.BATCH_SENT,
        EventName.CHUNK_RECEIVED, EventName.GENERATION_COMPLETE,
    ]  # fmt: skip
    assert audio.received.sample_rate_hz == 24000
