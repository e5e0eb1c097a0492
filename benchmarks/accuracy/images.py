"""`imaging`: naive resamplers are found, good ones are not suspected, and the edge under images is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from diag.core.clip import Clip
from diag.dsp.band import IMAGING_LIMIT
from diag.measure.metrics.band import bandwidth, imaging_of_tap

from .board import Board
from .faults import Random, as_clip, at_rate, made_with_images, of_each, reaches, single, sixteen_bit, with_noise
from .voices import Voice

Samples = NDArray[np.float32]
CHUNK_S = 0.02


def hold(samples: Samples, start_hz: int, container_hz: int) -> Samples:
    """Every sample repeated until the next is due."""
    places = (np.arange(samples.size * container_hz // start_hz) * start_hz) // container_hz
    return samples[places]


def linear(samples: Samples, start_hz: int, container_hz: int) -> Samples:
    """Straight lines from sample to sample, over the whole stream."""
    places = np.arange((samples.size - 2) * container_hz // start_hz) * (start_hz / container_hz)
    return np.asarray(np.interp(places, np.arange(samples.size), samples), dtype=np.float32)


def linear_in_chunks(samples: Samples, start_hz: int, container_hz: int) -> Samples:
    """Straight lines inside chunks of 20 ms, each stretched from its first to its last sample."""
    size = round(CHUNK_S * start_hz)
    chunks = samples[: samples.size // size * size].reshape(-1, size)
    places = np.linspace(0, size - 1, round(CHUNK_S * container_hz))
    return np.concatenate([np.interp(places, np.arange(size), chunk) for chunk in chunks]).astype(np.float32)


NAIVE: dict[str, Callable[[Samples, int, int], Samples]] = {
    "hold": hold,
    "linear": linear,
    "linear in chunks of 20 ms": linear_in_chunks,
}
WAYS_HZ = ((8000, 24000), (8000, 48000), (16000, 24000), (16000, 48000), (24000, 48000))


def sees_images(clip: Clip) -> bool:
    """Whether the limit is passed."""
    return single(imaging_of_tap(clip)) > IMAGING_LIMIT


def faulty(voice: Voice, kind: str, start_hz: int, container_hz: int) -> Clip:
    """A voice through a naive resampler."""
    narrow = at_rate(voice.samples, voice.rate_hz, start_hz)
    return as_clip(sixteen_bit(0.9 * NAIVE[kind](narrow, start_hz, container_hz)), container_hz)


def run(board: Board, every: Sequence[Voice], random: Random) -> None:
    """Rows of the part."""
    born = made_with_images(every)
    some = [voice for voice in of_each(every, 1) if voice.speaker not in born]
    board.found("imaging", "blind", "recordings as they are", [(v, sees_images(v.clip)) for v in some], at_most=0.0)
    for kind in NAIVE:
        clean, noisy = [], []
        for start_hz, container_hz in WAYS_HZ:
            for voice in some:
                if voice.rate_hz >= start_hz and reaches(voice, 0.9 * start_hz / 2):
                    clip = faulty(voice, kind, start_hz, container_hz)
                    clean.append((voice, sees_images(clip)))
                    noise = as_clip(with_noise(clip.samples, 45, random), container_hz)
                    noisy.append((voice, sees_images(noise)))
        board.found("imaging", "blind", f"{kind}; 8, 16, 24 to 24 and 48 kHz", clean, at_least=0.99)
        board.found("imaging", "blind", f"{kind}, noise at -45 dB", noisy)
    for start_hz, container_hz in WAYS_HZ:
        edges = [
            (voice, bandwidth(faulty(voice, kind, start_hz, container_hz)).value)
            for voice in some
            if voice.rate_hz >= start_hz and reaches(voice, 0.9 * start_hz / 2)
            for kind in ("hold", "linear")
        ]
        board.errors(
            "bandwidth_hz", "blind", f"images fill the band, {start_hz} to {container_hz} Hz",
            [(v, 100 * (hz / (start_hz / 2) - 1) if isinstance(hz, float) else None) for v, hz in edges],
            unit="%", limit=6.0, share=0.95,
        )  # fmt: skip
    well, noisy = [], []
    for start_hz, container_hz in WAYS_HZ:
        for voice in some:
            if voice.rate_hz >= start_hz:
                out = at_rate(at_rate(voice.samples, voice.rate_hz, start_hz), start_hz, container_hz)
                well.append((voice, sees_images(as_clip(sixteen_bit(out), container_hz))))
                noisy.append((voice, sees_images(as_clip(with_noise(out, 45, random), container_hz))))
    board.found("imaging", "blind", "resampled well", well, at_most=0.0)
    board.found("imaging", "blind", "resampled well, noise at -45 dB", noisy, at_most=0.0)
