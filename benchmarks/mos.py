"""What opinion scores see of each fault and what not, beside our measures; `benchmarks/mos_page.py` makes a page of it.

Needs the extra `mos` (`make peers`).
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.faults import (
    PLAYED_RATE_HZ,
    Random,
    as_clip,
    at_rate,
    filtered,
    loud_places,
    low_pass,
    shelf_at,
    with_noise,
)
from benchmarks.accuracy.voices import HELD_OUT, Voice
from diag.api.opinion_scores import dnsmos, pesq_wb, visqol
from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.missing import MissingCode
from diag.core.results import Measurements, Severity, Tier
from diag.dsp.band import IMAGING_LIMIT
from diag.judge.engine import judge_recording
from diag.judge.limits import EDGE_WARNING_HZ, RATE_WARNING, TREBLE_WARNING_DB
from diag.judge.recording import Recording
from diag.measure.engine import RECEIVED_TO_HEARD, measure_clip, measure_pair
from diag.measure.metrics.band import bandwidth

PACKAGES = ("speechmos", "onnxruntime", "librosa", "pesq", "visqol")
RECEIVED_RATE_HZ = 24000
SHORTEST_S, LONGEST_S = 2.0, 3.0
SPEAKERS, SPEAKERS_OF_VISQOL, OF_ONE_SOURCE = 8, 4, 2
WIDE_HZ = 10000.0
NONE = "none"
OPINIONS = ("dnsmos_sig", "dnsmos_ovrl", "dnsmos_p808", "pesq_wb", "visqol")
BREAK_S, CLICKS_HZ, CLIPPED_HZ, FLAT = 0.01, 0.2, 0.1, 0.1
"""As the rules on recordings warn; the other limits are imported."""
ALONE, AGAINST = "`diag analyze`", "`diag analyze --reference`"
Samples = NDArray[np.float64]
Fault = Callable[[Samples, Random], Samples]


@dataclass(frozen=True)
class Row:
    """What a score or a measure shows of a fault: in how many clips, and the figure in words."""

    measure: str
    fault: str
    trials: int
    found: str


def _speed(ratio: float) -> Fault:
    return lambda samples, _: at_rate(samples, PLAYED_RATE_HZ * ratio, PLAYED_RATE_HZ).astype(np.float64)


def _filter(gain_of: Callable[[Samples], Samples]) -> Fault:
    return lambda samples, _: filtered(samples, PLAYED_RATE_HZ, gain_of)


def _place(samples: Samples, random: Random) -> int:
    return int(loud_places(samples, PLAYED_RATE_HZ, 1, random)[0])


def _frames(seconds: float) -> int:
    return round(seconds * PLAYED_RATE_HZ)


def stage_of_16_khz(samples: Samples, _random: Random) -> Samples:
    """Down to 16 kHz and back, by a good resampler."""
    return at_rate(at_rate(samples, PLAYED_RATE_HZ, 16000), 16000, PLAYED_RATE_HZ).astype(np.float64)


def held_samples(samples: Samples, _random: Random) -> Samples:
    """Down to 16 kHz, and every sample three times over."""
    return np.repeat(at_rate(samples, PLAYED_RATE_HZ, 16000), 3).astype(np.float64)


def stall(samples: Samples, random: Random) -> Samples:
    """100 ms of silence put in."""
    place = _place(samples, random)
    return np.concatenate([samples[:place], np.zeros(_frames(0.1)), samples[place:]])


def gap(samples: Samples, random: Random) -> Samples:
    """20 ms replaced by silence."""
    place = _place(samples, random)
    out = samples.copy()
    out[place : place + _frames(0.02)] = 0.0
    return out


def skip(samples: Samples, random: Random) -> Samples:
    """60 ms left out."""
    place = _place(samples, random)
    return np.concatenate([samples[:place], samples[place + _frames(0.06) :]])


def repeat(samples: Samples, random: Random) -> Samples:
    """60 ms said twice."""
    place = _place(samples, random)
    return np.concatenate([samples[: place + _frames(0.06)], samples[place:]])


def clicked(samples: Samples, random: Random) -> Samples:
    """Five impulses of 40 % of the peak."""
    out = samples.copy()
    out[loud_places(samples, PLAYED_RATE_HZ, 5, random)] += 0.4 * np.abs(samples).max()
    return out


def clipped(samples: Samples, _random: Random) -> Samples:
    """12 dB over full scale."""
    limit = np.abs(samples).max() / 4
    return np.clip(samples, -limit, limit)


def swapped(samples: Samples, _random: Random) -> Samples:
    """High and low byte exchanged, before the device's resampler."""
    received = at_rate(samples, PLAYED_RATE_HZ, RECEIVED_RATE_HZ)
    words = np.round(np.clip(received, -1, 1) * 32767).astype("<i2").byteswap()
    return 0.5 * at_rate(words / 32768.0, RECEIVED_RATE_HZ, PLAYED_RATE_HZ).astype(np.float64)


