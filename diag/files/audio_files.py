"""Read and write audio files. This is the only module that imports soundfile.

A file that cannot be read raises `BadInputError` with one sentence that says why and what to do.
"""

from __future__ import annotations

import difflib
import io
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from diag.core.audio_reader import AudioReader
from diag.core.clip import Clip, Samples, pcm16_from_samples
from diag.core.errors import BadInputError
from diag.core.units import HIGHEST_RATE_HZ, LOWEST_RATE_HZ, counted
from diag.dsp.byte_formats import formats
from diag.files.containers import container_of, open_container
from diag.files.mp3_length import states_its_length, with_length
from diag.files.wav_header import WavHeader, read_wav_header

MOST_CHANNELS = 32
"""More channels than this are not judged one by one: each takes as long as a recording of its own."""
MAX_SAMPLES = 60 * 60 * 48000
"""Largest recording that is read into memory at once: one hour of 48 kHz mono, 690 MB as float32."""

_PLAIN_WAV = "`ffmpeg -i {name} -c:a pcm_s16le fixed.wav` makes a plain WAV"
_HEADERLESS = (
    "if it is headerless, give its format, as `--raw s16le:24000`, "
    "or make a WAV of it: `ffmpeg -f s16le -ar 24000 -ac 1 -i {name} fixed.wav`"
)
_SUBTYPES = {
    "PCM_U8": "u8", "PCM_S8": "s8", "PCM_24": "s24le", "PCM_32": "s32le", "FLOAT": "f32le", "DOUBLE": "f64le",
    "ULAW": "mulaw", "ALAW": "alaw",
}  # fmt: skip
_LOUDEST_FLOAT = 8.0
"""If the peak of a float file is above this and all values are whole numbers, they are undivided 16-bit integers."""
_BLOCK_FRAMES = 1 << 18


def read_wav(path: str | Path) -> Clip:
    """Read a whole recording into memory.

    WAV, FLAC, Ogg and MP3 are read with any sample format and channel count. Other formats are decoded by ffmpeg or
    PyAV if one of them is installed.

    Returns
    -------
    Clip
        Shape (n,) for mono, else (n, channels); `start_s` is None.

    Raises
    ------
    BadInputError
        If the file is missing, a folder, empty, truncated, too long (`MAX_SAMPLES`), without frames or not audio, if a
        sample is not finite, or if the sample rate is outside 4 to 384 kHz.
    """
    return _whole(open_wav(path), Path(path), f"Could not read the recording {path}")


def open_wav(path: str | Path) -> AudioReader:
    """Open a recording of any length, to read it part by part. The formats are those of `read_wav`.

    Raises
    ------
    BadInputError
        As `read_wav`, except that no length is too long.
    """
    path = Path(path)
    attempted = f"Could not read the recording {path}"
    size = _size_of(path, attempted)
    header = read_wav_header(path, size)
    if header is not None and header.open_ended and header.sample_format:
        reader = _after_header(path, header, header.present_bytes, attempted)
        return _checked_scale(
            replace(reader, note="its header does not say how long it is; read to the end of the file")
        )
    _check_riff_whole(header, attempted)
    if header is not None and header.sample_format and _looks_packed(path, header):
        return _checked_scale(_after_header(path, header, header.announced_bytes, attempted))
    import soundfile as sf

    def source() -> bytes | io.BytesIO:
        return os.fsencode(path)  # soundfile itself cannot encode every name

    try:
        info = sf.info(source())
    except (sf.LibsndfileError, OSError) as error:
        with path.open("rb") as file:
            container = container_of(file.read(12))
        if container is not None:
            return open_container(path, container, attempted)
        raise _undecodable(path, attempted, error) from None
    if info.format == "MP3" and not states_its_length(data := path.read_bytes()):
        complete = with_length(data)

        def source() -> bytes | io.BytesIO:
            return io.BytesIO(complete)

        info = sf.info(source())
    _check_shape(info.frames, info.channels, info.samplerate, path, attempted)

    def part(first: int, last: int) -> Samples:
        try:
            samples, _ = sf.read(source(), start=first, stop=last, dtype="float32")
        except (sf.LibsndfileError, OSError) as error:
            raise _undecodable(path, attempted, error) from None
        if samples.shape[0] < last - first:
            raise _truncated(attempted, f"{first + samples.shape[0]} of {info.frames} frames are there")
        _check_finite(samples, first, info.samplerate, attempted)
        whole: Samples = samples
        return whole

    name = _SUBTYPES.get(info.subtype, "s16le")
    reader = AudioReader(
        sample_rate_hz=info.samplerate, frames=info.frames, channels=info.channels, part=part, sample_format=name
    )
    return _checked_scale(reader)


