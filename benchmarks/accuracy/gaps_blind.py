"""`dropout_count` of a recording alone: holes in mid-sound, of exact zeros and over a noise floor."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from diag.measure.metrics.glitches import gaps_of

from .board import Board
from .faults import Random, as_clip, loud_places, of_each, sixteen_bit, with_noise
from .voices import Voice

LENGTHS_MS = (3, 10, 30, 100, 200)
GOAL_FROM_MS = 10
HOT_SHARE = 0.06
"""A hole lies in mid-sound where the mean magnitude of 20 ms at both ends reaches this share of the peak."""
Floor = Callable[[NDArray[np.floating], Random], NDArray[np.float32]]


def over_zeros(samples: NDArray[np.floating], random: Random) -> NDArray[np.float32]:
    """A digital recording."""
    return sixteen_bit(samples)


def over_noise(samples: NDArray[np.floating], random: Random) -> NDArray[np.float32]:
    """A recording with a floor of noise 50 dB below the voice."""
    return sixteen_bit(with_noise(samples, 50.0, random))


FLOORS: dict[str, Floor] = {"digital": over_zeros, "noise at -50 dB": over_noise}


def with_holes(voice: Voice, length_ms: float, floor: Floor, random: Random) -> list[tuple[bool, bool]]:
    """For two holes in copies of a voice: whether sound goes on behind it, and whether it is reported, within 4 ms."""
    samples = 0.9 * voice.samples
    width = round(0.02 * voice.rate_hz)
    level = np.convolve(np.abs(samples), np.ones(width) / width, mode="same")
    hits = []
    for place in loud_places(samples, voice.rate_hz, 2, random):
        end = place + round(length_ms / 1000 * voice.rate_hz)
        cut = samples.copy()
        cut[place:end] = 0
        found = gaps_of(as_clip(floor(cut, random), voice.rate_hz))
        goes_on = bool(level[end + width // 2] > HOT_SHARE * np.abs(samples).max())
        hits.append((goes_on, any(abs(first - place) < 0.004 * voice.rate_hz for first, _ in found)))
    return hits


def run(board: Board, every: Sequence[Voice], random: Random) -> None:
    """Rows of the part."""
    some = of_each(every, 2)
    for name, floor in FLOORS.items():
        for length_ms in LENGTHS_MS:
            trials = [(voice, *hit) for voice in some for hit in with_holes(voice, length_ms, floor, random)]
            board.found(
                "dropout_count", "blind", f"{length_ms} ms hole in mid-sound, {name}",
                [(voice, hit) for voice, goes_on, hit in trials if goes_on],
                at_least=0.9 if length_ms >= GOAL_FROM_MS else None,
            )  # fmt: skip
            into = [(voice, hit) for voice, goes_on, hit in trials if not goes_on]
            board.found("dropout_count", "blind", f"{length_ms} ms hole that ends in a pause, {name}", into)
        false = [
            (v, float(len(gaps_of(as_clip(floor(v.samples, random), v.rate_hz)))), v.duration_s)
            for v in of_each(every, 6)
        ]
        board.per_minute("dropout_count", "blind", f"healthy, {name}", false, at_most=0.3)
