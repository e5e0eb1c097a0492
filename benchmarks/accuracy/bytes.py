"""Bytes that were read wrongly: which reading is right, from when on, and nothing of the kind in healthy sound."""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Callable, Sequence

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from diag.dsp.byte_formats import ByteReading, Bytes, ReadingKind, formats, wrong_law_tables
from diag.dsp.byte_readings import wrong_reading

from .board import Board
from .faults import Random, of_each, sixteen_bit
from .voices import Voice

Samples = NDArray[np.float32]
EARLY_S = 0.02
"""A start counts as right this close to the first sample that is read wrongly and is no silence."""
CONFUSED = (
    ("s16be", "s16le"), ("u8", "s16le"), ("s8", "s16le"), ("mulaw", "s16le"), ("alaw", "s16le"), ("s24le", "s16le"),
    ("s24be", "s16le"), ("s32le", "s16le"), ("f32le", "s16le"), ("f32be", "s16le"), ("f64le", "s16le"),
    ("s16le", "mulaw"), ("s16le", "alaw"), ("s16be", "mulaw"), ("s16le", "u8"), ("s16le", "s8"), ("mulaw", "alaw"),
    ("alaw", "mulaw"), ("mulaw", "u8"), ("u8", "s8"), ("f32le", "s32le"),
)  # fmt: skip
"""What the bytes are and what they are taken for."""


def pcm(voice: Voice) -> Bytes:
    """The recording as bytes of 16-bit samples."""
    return formats()["s16le"].encode(voice.samples)


def heard(data: Bytes, read_as: str = "s16le") -> Samples:
    """What a reader plays, as a 16-bit recording holds it."""
    played = np.nan_to_num(formats()[read_as].read(data), nan=0.0, posinf=1.0, neginf=-1.0)
    return formats()["s16le"].read(formats()["s16le"].encode(np.clip(played, -1, 1)))


