"""Faults of lone recordings: what was done to a voice, and the code that says so by the recording alone."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from builders import resampled
from segment_faults import loud_place, odd_byte, straight_lines, swapped_bytes, through_8k

RATE_HZ = 24000


@dataclass(frozen=True)
class RecordingFault:
    """A fault, its code, and the codes that may stand beside it.

    Parameters
    ----------
    apply : callable
        From a voice at 24 kHz to samples and their sample rate.
    needs_voice : bool
        Whether it is told against a profile of the voice.
    """

    name: str
    code: str
    apply: Callable[[np.ndarray], tuple[np.ndarray, int]]
    beside: frozenset[str] = frozenset()
    needs_voice: bool = False


def at_rate(function):
    return lambda samples: (function(samples, RATE_HZ).astype(np.float32), RATE_HZ)


def with_gaps(samples, rate_hz):
    """Cut three pieces of 60 ms out of loud sound."""
    out = samples.copy()
    for first in range(0, len(samples) - rate_hz, rate_hz):
        part = out[first : first + rate_hz]
        if np.abs(part).max() > 0.1:
            at = loud_place(part, rate_hz, 0.06)
            part[at : at + round(0.06 * rate_hz)] = 0
    return out


def leaping(samples, rate_hz):
    out = samples.copy()
    out[rate_hz // 3 :: rate_hz // 2] += np.float32(0.6)
    return np.clip(out, -1, 1)


def clipped(samples, rate_hz):
    top = np.float32(np.abs(samples).max() / 8)
    return np.clip(samples, -top, top) * np.float32(4)


def with_tone(level):
    def apply(samples, rate_hz):
        return samples + np.float32(level) * np.sin(2 * np.pi * 1234 * np.arange(len(samples)) / rate_hz)

    return apply


def muffled(samples, rate_hz):
    """Turn everything above 3 kHz down by 15 dB."""
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples), 1 / rate_hz) > 3000] *= 10 ** (-15 / 20)
    return np.fft.irfft(spectrum, len(samples))


RECORDING_FAULTS = (
    RecordingFault("silence", "REC001", at_rate(lambda samples, _: samples * 1e-4)),
    RecordingFault("hardly a sound", "REC002", at_rate(lambda samples, _: samples * 0.004)),
    RecordingFault("flat tops", "REC003", at_rate(clipped), frozenset({"REC005"})),
    RecordingFault("gaps", "REC004", at_rate(with_gaps), frozenset({"REC005"})),
    RecordingFault("leaps", "REC005", at_rate(leaping)),
    RecordingFault("a telephone", "REC006", at_rate(through_8k)),
    RecordingFault("straight lines between samples", "REC007", at_rate(straight_lines), frozenset({"REC006"})),
    RecordingFault("the wrong byte order", "REC008", at_rate(swapped_bytes)),
    RecordingFault("a lost byte", "REC008", at_rate(odd_byte)),
    RecordingFault("a stuck tone", "REC009", at_rate(with_tone(0.3))),
    # 24 kHz as 16 kHz is suspected in 74 % of voices only (docs/accuracy.md), so half the speed stands for it.
    RecordingFault("24 kHz as 12 kHz", "REC010", lambda samples: (samples, 12000)),
    RecordingFault("direct current", "REC011", at_rate(lambda samples, _: samples * 0.8 + 0.1)),
    RecordingFault("less treble than the voice has", "REC012", at_rate(muffled), needs_voice=True),
    RecordingFault("44.1 kHz as 48 kHz", "REC013",
                   lambda samples: (resampled(samples, 24000, 44100), 48000), needs_voice=True),
    RecordingFault("another voice", "REC014", lambda samples: (samples, RATE_HZ), needs_voice=True),
)  # fmt: skip
