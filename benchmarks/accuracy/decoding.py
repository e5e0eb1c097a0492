"""Samples that were read or scaled wrongly: clipping, byte order, odd byte, stereo as mono, direct current."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from diag.core.clip import Clip
from diag.core.measurement import Reading
from diag.measure.metrics.glitches import clipping_rate, equal_pairs, flatness
from diag.measure.metrics.level import dc_dbfs

from .board import Board
from .faults import PLAYED_RATE_HZ, Random, as_clip, at_rate, of_each, single, sixteen_bit
from .voices import Voice

CLIPPED_HZ, WHITE, PAIRED, DC_DBFS = 0.1, 0.1, 0.5, -50.0
CUT_SHARE = 1e-4
"""Least share of the samples that are cut: less is a lone spike, which nobody would call clipped."""


def above(reading: Reading, limit: float) -> bool:
    """Whether the measure has a value beyond a limit."""
    return isinstance(reading.value, float) and reading.value > limit


def overdriven(voice: Voice, gain_db: float) -> NDArray[np.float32]:
    """Cut off `gain_db` below its peak, on both sides."""
    limit = float(np.abs(voice.samples).max()) * 10 ** (-gain_db / 20)
    return np.clip(voice.samples, -limit, limit)


def swaying(voice: Voice, random: Random) -> NDArray[np.float64]:
    """The recording with a gain that sways by 3 dB either way: tops that were held at one level no longer are."""
    time_s = np.arange(voice.samples.size) / voice.rate_hz
    sway = sum(np.sin(2 * np.pi * (hz * time_s + random.uniform())) for hz in (0.7, 1.9, 3.1))
    return np.asarray(0.5 * voice.samples * 10 ** (3 / 20 * sway / 2))


def read_as(voice: Voice, change: Callable[[bytes], bytes]) -> Clip:
    """What a decoder hears that takes the bytes otherwise."""
    data = change(np.round(voice.samples * 32767).astype("<i2").tobytes())
    return as_clip(np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2").astype(np.float32) / 32768, voice.rate_hz)


def swapped(data: bytes) -> bytes:
    """Big-endian."""
    return np.frombuffer(data, dtype="<i2").byteswap().tobytes()


def slipped(data: bytes) -> bytes:
    """One byte late."""
    return b"\x00" + data


BYTES = {"big-endian": swapped, "odd byte": slipped}


def run(board: Board, every: Sequence[Voice], random: Random) -> None:
    """Rows of the part."""
    every = of_each(every, 2)
    for gain_db in (3, 6, 12):
        ways: tuple[tuple[str, Callable[[Voice, NDArray[np.floating]], Clip]], ...] = (
            ("digital", lambda v, x: as_clip(sixteen_bit(0.8 * x), v.rate_hz)),
            ("resampled", lambda v, x: as_clip(sixteen_bit(0.8 * at_rate(x, v.rate_hz, PLAYED_RATE_HZ)))),
        )
        for name, way in ways:
            cut = [(v, x) for v in every if np.mean(np.abs(x := overdriven(v, gain_db)) >= np.abs(x).max()) > CUT_SHARE]
            board.found("clipping_rate_hz", "blind", f"peaks cut off by {gain_db} dB, {name}",
                        [(v, above(clipping_rate(way(v, x)), CLIPPED_HZ)) for v, x in cut],
                        at_least=0.99 if name == "digital" else None)  # fmt: skip
    told = [(v, above(clipping_rate(v.clip), CLIPPED_HZ)) for v in every]
    board.found("clipping_rate_hz", "blind", "recordings as they are (some were limited when made)", told)
    for rate_hz in (None, PLAYED_RATE_HZ):
        clips = [(v, at_rate(swaying(v, random), v.rate_hz, rate_hz or v.rate_hz), rate_hz or v.rate_hz) for v in every]
        name = "healthy" if rate_hz is None else "healthy, resampled"
        told = [(v, above(clipping_rate(as_clip(sixteen_bit(x), hz)), CLIPPED_HZ)) for v, x, hz in clips]
        board.found("clipping_rate_hz", "blind", name, told, at_most=0.0)
    for name, change in BYTES.items():
        board.found("flatness", "blind", f"{name}, as heard",
                    [(v, above(flatness(read_as(v, change)), WHITE)) for v in every], at_least=0.99)  # fmt: skip
    board.found("flatness", "blind", "healthy", [(v, above(flatness(v.clip), WHITE)) for v in every], at_most=0.0)
    for name, pair in (("both channels", 1.0), ("one silent channel", 0.0)):
        stereo = [(v, np.stack([v.samples, pair * v.samples], axis=1).reshape(-1)) for v in every]
        board.found("equal_pairs", "blind", f"stereo read as mono, {name}",
                    [(v, above(equal_pairs(as_clip(x, v.rate_hz)), PAIRED)) for v, x in stereo],
                    at_least=0.99)  # fmt: skip
    board.found("equal_pairs", "blind", "healthy", [(v, above(equal_pairs(v.clip), PAIRED)) for v in every], at_most=0)
    centred = [(v, 0.5 * (v.samples - np.mean(v.samples, dtype=np.float64))) for v in every]
    for level_db in (-50, -40, -20):
        offset = [(v, as_clip(x + 10 ** (level_db / 20))) for v, x in centred]
        errors = [(v, single(dc_dbfs(clip)) - level_db) for v, clip in offset]
        board.errors("dc_dbfs", "blind", f"{level_db} dBFS", errors, unit="dB", limit=0.1)
    free = [(v, above(dc_dbfs(as_clip(x)), DC_DBFS)) for v, x in centred]
    board.found("dc_dbfs", "blind", "mean taken off, told", free, at_most=0.0)
    own = [(v, above(dc_dbfs(v.clip), DC_DBFS)) for v in every]
    board.found("dc_dbfs", "blind", "recordings as they are (some carry direct current)", own)
