"""The header of a WAV file: the format of its samples, where they begin, and the length that it declares."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_FORMATS = {
    (_PCM, 8): "u8", (_PCM, 16): "s16le", (_PCM, 24): "s24le", (_PCM, 32): "s32le", (_FLOAT, 32): "f32le",
    (_FLOAT, 64): "f64le", (_ALAW, 8): "alaw", (_MULAW, 8): "mulaw",
}  # fmt: skip
_ENDLESS = 0x7FFF0000
"""Declared lengths from here on are placeholders. A program that writes to a pipe cannot fill in the length afterwards:
ffmpeg writes 2^32 - 1, sox and arecord about 2^31."""


@dataclass(frozen=True, kw_only=True)
class WavHeader:
    """Content of the header of a WAV file.

    Parameters
    ----------
    sample_format : str
        Name of the format in `diag.dsp.byte_formats`; empty for a format that is not there.
    sample_rate_hz, channels : int
    first_byte : int
        Position of the first sample in the file; 0 if the file has no data chunk.
    announced_bytes : int
        Length of the samples that the header declares.
    present_bytes : int
        Bytes in the file from `first_byte` to its end.
    riff_bytes : int
        Length of the file minus 8 that the header declares.
    """

    sample_format: str
    sample_rate_hz: int
    channels: int
    first_byte: int
    announced_bytes: int
    present_bytes: int
    riff_bytes: int

    @property
    def open_ended(self) -> bool:
        """Whether the header was written before the length was known. The samples then reach to the end of the file."""
        if self.announced_bytes == 0:
            return self.present_bytes > 0 and self.riff_bytes + 8 != self.first_byte + self.present_bytes
        return self.announced_bytes >= _ENDLESS and self.announced_bytes > self.present_bytes


def read_wav_header(path: Path, size: int) -> WavHeader | None:
    """Return the header of a file; None if it is not a WAV file.

    Parameters
    ----------
    path : Path
    size : int
        Size of the file in bytes.
    """
    with path.open("rb") as file:
        head = file.read(12)
        if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return None
        riff_bytes = int.from_bytes(head[4:8], "little")
        name, rate_hz, channels, place = "", 0, 0, 12
        while len(chunk := file.read(8)) == 8:
            length = int.from_bytes(chunk[4:], "little")
            place += 8
            if chunk[:4] == b"data":
                return WavHeader(
                    sample_format=name, sample_rate_hz=rate_hz, channels=channels, first_byte=place,
                    announced_bytes=length, present_bytes=max(0, size - place), riff_bytes=riff_bytes,
                )  # fmt: skip
            if chunk[:4] == b"fmt ":
                layout = file.read(min(length, 40))
                if len(layout) >= 16:
                    tag, channels, rate_hz, _, _, bits = struct.unpack("<HHIIHH", layout[:16])
                    tag = int.from_bytes(layout[24:26], "little") if tag == _EXTENSIBLE else tag
                    name = _FORMATS.get((tag, bits), "")
            place += length + length % 2
            file.seek(place)
    return WavHeader(
        sample_format=name, sample_rate_hz=rate_hz, channels=channels, first_byte=0, announced_bytes=0,
        present_bytes=0, riff_bytes=riff_bytes,
    )  # fmt: skip
