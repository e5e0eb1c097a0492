"""Speed of a hop against its input: ratio of rates, time and pitch apart, drift of clocks, refusal of other speech."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import soundfile
import soxr

from benchmarks.time_stretch import stretched
from diag.core.results import Reading
from diag.dsp.spectrum import HOP_S
from diag.measure.metrics.speed import drift_ppm, rate_ratio, time_ratio

from .board import Board
from .faults import PLAYED_RATE_HZ, Random, Samples, as_clip, filtered, played, step_above, with_noise
from .voices import HALVES, Voice

RATIOS = (0.5, 2 / 3, 0.919, 1.0, 1.088, 1.5, 2.0)
TRIALS = 45
"""Of each condition and half."""
PAIRS = 1000
PAIR_S = 2.0
LONG_S = 10.0
STRETCHES = (0.7, 0.8, 0.9, 0.95, 1.05, 1.1, 1.2, 1.3)
_OPUS_LEVEL = 0.96
"""libsndfile's compression level at which its Opus encoder is asked for 16 kbit/s (256 at 0, 6 at 1)."""


def run(board: Board, every: Sequence[Voice], random: Random) -> None:
    """Add the rows of this part."""
    ratios(board, every, random)
    refusals(board, every, random)
    stretches(board, every, random)
    drifts(board, every, random)


def value(reading: Reading) -> float | None:
    """The number of a reading."""
    return reading.value if isinstance(reading.value, float) else None


def clean(samples: Samples, _random: Random) -> Samples:
    """Nothing happens."""
    return samples


def noisy(samples: Samples, random: Random) -> Samples:
    """White noise at 30 dB."""
    return with_noise(samples, 30, random)


def telephone_in_a_room(samples: Samples, random: Random) -> Samples:
    """3.4 kHz low-pass, two echoes at -8 and -12 dB, white noise at 25 dB."""
    dull = filtered(samples, PLAYED_RATE_HZ, step_above(3400, -80))
    for delay_s, gain_db in ((0.023, -8), (0.061, -12)):
        delay = round(delay_s * PLAYED_RATE_HZ)
        dull = dull + 10 ** (gain_db / 20) * np.concatenate([np.zeros(delay), dull[:-delay]])
    return with_noise(dull, 25, random)


def opus(samples: Samples, _random: Random) -> Samples:
    """Through an Opus encoder at 16 kbit/s."""
    stream = io.BytesIO()
    soundfile.write(
        stream, samples.astype(np.float32), PLAYED_RATE_HZ, format="OGG", subtype="OPUS", compression_level=_OPUS_LEVEL
    )
    stream.seek(0)
    return np.asarray(soundfile.read(stream, dtype="float64")[0])


CONDITIONS: dict[str, Callable[[Samples, Random], Samples]] = {
    "clean": clean,
    "30 dB noise": noisy,
    "25 dB, 3.4 kHz, two echoes": telephone_in_a_room,
    "Opus 16 kbit/s": opus,
}


def one_second(voice: Voice, random: Random) -> Voice | None:
    """The voice cut to just 1 s of speech; None where it has less."""
    active = voice.sound.spectrum.active
    sums = np.concatenate(([0], np.cumsum(active)))
    starts = [n for n in range(active.size) if sums[-1] - sums[n] >= 50]
    if not starts:
        return None
    first = int(random.choice(starts))
    last = int(np.searchsorted(sums, sums[first] + 50))
    step = voice.rate_hz // 50
    return replace(voice, samples=voice.samples[first * step : last * step])


def ratios(board: Board, every: Sequence[Voice], random: Random) -> None:
    """Ratio of sample rates: whole recordings and single seconds of speech, each voice at some of the ratios."""
    long_enough = [voice for voice in every if voice.sound.spectrum.active.sum() * HOP_S >= 1.0]
    for condition, disturb in CONDITIONS.items():
        for length in ("whole", "1 s of speech"):
            trials, names, medians = [], [], []
            for voice, ratio in _dealt(long_enough, RATIOS, TRIALS, random):
                known = voice if length == "whole" else one_second(voice, random)
                if known is None:
                    continue
                found = value(rate_ratio(known.clip, as_clip(disturb(played(known, ratio), random))))
                error = None if found is None else 100 * (found / ratio - 1)
                trials.append((voice, error))
                names.append(f"{voice.name} x {ratio:.3g}")
                medians.append(error)
            board.errors("rate_ratio", "waveform", f"{condition}, {length}", trials, unit="%", limit=0.5, label=names)
            board.errors(
                "rate_ratio", "waveform", f"{condition}, {length}, median", trials, unit="%", limit=0.1, share=0.5
            )


