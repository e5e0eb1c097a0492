"""Sound with a known fault: what the parts of the accuracy table share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import soxr
from numpy.typing import NDArray

from diag.core.clip import Clip
from diag.core.measurement import Reading
from diag.dsp.band import IMAGING_LIMIT, imaging

from .voices import Voice

PLAYED_RATE_HZ = 48000
REACHING_DB = 62.0
"""A voice reaches up to a frequency where the loud moments just below it lie within this of the loudest band."""
Samples = NDArray[np.float64]
Random = np.random.Generator


def played(voice: Voice, speed: float = 1.0) -> Samples:
    """The recording as it comes out of a player that takes its rate for `speed` times what it is. 48 kHz, padded."""
    out = soxr.resample(voice.samples.astype(np.float64), voice.rate_hz * speed, PLAYED_RATE_HZ, quality="VHQ")
    return np.concatenate([np.zeros(PLAYED_RATE_HZ // 7), out, np.zeros(PLAYED_RATE_HZ // 5)])


def as_clip(samples: NDArray[np.floating], rate_hz: int = PLAYED_RATE_HZ) -> Clip:
    """Samples as a clip."""
    return Clip(samples=np.asarray(samples, dtype=np.float32), sample_rate_hz=rate_hz)


def single(reading: Reading) -> float:
    """The figure of a measure that has one; 0 where it has none."""
    return reading.value if isinstance(reading.value, float) else 0.0


def sixteen_bit(samples: NDArray[np.floating]) -> NDArray[np.float32]:
    """Rounded as a recorder would."""
    return np.asarray(np.round(np.clip(samples, -1, 1) * 32767) / 32768, dtype=np.float32)


def with_noise(samples: NDArray[np.floating], snr_db: float, random: Random) -> Samples:
    """White noise `snr_db` below the signal's power."""
    level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) * 10 ** (-snr_db / 20)
    return np.asarray(samples + random.standard_normal(samples.size) * level)


def filtered(samples: NDArray[np.floating], rate_hz: float, gain_of: Callable[[Samples], Samples]) -> Samples:
    """Linear phase, with the gain that a function of frequency in Hz gives. No delay."""
    size = 1 << (samples.size * 2 - 1).bit_length()
    hz = np.fft.rfftfreq(size, 1 / rate_hz).astype(np.float64)
    return np.asarray(np.fft.irfft(np.fft.rfft(samples, size) * gain_of(hz), size)[: samples.size])


def step_above(edge_hz: float, gain_db: float) -> Callable[[Samples], Samples]:
    """Gain of 0 dB up to 10 % below the edge, `gain_db` from the edge on."""
    return lambda hz: 10 ** (gain_db / 20 * np.clip((hz - 0.9 * edge_hz) / (0.1 * edge_hz), 0, 1))


def shelf_at(corner_hz: float, gain_db: float) -> Callable[[Samples], Samples]:
    """Magnitude of a second-order high shelf, half the decibels at the corner.

    The analogue prototype of R. Bristow-Johnson's audio EQ formulas with slope 1.
    """
    amplitude = 10 ** (gain_db / 40)
    slope = np.sqrt(2 * amplitude)

    def gain(hz: Samples) -> Samples:
        s = 1j * hz / corner_hz
        return np.asarray(np.abs(amplitude * (amplitude * s**2 + slope * s + 1) / (s**2 + slope * s + amplitude)))

    return gain


def low_pass(edge_hz: float, order: int = 6) -> Callable[[Samples], Samples]:
    """Magnitude of a Butterworth low-pass."""
    return lambda hz: np.asarray(1 / np.sqrt(1 + (hz / edge_hz) ** (2 * order)))


def loud_places(samples: NDArray[np.floating], rate_hz: float, count: int, random: Random) -> NDArray[np.int64]:
    """Samples in the midst of sound, at least 0.15 s from the start and 0.3 s from the end."""
    width = round(0.02 * rate_hz)
    level = np.convolve(np.abs(samples), np.ones(width) / width, mode="same")
    level[: round(0.15 * rate_hz)] = 0
    level[-round(0.3 * rate_hz) :] = 0
    return random.choice(np.flatnonzero(level > 0.12 * np.abs(samples).max()), count)


def of_each(every: Sequence[Voice], count: int) -> list[Voice]:
    """The first few recordings of each speaker, so that no speaker with many outweighs the rest."""
    seen: Counter[str] = Counter()
    kept = []
    for voice in every:
        seen[voice.speaker] += 1
        if seen[voice.speaker] <= count:
            kept.append(voice)
    return kept


def at_rate(samples: NDArray[np.floating], from_hz: float, to_hz: float) -> NDArray[np.float32]:
    """Resampled well."""
    return np.asarray(samples if from_hz == to_hz else soxr.resample(samples, from_hz, to_hz, quality="HQ"), np.float32)


def loud_moments_db(voice: Voice) -> NDArray[np.float64]:
    """99th percentile of the level of 100 Hz bands, in dB of the loudest: not by the code under test."""
    width = round(0.02 * voice.rate_hz)
    frames = np.lib.stride_tricks.sliding_window_view(voice.samples, width)[:: width // 2]
    power = np.abs(np.fft.rfft(frames * np.hanning(width), axis=1)) ** 2
    level = 10 * np.log10(np.percentile(power[:, : power.shape[1] // 2 * 2], 99, axis=0) + 1e-20)
    level = level.reshape(-1, 2).max(axis=1)
    return np.asarray(level - level.max())


def reaches(voice: Voice, hz: float) -> bool:
    """Whether the voice has content up to a frequency."""
    level = loud_moments_db(voice)
    last = round(hz / 100)
    return level.size >= last - 1 and bool(level[last - 6 : last - 2].min() > -REACHING_DB)


def made_with_images(every: Sequence[Voice]) -> set[str]:
    """Speakers all of whose three or more recordings are mirrored: they went through a naive resampler when made."""
    mirrored: dict[str, list[bool]] = {}
    for voice in every:
        found = imaging(voice.sound.spectrum)
        mirrored.setdefault(voice.speaker, []).append(found is not None and found.weighed > IMAGING_LIMIT)
    return {speaker for speaker, seen in mirrored.items() if len(seen) >= 3 and all(seen)}


def floored_at(samples: Samples, level_db: float | None, random: Random) -> Samples:
    """With white noise so far below the sound's RMS; as it is for None."""
    if level_db is None:
        return samples
    return np.asarray(samples + random.standard_normal(samples.size) * np.std(samples) * 10 ** (level_db / 20))
