"""Recorded replies and known prompts of the emulator: WAV files (16-bit PCM) beside a TOML table."""

from __future__ import annotations

import wave
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diag.core.clip import pcm16_from_samples
from diag.core.errors import BadInputError
from diag.core.units import LIVE_OUTPUT_RATE_HZ
from diag.files.audio_files import read_wav
from diag.files.toml_text import read_toml
from diag.files.whole_files import read_limited

REPLY_RATE_HZ = LIVE_OUTPUT_RATE_HZ
MAX_WAV_S = 300
MAX_TABLE_BYTES = 1_000_000
NAMED_VOICES = "named_voices.toml"
AUDIBLE_DBFS = -50.0
"""Blocks of 10 ms with an RMS above this are audible, for replies whose table states no times."""

Pcm = NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Reply:
    """One recorded reply.

    Parameters
    ----------
    pcm : ndarray of int16, shape (n,)
        The recording, at 24000 Hz.
    first_audible_s, speech_end_s : float
        Where speech begins and ends in the recording.
    answers : tuple of str
        Names of the prompts that the reply answers.
    kind : str
        "ask_back" for a reply that asks the user to repeat, "sentence" for a recording that only speaks a requested
        text; else empty.
    speaker : str
        Speaker of named voices (see `named_voices`); empty for replies of sessions that name no voice.
    """

    name: str
    pcm: Pcm
    text: str
    language: str
    voice: str
    first_audible_s: float
    speech_end_s: float
    answers: tuple[str, ...]
    kind: str = ""
    speaker: str = ""

    @property
    def asks_back(self) -> bool:
        """Whether the reply asks the user to repeat."""
        return self.kind == "ask_back"

    @property
    def duration_s(self) -> float:
        """Return the length in seconds."""
        return len(self.pcm) / REPLY_RATE_HZ


@dataclass(frozen=True, eq=False)
class Prompt:
    """One known prompt: its recording (16-bit samples, shape (n,)) and its text."""

    name: str
    pcm: Pcm
    sample_rate_hz: int
    text: str
    language: str


def read_replies(folder: Path) -> tuple[Reply, ...]:
    """Read `replies.toml`, and `named_voices.toml` if there is one, and their recordings.

    Raises
    ------
    BadInputError
        If the table is missing, is not valid or has no replies, or a WAV file is missing or has the wrong format.
    """
    table = folder / "replies.toml"
    replies = tuple(_reply(folder, entry) for entry in _entries(table, "reply"))
    if (folder / NAMED_VOICES).is_file():
        replies += tuple(_reply(folder, entry) for entry in _entries(folder / NAMED_VOICES, "reply"))
    if not any(not reply.speaker for reply in replies):
        raise BadInputError(
            f"Could not use the replies in {folder}",
            seen="no [[reply]] in replies.toml",
            allowed="at least one [[reply]] table",
            next_step="add a reply or choose another folder with `--replies DIR`",
        )
    return replies


def reply_ends_s(folder: Path) -> dict[str, float]:
    """Return the names of prompts with the time in seconds at which the speech of their reply ends, without recordings.

    Replies whose table states no times, and those of named voices, are left out.

    Raises
    ------
    BadInputError
        If `replies.toml` is missing or not valid.
    """
    entries = [entry for entry in _entries(folder / "replies.toml", "reply") if "speech_end_s" in entry]
    return {str(prompt): float(entry["speech_end_s"]) for entry in entries for prompt in entry.get("answers", ())}


def read_prompts(folder: Path) -> tuple[Prompt, ...]:
    """Read `prompts.toml` and its WAV files; return no prompts if there is no such table.

    Raises
    ------
    BadInputError
        If the table is not valid, or a WAV file is missing or has the wrong format.
    """
    table = folder / "prompts.toml"
    if not table.is_file():
        return ()
    prompts = []
    for entry in _entries(table, "prompt"):
        pcm, rate_hz = read_pcm16(folder / str(entry.get("file", f"{entry.get('name')}.wav")))
        prompts.append(
            Prompt(
                name=str(entry.get("name")),
                pcm=pcm,
                sample_rate_hz=rate_hz,
                text=str(entry.get("text", "")),
                language=str(entry.get("language", "")),
            )
        )
    return tuple(prompts)


