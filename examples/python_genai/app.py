"""A small voice app: google-genai with sounddevice on the default microphone and speaker.

It is written as such apps usually are, and is healthy. Each fault of `--fault` is one that real apps have had.

    python app.py
    python app.py --fault playback_16k
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import queue
import threading

import numpy as np
import sounddevice as sd
from google import genai
from google.genai import types

MODEL = "gemini-3.8-live"
SENT_HZ = 16000
RECEIVED_HZ = 24000
BATCH_S = 0.05
LATENCY_S = 0.1
"""Buffer of the output device: Python's callbacks may be late by some hundredths of a second."""
FAULTS = {
    "playback_16k": "the output stream is opened at 16 kHz and given 24 kHz audio",
    "capture_48k": "the microphone is opened at 48 kHz, and its audio is labelled 16 kHz",
    "dropped_batches": "every tenth batch of the microphone is lost",
    "no_modality": "the setup does not ask for audio",
    "short_queue": "the player's queue holds half a second, and what does not fit is lost",
    "wrong_bytes": "received audio is read as big-endian samples",
}


class Player:
    """Plays 16-bit PCM on the default output device."""

    def __init__(self, fault: str) -> None:
        self._fault = fault
        self._waiting = bytearray()
        self._lock = threading.Lock()
        rate_hz = 16000 if fault == "playback_16k" else RECEIVED_HZ
        self._most_bytes = RECEIVED_HZ if fault == "short_queue" else None
        self.stream = sd.RawOutputStream(
            samplerate=rate_hz, channels=1, dtype="int16", latency=LATENCY_S, callback=self._fill
        )

    def play(self, pcm: bytes) -> None:
        """Queue a chunk."""
        if self._fault == "wrong_bytes":
            pcm = np.frombuffer(pcm, dtype=">i2").astype("<i2").tobytes()
        with self._lock:
            self._waiting += pcm
            if self._most_bytes is not None:
                del self._waiting[self._most_bytes :]

    def stop(self) -> None:
        """Drop what waits, because the user has interrupted."""
        with self._lock:
            self._waiting.clear()

    def _fill(self, out, _frames, _time, _status) -> None:
        with self._lock:
            size = min(len(out), len(self._waiting))
            out[:size] = self._waiting[:size]
            del self._waiting[:size]
        out[size:] = bytes(len(out) - size)


class Microphone:
    """Batches of 16-bit PCM from the default input device."""

    def __init__(self, fault: str) -> None:
        rate_hz = 48000 if fault == "capture_48k" else SENT_HZ
        self._fault = fault
        self._count = 0
        self.batches: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.stream = sd.RawInputStream(
            samplerate=rate_hz, channels=1, dtype="int16", blocksize=round(rate_hz * BATCH_S), callback=self._take
        )

    def _take(self, data, _frames, _time, _status) -> None:
        self._count += 1
        if self._fault == "dropped_batches" and self._count % 10 == 0:
            return
        self.batches.put(bytes(data))


async def send(session, microphone: Microphone) -> None:
    """Send batches as the microphone delivers them."""
    while True:
        pcm = await asyncio.to_thread(microphone.batches.get)
        await session.send_realtime_input(audio=types.Blob(data=pcm, mime_type=f"audio/pcm;rate={SENT_HZ}"))


async def converse(fault: str) -> None:
    """Talk until the session ends."""
    client = genai.Client(api_key=os.environ["GEMINI_API_KEY"])
    config = {} if fault == "no_modality" else {"response_modalities": ["AUDIO"]}
    player, microphone = Player(fault), Microphone(fault)
    async with client.aio.live.connect(model=MODEL, config=config) as session:
        with player.stream, microphone.stream:
            print("listening", flush=True)
            sending = asyncio.create_task(send(session, microphone))
            try:
                while True:
                    async for message in session.receive():
                        content = message.server_content
                        if content is not None and content.interrupted:
                            player.stop()
                        if message.data:
                            player.play(message.data)
            finally:
                sending.cancel()
                microphone.batches.put(b"")
                with contextlib.suppress(asyncio.CancelledError):
                    await sending


def main() -> None:
    """Parse the arguments and talk."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fault", choices=FAULTS, default="", help="; ".join(f"{k}: {v}" for k, v in FAULTS.items()))
    asyncio.run(converse(parser.parse_args().fault))


if __name__ == "__main__":
    main()
