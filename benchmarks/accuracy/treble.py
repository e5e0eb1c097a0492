"""Lost treble of a copy against its input: shelves and low-passes of known size, and copies that lost nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import soxr

from diag.dsp.dullness import BANDS_HZ, NYQUIST_SHARE
from diag.dsp.spectrum import Sound
from diag.measure.metrics.dullness import dullness, dullness_bands

from .board import Board
from .faults import PLAYED_RATE_HZ, Random, Samples, as_clip, filtered, low_pass, played, shelf_at, sixteen_bit
from .voices import HALVES, Voice

VOICES = 16
"""Of each half."""
SHELVES_DB = (-3.0, -6.0, -12.0, -18.0)
CORNERS_HZ = (2500.0, 3500.0)
LOW_PASSES_HZ = (3400.0, 4000.0, 6000.0, 8000.0, 10000.0)
MOST_DB = 25.0
"""Losses beyond this are told as such: what is left of the band lies near the noise of a recording."""


def run(board: Board, every: Sequence[Voice], random: Random) -> None:
    """Add the rows of this part."""
    some = [voice for half in HALVES for voice in _picked(every, half, random)]
    for corner_hz in CORNERS_HZ:
        for gain_db in SHELVES_DB:
            _known_filter(
                board, some, f"shelf of {gain_db:g} dB at {corner_hz / 1000:g} kHz", shelf_at(corner_hz, gain_db)
            )
    for edge_hz in LOW_PASSES_HZ:
        _known_filter(board, some, f"low-pass of {edge_hz / 1000:g} kHz", low_pass(edge_hz))
    _healthy(board, some)


def _picked(every: Sequence[Voice], half: str, random: Random) -> list[Voice]:
    wide = [voice for voice in every if voice.half == half and voice.rate_hz >= 22050]
    return [wide[place] for place in sorted(random.permutation(len(wide))[:VOICES])]


def _known_filter(board: Board, some: Sequence[Voice], condition: str, gain_of: Callable[[Samples], Samples]) -> None:
    """Each band's loss against what the filter takes from that band of that voice, level-matched below 3 kHz."""
    trials, names = [], []
    for voice in some:
        stream = played(voice)
        hurt = sixteen_bit(filtered(stream, PLAYED_RATE_HZ, gain_of))
        bands = dullness_bands(voice.clip, as_clip(hurt)).value
        truths = _truth(voice, gain_of)
        found = bands if isinstance(bands, tuple) else (None,) * len(BANDS_HZ)
        for (low_hz, _), value, truth in zip(BANDS_HZ, found, truths, strict=True):
            if truth is None:
                continue
            error = None if value is None else float(value) - truth
            if truth > MOST_DB and value is not None and float(value) > MOST_DB - 1:
                error = 0.0
            trials.append((voice, error))
            names.append(f"{voice.name} from {low_hz:g} Hz")
    board.errors("dullness_bands_db", "waveform", condition, trials, unit="dB", limit=1.0, share=1.0, label=names)


def _truth(voice: Voice, gain_of: Callable[[Samples], Samples]) -> tuple[float | None, ...]:
    """What a filter takes from each band of a voice: from the power in the loud windows of the band, without noise.

    None where the voice holds nothing there: 70 dB below its speech band, or within 20 dB of its own pauses.
    """
    spectrum = voice.sound.spectrum
    gain = np.square(gain_of(spectrum.frequencies_hz))
    hz = spectrum.frequencies_hz

    def taken(low_hz: float, high_hz: float) -> tuple[float, float, float]:
        inside = (hz >= low_hz) & (hz < high_hz)
        power = spectrum.power[:, inside].sum(axis=1)
        loud = power > np.percentile(power, 98) * 10**-1.2
        per_bin = spectrum.power[loud][:, inside].mean(axis=0, dtype=np.float64)
        kept = 10 * np.log10(float(per_bin @ gain[inside]) / float(per_bin.sum()))
        return kept, float(per_bin.sum()), float(np.percentile(power, 5))

    level, speech, _ = taken(300.0, 3000.0)
    result: list[float | None] = []
    for low_hz, high_hz in BANDS_HZ:
        if high_hz > NYQUIST_SHARE * voice.rate_hz / 2:
            result.append(None)
            continue
        kept, power, pause = taken(low_hz, high_hz)
        holds = power > speech * 1e-6 and power > 100 * pause
        result.append(level - kept if holds else None)
    return tuple(result)


def _healthy(board: Board, some: Sequence[Voice]) -> None:
    """Copies that lost nothing."""
    resampled = [(voice, _there_and_back(voice)) for voice in some]
    quiet = [(voice, played(voice) * _gain_to_dbfs(voice.sound, -40.0)) for voice in some]
    for condition, copies, rate_hz in (
        ("healthy, 24 to 48 to 24 kHz", resampled, 24000),
        ("healthy, at -40 dBFS in 16 bits", quiet, PLAYED_RATE_HZ),
        ("healthy, 48 kHz", [(voice, played(voice)) for voice in some], PLAYED_RATE_HZ),
    ):
        errors = []
        for voice, copy in copies:
            value = dullness(voice.clip, as_clip(sixteen_bit(copy), rate_hz)).value
            errors.append((voice, value if isinstance(value, float) else None))
        board.errors("dullness_db", "waveform", condition, errors, unit="dB", limit=0.3)


def _there_and_back(voice: Voice) -> Samples:
    first = soxr.resample(voice.samples.astype(np.float64), voice.rate_hz, 24000, quality="HQ")
    return np.asarray(soxr.resample(soxr.resample(first, 24000, 48000, quality="HQ"), 48000, 24000, quality="HQ"))


def _gain_to_dbfs(sound: Sound, level_dbfs: float) -> float:
    """Gain that brings the loud parts of a voice to a level."""
    loud = sound.spectrum.frame_level_dbfs[sound.spectrum.active]
    return float(10 ** ((level_dbfs - 10 * np.log10(np.mean(10 ** (loud / 10)))) / 20))
