"""What a hop puts in, leaves out or says twice, and its clicks where chunks meet, against its own input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import soxr

from diag.dsp.clicks import added_clicks
from diag.dsp.segment import compare_segment
from diag.dsp.segment_events import Event, EventKind
from diag.dsp.spectrum import Sound
from diag.measure.metrics.glitches import added_click_rate
from diag.measure.metrics.sounds import match, sound

from .board import Board
from .faults import PLAYED_RATE_HZ, Random, Samples, as_clip, at_rate, loud_places, played, sixteen_bit
from .voices import HALVES, Voice

TRIALS = 70
"""Of each kind, noise floor and half."""
LENGTHS_S = (0.003, 0.2)
NOISE_FLOORS_DB = {"digital silence": None, "noise floor -50 dB": -50.0}
HEALTHY_S = 1800.0
"""Of each half."""
CHUNK_S = 0.02
CLICK_SHARES = (0.02, 0.05, 0.1, 0.2, 0.4)


@dataclass(frozen=True)
class Planted:
    """A copy with one break: its kind, its place in the copy and its length."""

    samples: Samples
    kind: EventKind
    place_s: float
    length_s: float


def run(board: Board, every: Sequence[Voice], random: Random) -> None:
    """Add the rows of this part."""
    single_breaks(board, every, random)
    healthy(board, every, random)
    clicks(board, every, random)


def planted(stream: Samples, kind: EventKind, place: int, length_s: float) -> Planted:
    """One break in a stream at 48 kHz."""
    count = round(length_s * PLAYED_RATE_HZ)
    silence = np.zeros(count)
    parts = {
        EventKind.STALL: (stream[:place], silence, stream[place:]),
        EventKind.DROPOUT: (stream[:place], silence, stream[place + count :]),
        EventKind.SKIP: (stream[:place], stream[place + count :]),
        EventKind.REPEAT: (stream[:place], stream[max(0, place - count) : place], stream[place:]),
    }[kind]
    return Planted(np.concatenate(parts), kind, place / PLAYED_RATE_HZ, count / PLAYED_RATE_HZ)


def floored(samples: Samples, level_db: float | None, random: Random) -> Samples:
    """With white noise so far below the sound's RMS; as it is for None."""
    if level_db is None:
        return samples
    return np.asarray(samples + random.standard_normal(samples.size) * np.std(samples) * 10 ** (level_db / 20))


def place_for(stream: Samples, kind: EventKind, length_s: float, random: Random) -> int | None:
    """Where a break can be seen: in the midst of sound, and so is its other end where sound is lost or said twice.

    At least 60 ms of sound stand before and after it.
    """
    active = np.flatnonzero(Sound(stream.astype(np.float32), PLAYED_RATE_HZ).spectrum.active) * 0.02 * PLAYED_RATE_HZ
    count = round(length_s * PLAYED_RATE_HZ)
    for place in loud_places(stream, PLAYED_RATE_HZ, 12, random):
        other = place + {EventKind.STALL: 0, EventKind.REPEAT: -count}.get(kind, count)
        width = PLAYED_RATE_HZ // 100
        near = [stream[max(0, at - width) : at + width] for at in (place, other)]
        peak = float(np.abs(stream).max())
        enough = (active < min(place, other)).sum() >= 4 and (active > max(place, other)).sum() >= 4
        if enough and 0 <= other < stream.size - width and all(np.abs(part).mean() > 0.04 * peak for part in near):
            return int(place)
    return None


def single_breaks(board: Board, every: Sequence[Voice], random: Random) -> None:
    """One break of 3 to 200 ms a recording: found as what it is, within 1 ms of its size, and nothing else."""
    for kind in (EventKind.STALL, EventKind.DROPOUT, EventKind.SKIP, EventKind.REPEAT):
        measure = {EventKind.SKIP: "skipped_s", EventKind.REPEAT: "repeated_s"}.get(kind, "inserted_silence_s")
        for floor, level_db in NOISE_FLOORS_DB.items():
            trials, names = [], []
            for half in HALVES:
                mine = [voice for voice in every if voice.half == half]
                for voice in (mine[place] for place in random.integers(0, len(mine), TRIALS)):
                    length_s = float(np.exp(random.uniform(*np.log(LENGTHS_S))))
                    stream = played(voice)
                    place = place_for(stream, kind, length_s, random)
                    if place is None:
                        continue
                    fault = planted(stream, kind, place, length_s)
                    copy = as_clip(sixteen_bit(floored(fault.samples, level_db, random)))
                    found = compare_segment(sound(voice.clip), sound(copy)).events
                    trials.append((voice, _error_ms(found, fault)))
                    names.append(f"{voice.name} {1000 * length_s:.1f} ms at {fault.place_s:.3f} s")
            board.errors(measure, "waveform", f"{kind} of 3 to 200 ms, {floor}", trials, unit="ms", limit=1.0,
                         share=0.99, label=names)  # fmt: skip


