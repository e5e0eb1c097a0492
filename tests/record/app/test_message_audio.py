"""Audio in WebSocket messages of any form."""

import base64

import pytest

from diag.record.app.message_audio import audio_in_message

PCM = bytes(range(256)) * 4


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ('{{"realtimeInput": {{"audio": {{"mimeType": "audio/pcm;rate=16000", "data": "{b64}"}}}}}}',
         (PCM, "audio/pcm;rate=16000")),
        ('{{"type": "audio", "payload": "data:audio/pcm;base64,{b64}"}}', (PCM, "audio/pcm")),
        ('{{"text": "hello there"}}', None),
        ("not json {b64}", None),
        ("[[[{b64}", None),
    ],
)  # fmt: skip
def test_audio_is_found_in_messages_of_any_form(payload, expected):
    message = payload.format(b64=base64.b64encode(PCM).decode()).encode()
    assert audio_in_message(message, binary=False) == expected


def test_a_binary_message_is_audio_unless_it_is_json():
    assert audio_in_message(PCM, binary=True) == (PCM, None)
    assert audio_in_message(b'{"setupComplete": {}}', binary=True) is None
    assert audio_in_message(b"", binary=True) is None
