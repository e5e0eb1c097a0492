import asyncio

import numpy as np
import pytest

from diag.core.client_config import ClientConfig, PlaybackConfig, SendConfig
from diag.core.clip import pcm16_from_samples
from diag.files.scenarios import Faults
from diag.record.client.voice_client import Player, Sender


class Notes:
    def __init__(self):
        self.events = []

    def __call__(self, name, data, *, t_s=None):
        self.events.append((name, dict(data), t_s))

    def named(self, name):
        return [data for event, data, _ in self.events if event == name]


class Connection:
    def __init__(self, accepts=1000):
        self.open = True
        self.sent = []
        self._accepts = accepts

    async def send_audio(self, pcm, mime_type):
        if len(self.sent) == self._accepts:
            self.open = False
            return False
        self.sent.append((pcm, mime_type))
        self.open = len(self.sent) < self._accepts
        return True


def tone(frames, rate_hz):
    return (0.5 * np.sin(2 * np.pi * 300 * np.arange(frames) / rate_hz)).astype(np.float32)


@pytest.mark.parametrize("mime_type", ["audio/pcm;rate=999999999", f"audio/pcm;rate={'9' * 9000}", "audio/pcm;rate=1"])
def test_audio_with_a_nonsensical_label_is_played_at_the_usual_rate(mime_type):
    notes = Notes()
    player = Player(ClientConfig(), Faults(), notes)
    player.audio(pcm16_from_samples(tone(2400, 24000)), mime_type)
    assert player.received_rate_hz == 24000
    assert player.playout.waiting_frames == 2400


def test_a_player_without_resampling_hands_samples_on_as_they_came():
    notes = Notes()
    config = ClientConfig(playback=PlaybackConfig(sample_rate_hz=16000, resample=False, prebuffer_ms=0))
    player = Player(config, Faults(), notes)
    samples = tone(480, 24000)
    player.audio(pcm16_from_samples(samples), "audio/pcm;rate=24000")
    player.reply_over()
    assert np.abs(player.playout.pull(480) - samples).max() < 1e-4
    assert notes.named("chunk_received")[0] == {
        "start_frame": 0,
        "frames": 480,
        "bytes": 960,
        "mime_type": "audio/pcm;rate=24000",
    }


def test_a_player_resamples_to_its_device():
    config = ClientConfig(playback=PlaybackConfig(sample_rate_hz=48000, prebuffer_ms=0))
    player = Player(config, Faults(), Notes())
    for start in range(0, 24000, 2400):
        player.audio(pcm16_from_samples(tone(24000, 24000)[start : start + 2400]), "audio/pcm;rate=24000")
    player.reply_over()
    out = player.playout.pull(48000)
    assert np.abs(out[1000:-1000] - tone(48000, 48000)[1000:-1000]).max() < 1e-3


def test_a_squeezed_reply_is_played_to_its_end():
    config = ClientConfig(playback=PlaybackConfig(prebuffer_ms=0))
    player = Player(config, Faults(player_squeeze_hz=8000), Notes())
    player.audio(pcm16_from_samples(tone(24000, 24000)), "audio/pcm;rate=24000")
    player.reply_over()
    assert player.playout.waiting_frames == 24000


def test_the_first_chunk_declares_the_rate_that_is_played_and_recorded():
    notes = Notes()
    player = Player(ClientConfig(playback=PlaybackConfig(sample_rate_hz=48000, prebuffer_ms=0)), Faults(), notes)
    assert player.received_rate_hz == 24000
    pcm = pcm16_from_samples(tone(2400, 24000))
    for mime_type in ("audio/pcm;rate=24000", "audio/pcm;rate=16000"):
        player.audio(pcm, mime_type)
    player.reply_over()
    player.audio(pcm, "audio/pcm;rate=8000")
    player.reply_over()
    assert player.received_rate_hz == 24000
    assert player.playout.waiting_frames == 3 * 4800
    rates = [data["mime_type"].partition("rate=")[2] for data in notes.named("chunk_received")]
    assert rates == ["24000", "16000", "8000"]


def test_an_interrupted_reply_is_flushed():
    player = Player(ClientConfig(), Faults(), Notes())
    player.audio(pcm16_from_samples(tone(24000, 24000)), "audio/pcm;rate=24000")
    player.interrupted()
    assert not player.playout.pull(480).any()
    assert not player.busy


@pytest.mark.parametrize(
    ("send", "capture_hz", "batch_frames", "mime_type"),
    [
        (SendConfig(), 16000, 800, "audio/pcm;rate=16000"),
        (SendConfig(), 48000, 800, "audio/pcm;rate=16000"),
        (SendConfig(sample_rate_hz=48000, resample=False), 48000, 800, "audio/pcm;rate=16000"),
        (SendConfig(declared_rate_hz=0, batch_ms=100), 16000, 1600, "audio/pcm"),
    ],
)
def test_a_sender_batches_at_the_rate_it_believes(send, capture_hz, batch_frames, mime_type):
    async def scenario():
        config = ClientConfig(send=send, capture={"sample_rate_hz": capture_hz})
        notes, connection = Notes(), Connection(accepts=3)
        sender = Sender(config, Faults(), notes)
        for index in range(40):
            sender.captured(tone(capture_hz // 50, capture_hz), index / 50)
        await sender.run(connection)
        assert {len(pcm) for pcm, _ in connection.sent} == {2 * batch_frames}
        assert {mime for _, mime in connection.sent} == {mime_type}
        assert [data["start_frame"] for data in notes.named("batch_sent")] == [0, batch_frames, 2 * batch_frames]
        content_hz = send.sample_rate_hz if send.resample else capture_hz
        ends = [round(count * batch_frames * capture_hz / content_hz) for count in (1, 2, 3)]
        assert [data["captured_end_frame"] for data in notes.named("batch_sent")] == ends
        assert len(sender.pcm) == 6 * batch_frames

    asyncio.run(scenario())


def test_a_batch_that_was_not_sent_is_not_noted():
    async def scenario():
        notes, connection = Notes(), Connection(accepts=0)
        sender = Sender(ClientConfig(), Faults(), notes)
        sender.captured(tone(1600, 16000), 0.1)
        await sender.run(connection)
        assert notes.events == []
        assert sender.pcm == b""

    asyncio.run(scenario())
