"""Recordings: any audio file in, or one clear sentence that says why not; the only importer of soundfile."""

from __future__ import annotations

import difflib
import io
import os
import stat
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diag.core.audio_reader import AudioReader
from diag.core.clip import Clip, Samples, pcm16_from_samples
from diag.core.errors import BadInputError
from diag.core.units import HIGHEST_RATE_HZ, LOWEST_RATE_HZ

MAX_SAMPLES = 60 * 60 * 48000
"""Largest recording that is read whole: one hour of 48 kHz mono, 690 MB as float32."""

_RAW_ENCODINGS = {"s16le": "<i2", "s16be": ">i2", "u8": "u1", "f32le": "<f4"}
_PLAIN_WAV = "`ffmpeg -i {name} -c:a pcm_s16le fixed.wav` makes a plain WAV"


def read_wav(path: str | Path) -> Clip:
    """Read a recording: WAV, FLAC or Ogg of any sample format and channel count.

    Returns
    -------
    Clip
        Shape (n,) for mono, else (n, channels); no place on a clock.

    Raises
    ------
    BadInputError
        If the file is missing, a folder, empty, truncated, too long (`MAX_SAMPLES`), without frames, not audio, holds
        samples that are not finite, or has a sample rate outside 4 to 384 kHz.
    """
    return _whole(open_wav(path), Path(path), f"Could not read the recording {path}")


def open_wav(path: str | Path) -> AudioReader:
    """A recording to be read part by part: WAV, FLAC or Ogg of any sample format, channel count and length.

    Raises
    ------
    BadInputError
        As `read_wav`, but for the length.
    """
    path = Path(path)
    attempted = f"Could not read the recording {path}"
    size = _size_of(path, attempted)
    _check_riff_whole(path, size, attempted)
    import soundfile as sf

    try:
        info = sf.info(str(path))
    except (sf.LibsndfileError, OSError) as error:
        raise _undecodable(path, attempted, error) from None
    _check_shape(info.frames, info.channels, info.samplerate, path, attempted)

    def part(first: int, last: int) -> Samples:
        try:
            samples, _ = sf.read(str(path), start=first, stop=last, dtype="float32")
        except (sf.LibsndfileError, OSError) as error:
            raise _undecodable(path, attempted, error) from None
        if samples.shape[0] < last - first:
            raise _truncated(attempted, f"{first + samples.shape[0]} of {info.frames} frames are there")
        _check_finite(samples, first, info.samplerate, attempted)
        whole: Samples = samples
        return whole

    return AudioReader(sample_rate_hz=info.samplerate, frames=info.frames, channels=info.channels, part=part)


def read_raw(path: str | Path, spec: str) -> Clip:
    """Read headerless PCM.

    Parameters
    ----------
    path : str or Path
    spec : str
        Encoding, sample rate and, if not mono, channels: "s16le:24000", "f32le:48000:2". Encodings are s16le, s16be,
        u8 and f32le.

    Raises
    ------
    BadInputError
        If the file cannot be used or the specification is not one of those.
    """
    return _whole(open_raw(path, spec), Path(path), f"Could not read the recording {path} as {spec}")


