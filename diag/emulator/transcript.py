"""What was said on the wire, kept: every frame of a session, and the audio of both sides.

`frames.jsonl` holds `{"t_s", "from", "frame"}`; `heard_<rate>.wav` is what the client sent at each rate that it
declared, `spoken.wav` what it was sent, both without the pauses between messages. Keys never travel in frames.
"""

from __future__ import annotations

import json
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from diag.emulator.closing import Refused
from diag.emulator.incoming import declared_rate_hz, decode_bytes, read_frame
from diag.emulator.link import Link
from diag.emulator.truth import TruthLog

FRAMES = "frames.jsonl"


class KeptLink:
    """A link that writes down what passes; the writing is done on the truth's thread.

    Parameters
    ----------
    root : Path
        Folder in which the session gets a folder of its own.
    """

    def __init__(self, link: Link, root: Path, session: int, writer: TruthLog) -> None:
        self._link = link
        self._writer = writer
        # Time first: folders of several runs of the server stand side by side.
        self._folder = root / f"{time.strftime('%Y%m%d-%H%M%S')}-session-{session:04d}"
        self._writer.call(lambda: self._folder.mkdir(parents=True, exist_ok=True))

    @property
    def ended(self) -> tuple[int | None, str]:
        return self._link.ended

    @property
    def gone(self) -> bool:
        return self._link.gone

    @property
    def idle_s(self) -> float:
        return self._link.idle_s

    @property
    def blocked_s(self) -> float:
        return self._link.blocked_s

    async def receive(self) -> str | bytes | None:
        data = await self._link.receive()
        if data is not None:
            self._keep("client", data)
        return data

    async def send(self, payload: bytes) -> None:
        self._keep("server", payload)
        await self._link.send(payload)

    async def close(self, code: int, reason: bytes) -> None:
        self._keep("server", json.dumps({"close": code, "reason": reason.decode("utf-8", "replace")}))
        await self._link.close(code, reason)

    def drop(self) -> None:
        self._link.drop()

    def finish(self) -> None:
        """The session is over: make audio files of its frames."""
        self._writer.call(lambda: write_audio(self._folder))

    def _keep(self, side: str, data: str | bytes) -> None:
        at_s = time.perf_counter()
        self._writer.call(lambda: self._append(at_s, side, data))

    def _append(self, at_s: float, side: str, data: str | bytes) -> None:
        text = data if isinstance(data, str) else data.decode("utf-8", "backslashreplace")
        with (self._folder / FRAMES).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"t_s": at_s, "from": side, "frame": text}, ensure_ascii=False) + "\n")


def write_audio(folder: Path) -> None:
    """Make WAV files of the audio in a session's frames."""
    sound: dict[str, tuple[int, bytearray]] = {}
    for side, frame in _frames(folder):
        for blob in _blobs(frame):
            rate_hz = declared_rate_hz(blob.get("mimeType", "audio/pcm"))
            if rate_hz is None:
                continue
            name = "spoken" if side == "server" else f"heard_{rate_hz}"
            try:
                sound.setdefault(name, (rate_hz, bytearray()))[1].extend(decode_bytes(blob.get("data"), ""))
            except Refused:
                continue  # what cannot be decoded stands in the frames
    for name, (rate_hz, data) in sound.items():
        with wave.open(str(folder / f"{name}.wav"), "wb") as writer:
            writer.setnchannels(1)
            writer.setsampwidth(2)
            writer.setframerate(rate_hz)
            writer.writeframes(bytes(data[: len(data) // 2 * 2]))


def _frames(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    path = folder / FRAMES
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            kept = json.loads(line)
            try:
                yield kept["from"], read_frame(kept["frame"])
            except Refused:
                continue  # not JSON: kept as it is, no audio in it


def _blobs(value: object) -> Iterator[dict[str, Any]]:
    """Everything in a message that looks like a blob of audio."""
    if isinstance(value, dict):
        if isinstance(value.get("data"), str) and str(value.get("mimeType", "audio/pcm")).startswith("audio/"):
            yield value
        for inner in value.values():
            yield from _blobs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _blobs(inner)