def echoed(samples: Samples, _random: Random) -> Samples:
    """Once more, 150 ms later and 12 dB down."""
    delay = _frames(0.15)
    return samples + 10 ** (-12 / 20) * np.concatenate([np.zeros(delay), samples[:-delay]])


def noisy(samples: Samples, random: Random) -> Samples:
    """White noise 20 dB below the speech."""
    return with_noise(samples, 20.0, random)


FAULTS: dict[str, Fault] = {
    NONE: lambda samples, _: samples,
    "played at 2/3": _speed(2 / 3),
    "played at 1.5": _speed(1.5),
    "played at 0.5": _speed(0.5),
    "played at 0.919 (44.1 for 48 kHz)": _speed(0.91875),
    "low-pass 3.4 kHz": _filter(low_pass(3400)),
    "low-pass 4 kHz": _filter(low_pass(4000)),
    "low-pass 6 kHz": _filter(low_pass(6000)),
    "low-pass 8 kHz": _filter(low_pass(8000)),
    "shelf -6 dB from 3 kHz": _filter(shelf_at(3000, -6)),
    "shelf -12 dB from 3 kHz": _filter(shelf_at(3000, -12)),
    "16 kHz stage": stage_of_16_khz,
    "16 kHz stage, samples held": held_samples,
    "stall of 100 ms": stall,
    "gap of 20 ms": gap,
    "skip of 60 ms": skip,
    "repeat of 60 ms": repeat,
    "five clicks, 40 % of peak": clicked,
    "clipped, +12 dB": clipped,
    "bytes swapped": swapped,
    "echo, 150 ms, -12 dB": echoed,
    "noise, 20 dB": noisy,
}


@dataclass(frozen=True)
class Limit:
    """When one of our measures has found something: outside of what `diag` warns at."""

    metrics: tuple[str, ...]
    tier: Tier
    outside: Callable[[float], bool]

    def finds(self, found: Measurements) -> bool | None:
        """Whether it does; None where it was not measured."""
        values = [
            item.value
            for name in self.metrics
            for item in found.find(name)
            if item.tier is self.tier and item.tap is not Tap.RECEIVED and isinstance(item.value, float)
        ]
        return any(map(self.outside, values)) if values else None


OURS = {
    "rate_ratio": Limit(("rate_ratio",), Tier.WAVEFORM, lambda value: abs(value - 1) > RATE_WARNING),
    "dullness_db": Limit(("dullness_db",), Tier.WAVEFORM, lambda value: value >= TREBLE_WARNING_DB),
    "inserted, skipped, repeated": Limit(
        ("inserted_silence_s", "skipped_s", "repeated_s"), Tier.WAVEFORM, lambda value: value >= BREAK_S
    ),
    "click_rate_hz": Limit(("click_rate_hz",), Tier.WAVEFORM, lambda value: value > CLICKS_HZ),
    "bandwidth_hz": Limit(("bandwidth_hz",), Tier.BLIND, lambda value: value < EDGE_WARNING_HZ),
    "imaging": Limit(("imaging",), Tier.BLIND, lambda value: value > IMAGING_LIMIT),
    "clipping_rate_hz": Limit(("clipping_rate_hz",), Tier.BLIND, lambda value: value > CLIPPED_HZ),
    "flatness": Limit(("flatness",), Tier.BLIND, lambda value: value > FLAT),
}


def played(samples: Samples, random: Random) -> Clip:
    """As it is recorded at the ear: some silence around it, another level, a floor of noise at -60 dB."""
    padded = np.concatenate([np.zeros(_frames(0.15)), samples, np.zeros(_frames(0.2))])
    heard = with_noise(padded, 60.0, random) * 10 ** (random.uniform(-9, 0) / 20)
    return as_clip(np.clip(heard, -1, 1))


