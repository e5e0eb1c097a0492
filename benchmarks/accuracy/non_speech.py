"""Sound that is no speech: synthesised music, tones, bells, noise, applause and impulse responses, and files.

Files are read from the folders `development` and `held_out` of the folder that the variable `DIAG_NONSPEECH` names,
as `<source>__<number>….wav`. Sounds of desktops and of games, and their music, are in the Debian packages
sound-theme-freedesktop, yaru-theme-sound, oxygen-sounds, lincity-ng-data, extremetuxracer-data and frozen-bubble-data.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diag.files.audio_files import read_wav

from .voices import DEVELOPMENT, HALVES, Voice

RATE_HZ = 24000
LONGEST_S = 12.0
PER_KIND = 8
Array = NDArray[np.float64]
Random = np.random.Generator


def notes(time: Array, random: Random) -> Array:
    """Return a melody of plucked or blown notes."""
    out = np.zeros(time.size)
    at = 0
    while at < time.size:
        size = round(float(random.choice([0.125, 0.25, 0.5, 1.0])) * random.uniform(0.8, 1.2) * RATE_HZ)
        hz = 110.0 * 2 ** (random.integers(0, 30) / 12)
        own = np.arange(size) / RATE_HZ
        slope = random.uniform(0.7, 2.0)
        harmonics = [h for h in range(1, int(random.integers(2, 12))) if h * hz < 0.5 * RATE_HZ]
        note = sum((np.sin(2 * np.pi * hz * h * own) / h**slope for h in harmonics), np.zeros(size))
        note *= np.exp(-own / random.uniform(0.1, 2.0)) * np.minimum(1, own / 0.01)
        out[at : at + size] += note[: time.size - at]
        at += size
    return out


def chords(time: Array, random: Random) -> Array:
    """Return chords that die away."""
    out = np.zeros(time.size)
    for start_s in np.arange(0, time[-1], random.uniform(0.4, 2.0)):
        root_hz, decay_s = 110.0 * 2 ** (random.integers(0, 18) / 12), random.uniform(0.3, 2.0)
        own = np.maximum(time - start_s, 0)
        for interval in random.choice([0, 3, 4, 7, 10, 12, 15], 3, replace=False):
            hz = root_hz * 2 ** (interval / 12)
            sound = sum((np.sin(2 * np.pi * hz * h * own) / h**1.3 for h in range(1, 8)), np.zeros(time.size))
            out += (time >= start_s) * sound * np.exp(-own / decay_s)
    return out


def tones(time: Array, random: Random) -> Array:
    """Return one to three steady tones."""
    hz = random.uniform(100, 4000, int(random.integers(1, 4)))
    return np.asarray(np.sin(2 * np.pi * hz[:, None] * time).sum(axis=0))


def noise(time: Array, random: Random) -> Array:
    """Return coloured noise that swells slowly."""
    spectrum = np.fft.rfft(random.standard_normal(time.size))
    hz = np.fft.rfftfreq(time.size, 1 / RATE_HZ)
    coloured = np.fft.irfft(spectrum / np.maximum(hz, 50) ** random.uniform(0, 1.2), time.size)
    return np.asarray(coloured * (1 + 0.8 * np.sin(2 * np.pi * random.uniform(0.1, 1.0) * time)))


def applause(time: Array, random: Random) -> Array:
    """Return claps of few to many hands."""
    out = np.zeros(time.size)
    for at in random.integers(0, time.size - 2000, round(time[-1] * random.uniform(8, 200))):
        size = round(random.uniform(0.004, 0.03) * RATE_HZ)
        clap = random.standard_normal(size) * np.exp(-np.arange(size) / (size / 4))
        out[at : at + size] += clap * random.uniform(0.3, 1.0)
    return out


def impulse_responses(time: Array, random: Random) -> Array:
    """Return one room after the other."""
    out = np.zeros(time.size)
    at = 0
    while at < time.size - RATE_HZ // 2:
        size = min(round(random.uniform(0.3, 3.0) * RATE_HZ), time.size - at)
        own = np.arange(size) / RATE_HZ
        out[at : at + size] = random.standard_normal(size) * 10 ** (-3 * own / random.uniform(0.1, 1.5))
        at += size
    return out


def bells(time: Array, random: Random) -> Array:
    """Return strokes of bells."""
    out = np.zeros(time.size)
    for start_s in random.uniform(0, time[-1] - 0.5, int(random.integers(2, 12))):
        hz, own = random.uniform(200, 2000), np.maximum(time - start_s, 0)
        for partial in (0.5, 1.0, 1.2, 1.5, 2.0, 2.67, 3.0, 4.1):
            ring = np.sin(2 * np.pi * hz * partial * own) * np.exp(-own * random.uniform(1, 6) * partial)
            out += (time >= start_s) * ring * random.uniform(0.2, 1.0)
    return out


def drums(time: Array, random: Random) -> Array:
    """Return a beat of drum, snare and hat."""
    out = np.zeros(time.size)
    for place, start_s in enumerate(np.arange(0, time[-1] - 0.3, 30 / random.uniform(80, 170))):
        own, on = np.maximum(time - start_s, 0), time >= start_s
        if place % 4 == 0:
            out += on * np.sin(2 * np.pi * (50 * own + 7 * (1 - np.exp(-own * 30)))) * np.exp(-own * 10)
        elif place % 4 == 2:
            out += on * random.standard_normal(time.size) * np.exp(-own * 20)
        out += 0.3 * on * np.diff(random.standard_normal(time.size + 1)) * np.exp(-own * 60)
    return out


def sweeps(time: Array, random: Random) -> Array:
    """Return a tone that glides up again and again."""
    octaves = random.uniform(-1, 4) * ((time * random.uniform(0.1, 1.0)) % 1)
    return np.asarray(np.sin(2 * np.pi * np.cumsum(random.uniform(100, 500) * 2**octaves) / RATE_HZ))


def dialling(time: Array, random: Random) -> Array:
    """Return the tones of a telephone's keys."""
    out = np.zeros(time.size)
    at = 0
    while at < time.size:
        size = round(random.uniform(0.05, 0.3) * RATE_HZ)
        hz = (random.choice([697, 770, 852, 941]), random.choice([1209, 1336, 1477]))
        own = np.arange(min(size, time.size - at)) / RATE_HZ
        out[at : at + size] = np.sin(2 * np.pi * hz[0] * own) + np.sin(2 * np.pi * hz[1] * own)
        at += 2 * size
    return out


