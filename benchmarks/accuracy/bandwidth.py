"""`bandwidth_hz`: the edge of narrow stages, and none found in voices that reach up to half their rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from diag.measure.metrics.band import bandwidth

from .board import Board
from .faults import Random, as_clip, at_rate, made_with_images, of_each, reaches, single, sixteen_bit, with_noise
from .voices import Voice

STAGES_HZ = (8000, 11025, 12000, 16000, 22050)
CONTAINERS_HZ = (24000, 48000)
NOISE_DB = (None, -45.0)
WITHIN = 6.0


def g711(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Through the mu-law of telephony (ITU-T G.711, continuous form)."""
    companded = np.sign(samples) * np.log1p(255 * np.abs(samples)) / np.log(256)
    rounded = np.round(companded * 127) / 127
    return np.asarray(np.sign(rounded) * (256 ** np.abs(rounded) - 1) / 255, dtype=np.float32)


def edge_error(voice: Voice, stage_hz: int, container_hz: int, noise_db: float | None, random: Random) -> float | None:
    """How far off the edge of a voice that went through a narrow stage is, in percent."""
    narrow = at_rate(voice.samples, voice.rate_hz, stage_hz)
    if stage_hz == 8000 and noise_db is None:
        narrow = g711(narrow)
    wide = at_rate(narrow, stage_hz, container_hz)
    if noise_db is not None:
        wide = with_noise(wide, -noise_db, random).astype(np.float32)
    found = bandwidth(as_clip(sixteen_bit(0.9 * wide), container_hz))
    return None if not isinstance(found.value, float) else 100 * (found.value / (stage_hz / 2) - 1)


def run(board: Board, every: Sequence[Voice], random: Random) -> None:
    """Rows of the part."""
    born = made_with_images(every)
    some = [voice for voice in of_each(every, 1) if voice.speaker not in born]
    for noise_db in NOISE_DB:
        for container_hz in CONTAINERS_HZ:
            for stage_hz in STAGES_HZ:
                fit = [voice for voice in some if voice.rate_hz >= stage_hz and reaches(voice, 0.94 * stage_hz / 2)]
                said = "no noise" if noise_db is None else f"noise at {noise_db:g} dB"
                kind = ", G.711" if stage_hz == 8000 and noise_db is None else ""
                board.errors(
                    "bandwidth_hz", "blind", f"{stage_hz} Hz stage{kind} in {container_hz} Hz, {said}",
                    [(v, edge_error(v, stage_hz, container_hz, noise_db, random)) for v in fit],
                    unit="%", limit=WITHIN, share=0.98,
                )  # fmt: skip
    full = [voice for voice in every if voice.speaker not in born and voice.rate_hz >= 22050 and reaches(voice, 10100)]
    for level_db in (0.0, -20.0):
        clips = [(v, as_clip(sixteen_bit(v.samples * 10 ** (level_db / 20)), v.rate_hz)) for v in full]
        board.found(
            "bandwidth_hz", "blind", f"full-band voices at {level_db:g} dB: an edge told below 10 kHz",
            [(v, single(bandwidth(clip)) < 10000) for v, clip in clips], at_most=0.0,
        )  # fmt: skip
