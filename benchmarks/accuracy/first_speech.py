"""`first_speech_s`: where speech begins behind silence, a click or a breath.

The truth can be checked by eye: each recording is cut where its first 5 ms within 35 dB of its active level begin, and
put behind a lead of known length. Left out are recordings where nobody could say where speech begins: with a background
less than 45 dB below the voice, or with a breath or a noise of their own at the start, so that nothing below 600 Hz
stands out within 0.2 s.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from diag.dsp.speech import first_speech_frame

from .board import Board
from .faults import Random, filtered, low_pass, of_each, sixteen_bit, with_noise
from .voices import HALVES, Voice

LEADS = ("silence", "click", "breath", "click and breath")
SNR_DB = (60.0, 40.0, 30.0)
STEP_S = 0.005
ONSET_DB, BACKGROUND_DB = -35.0, -45.0
VOICE_DB, VOICE_WITHIN_S = 20.0, 0.2
MEDIAN_MS, P95_MS = 20.0, 150.0


def trimmed(voice: Voice) -> NDArray[np.float32] | None:
    """The recording from the first 5 ms on that stand out; None where nobody could say where it begins."""
    width = round(STEP_S * voice.rate_hz)
    level = levels(voice.samples, width)
    active = float(np.mean(level[level > np.percentile(level, 95) - 25]))
    if float(np.percentile(level, 3)) > active + BACKGROUND_DB:
        return None
    first = int(np.flatnonzero(level >= active + ONSET_DB)[0])
    low = levels(filtered(voice.samples, voice.rate_hz, low_pass(600.0)), width)
    begins = low[first : first + round(VOICE_WITHIN_S / STEP_S)].max() > np.percentile(low, 95) - VOICE_DB
    return voice.samples[first * width :] if begins else None


def levels(samples: NDArray[np.floating], width: int) -> NDArray[np.float64]:
    """Level of each 5 ms in dB."""
    parts = samples[: samples.size // width * width].reshape(-1, width)
    return np.asarray(10 * np.log10(np.mean(np.square(parts, dtype=np.float64), axis=1) + 1e-12))


def lead(kind: str, rate_hz: int, active: float, random: Random) -> NDArray[np.float64]:
    """What comes before speech; its end is the truth."""
    size = round(random.uniform(0.5, 0.9) * rate_hz)
    out = np.zeros(size)
    pause = round(random.uniform(0.08, 0.2) * rate_hz)
    if "breath" in kind:
        length = round(0.3 * rate_hz)
        noise = filtered(random.standard_normal(length), rate_hz, breath_gain) * np.hanning(length)
        out[size - pause - length : size - pause] = noise * active * 10 ** (-22 / 20) / np.std(noise)
    if "click" in kind:
        place = round(random.uniform(0.02, 0.15) * rate_hz)
        out[place : place + 4] += active * np.array([0.5, -0.8, 0.4, -0.1])
    return out


def breath_gain(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Broad around 1.5 kHz, as drawn breath is."""
    return np.exp(-0.5 * (np.log2(np.maximum(hz, 1.0) / 1500.0) / 1.2) ** 2)


def run(board: Board, every: Sequence[Voice], random: Random) -> None:
    """Rows of the part."""
    cut = [(voice, samples) for voice in of_each(every, 2) if (samples := trimmed(voice)) is not None]
    for snr_db in SNR_DB:
        all_errors: list[tuple[Voice, float | None]] = []
        for kind in LEADS:
            errors: list[tuple[Voice, float | None]] = []
            for voice, samples in cut[LEADS.index(kind) % 2 :: 2]:
                active = float(np.sqrt(np.mean(np.square(samples[np.abs(samples) > 0.05 * np.abs(samples).max()]))))
                before = lead(kind, voice.rate_hz, active, random)
                loud: NDArray[np.float64] = np.concatenate((before, samples))
                whole = sixteen_bit(with_noise(0.9 * loud, snr_db, random))
                found = first_speech_frame(whole, voice.rate_hz)
                errors.append((voice, None if found is None else 1000 * (found - before.size) / voice.rate_hz))
            near = [(voice, error is not None and abs(error) <= MEDIAN_MS) for voice, error in errors]
            board.found("first_speech_s", "blind", f"behind {kind}, {snr_db:g} dB, within {MEDIAN_MS:g} ms", near)
            all_errors += errors
        for half in HALVES:
            seen = [abs(error) for voice, error in all_errors if voice.half == half and error is not None]
            middle, late = float(np.median(seen)), float(np.percentile(seen, 95))
            board.figure(
                "first_speech_s", "blind", f"all leads, {snr_db:g} dB: median and 95th percentile", half=half,
                trials=len(seen), found=f"{middle:.1f} and {late:.0f} ms",
                goal=f"at most {MEDIAN_MS:g} and {P95_MS:g} ms", reached=middle <= MEDIAN_MS and late <= P95_MS,
            )  # fmt: skip