def band(time: Array, random: Random) -> Array:
    """Return a melody with vibrato over chords and a snare."""
    out = np.zeros(time.size)
    vibrato = 1 + 0.005 * np.sin(2 * np.pi * 5.5 * time)
    for place, start_s in enumerate(np.arange(0, time[-1] - 0.3, 30 / random.uniform(80, 160))):
        own, on = np.maximum(time - start_s, 0), time >= start_s
        hz = 220 * 2 ** (random.choice([0, 2, 3, 5, 7, 8, 10, 12]) / 12)
        melody = sum((np.sin(2 * np.pi * hz * h * vibrato * own) / h for h in range(1, 7)), np.zeros(time.size))
        out += on * melody * np.exp(-own * 4)
        if place % 2:
            out += 0.7 * on * random.standard_normal(time.size) * np.exp(-own * 25)
        if place % 8 == 0:
            out += sum(
                (0.5 * on * np.sin(2 * np.pi * 110 * 2 ** (i / 12) * own) * np.exp(-own * 0.7) for i in (0, 4, 7)),
                np.zeros(time.size),
            )
    return out


def machine(time: Array, random: Random) -> Array:
    """Return hum with harmonics that beats, and noise."""
    hz = random.uniform(30, 120)
    harmonics = [h for h in range(1, 30) if h * hz < 0.45 * RATE_HZ]
    hum = sum(
        (np.sin(2 * np.pi * hz * h * time + random.uniform(0, 6)) / h**0.7 for h in harmonics), np.zeros(time.size)
    )
    beating = 1 + 0.3 * np.sin(2 * np.pi * random.uniform(0.5, 6) * time)
    return np.asarray(hum * beating + 0.5 * random.standard_normal(time.size))


KINDS: dict[str, Callable[[Array, Random], Array]] = {
    "notes": notes, "chords": chords, "tones": tones, "noise": noise, "applause": applause, "bells": bells,
    "impulse responses": impulse_responses, "drums": drums, "sweeps": sweeps, "dialling": dialling, "band": band,
    "machine": machine,
}  # fmt: skip


def synthesised(half: str, per_kind: int = PER_KIND) -> Iterator[Voice]:
    """Yield some of every kind, other ones for each half."""
    random = np.random.default_rng(HALVES.index(half) + 11)
    for kind, made in KINDS.items():
        for place in range(per_kind):
            time = np.arange(round(random.uniform(5.0, 12.0) * RATE_HZ)) / RATE_HZ
            samples = made(time, random)
            samples = (0.4 * samples / np.abs(samples).max()).astype(np.float32)
            yield Voice(f"{kind} {place}", f"synthesised {kind}", half, False, samples, RATE_HZ)


def recorded(half: str) -> Iterator[Voice]:
    """Yield the files of a half, none where `DIAG_NONSPEECH` is not set."""
    named = os.environ.get("DIAG_NONSPEECH")
    folder = "development" if half == DEVELOPMENT else "held_out"
    for path in sorted((Path(named) / folder).glob("*.wav")) if named else ():
        clip = read_wav(path).channel(0)
        samples = np.ascontiguousarray(clip.samples[: round(LONGEST_S * clip.sample_rate_hz)], dtype=np.float32)
        yield Voice(path.stem, path.stem.split("__")[0], half, False, samples, clip.sample_rate_hz)


def non_speech() -> list[Voice]:
    """Return everything of both halves."""
    return [sound for half in HALVES for sound in (*synthesised(half), *recorded(half))]