def read_pcm16(path: Path) -> tuple[Pcm, int]:
    """Return the first channel of a 16-bit WAV or FLAC file, int16 of shape (n,), and its sample rate in Hz.

    Raises
    ------
    BadInputError
        If the file is missing, longer than five minutes or not 16-bit PCM.
    """
    attempted = f"Could not read the recording {path}"
    if path.suffix == ".flac":
        clip = read_wav(path).channel(0)
        pcm = np.frombuffer(pcm16_from_samples(clip.samples), dtype="<i2").astype(np.int16)
        pcm.flags.writeable = False
        return pcm, clip.sample_rate_hz
    try:
        with wave.open(str(path), "rb") as reader:
            rate_hz, channels, width = reader.getframerate(), reader.getnchannels(), reader.getsampwidth()
            if width != 2 or reader.getnframes() > MAX_WAV_S * rate_hz:
                raise BadInputError(
                    attempted,
                    seen=f"{8 * width} bits, {reader.getnframes() / max(rate_hz, 1):.0f} s",
                    allowed=f"16 bits, up to {MAX_WAV_S} s",
                    next_step="convert or shorten the file",
                )
            data = reader.readframes(reader.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise BadInputError(
            attempted, seen=str(error) or "an incomplete file", allowed="a WAV file", next_step="check the path"
        ) from None
    samples = np.frombuffer(data[: len(data) // (2 * channels) * 2 * channels], dtype="<i2")
    mono = samples.reshape(-1, channels)[:, 0].astype(np.int16)
    mono.flags.writeable = False
    return mono, rate_hz


def _entries(table: Path, key: str) -> list[Mapping[str, Any]]:
    attempted = f"Could not read {table}"
    try:
        data = read_toml(read_limited(table, MAX_TABLE_BYTES).decode("utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError(
            attempted,
            seen=str(error),
            allowed=f"a TOML file with [[{key}]] tables",
            next_step="correct the table or choose another folder",
        ) from None
    entries = data.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and "name" in entry for entry in entries):
        raise BadInputError(
            attempted,
            seen=f"`{key}` is not a list of tables with a name",
            allowed=f"[[{key}]] tables with `name`",
            next_step="correct the table",
        )
    wrong = next((entry["name"] for entry in entries if not _well_formed(entry)), None)
    if wrong is not None:
        raise BadInputError(
            attempted,
            seen=f"a time of {wrong} is not a number, or its `answers` is not a list",
            allowed='times in seconds, and `answers` as `["prompt", "other"]`',
            next_step="correct the table",
        )
    return entries


def _well_formed(entry: Mapping[str, Any]) -> bool:
    times = (entry.get(name, 0.0) for name in ("first_audible_s", "speech_end_s"))
    return isinstance(entry.get("answers", []), list) and all(
        isinstance(time_s, int | float) and not isinstance(time_s, bool) for time_s in times
    )


def _reply(folder: Path, entry: Mapping[str, Any]) -> Reply:
    path = folder / str(entry.get("file", f"{entry['name']}.wav"))
    pcm, rate_hz = read_pcm16(path)
    if rate_hz != REPLY_RATE_HZ:
        raise BadInputError(
            f"Could not use the reply {path}",
            seen=f"{rate_hz} Hz",
            allowed=f"{REPLY_RATE_HZ} Hz",
            next_step=f"resample the file to {REPLY_RATE_HZ} Hz",
        )
    first_s, last_s = audible_span(pcm)
    return Reply(
        name=str(entry["name"]),
        pcm=pcm,
        text=str(entry.get("text", "")),
        language=str(entry.get("language", "")),
        voice=str(entry.get("voice", "")),
        first_audible_s=float(entry.get("first_audible_s", first_s)),
        speech_end_s=float(entry.get("speech_end_s", last_s)),
        answers=tuple(str(name) for name in entry.get("answers", ())),
        kind=str(entry.get("kind", "")),
        speaker=str(entry.get("speaker", "")),
    )


def audible_span(pcm: Pcm) -> tuple[float, float]:
    """Return the first and last audible moment of audio at 24 kHz, in seconds, in steps of 10 ms.

    Both are 0 if nothing is above `AUDIBLE_DBFS`.
    """
    window = REPLY_RATE_HZ // 100
    whole = len(pcm) // window * window
    power = np.square(pcm[:whole].astype(np.float64).reshape(-1, window) / 32768.0).mean(axis=1)
    loud = np.flatnonzero(power > 10 ** (AUDIBLE_DBFS / 10))
    if loud.size == 0:
        return 0.0, 0.0
    return float(loud[0]) / 100.0, float(loud[-1] + 1) / 100.0