def open_raw(path: str | Path, spec: str) -> AudioReader:
    """Headerless PCM to be read part by part; as `read_raw`, of any length."""
    path = Path(path)
    attempted = f"Could not read the recording {path} as {spec}"
    encoding, _, rest = spec.partition(":")
    numbers = rest.split(":")
    allowed = f"ENCODING:RATE or ENCODING:RATE:CHANNELS with one of {', '.join(_RAW_ENCODINGS)}"
    if encoding not in _RAW_ENCODINGS or len(numbers) > 2 or not all(number.isdecimal() for number in numbers):
        raise BadInputError(attempted, seen=f"`{spec}`", allowed=allowed, next_step="write for example s16le:24000")
    rate_hz, channels = int(numbers[0]), int(numbers[1]) if len(numbers) == 2 else 1
    dtype = np.dtype(_RAW_ENCODINGS[encoding])
    size = _size_of(path, attempted)
    frame_bytes = dtype.itemsize * max(channels, 1)
    _check_shape(size // frame_bytes, channels, rate_hz, path, attempted)
    if size % frame_bytes:
        raise BadInputError(
            attempted,
            seen=f"{size} bytes are not a whole number of {frame_bytes}-byte frames",
            next_step="check the encoding and the channels, or cut the file",
        )

    def part(first: int, last: int) -> Samples:
        values = np.fromfile(path, dtype=dtype, offset=first * frame_bytes, count=(last - first) * channels)
        if values.size < (last - first) * channels:
            raise _truncated(attempted, f"{first + values.size // channels} of {size // frame_bytes} frames are there")
        samples = _scaled(values, encoding)
        samples = samples.reshape(-1, channels) if channels > 1 else samples
        _check_finite(samples, first, rate_hz, attempted)
        return samples

    return AudioReader(sample_rate_hz=rate_hz, frames=size // frame_bytes, channels=channels, part=part)


def _whole(audio: AudioReader, path: Path, attempted: str) -> Clip:
    if audio.frames * audio.channels > MAX_SAMPLES:
        raise BadInputError(
            attempted,
            seen=f"{audio.duration_s / 60:.0f} min of {audio.channels} channel(s) at {audio.sample_rate_hz} Hz",
            allowed=f"at most {MAX_SAMPLES} samples, one hour of 48 kHz mono",
            next_step=f"cut it, as `ffmpeg -i {path.name} -t 600 part.wav`",
        )
    return Clip(samples=audio.part(0, audio.frames), sample_rate_hz=audio.sample_rate_hz)


def _scaled(values: NDArray[Any], encoding: str) -> Samples:
    if encoding == "f32le":
        return values.astype(np.float32)
    if encoding == "u8":
        return (values.astype(np.float32) - np.float32(128)) / np.float32(128)
    return values.astype(np.float32) / np.float32(32768)


def encode_wav(clip: Clip, *, pcm16: bool) -> bytes:
    """A clip as the bytes of a WAV file: 16-bit PCM, or 32-bit float."""
    import soundfile as sf

    samples: Any = clip.samples
    if pcm16:
        samples = np.frombuffer(pcm16_from_samples(clip.samples), dtype="<i2").reshape(clip.samples.shape)
    buffer = io.BytesIO()
    sf.write(buffer, samples, clip.sample_rate_hz, format="WAV", subtype="PCM_16" if pcm16 else "FLOAT")
    return buffer.getvalue()


def encode_flac(clip: Clip) -> bytes:
    """A clip as the bytes of a FLAC file of 16 bits, rounded without dither and clipped at full scale."""
    import soundfile as sf

    samples = np.frombuffer(pcm16_from_samples(clip.samples), dtype="<i2").reshape(clip.samples.shape)
    buffer = io.BytesIO()
    sf.write(buffer, samples, clip.sample_rate_hz, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def _size_of(path: Path, attempted: str) -> int:
    try:
        status = path.stat()
    except FileNotFoundError:
        raise BadInputError(attempted, seen="no such file", next_step=_near(path)) from None
    except OSError as error:
        raise BadInputError(
            attempted, seen=error.strerror or str(error), next_step="check the path and its rights"
        ) from None
    if stat.S_ISDIR(status.st_mode):
        raise BadInputError(attempted, seen="it is a folder", allowed="one audio file", next_step="name a file in it")
    if not stat.S_ISREG(status.st_mode):
        raise BadInputError(
            attempted, seen="it is a pipe or a device", allowed="a regular file", next_step="save it to a file first"
        )
    if not os.access(path, os.R_OK):
        raise BadInputError(attempted, seen="permission denied", next_step="check the rights of the file")
    if status.st_size == 0:
        raise BadInputError(attempted, seen="the file is empty (0 bytes)", next_step="record it again")
    return status.st_size


def _near(path: Path) -> str:
    folder = path.parent
    names = [item.name for item in folder.iterdir()] if folder.is_dir() and os.access(folder, os.R_OK) else []
    close = difflib.get_close_matches(path.name, names, n=1)
    return f"did you mean `{folder / close[0]}`?" if close else "check the path"


def _check_riff_whole(path: Path, size: int, attempted: str) -> None:
    """Decoders read a cut WAV without a word; its own header tells what is missing."""
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return
        place = 12
        while len(chunk := file.read(8)) == 8:
            name, length = chunk[:4], struct.unpack("<I", chunk[4:])[0]
            place += 8
            if name == b"data":
                open_ended = length in (0xFFFFFFFF, 0x7FFFFFFF)
                if not open_ended and place + length > size:
                    raise _truncated(attempted, f"its header announces {length} bytes of audio, {size - place} follow")
                return
            place += length + length % 2
            file.seek(place)
    raise _truncated(attempted, "the header ends before any audio")


def _undecodable(path: Path, attempted: str, error: Exception) -> BadInputError:
    with path.open("rb") as file:
        head = file.read(12)
    return BadInputError(
        attempted,
        seen=f"not audio that can be decoded ({str(error).rsplit(': ', 1)[-1].strip()} It begins with {head!r})",
        allowed="WAV, FLAC or Ogg; headerless PCM needs its format, as `--raw s16le:24000`",
        next_step=_PLAIN_WAV.format(name=path.name),
    )


def _truncated(attempted: str, seen: str) -> BadInputError:
    return BadInputError(attempted, seen=f"the file is cut off: {seen}", next_step="copy or record it again, whole")


def _check_shape(frames: int, channels: int, rate_hz: int, path: Path, attempted: str) -> None:
    if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ or channels < 1:
        raise BadInputError(
            attempted,
            seen=f"{channels} channel(s) at {rate_hz} Hz",
            allowed=f"sample rates of {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz",
            next_step=_PLAIN_WAV.format(name=path.name),
        )
    if frames < 1:
        raise BadInputError(attempted, seen="there is a header but no audio (0 frames)", next_step="record it again")


def _check_finite(samples: Samples, first: int, rate_hz: int, attempted: str) -> None:
    # The sum tells quickly: it is finite where all are (or is not where a sum of huge values overflows).
    if np.isfinite(samples.sum(dtype=np.float64)):
        return
    bad = ~np.isfinite(samples)
    if bad.any():
        frame = first + int(np.argwhere(bad)[0][0])
        raise BadInputError(
            attempted,
            seen=f"{int(bad.sum())} samples are not finite numbers, the first at {frame / rate_hz:.3f} s",
            allowed="finite samples",
            next_step="write the file again; whatever made it divided by zero or overflowed",
        )
