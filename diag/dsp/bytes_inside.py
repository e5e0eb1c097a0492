"""Find data in PCM that are not audio: WAV headers at every chunk, text, base64, and compressed files."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from diag.dsp.byte_formats import ByteReading, Bytes, ReadingKind, Samples, formats, integers16

_TEXT_SAMPLES = 24
"""Least length of a text, in samples of two letters each. In speech, the low bytes of so many samples are all letters
only by chance, once in 10^10."""
_STEP = 8
_LOWEST = np.float32(0x0A00 / 32768)
_MOST_OF_ONE, _LEAST_SMALL, _LEAST_LOW, _ROUGH_TEXT = 0.4, 0.25, 0.06, 0.65
_SHOWN = 40
_TEXT = np.zeros(256, dtype=bool)
_TEXT[32:127] = True
_TEXT[[9, 10, 13]] = True
_BASE64 = re.compile(rb"[A-Za-z0-9+/_=\r\n-]+")
_LONG_BASE64, _LEAST_DISTINCT = 400, 40
_HEADERS = {b"RIFF": b"WAVE", b"RF64": b"WAVE", b"RIFX": b"WAVE"}
_HEADER_BYTES = 44
_FRAMES_IN_A_ROW = 4
_LAYER3_KBPS = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_LAYER3_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def inside(x: Samples, sample_rate_hz: float) -> ByteReading | None:
    """Return WAV headers, text or base64 between the samples of a signal; None if there are none.

    Parameters
    ----------
    x : ndarray of float32, shape (n,)
        Full scale 1.0; 16-bit values that were not scaled or resampled.
    sample_rate_hz : float
    """
    headers = _wav_headers(x, sample_rate_hz)
    if headers is not None:
        return headers
    text = _text(x, sample_rate_hz)
    # Compressed files contain text too, such as the name of their encoder.
    return text and (compressed(x, sample_rate_hz) or text)


def compressed(x: Samples, sample_rate_hz: float) -> ByteReading | None:
    """Return the compressed format whose bytes are read as 16-bit samples; None if there is no signature of one."""
    values = integers16(x)
    if values is None:
        return None
    data = _bytes_of(values)
    for name, places in _signatures(data):
        if places:
            return ByteReading(
                kind=ReadingKind.COMPRESSED, description=f"Bytes of {name} are read as 16-bit samples",
                read_as="s16le", right=name, start_s=places[0] // 2 / sample_rate_hz, confidence=0.95,
                count=len(places),
            )  # fmt: skip
    return None


def regular_period_s(starts_s: NDArray[np.float64]) -> float | None:
    """Return the period of regular times (most distances agree within 3 % or 2 ms); None if they are irregular."""
    if starts_s.size < 3:
        return None
    steps = np.diff(starts_s)
    period = float(np.median(steps))
    near = np.abs(steps - period) < max(0.03 * period, 0.002)
    return float(np.mean(steps[near])) if np.mean(near) > 0.6 else None


def _bytes_of(values: NDArray[np.int32]) -> bytes:
    return values.astype("<i2").tobytes()


def _wav_headers(x: Samples, sample_rate_hz: float) -> ByteReading | None:
    places: list[int] = []
    # "RI" as one sample, or "IF" if the header begins at an odd byte. Full scale is 32768, or 32767 in some programs.
    for pair in (b"RI", b"IF", b"F6"):
        value = int.from_bytes(pair, "little")
        for full in (32768.0, 32767.0):
            for place in np.flatnonzero(x == np.float32(value / full)):
                near = integers16(x[max(0, place - 1) : place + 32])
                if near is None:
                    continue
                data = _bytes_of(near)
                for name, form in _HEADERS.items():
                    at = data.find(name, 0, 6)
                    if at >= 0 and data[at + 8 : at + 12] == form:
                        places.append(2 * max(0, int(place) - 1) + at)
    if not places:
        return None
    found = np.unique(places)
    times_s = found // 2 / sample_rate_hz
    more = f"{found.size} WAV headers are" if found.size > 1 else "A WAV header is"
    return ByteReading(
        kind=ReadingKind.WAV_HEADERS, description=f"{more} played as samples", read_as="s16le", right="wav",
        start_s=float(times_s[0]), end_s=float(times_s[-1]) + _HEADER_BYTES / 2 / sample_rate_hz, confidence=0.99,
        count=int(found.size), period_s=regular_period_s(times_s),
    )  # fmt: skip


def _text(x: Samples, sample_rate_hz: float) -> ByteReading | None:
    # In text the high byte of each sample is a letter or a line end, so the sample is positive. Every eighth sample
    # is checked first, to find text quickly.
    thin = x[::_STEP]
    high = (thin >= _LOWEST) & (thin < np.float32(0.993))
    starts = np.flatnonzero(high[:-1] & high[1:]) * _STEP
    starts = starts[starts + _TEXT_SAMPLES <= x.size]
    if starts.size == 0:
        return None
    looked = np.round(x[starts[:, None] + np.arange(_STEP + 1)] * np.float32(32768)).astype(np.int32)
    inner = starts[(_TEXT[looked & 255] & _TEXT[looked >> 8 & 255]).all(axis=1)]
    texts: list[tuple[int, bytes]] = []
    end = -1
    for start in inner:
        if start < end:
            continue
        first, text = _run_of_text(x, int(start))
        end = first // 2 + len(text) // 2
        if _is_text(text):
            texts.append((first, text))
    if not texts:
        return None
    times_s = np.array([first / 2 / sample_rate_hz for first, _ in texts])
    last_first, last_text = texts[-1]
    end_s = (last_first + len(last_text)) / 2 / sample_rate_hz
    kind, words, right = _of_texts(texts, x.size)
    return ByteReading(
        kind=kind, description=words, read_as="s16le", right=right, start_s=float(times_s[0]),
        end_s=None if end_s > x.size / sample_rate_hz - 0.01 else end_s, confidence=0.97, count=len(texts),
        period_s=regular_period_s(times_s),
    )  # fmt: skip


def _run_of_text(x: Samples, start: int) -> tuple[int, bytes]:
    """Return the byte at which the text around a sample begins, and the text; empty if there is none."""
    first, size = start, 256
    before = integers16(x[max(0, start - size) : start])
    data = b""
    while True:
        values = integers16(x[start : start + size])
        if values is None:
            return 2 * start, b""
        data = _bytes_of(values)
        flags = _TEXT[np.frombuffer(data, dtype=np.uint8)]
        if flags.all() and start + size < x.size:
            size *= 4
            continue
        data = data[: flags.size if flags.all() else int(np.argmin(flags))]
        break
    head = b""
    if before is not None and before.size and data:
        raw = _bytes_of(before)
        flags = _TEXT[np.frombuffer(raw, dtype=np.uint8)]
        head = raw if flags.all() else raw[flags.size - int(np.argmin(flags[::-1])) :]
    return 2 * first - len(head), head + data


def _is_text(text: bytes) -> bool:
    """Return whether printable bytes are text. 8-bit samples may be printable too, but they form a smooth signal."""
    if len(text) < 2 * _TEXT_SAMPLES:
        return False
    codes = np.frombuffer(text, dtype=np.uint8).astype(np.float32)
    small, low = np.mean((codes >= 97) & (codes <= 122)), np.mean(codes < 64)
    most = np.bincount(codes.astype(np.intp)).max() / codes.size
    rough = _smoothness(codes - codes.mean()) < _ROUGH_TEXT
    if _BASE64.fullmatch(text) and len(text) >= _LONG_BASE64:
        return bool(rough and np.unique(codes).size > _LEAST_DISTINCT)
    return bool(rough and small > _LEAST_SMALL and low > _LEAST_LOW and most < _MOST_OF_ONE)


def _of_texts(texts: list[tuple[int, bytes]], samples: int) -> tuple[ReadingKind, str, str]:
    """Return kind, sentence and right format of the texts of a signal."""
    joined = b"".join(text for _, text in texts)
    if _BASE64.fullmatch(joined) and len(joined) > samples / 2:
        clean = joined.translate(bytes.maketrans(b"-_", b"+/"), b"\r\n")
        # Padding marks the end of a chunk. Each chunk is decoded by itself, and an incomplete last group is dropped.
        chunks = (chunk[: len(chunk) // 4 * 4] for chunk in re.findall(rb"[^=]+=*", clean))
        pcm = np.frombuffer(b"".join(base64.b64decode(chunk) for chunk in chunks), dtype=np.uint8)
        smooth = _smoothness(formats()["s16le"].read(pcm))
        words = "Base64 text is read as samples without being decoded"
        return ReadingKind.BASE64, words, "base64 of s16le" if smooth > 0.6 else "base64"
    shown = texts[0][1][:_SHOWN].decode("ascii").replace("\r", " ").replace("\n", " ").strip()
    what = "Text of an HTTP message" if re.search(rb"HTTP/[12]|Content-[TL]|data: ", joined) else "Text"
    what = "JSON text" if re.search(rb'[{,]\s*"\w+"\s*:', joined) else what
    return ReadingKind.TEXT, f"{what} is read as samples, beginning with `{shown}`", "text"


def _smoothness(samples: Samples) -> float:
    power = float(samples @ samples)
    return float(samples[1:] @ samples[:-1]) / power if power > 0 else 0.0


def _signatures(data: bytes) -> Iterator[tuple[str, list[int]]]:
    """Yield names of compressed formats and the bytes at which their pages or frames begin."""
    pages = [at for at in _all_of(data, b"OggS") if data[at + 4 : at + 5] == b"\0" and data[at + 5] < 8]
    name = "Ogg Opus" if b"OpusHead" in data else "Ogg Vorbis" if b"\x01vorbis" in data else "Ogg"
    yield name, pages
    yield "FLAC", [at for at in _all_of(data, b"fLaC") if data[at + 5 : at + 8] == b"\0\0\x22"]
    yield "WebM", [at for at in _all_of(data, b"\x1a\x45\xdf\xa3") if b"webm" in data[at : at + 64]]
    yield "MP4", [at - 4 for at in _all_of(data, b"ftyp") if at >= 4 and data[at - 4 : at - 1] == b"\0\0\0"]
    yield "MP3", _frames(data, layer3_frame_bytes)
    yield "AAC (ADTS)", _frames(data, _adts_bytes)


def _all_of(data: bytes, name: bytes) -> list[int]:
    return [found.start() for found in re.finditer(re.escape(name), data[: len(data) - 64])]


def _frames(data: bytes, length_of: Callable[[bytes, int], int]) -> list[int]:
    """Return where frames begin that follow each other without a gap, at least four; empty if there are none."""
    array: Bytes = np.frombuffer(data, dtype=np.uint8)
    starts = np.flatnonzero((array[:-7] == 255) & (array[1:-6] >= 0xE0))
    lengths = np.zeros(array.size, dtype=np.int64)
    lengths[starts] = [length_of(data, int(start)) for start in starts]
    best: list[int] = []
    seen = np.zeros(array.size, dtype=bool)
    for start in starts:
        chain, at = [], int(start)
        while at < array.size and lengths[at] and not seen[at]:
            seen[at] = True
            chain.append(at)
            at += int(lengths[at])
        best = max(best, chain, key=len)
    return best if len(best) >= _FRAMES_IN_A_ROW else []


def layer3_frame_bytes(data: bytes, at: int) -> int:
    """Return the length in bytes of the MPEG layer 3 frame whose header is at byte `at`; 0 if there is none."""
    second, third = data[at + 1], data[at + 2]
    version, layer, rate, pace = second >> 3 & 3, second >> 1 & 3, third >> 4, third >> 2 & 3
    if version == 1 or layer != 1 or rate in (0, 15) or pace == 3:
        return 0
    kbps = _LAYER3_KBPS[0 if version == 3 else 1][rate]
    return (144 if version == 3 else 72) * 1000 * kbps // _LAYER3_HZ[version][pace] + (third >> 1 & 1)


def _adts_bytes(data: bytes, at: int) -> int:
    """Return the length in bytes of the ADTS frame whose header is at byte `at`; 0 if there is none."""
    if data[at + 1] & 0xF6 != 0xF0 or data[at + 2] >> 2 & 15 > 12:
        return 0
    length = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
    return length if length > 7 else 0
