"""Sample formats: conversion between samples and bytes, and common mistakes in reading them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Samples = NDArray[np.float32]
Table = NDArray[np.int32]
"""256 samples of 16 bits, one for each code of a companding law."""

_FULL = np.float32(32768.0)


class ReadingKind(StrEnum):
    """Kinds of mistakes in reading bytes as samples."""

    BYTE_OFFSET = "byte-offset"
    BIT_OFFSET = "bit-offset"
    BYTE_ORDER = "byte-order"
    SAMPLE_FORMAT = "sample-format"
    COMPANDING_TABLE = "companding-table"
    STEREO_AS_MONO = "stereo-as-mono"
    MONO_AS_STEREO = "mono-as-stereo"
    INTEGERS_AS_FLOAT = "integers-as-float"
    FLOAT_MISALIGNED = "float-misaligned"
    WAV_HEADERS = "wav-headers"
    TEXT = "text"
    BASE64 = "base64"
    COMPRESSED = "compressed"


@dataclass(frozen=True, kw_only=True)
class ByteReading:
    """A mistake in reading the bytes of a signal as samples.

    Parameters
    ----------
    kind : ReadingKind
    description : str
        One sentence: what the bytes are, and as what they were read.
    read_as, right : str
        The format as which they were read, and their real format, by ffmpeg name; empty if not known.
    start_s : float
        First sample that is read wrongly, from the start of the signal.
    end_s : float or None
        End of the last part that is read wrongly; None if it lasts to the end of the signal.
    confidence : float
        0 to 1. From 0.95 on, the reference or a signature in the bytes confirms the mistake.
    count : int
        Number of parts that are read wrongly, or of headers or texts that were found.
    period_s : float or None
        Time from one part to the next if it is regular, which is the length of the chunks.
    """

    kind: ReadingKind
    description: str
    read_as: str = ""
    right: str = ""
    start_s: float = 0.0
    end_s: float | None = None
    confidence: float = 0.8
    count: int = 1
    period_s: float | None = None


@dataclass(frozen=True, eq=False)
class Format:
    """One way to write samples as bytes.

    Parameters
    ----------
    name : str
        ffmpeg name, for example "s16le" or "mulaw".
    width : int
        Bytes per sample.
    decode : callable
        From bytes, shape (n * width,), to samples, shape (n,), full scale 1.0. Samples of float formats may be not
        finite.
    encode : callable
        From samples, full scale 1.0, to bytes. Integers are rounded and clipped at full scale.
    """

    name: str
    width: int
    decode: Callable[[Bytes], Samples]
    encode: Callable[[Samples], Bytes]

    def read(self, data: Bytes, offset: int = 0) -> Samples:
        """Return the samples of the bytes from `offset` on. An incomplete last sample is dropped."""
        return self.decode(data[offset : offset + max(0, data.size - offset) // self.width * self.width])


def mulaw_table() -> Table:
    """Return the samples of the 256 codes of G.711 mu-law, 16 bits."""
    code = 255 - np.arange(256)
    magnitude = (((code & 15) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int32)


def alaw_table(extra_shift: int = 0) -> Table:
    """Return the samples of the 256 codes of G.711 A-law.

    Parameters
    ----------
    extra_shift : int
        Bits by which all segments except the lowest are shifted too far. With 1, a common mistake, samples are twice
        as large: the curve has a jump, and the loudest segment exceeds 16 bits.
    """
    code = np.arange(256) ^ 0x55
    segment, step = (code & 0x70) >> 4, (code & 15) << 4
    magnitude = np.where(segment == 0, step + 8, step + 0x108 << np.maximum(segment - 1, 0) + extra_shift)
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int32)


@cache
def law_tables() -> dict[str, Table]:
    """Return the two companding tables of G.711 by the name of their format."""
    return {"mulaw": mulaw_table(), "alaw": alaw_table()}


@dataclass(frozen=True, eq=False)
class WrongTable:
    """A companding table with a known mistake: the law that it should follow, the mistake, and its samples."""

    law: str
    mistake: str
    table: Table


@cache
def wrong_law_tables() -> tuple[WrongTable, ...]:
    """Return the wrong companding tables that are known."""
    doubled, bias = alaw_table(1), np.where(np.arange(256) & 0x80, 0x84, -0x84)
    mistake = "the segments of A-law are shifted by one bit too many"
    return (
        WrongTable("alaw", mistake, np.clip(doubled, -32768, 32767)),
        WrongTable("alaw", mistake, np.clip(doubled, -32256, 32256)),
        WrongTable("alaw", mistake, (doubled + 32768) % 65536 - 32768),
        WrongTable("mulaw", "the bias of mu-law is not taken off", (mulaw_table() + bias).astype(np.int32)),
    )


def _integers(dtype: str) -> Format:
    kind = np.dtype(dtype)
    full = np.float64(2.0 ** (8 * kind.itemsize - 1))
    # Float32 cannot represent the largest 32-bit integer. It would be rounded up and wrap around.
    top = full - (128 if kind.itemsize == 4 else 1)

    def decode(data: Bytes) -> Samples:
        return np.asarray(data.view(kind) * np.float32(1 / full), dtype=np.float32)

    def encode(samples: Samples) -> Bytes:
        return np.asarray(np.clip(np.rint(samples * full), -full, top).astype(kind).view(np.uint8), dtype=np.uint8)

    name = f"s{8 * kind.itemsize}" + ("" if kind.itemsize == 1 else "be" if dtype[0] == ">" else "le")
    return Format(name, kind.itemsize, decode, encode)


def _floats(dtype: str) -> Format:
    kind = np.dtype(dtype)

    def decode(data: Bytes) -> Samples:
        with np.errstate(over="ignore", invalid="ignore"):
            return data.view(kind).astype(np.float32)

    def encode(samples: Samples) -> Bytes:
        return samples.astype(kind).view(np.uint8)

    return Format(f"f{8 * kind.itemsize}{'be' if dtype[0] == '>' else 'le'}", kind.itemsize, decode, encode)


def _unsigned() -> Format:
    def decode(data: Bytes) -> Samples:
        return np.asarray((data.astype(np.float32) - np.float32(128)) / np.float32(128), dtype=np.float32)

    def encode(samples: Samples) -> Bytes:
        return np.asarray(np.clip(np.rint(samples * np.float32(128)), -128, 127) + 128, dtype=np.uint8)

    return Format("u8", 1, decode, encode)


def _packed24(name: str, order: tuple[int, int, int]) -> Format:
    def decode(data: Bytes) -> Samples:
        low, middle, high = (data[place::3].astype(np.int32) for place in order)
        value = (high << 24 | middle << 16 | low << 8) >> 8
        return np.asarray(value * np.float32(2.0**-23), dtype=np.float32)

    def encode(samples: Samples) -> Bytes:
        value = np.clip(np.rint(samples * np.float64(2**23)), -(2**23), 2**23 - 1).astype(np.int32)
        data = np.empty(3 * value.size, dtype=np.uint8)
        for place, shift in zip(order, (0, 8, 16), strict=True):
            data[place::3] = value >> shift & 255
        return data

    return Format(name, 3, decode, encode)


def _companded(name: str) -> Format:
    table = law_tables()[name]
    order = np.argsort(table, kind="stable")
    middles = (table[order][1:] + table[order][:-1]) / 2

    def decode(data: Bytes) -> Samples:
        return (table.astype(np.float32) / _FULL)[data]

    def encode(samples: Samples) -> Bytes:
        return order[np.searchsorted(middles, samples * _FULL)].astype(np.uint8)

    return Format(name, 1, decode, encode)


@cache
def formats() -> dict[str, Format]:
    """Return every format by its name."""
    integers = [_integers(dtype) for dtype in ("<i2", ">i2", "i1", "<i4", ">i4")]
    floats = [_floats(dtype) for dtype in ("<f4", ">f4", "<f8", ">f8")]
    packed = [_packed24("s24le", (0, 1, 2)), _packed24("s24be", (2, 1, 0))]
    every = [*integers, _unsigned(), *packed, *floats, _companded("mulaw"), _companded("alaw")]
    return {item.name: item for item in every}


def codes_of(values: NDArray[np.int32], table: Table) -> Bytes | None:
    """Return the codes that a companding table decodes to these 16-bit samples; None if some are not in the table.

    If two codes have the same sample (mu-law has two zeros), the higher code is returned.
    """
    code_of = np.full(65536, -1, dtype=np.int32)
    code_of[table + 32768] = np.arange(256)
    codes = code_of[values + 32768]
    return None if (codes < 0).any() else codes.astype(np.uint8)


def shifted_by_bits(data: Bytes, bits: int) -> Bytes:
    """Return the bytes of the same bit stream if reading begins `bits` bits (1 to 7) later; one byte shorter."""
    wide = data.astype(np.uint16)
    return ((wide[:-1] << bits | wide[1:] >> (8 - bits)) & 255).astype(np.uint8)


def integers16(samples: Samples) -> NDArray[np.int32] | None:
    """Return samples as 16-bit integers if they are exact multiples of 1 / 32768 or 1 / 32767; None otherwise."""
    if not np.abs(samples).max(initial=0.0) <= 2.0:
        return None
    for full in (32768, 32767):
        scaled = samples * np.float32(full)
        whole = np.rint(scaled)
        if np.abs(scaled - whole).max(initial=0.0) < 0.004 and np.abs(whole).max(initial=0.0) <= 32768:
            return np.asarray(np.clip(whole, -32768, 32767), dtype=np.int32)
    return None
