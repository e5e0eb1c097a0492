"""Decode WebM, MP4 and other files of browsers and phones with the ffmpeg program or with PyAV, if installed."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from diag.core.audio_reader import AudioReader
from diag.core.clip import Samples
from diag.core.errors import BadInputError
from diag.core.temporary import temporary_folder
from diag.files.wav_header import read_wav_header

LONGEST_S = 4 * 3600
"""Longest audio that is decoded, in seconds. Decoding stops there, because a small file may claim to last for days."""
_TIMEOUT_S = 900
_SIGNATURES = (
    (0, b"\x1a\x45\xdf\xa3", "WebM or Matroska"), (4, b"ftyp", "MP4 or M4A"), (0, b"\x30\x26\xb2\x75", "Windows Media"),
    (0, b"#!AMR", "AMR"), (0, b"\xff\xf1", "AAC"), (0, b"\xff\xf9", "AAC"), (0, b"OggS", "Ogg"), (0, b"caff", "CAF"),
    (0, b"FLV", "Flash video"),
)  # fmt: skip


def container_of(head: bytes) -> str | None:
    """Return the name of the container format of a file, by its first 12 bytes; None for any other file."""
    return next((name for place, mark, name in _SIGNATURES if head[place : place + len(mark)] == mark), None)


def open_container(path: Path, name: str, attempted: str) -> AudioReader:
    """Return a reader for the first audio stream of a container file. Its `note` names the decoder.

    Parameters
    ----------
    path : Path
    name : str
        Name of the container format (`container_of`).
    attempted : str
        Beginning of the error sentence (`DiagError`).

    Raises
    ------
    BadInputError
        If neither ffmpeg nor PyAV is installed, or the file cannot be decoded.
    """
    program = shutil.which("ffmpeg")
    if program is not None:
        return _by_ffmpeg(program, path, name, attempted)
    if importlib.util.find_spec("av") is not None:
        return _by_pyav(path, name, attempted)
    raise BadInputError(
        attempted,
        seen=f"it is a {name} file, and neither the ffmpeg program nor the Python package av is installed",
        allowed="WAV, FLAC, Ogg or MP3 without them",
        next_step=f"install ffmpeg, or convert the file elsewhere: `ffmpeg -i {path.name} -c:a pcm_s16le fixed.wav`",
    )


def _by_ffmpeg(program: str, path: Path, name: str, attempted: str) -> AudioReader:
    command = [program, "-v", "error", "-nostdin", "-i", f"file:{path}", "-map", "0:a:0", "-t", str(LONGEST_S)]
    with temporary_folder("decode") as folder:
        decoded = folder / "decoded.wav"
        try:
            with decoded.open("wb") as file:
                done = subprocess.run(
                    [*command, "-c:a", "pcm_f32le", "-f", "wav", "-"],
                    stdout=file, stderr=subprocess.PIPE, check=False, timeout=_TIMEOUT_S,
                )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise _undecodable(name, f"ffmpeg took longer than {_TIMEOUT_S} s", attempted) from None
        header = read_wav_header(decoded, decoded.stat().st_size)
        if done.returncode != 0 or header is None or header.sample_format != "f32le":
            output = done.stderr.decode(errors="replace").strip().splitlines() or ["no audio in it"]
            raise _undecodable(name, f"ffmpeg: {output[-1].removeprefix(f'file:{path}: ')}", attempted)
        # The file is deleted at the end of this block, but the mapping stays valid. The disk space is freed together
        # with the samples.
        values: Any = np.memmap(
            decoded, dtype="<f4", mode="r", offset=header.first_byte,
            shape=(header.present_bytes // (4 * header.channels), header.channels),
        )  # fmt: skip
    return _reader(values, header.sample_rate_hz, f"decoded from {name} by ffmpeg", attempted)


def _by_pyav(path: Path, name: str, attempted: str) -> AudioReader:
    import av

    parts: list[Samples] = []
    rate_hz = seconds = 0
    try:
        with av.open(str(path)) as container:
            resampler = av.AudioResampler(format="fltp")
            for frame in container.decode(audio=0):
                rate_hz = frame.sample_rate
                seconds += frame.samples / rate_hz
                if seconds > LONGEST_S:
                    break
                parts.extend(part.to_ndarray() for part in resampler.resample(frame))
            parts.extend(part.to_ndarray() for part in resampler.resample(None))
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise _undecodable(name, f"PyAV: {error}", attempted) from None
    if not parts:
        raise _undecodable(name, "PyAV: no audio in it", attempted)
    return _reader(np.concatenate(parts, axis=1).T, rate_hz, f"decoded from {name} by PyAV", attempted)


def _reader(values: Samples, rate_hz: int, note: str, attempted: str) -> AudioReader:
    if not values.shape[0]:
        raise BadInputError(attempted, seen="there is a header but no audio (0 frames)", next_step="record it again")

    def part(first: int, last: int) -> Samples:
        samples: Samples = np.array(values[first:last], dtype=np.float32)
        return samples[:, 0] if samples.shape[1] == 1 else samples

    return AudioReader(
        sample_rate_hz=rate_hz, frames=int(values.shape[0]), channels=int(values.shape[1]), part=part,
        sample_format="f32le", note=note,
    )  # fmt: skip


def _undecodable(name: str, why: str, attempted: str) -> BadInputError:
    return BadInputError(
        attempted,
        seen=f"it is a {name} file that cannot be decoded ({why})",
        allowed="a whole file with an audio stream",
        next_step="copy or record it again",
    )
