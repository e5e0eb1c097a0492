"""`click_rate_hz` of a recording alone: single wrong samples, and steps where chunks meet."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from diag.dsp.clicks import clicks

from .board import Board
from .faults import Random, loud_places, of_each, sixteen_bit
from .voices import Voice

SHARES = (0.05, 0.1, 0.2, 0.4)
SETTLES_S = 0.003
BROKEN_HZ = 0.1


def hurt(voice: Voice, place: int, height: float, kind: str) -> NDArray[np.float32]:
    """A copy with one click; a step settles within some milliseconds, as the start of a resampler does."""
    samples = 0.9 * voice.samples.copy()
    if kind == "impulse":
        samples[place] += height
    else:
        tail = samples[place : place + round(5 * SETTLES_S * voice.rate_hz)]
        tail += height * np.exp(-np.arange(tail.size) / (SETTLES_S * voice.rate_hz))
    return sixteen_bit(samples)


def run(board: Board, every: Sequence[Voice], random: Random) -> None:
    """Rows of the part."""
    some = of_each(every, 2)
    for kind in ("impulse", "step"):
        for share in SHARES:
            trials = []
            for voice in some:
                peak = 0.9 * float(np.abs(voice.samples).max())
                for place in loud_places(voice.samples, voice.rate_hz, 3, random):
                    frames = clicks(hurt(voice, place, share * peak * random.choice([-1, 1]), kind), voice.rate_hz)
                    trials.append((voice, bool(np.any(np.abs(frames.frames - place) < 0.002 * voice.rate_hz))))
            goal = 0.9 if share >= (0.2 if kind == "impulse" else 0.4) else None
            name = f"{kind} of {share:.0%} of the peak"
            board.found("click_rate_hz", "blind", name, trials, at_least=goal)
    counts = [(voice, clicks(sixteen_bit(voice.samples), voice.rate_hz).count) for voice in of_each(every, 6)]
    seconds, found = defaultdict[str, float](float), Counter[str]()
    for voice, count in counts:
        seconds[voice.speaker] += voice.duration_s
        found[voice.speaker] += count
    # Some recordings do click: one sample is wrong every 2048 in one of them. They are named, and no false alarms.
    broken = {speaker for speaker, length_s in seconds.items() if found[speaker] / length_s > BROKEN_HZ}
    board.found("click_rate_hz", "blind", f"recordings with clicks of their own, over {BROKEN_HZ} a second",
                [(voice, voice.speaker in broken) for voice, _ in counts])  # fmt: skip
    false = [(voice, float(count), voice.duration_s) for voice, count in counts if voice.speaker not in broken]
    board.per_minute("click_rate_hz", "blind", "healthy", false, at_most=0.3)