def read_raw(path: str | Path, spec: str) -> Clip:
    """Read headerless PCM.

    Parameters
    ----------
    path : str or Path
    spec : str
        Encoding, sample rate and, if not mono, channels: "s16le:24000", "mulaw:8000", "f32le:48000:2". The encodings
        are those of `diag.dsp.byte_formats.formats`, named as in ffmpeg.

    Raises
    ------
    BadInputError
        If the file cannot be used or `spec` is not valid.
    """
    return _whole(open_raw(path, spec), Path(path), f"Could not read the recording {path} as {spec}")


def open_raw(path: str | Path, spec: str) -> AudioReader:
    """Open headerless PCM of any length, to read it part by part.

    Parameters and errors are those of `read_raw`, except that no length is too long.
    """
    path = Path(path)
    attempted = f"Could not read the recording {path} as {spec}"
    encoding, _, rest = spec.partition(":")
    numbers = rest.split(":")
    allowed = f"ENCODING:RATE or ENCODING:RATE:CHANNELS with one of {', '.join(formats())}"
    if encoding not in formats() or len(numbers) > 2 or not all(number.isdecimal() for number in numbers):
        raise BadInputError(attempted, seen=f"`{spec}`", allowed=allowed, next_step="write for example s16le:24000")
    rate_hz, channels = int(numbers[0]), int(numbers[1]) if len(numbers) == 2 else 1
    size = _size_of(path, attempted)
    frame_bytes = formats()[encoding].width * max(channels, 1)
    if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ or not 1 <= channels <= MOST_CHANNELS:
        raise BadInputError(
            attempted,
            seen=f"{counted(channels, 'channel')} at {rate_hz} Hz",
            allowed=f"sample rates of {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz, and 1 to {MOST_CHANNELS} channels",
            next_step="correct the rate and the channels in --raw",
        )
    if size % frame_bytes:
        raise BadInputError(
            attempted,
            seen=f"{size} bytes are not a whole number of {frame_bytes}-byte frames",
            next_step="check the encoding and the channels, or cut the file",
        )
    return _checked_scale(
        _headerless(path, encoding, attempted, rate_hz=rate_hz, channels=channels, frames=size // frame_bytes)
    )


def _headerless(
    path: Path, encoding: str, attempted: str, *, rate_hz: int, channels: int, frames: int, first_byte: int = 0
) -> AudioReader:
    """Return a reader for the samples that begin at byte `first_byte` of a file."""
    form = formats()[encoding]
    frame_bytes = form.width * channels

    def part(first: int, last: int) -> Samples:
        data = np.fromfile(
            path, dtype=np.uint8, offset=first_byte + first * frame_bytes, count=(last - first) * frame_bytes
        )
        if data.size < (last - first) * frame_bytes:
            raise _truncated(attempted, f"{first + data.size // frame_bytes} of {frames} frames are there")
        samples = form.read(data)
        samples = samples.reshape(-1, channels) if channels > 1 else samples
        _check_finite(samples, first, rate_hz, attempted)
        return samples

    return AudioReader(sample_rate_hz=rate_hz, frames=frames, channels=channels, part=part, sample_format=encoding)


def _after_header(path: Path, header: WavHeader, size: int, attempted: str) -> AudioReader:
    """Return a reader for `size` bytes of samples that follow the header of a WAV file."""
    frames = size // max(1, formats()[header.sample_format].width * header.channels)
    _check_shape(frames, header.channels, header.sample_rate_hz, path, attempted)
    return _headerless(
        path,
        header.sample_format,
        attempted,
        rate_hz=header.sample_rate_hz,
        channels=header.channels,
        frames=frames,
        first_byte=header.first_byte,
    )


def _looks_packed(path: Path, header: WavHeader) -> bool:
    """Return whether samples begin with the bytes by which libsndfile knows Ogg or WavPack, and refuses the file.

    Any PCM may begin so: "Og" and "gS" are two 16-bit samples of 0.81 and 0.65.
    """
    with path.open("rb") as file:
        file.seek(header.first_byte)
        return file.read(4) in (b"OggS", b"wvpk")


def _checked_scale(audio: AudioReader) -> AudioReader:
    """Return a reader that divides float samples by 32768 if they are 16-bit integers; otherwise the same reader.

    The search ends at the first value that is not a whole number, so for most files only one block is read.
    """
    if audio.sample_format[0] != "f":
        return audio
    peak = 0.0
    for first in range(0, audio.frames, _BLOCK_FRAMES):
        samples = audio.part(first, min(first + _BLOCK_FRAMES, audio.frames))
        peak = max(peak, float(np.abs(samples).max()))
        if peak > 32768 or np.any(samples != np.rint(samples)):
            return audio
    if peak <= _LOUDEST_FLOAT:
        return audio
    return replace(
        audio,
        part=lambda first, last: audio.part(first, last) / np.float32(32768),
        note="its float samples are 16-bit integers that were not divided by 32768; they are divided here",
    )


def _whole(audio: AudioReader, path: Path, attempted: str) -> Clip:
    if audio.frames * audio.channels > MAX_SAMPLES:
        channels = counted(audio.channels, "channel")
        raise BadInputError(
            attempted,
            seen=f"{audio.duration_s / 60:.0f} min of {channels} at {audio.sample_rate_hz} Hz",
            allowed=f"at most {MAX_SAMPLES} samples, one hour of 48 kHz mono",
            next_step=f"cut it, as `ffmpeg -i {path.name} -t 600 part.wav`",
        )
    return Clip(samples=audio.part(0, audio.frames), sample_rate_hz=audio.sample_rate_hz)


def encode_wav(clip: Clip, *, pcm16: bool) -> bytes:
    """Return a clip as the bytes of a WAV file: 16-bit PCM (rounded, clipped at full scale), or 32-bit float."""
    import soundfile as sf

    samples: Any = clip.samples
    if pcm16:
        samples = np.frombuffer(pcm16_from_samples(clip.samples), dtype="<i2").reshape(clip.samples.shape)
    buffer = io.BytesIO()
    sf.write(buffer, samples, clip.sample_rate_hz, format="WAV", subtype="PCM_16" if pcm16 else "FLOAT")
    return buffer.getvalue()


def encode_flac(clip: Clip) -> bytes:
    """Return a clip as the bytes of a 16-bit FLAC file, rounded without dither and clipped at full scale."""
    import soundfile as sf

    samples = np.frombuffer(pcm16_from_samples(clip.samples), dtype="<i2").reshape(clip.samples.shape)
    buffer = io.BytesIO()
    sf.write(buffer, samples, clip.sample_rate_hz, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def decode_audio(data: bytes) -> Clip | None:
    """Return the clip in the bytes of a WAV or FLAC file; None if they are no such file."""
    import soundfile as sf

    try:
        samples, rate_hz = sf.read(io.BytesIO(data), dtype="float32")
    except sf.LibsndfileError:
        return None
    return Clip(samples=samples, sample_rate_hz=rate_hz)


def _size_of(path: Path, attempted: str) -> int:
    try:
        status = path.stat()
    except FileNotFoundError:
        raise BadInputError(attempted, seen="no such file", next_step=_near(path)) from None
    except OSError as error:
        raise BadInputError(
            attempted, seen=error.strerror or str(error), next_step="check the path and its permissions"
        ) from None
    if stat.S_ISDIR(status.st_mode):
        raise BadInputError(attempted, seen="it is a folder", allowed="one audio file", next_step="name a file in it")
    if not stat.S_ISREG(status.st_mode):
        raise BadInputError(
            attempted, seen="it is a pipe or a device", allowed="a regular file", next_step="save it to a file first"
        )
    if not os.access(path, os.R_OK):
        raise BadInputError(attempted, seen="permission denied", next_step="check the permissions of the file")
    if status.st_size == 0:
        raise BadInputError(attempted, seen="the file is empty (0 bytes)", next_step="record it again")
    return status.st_size


def _near(path: Path) -> str:
    folder = path.parent
    names = [item.name for item in folder.iterdir()] if folder.is_dir() and os.access(folder, os.R_OK) else []
    close = difflib.get_close_matches(path.name, names, n=1)
    return f"did you mean `{folder / close[0]}`?" if close else "check the path"


def _check_riff_whole(header: WavHeader | None, attempted: str) -> None:
    """Raise `BadInputError` if a WAV file is shorter than its header says. Decoders do not report that."""
    if header is None:
        return
    if not header.first_byte:
        raise _truncated(attempted, "the header ends before any audio")
    if not header.open_ended and header.announced_bytes > header.present_bytes:
        seen = f"its header announces {header.announced_bytes} bytes of audio, {header.present_bytes} follow"
        raise _truncated(attempted, seen)


def _undecodable(path: Path, attempted: str, error: Exception) -> BadInputError:
    with path.open("rb") as file:
        head = file.read(12)
    return BadInputError(
        attempted,
        seen=f"not audio that can be decoded ({str(error).rsplit(': ', 1)[-1].strip()} It begins with {head!r})",
        allowed="WAV, FLAC, Ogg, MP3 and, where ffmpeg or PyAV is installed, WebM and M4A",
        next_step=_HEADERLESS.format(name=path.name),
    )


def _truncated(attempted: str, seen: str) -> BadInputError:
    return BadInputError(
        attempted, seen=f"the file is cut off: {seen}", next_step="copy the whole file, or record it again"
    )


def _check_shape(frames: int, channels: int, rate_hz: int, path: Path, attempted: str) -> None:
    if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ or channels < 1:
        raise BadInputError(
            attempted,
            seen=f"{counted(channels, 'channel')} at {rate_hz} Hz",
            allowed=f"sample rates of {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz",
            next_step=_PLAIN_WAV.format(name=path.name),
        )
    if channels > MOST_CHANNELS:
        raise BadInputError(
            attempted,
            seen=f"{channels} channels",
            allowed=f"at most {MOST_CHANNELS} channels",
            next_step=f"keep the ones with the voices, as `ffmpeg -i {path.name} -map_channel 0.0.0 voice.wav`",
        )
    if frames < 1:
        raise BadInputError(attempted, seen="there is a header but no audio (0 frames)", next_step="record it again")


def _check_finite(samples: Samples, first: int, rate_hz: int, attempted: str) -> None:
    # Fast path: a finite sum means that all samples are finite. A sum of huge values may overflow, so the samples are
    # checked one by one if it is not finite.
    if np.isfinite(samples.sum(dtype=np.float64)):
        return
    bad = ~np.isfinite(samples)
    if bad.any():
        frame = first + int(np.argwhere(bad)[0][0])
        raise BadInputError(
            attempted,
            seen=f"{int(bad.sum())} samples are not finite numbers, the first at {frame / rate_hz:.3f} s",
            allowed="finite samples",
            next_step="write the file again; the program that made it divided by zero or overflowed",
        )
