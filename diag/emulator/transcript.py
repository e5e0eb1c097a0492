"""Transcript of a session: every frame, and the audio of both sides, kept in a folder.

`frames.jsonl` holds lines `{"t_s", "from", "frame"}`. `heard_<rate>.wav` holds the audio from the client, one file for
each declared rate. `spoken.wav` holds the audio to the client. The WAV files leave out the pauses between messages.
Keys in frames are hidden.
"""

from __future__ import annotations

import json
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from diag.core.keys import cleaner, without_keys
from diag.emulator.closing import Refused
from diag.emulator.incoming import declared_rate_hz, decode_bytes, read_frame
from diag.emulator.link import Link, OuterLink
from diag.emulator.truth import TruthLog

FRAMES = "frames.jsonl"


class KeptLink(OuterLink):
    """Link that keeps all frames of another link in a file, written on the thread of the truth log.

    Parameters
    ----------
    link : Link
        The link whose frames are kept.
    root : Path
        Folder in which a folder for the session is made.
    session : int
        Number of the session.
    writer : TruthLog
        Its thread does the writing.
    """

    def __init__(self, link: Link, root: Path, session: int, writer: TruthLog) -> None:
        super().__init__(link)
        self._writer = writer
        self._clean = cleaner()
        # The name begins with the time, because several runs of the server may use the same folder.
        self._folder = root / f"{time.strftime('%Y%m%d-%H%M%S')}-session-{session:04d}"
        self._writer.call(lambda: self._folder.mkdir(parents=True, exist_ok=True))

    async def receive(self) -> str | bytes | None:
        data = await super().receive()
        if data is not None:
            self._keep("client", data)
        return data

    async def send(self, payload: bytes) -> None:
        self._keep("server", payload)
        await super().send(payload)

    async def close(self, code: int, reason: bytes) -> None:
        self._keep("server", json.dumps({"close": code, "reason": reason.decode("utf-8", "replace")}))
        await super().close(code, reason)

    def finish(self) -> None:
        """Write the audio files at the end of the session."""
        self._writer.call(lambda: write_audio(self._folder))

    def _keep(self, side: str, data: str | bytes) -> None:
        at_s = time.perf_counter()
        self._writer.call(lambda: self._append(at_s, side, data))

    def _append(self, at_s: float, side: str, data: str | bytes) -> None:
        text = data if isinstance(data, str) else data.decode("utf-8", "backslashreplace")
        with (self._folder / FRAMES).open("a", encoding="utf-8") as file:
            file.write(
                json.dumps({"t_s": at_s, "from": side, "frame": self._without_keys(text)}, ensure_ascii=False) + "\n"
            )

    def _without_keys(self, frame: str) -> str:
        """Return a frame without keys; byte for byte the same if it has none."""
        try:
            message = json.loads(frame)
        except (ValueError, RecursionError):
            return without_keys(frame)
        cleaned = self._clean(message)
        return frame if cleaned == message else json.dumps(cleaned, ensure_ascii=False)


def write_audio(folder: Path) -> None:
    """Write the audio in a session's frames to WAV files in the same folder."""
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
                continue  # audio that cannot be decoded is only in the frames
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
                continue  # a frame that is not JSON has no audio


def _blobs(value: object) -> Iterator[dict[str, Any]]:
    """Yield every object in a message that has audio data."""
    if isinstance(value, dict):
        if isinstance(value.get("data"), str) and str(value.get("mimeType", "audio/pcm")).startswith("audio/"):
            yield value
        for inner in value.values():
            yield from _blobs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _blobs(inner)