def _dealt(
    every: Sequence[Voice], conditions: Sequence[float], trials: int, random: Random
) -> list[tuple[Voice, float]]:
    """Pairs of voice and condition, so many of each half, all voices and conditions alike."""
    result: list[tuple[Voice, float]] = []
    for half in HALVES:
        mine = [voice for voice in every if voice.half == half]
        order = [(voice, condition) for voice in mine for condition in conditions]
        count = min(trials, len(order))
        picked = random.permutation(len(order))[:count]
        result += [order[place] for place in picked]
    return result


def refusals(board: Board, every: Sequence[Voice], random: Random) -> None:
    """Other speech, of other and of the same voices, is no copy: at any speed of playing."""
    trials: list[tuple[Voice, bool]] = []
    for half in HALVES:
        mine = [voice for voice in every if voice.half == half]
        same = [(a, b) for a in mine for b in mine if a is not b and a.speaker == b.speaker and _other_text(a, b)]
        other = [(a, b) for a in mine for b in mine if a.speaker != b.speaker and _other_text(a, b)]
        count = PAIRS // 2
        for pairs, wanted in ((same, count // 3), (other, count - min(len(same), count // 3))):
            for place in random.permutation(len(pairs))[:wanted]:
                known, heard = pairs[place]
                heard = _piece(heard, random)
                reading = rate_ratio(_piece(known, random).clip, as_clip(played(heard, float(random.choice(RATIOS)))))
                trials.append((known, reading.value is not None))
    board.found("rate_ratio", "waveform", "other speech accepted, half of 1,000 pairs", trials, at_most=0.0)


def _piece(voice: Voice, random: Random) -> Voice:
    """Some 2 s of a voice."""
    count = round(PAIR_S * voice.rate_hz)
    first = int(random.integers(0, max(1, voice.samples.size - count)))
    return replace(voice, samples=voice.samples[first : first + count])


def _other_text(a: Voice, b: Voice) -> bool:
    """Whether they say something else: names of voices made on the spot end with the number of the sentence."""
    return a.speaker == b.speaker or a.name.rsplit("-", 1)[-1] != b.name.rsplit("-", 1)[-1]


def stretches(board: Board, every: Sequence[Voice], random: Random) -> None:
    """Time without pitch, pitch without time, and both: which of the two is off by more than 2.5 %."""
    long_enough = [voice for voice in every if voice.sound.spectrum.active.sum() * HOP_S >= 2.5]
    kinds = {
        "time stretched by 5 to 30 %": (True, False),
        "pitch shifted by 5 to 30 %": (False, True),
        "both (rate wrong) by 5 to 30 %": (True, True),
    }
    for condition, (time_off, pitch_off) in kinds.items():
        trials = []
        for voice, factor in _dealt(long_enough, STRETCHES, TRIALS, random):
            # Longer by the factor, then played at 1/factor gives pitch alone.
            longer = (
                voice.samples.astype(np.float64)
                if time_off and pitch_off
                else stretched(voice.samples, voice.rate_hz, factor)
            )
            rate_hz = voice.rate_hz * factor if pitch_off else voice.rate_hz
            out = soxr.resample(longer, rate_hz, PLAYED_RATE_HZ, quality="VHQ")
            heard = as_clip(np.concatenate([np.zeros(PLAYED_RATE_HZ // 7), out, np.zeros(PLAYED_RATE_HZ // 5)]))
            pitch, time = value(rate_ratio(voice.clip, heard)), value(time_ratio(voice.clip, heard))
            right = False
            if pitch is not None and time is not None:
                right = (abs(pitch - 1) > 0.025, abs(time - 1) > 0.025) == (pitch_off, time_off)
            trials.append((voice, right))
        board.found("time_ratio", "waveform", condition, trials, at_least=0.98)


def drifts(board: Board, every: Sequence[Voice], random: Random) -> None:
    """Difference of clocks over 10 s of a speaker."""
    trials, names = [], []
    for voice, ppm in _dealt(_of_ten_seconds(every), (-1000, -200, -20, 20, 50, 200, 1000), TRIALS, random):
        found = value(drift_ppm(voice.clip, as_clip(played(voice, 1 + ppm * 1e-6))))
        trials.append((voice, None if found is None else found - ppm))
        names.append(f"{voice.name} {ppm:+g} ppm")
    board.errors("drift_ppm", "waveform", "10 s, 20 to 1,000 ppm", trials, unit="ppm", limit=2, label=names)


def _of_ten_seconds(every: Sequence[Voice]) -> list[Voice]:
    """Recordings of one speaker one after the other, until they last 10 s."""
    result: list[Voice] = []
    kept: list[Voice] = []
    for voice in every:
        if kept and (kept[0].speaker, kept[0].rate_hz) != (voice.speaker, voice.rate_hz):
            kept = []
        kept.append(voice)
        if sum(part.duration_s for part in kept) >= LONG_S:
            samples = np.concatenate([part.samples for part in kept])[: round(LONG_S * voice.rate_hz)]
            result.append(Voice(kept[0].name, voice.speaker, voice.half, voice.real, samples, voice.rate_hz))
            kept = []
    return result