def chosen(every: Sequence[Voice]) -> list[Voice]:
    """One recording a speaker of the held-out half, with content up to 10 kHz: real voices first, of many sources."""
    first: dict[str, Voice] = {}
    source_of = {voice.speaker: re.split(r"[_:]", voice.speaker)[0] for voice in every}
    for voice in sorted(every, key=lambda voice: (not voice.real, -min(voice.duration_s, LONGEST_S), voice.name)):
        alike = sum(source_of[speaker] == source_of[voice.speaker] for speaker in first)
        if len(first) < SPEAKERS and alike < OF_ONE_SOURCE and voice.half == HELD_OUT and voice.speaker not in first:
            edge_hz = bandwidth(voice.clip).value
            if isinstance(edge_hz, float) and edge_hz >= WIDE_HZ and voice.duration_s >= SHORTEST_S:
                first[voice.speaker] = voice
    return list(first.values())


def pair(voice: Voice, fault: Fault, random: Random) -> tuple[Clip, Clip]:
    """What was received, and what is heard of it."""
    received = at_rate(voice.samples[: round(LONGEST_S * voice.rate_hz)], voice.rate_hz, RECEIVED_RATE_HZ)
    received = 0.8 * received / max(float(np.abs(received).max()), 1e-9)
    whole = at_rate(received, RECEIVED_RATE_HZ, PLAYED_RATE_HZ).astype(np.float64)
    return as_clip(received, RECEIVED_RATE_HZ), played(fault(whole, random), random)


def scores_of(reference: Clip, heard: Clip, *, with_visqol: bool) -> dict[str, float]:
    """What each model gives."""
    readings = {**dnsmos(heard), "pesq_wb": pesq_wb(reference, heard)}
    if with_visqol:
        readings["visqol"] = visqol(reference, heard)
    given = {name: reading.value for name, reading in readings.items() if name in OPINIONS}
    return {name: value for name, value in given.items() if isinstance(value, float)}


def found_by(reference: Clip, heard: Clip) -> dict[str, bool]:
    """What each of our measures finds, and whether `diag analyze` warns without and with the reference."""
    found = measure_pair(reference, heard)
    crashed = [
        f"{item.metric}: {item.reason}" for item in found if item.missing and item.missing.code is MissingCode.CRASHED
    ]
    if crashed:
        raise RuntimeError("; ".join(crashed))
    by_itself = Recording(name="heard", sample_rate_hz=PLAYED_RATE_HZ)
    compared = replace(
        by_itself,
        tap=RECEIVED_TO_HEARD.last,
        segment=RECEIVED_TO_HEARD,
        reference="received",
        reference_rate_hz=RECEIVED_RATE_HZ,
    )
    judged = {
        ALONE: judge_recording(measure_clip(heard), by_itself),
        AGAINST: judge_recording(found, compared),
    }
    return {name: bool(limit.finds(found)) for name, limit in OURS.items()} | {
        how: any(item.severity is not Severity.INFO for item in judgement.findings) for how, judgement in judged.items()
    }


def area(healthy: Sequence[float], faulty: Sequence[float]) -> float:
    """Share of pairs in which the faulty one scores lower, ties half."""
    pairs = [(b < a) + 0.5 * (b == a) for a, b in itertools.product(healthy, faulty)]
    return float(np.mean(pairs))


def rows_of(every: Sequence[Voice], random: Random) -> list[Row]:
    """Return what each score and each measure shows of each fault."""
    scores: dict[tuple[str, str], list[float]] = defaultdict(list)
    finds: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for place, voice in enumerate(chosen(every)):
        # The healthy way twice: what differs between its levels and noises is no fault.
        for name, fault in (*FAULTS.items(), (NONE, FAULTS[NONE])):
            reference, heard = pair(voice, fault, random)
            for measure, score in scores_of(reference, heard, with_visqol=place < SPEAKERS_OF_VISQOL).items():
                scores[measure, name].append(score)
            for measure, hit in found_by(reference, heard).items():
                finds[measure, name].append(hit)
    found_rows = []
    for name in FAULTS:
        for measure in OPINIONS:
            healthy, faulty = scores[measure, NONE], scores[measure, name]
            found = "no score"
            if faulty:
                found = f"AUC {area(healthy, faulty):.2f}; mean {np.mean(faulty):.2f}, healthy {np.mean(healthy):.2f}"
            found_rows.append(Row(measure, name, len(faulty), found))
        for measure in (*OURS, ALONE, AGAINST):
            hits = finds[measure, name]
            found = f"found in {100 * np.mean(hits):.0f} %"
            found_rows.append(Row(measure, name, len(hits), found))
    return found_rows