def slipped(voice: Voice, times: int, random: Random) -> tuple[Samples, float]:
    """Single bytes lost or inserted at random places; the samples and the first place in seconds."""
    data = pcm(voice)
    places = np.sort(random.choice(np.arange(data.size // 10, data.size * 9 // 10), times, replace=False))
    parts, before = [], 0
    for place in places:
        parts.append(data[before:place])
        if random.random() < 0.5:
            parts.append(random.integers(0, 256, 1).astype(np.uint8))
            before = int(place)
        else:
            before = int(place) + 1
    return heard(np.concatenate([*parts, data[before:]])), float(places[0]) / 2 / voice.rate_hz


def chunks_of(data: Bytes, size: int) -> list[Bytes]:
    """The bytes in chunks."""
    return [data[start : start + size] for start in range(0, data.size, size)]


def odd_chunks(voice: Voice, random: Random) -> tuple[Samples, float]:
    """Chunks of an odd number of bytes, of which each loses its last byte."""
    size = 2 * round(random.uniform(0.03, 0.2) * voice.rate_hz) + 1
    return np.concatenate([heard(chunk) for chunk in chunks_of(pcm(voice), size)]), size / 2 / voice.rate_hz


def float_chunks(voice: Voice, random: Random) -> Samples:
    """Chunks of floats that are cut at bytes which are no multiple of four."""
    data = formats()["f32le"].encode(voice.samples)
    size = 4 * round(random.uniform(0.04, 0.2) * voice.rate_hz) + int(random.integers(1, 4))
    return np.concatenate([heard(chunk, "f32le") for chunk in chunks_of(data, size)])


def saturated(voice: Voice, from_s: float) -> Samples:
    """16-bit integers taken as floats from a time on."""
    first = round(from_s * voice.rate_hz)
    whole = np.round(voice.samples[first:] * 32768)
    return sixteen_bit(np.concatenate((voice.samples[:first], np.clip(whole, -1, 1)))).astype(np.float32)


def with_headers(voice: Voice, random: Random) -> tuple[Samples, float]:
    """A WAV header before every chunk."""
    size = round(random.uniform(0.02, 0.2) * voice.rate_hz) * 2 + int(random.integers(0, 2))
    parts = []
    for chunk in chunks_of(pcm(voice), size):
        header = b"RIFF" + struct.pack("<I", 36 + chunk.size) + b"WAVEfmt "
        header += struct.pack("<IHHIIHH", 16, 1, 1, voice.rate_hz, 2 * voice.rate_hz, 2, 16)
        header += b"data" + struct.pack("<I", chunk.size)
        parts += [np.frombuffer(header, dtype=np.uint8), chunk]
    return heard(np.concatenate(parts)), (size + 44) / 2 / voice.rate_hz


def with_text(voice: Voice, random: Random) -> tuple[Samples, float]:
    """A message of text within the samples; the samples and its place in seconds."""
    texts = (
        b'data: {"serverContent": {"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm"}}]}}}\n\n',
        b"HTTP/1.1 200 OK\r\nContent-Type: audio/pcm\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n",
        b'{"error": {"code": 400, "message": "Request contains an invalid argument.", "status": "INVALID_ARGUMENT"}}',
    )
    text = np.frombuffer(texts[int(random.integers(len(texts)))], dtype=np.uint8)
    data = pcm(voice)
    place = int(random.integers(0, data.size))
    return heard(np.concatenate((data[:place], text, data[place:]))), place / 2 / voice.rate_hz


def base64_chunks(voice: Voice, random: Random, *, decoded: bool) -> Samples:
    """Base64 of each chunk: as text, or decoded after its padding was taken off and the chunks were joined."""
    size = 2 * round(random.uniform(0.04, 0.2) * voice.rate_hz)
    size += (2 - size % 3) % 3 if decoded else 0
    text = b"".join(base64.b64encode(chunk.tobytes()) for chunk in chunks_of(pcm(voice), size))
    if decoded:
        text = text.replace(b"=", b"")
        text = base64.b64decode(text[: len(text) // 4 * 4])
    return heard(np.frombuffer(text, dtype=np.uint8))


def encoded(voice: Voice, kind: tuple[str, str]) -> Samples:
    """The bytes of a compressed file as samples."""
    buffer = io.BytesIO()
    soundfile.write(buffer, voice.samples, voice.rate_hz, format=kind[0], subtype=kind[1])
    return heard(np.frombuffer(buffer.getvalue(), dtype=np.uint8))


def is_right(found: ByteReading | None, kind: ReadingKind, right: str = "") -> bool:
    """Whether a reading is of a kind, and of a format where one is named."""
    return found is not None and found.kind is kind and (not right or found.right == right)


def _either_8_bit(found: ByteReading | None, right: str, read_as: str) -> bool:
    """Signed for unsigned and the reverse give the same samples."""
    return found is not None and {found.right, found.read_as} == {right, read_as} == {"u8", "s8"}


def first_sound_s(voice: Voice, from_s: float) -> float:
    """The first time from one on at which the recording is no silence: bytes of silence are the same in any order."""
    first = round(from_s * voice.rate_hz)
    sounding = np.flatnonzero(np.abs(voice.samples[first:]) > 0.002)
    return from_s if sounding.size == 0 else (first + int(sounding[0])) / voice.rate_hz


def whole(board: Board, every: Sequence[Voice]) -> None:
    """One format taken for another, all through; and 16-bit samples one byte late."""
    names = formats()
    for right, read_as in CONFUSED:
        law = {right, read_as} & {"mulaw", "alaw"}
        kind = ReadingKind.BYTE_ORDER if right == "s16be" and read_as == "s16le" else ReadingKind.SAMPLE_FORMAT
        told = []
        for voice in every:
            samples = voice.samples if not law else soxr.resample(voice.samples, voice.rate_hz, 8000, quality="HQ")
            rate_hz = 8000 if law else voice.rate_hz
            found = wrong_reading(heard(names[right].encode(samples), read_as), rate_hz, reference=samples)
            told.append((voice, is_right(found, kind, right) or _either_8_bit(found, right, read_as)))
        board.found("wrong bytes", "blind", f"{right} read as {read_as}", told, at_least=0.95)


def run(board: Board, every: Sequence[Voice], random: Random) -> None:
    """Rows of the part."""
    every = [voice for voice in of_each(every, 2) if np.abs(voice.samples).max() > 0.01]
    whole(board, every)
    for times in (1, 2, 5):
        told, errors = [], []
        for voice in every:
            samples, place_s = slipped(voice, times, random)
            found = wrong_reading(samples, voice.rate_hz)
            told.append((voice, is_right(found, ReadingKind.BYTE_OFFSET)))
            if found is not None:
                errors.append((voice, min(abs(found.start_s - at) for at in (place_s, first_sound_s(voice, place_s)))))
        board.found("wrong bytes", "blind", f"{times} odd bytes at random times", told, at_least=0.95)
        board.errors("wrong bytes", "blind", f"start, {times} odd bytes", errors, unit="s", limit=EARLY_S, share=0.95)
    chunked = [(voice, *odd_chunks(voice, random)) for voice in every]
    found_of = [(v, wrong_reading(x, v.rate_hz), period_s) for v, x, period_s in chunked]
    board.found("wrong bytes", "blind", "chunks of an odd length cut to samples",
                [(v, is_right(found, ReadingKind.BYTE_OFFSET)) for v, found, _ in found_of], at_least=0.95)  # fmt: skip
    told = [
        (v, is_right(wrong_reading(float_chunks(v, random), v.rate_hz), ReadingKind.FLOAT_MISALIGNED)) for v in every
    ]
    board.found("wrong bytes", "blind", "float chunks cut within samples", told, at_least=0.95)
    for share in (0.0, 0.5):
        found_of = [
            (v, wrong_reading(saturated(v, share * v.duration_s), v.rate_hz), share * v.duration_s) for v in every
        ]
        board.found("wrong bytes", "blind", f"integers as float from {100 * share:g} % on",
                    [(v, is_right(found, ReadingKind.INTEGERS_AS_FLOAT)) for v, found, _ in found_of],
                    at_least=0.95)  # fmt: skip
    headed = [(voice, *with_headers(voice, random)) for voice in every]
    found_of = [(v, wrong_reading(x, v.rate_hz), period_s) for v, x, period_s in headed]
    board.found("wrong bytes", "blind", "WAV header in every chunk",
                [(v, is_right(found, ReadingKind.WAV_HEADERS)) for v, found, _ in found_of], at_least=0.99)  # fmt: skip
    board.errors("wrong bytes", "blind", "period of the headers",
                 [(v, found.period_s - p if found and found.period_s else None) for v, found, p in found_of
                  if v.duration_s > 4 * p], unit="s", limit=0.001)  # fmt: skip
    texts = [(voice, *with_text(voice, random)) for voice in every]
    found_of = [(v, wrong_reading(x, v.rate_hz), place_s) for v, x, place_s in texts]
    board.found("wrong bytes", "blind", "text within the samples",
                [(v, is_right(found, ReadingKind.TEXT)) for v, found, _ in found_of], at_least=0.95)  # fmt: skip
    board.errors("wrong bytes", "blind", "place of the text",
                 [(v, found.start_s - at if found else None) for v, found, at in found_of],
                 unit="s", limit=0.002, share=0.95)  # fmt: skip
    for decoded, kind in ((False, ReadingKind.BASE64), (True, ReadingKind.BIT_OFFSET)):
        told = [(v, is_right(wrong_reading(base64_chunks(v, random, decoded=decoded), v.rate_hz), kind)) for v in every]
        name = "base64 without its padding, joined" if decoded else "base64 that was not decoded"
        board.found("wrong bytes", "blind", name, told, at_least=0.95)
    for coding in (("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("FLAC", "PCM_16")):
        able = [v for v in every if "OPUS" not in coding or v.rate_hz in (8000, 16000, 24000, 48000)]
        told = [(v, is_right(wrong_reading(encoded(v, coding), v.rate_hz), ReadingKind.COMPRESSED)) for v in able]
        board.found("wrong bytes", "blind", f"{coding[0]} {coding[1]} read as samples", told, at_least=0.95)
    for item in (wrong_law_tables()[0], wrong_law_tables()[-1]):
        told = []
        for voice in every:
            codes = formats()[item.law].encode(soxr.resample(voice.samples, voice.rate_hz, 8000, quality="HQ"))
            made = (item.table[codes] / 32768).astype(np.float32)
            told.append((voice, is_right(wrong_reading(made, 8000), ReadingKind.COMPANDING_TABLE)))
        board.found("wrong bytes", "blind", item.mistake, told, at_least=0.95)
    for name, second in SECOND_CHANNELS.items():
        told = []
        for voice in every:
            pair = np.stack((sixteen_bit(0.9 * voice.samples), sixteen_bit(second(voice.samples))), axis=1)
            found = wrong_reading(pair.reshape(-1).astype(np.float32), voice.rate_hz)
            told.append((voice, found is not None and (
                found.kind is ReadingKind.STEREO_AS_MONO or "two channels" in found.description)))  # fmt: skip
        board.found("wrong bytes", "blind", f"stereo read as mono, {name}", told, at_least=0.95)
    told = [(v, is_right(wrong_reading(sixteen_bit(v.samples[: v.samples.size // 2 * 2]).reshape(-1, 2), v.rate_hz),
                         ReadingKind.MONO_AS_STEREO)) for v in every]  # fmt: skip
    board.found("wrong bytes", "blind", "mono read as stereo", told)
    as_data(board, every, random)
    healthy(board, every, random)


def _other(samples: Samples) -> Samples:
    return np.roll(samples[::-1], samples.size // 3)


SECOND_CHANNELS: dict[str, Callable[[Samples], Samples]] = {
    "the same": lambda x: 0.9 * x, "one silent": np.zeros_like, "different": _other,
}  # fmt: skip


def as_data(board: Board, every: Sequence[Voice], random: Random) -> None:
    """Noise of wrong bytes that was played at another rate and level: its bytes are lost."""
    for right, read_as in CONFUSED:
        named = []
        for voice in every:
            made = heard(formats()[right].encode(voice.samples), read_as)
            played = 0.6 * soxr.resample(made, voice.rate_hz, 48000, quality="HQ")
            named.append((voice, wrong_reading(sixteen_bit(played), 48000) is not None))
        board.found("wrong bytes", "blind", f"{right} read as {read_as}, then resampled: named", named, at_most=0.0)


def whispered(voice: Voice, random: Random) -> Samples:
    """The recording with its voice replaced by noise of the same spectrum over time."""
    size = 512
    window = np.hanning(size + 1)[:-1]
    out = np.zeros(voice.samples.size + size)
    noise = random.standard_normal(out.size)
    for start in range(0, voice.samples.size - size, size // 2):
        shape = np.abs(np.fft.rfft(voice.samples[start : start + size] * window))
        shape = np.convolve(shape, np.ones(5) / 5, mode="same")
        part = np.fft.irfft(np.fft.rfft(noise[start : start + size] * window) * shape, size)
        out[start : start + size] += part
    return np.asarray(0.9 * out / max(np.abs(out).max(), 1e-9), dtype=np.float32)


def sibilants(voice: Voice, random: Random) -> Samples:
    """The roughest windows of the recording, one after the other and as loud as can be."""
    cut = voice.samples[: voice.samples.size // 240 * 240].reshape(-1, 240)
    power = np.square(cut).sum(axis=1) + 1e-9
    lagged = (cut[:, 1:] * cut[:, :-1]).sum(axis=1) / power
    kept = cut[(lagged < 0.5) & (power > np.median(power))]
    kept = kept if kept.size else cut
    return np.asarray(0.95 * kept.reshape(-1) / max(np.abs(kept).max(), 1e-9), dtype=np.float32)


def applause(voice: Voice, random: Random) -> Samples:
    """Many short bursts of noise, full scale, 4 s."""
    out = np.zeros(4 * voice.rate_hz)
    burst = np.exp(-np.arange(round(0.01 * voice.rate_hz)) / (0.002 * voice.rate_hz))
    for place in random.integers(0, out.size - burst.size, 2000):
        out[place : place + burst.size] += burst * random.standard_normal(burst.size) * random.uniform(0.2, 1)
    return np.asarray(0.98 * out / np.abs(out).max(), dtype=np.float32)


def music(voice: Voice, random: Random) -> Samples:
    """Chords of plucked harmonics with bursts of noise as cymbals."""
    time_s = np.arange(4 * voice.rate_hz) / voice.rate_hz
    out = np.zeros(time_s.size)
    for start_s in np.arange(0, 4, 0.4):
        after = np.clip(time_s - start_s, 0, None)
        gate = (time_s >= start_s) * np.exp(-3 * after)
        for hz in 110 * 2 ** (random.integers(0, 36, 3) / 12):
            out += gate * sum(np.sin(2 * np.pi * n * hz * after) / n for n in range(1, 8) if n * hz < voice.rate_hz / 2)
        out += 2 * gate * np.exp(-10 * after) * random.standard_normal(time_s.size)
    return np.asarray(0.98 * out / np.abs(out).max(), dtype=np.float32)


HEALTHY: dict[str, Callable[[Voice, Random], tuple[Samples, int]]] = {
    "as recorded": lambda v, r: (v.samples, v.rate_hz),
    "16 bit at full level": lambda v, r: (sixteen_bit(v.samples / np.abs(v.samples).max()), v.rate_hz),
    "mu-law decoded": lambda v, r: (_through(v, "mulaw"), 8000),
    "A-law decoded": lambda v, r: (_through(v, "alaw"), 8000),
    "unsigned 8 bit": lambda v, r: (_through(v, "u8"), 8000),
    "gain +12 dB, clipped": lambda v, r: (sixteen_bit(4 * v.samples / np.abs(v.samples).max()), v.rate_hz),
    "gain +36 dB, clipped": lambda v, r: (sixteen_bit(64 * v.samples / np.abs(v.samples).max()), v.rate_hz),
    "noise 20 dB below": lambda v, r: (_noisy(v, 20, r), v.rate_hz),
    "noise 5 dB below": lambda v, r: (_noisy(v, 5, r), v.rate_hz),
    "whisper": lambda v, r: (sixteen_bit(whispered(v, r)), v.rate_hz),
    "sibilants at full scale": lambda v, r: (sixteen_bit(sibilants(v, r)), v.rate_hz),
    "applause": lambda v, r: (sixteen_bit(applause(v, r)), v.rate_hz),
    "music": lambda v, r: (sixteen_bit(music(v, r)), v.rate_hz),
    "white noise": lambda v, r: (sixteen_bit(0.25 * r.standard_normal(2 * v.rate_hz)), v.rate_hz),
    "silence": lambda v, r: (np.zeros(v.rate_hz, dtype=np.float32), v.rate_hz),
    "low bits only": lambda v, r: (sixteen_bit(0.0005 * v.samples / np.abs(v.samples).max()), v.rate_hz),
    "at 48 kHz": lambda v, r: (soxr.resample(v.samples, v.rate_hz, 48000), 48000),
    "at 8 kHz": lambda v, r: (sixteen_bit(soxr.resample(v.samples, v.rate_hz, 8000)), 8000),
}


def _through(voice: Voice, name: str) -> Samples:
    narrow = soxr.resample(voice.samples / np.abs(voice.samples).max(), voice.rate_hz, 8000, quality="HQ")
    return formats()[name].read(formats()[name].encode(narrow))


def _noisy(voice: Voice, below_db: float, random: Random) -> Samples:
    level = np.sqrt(np.mean(np.square(voice.samples))) * 10 ** (-below_db / 20)
    noisy = voice.samples + random.standard_normal(voice.samples.size) * level
    return sixteen_bit(0.9 * noisy / np.abs(noisy).max())


def healthy(board: Board, every: Sequence[Voice], random: Random) -> None:
    """No reading but the given one."""
    for name, made in HEALTHY.items():
        sounds = [(voice, *made(voice, random)) for voice in every]
        board.found("wrong bytes", "blind", f"healthy: {name}",
                    [(v, wrong_reading(np.asarray(x, dtype=np.float32), hz) is not None) for v, x, hz in sounds],
                    at_most=0.0)  # fmt: skip