def _error_ms(found: Sequence[Event], fault: Planted) -> float | None:
    """How far off the size of the one event is; None where it is not one event of that kind near its place."""
    if len(found) != 1 or found[0].kind is not fault.kind:
        return None
    return 1000 * (found[0].duration_s - fault.length_s) if abs(found[0].estimated_s - fault.place_s) < 0.25 else None


def healthy(board: Board, every: Sequence[Voice], random: Random) -> None:
    """An hour of copies at other rates and levels, over noise and with drifting clocks: no break, no click."""
    events, leaps = [], []
    for half in HALVES:
        mine = [voice for voice in every if voice.half == half]
        left_s = HEALTHY_S
        while left_s > 0:
            voice = mine[int(random.integers(0, len(mine)))]
            left_s -= voice.duration_s
            copy = as_clip(*_healthy_copy(voice, random))
            found = compare_segment(sound(voice.clip), sound(copy))
            events.append((voice, float(len(found.events)) if found.reason is None else 1.0, voice.duration_s))
            leaps.append((voice, float(bool(added_click_rate(voice.clip, copy).value)), voice.duration_s))
    condition = "healthy: resampled, any level, noise floor, 50 ppm"
    board.per_minute("dropouts, skips, repeats", "waveform", condition, events, at_most=0.0)
    board.per_minute("click_rate_hz", "waveform", condition, leaps, at_most=0.0)


def _healthy_copy(voice: Voice, random: Random) -> tuple[Samples, int]:
    rate_hz = int(random.choice([16000, 24000, 44100, 48000]))
    speed = 1 + float(random.choice([-50, 0, 50])) * 1e-6
    out = soxr.resample(voice.samples.astype(np.float64), voice.rate_hz * speed, rate_hz, quality="HQ")
    late = np.zeros(int(random.uniform(0, 0.5) * rate_hz))
    out = np.concatenate([late, out, np.zeros(rate_hz // 5)]) * 10 ** (random.uniform(-20, 3) / 20)
    out = out / max(1.0, 1.05 * float(np.abs(out).max()))
    level_db = random.choice([-80.0, -60.0, -50.0, -40.0])
    return sixteen_bit(floored(out, level_db, random)).astype(np.float64), rate_hz


def clicks(board: Board, every: Sequence[Voice], random: Random) -> None:
    """Single leaps where chunks of 20 ms meet, as shares of the peak: as played, or resampled to 48 kHz behind them."""
    for share in CLICK_SHARES:
        trials = []
        for half in HALVES:
            mine = [voice for voice in every if voice.half == half]
            for voice in (mine[place] for place in random.integers(0, len(mine), TRIALS)):
                hurt = voice.samples.astype(np.float64)
                chunk = round(CHUNK_S * voice.rate_hz)
                place = int(random.integers(3, hurt.size // chunk - 3)) * chunk
                hurt[place] += share * np.abs(hurt).max() * float(random.choice([-1, 1]))
                rate_hz = int(random.choice([voice.rate_hz, PLAYED_RATE_HZ]))
                copy = as_clip(sixteen_bit(at_rate(hurt, voice.rate_hz, rate_hz)), rate_hz)
                pair = match(voice.clip, copy)
                found = None if pair.track is None else added_clicks(sound(voice.clip), sound(copy), pair.track)
                at = place * rate_hz / voice.rate_hz
                trials.append((voice, found is not None and bool(np.any(np.abs(found.frames - at) < 0.002 * rate_hz))))
        board.found("click_rate_hz", "waveform", f"leap of {share:.0%} of the peak where chunks meet", trials,
                    at_least=0.99 if share >= 0.05 else None)  # fmt: skip
