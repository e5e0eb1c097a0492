"""Stalls, skips, repeats and lost ends in any number, against the clip's own reference; healthy copies beside them."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from diag.dsp.segment import SegmentComparison, compare_segment
from diag.dsp.segment_events import Event, EventKind
from diag.dsp.spectrum import Sound

from .board import Board
from .faults import Random, Samples, at_rate, floored_at, sixteen_bit
from .voices import HALVES, Voice

TRIALS = 60
"""Of each condition and half."""
LENGTHS_S = (0.003, 5.0)
MOST_EVENTS = 20
APART_S = 0.15
SOUND_BETWEEN_S = 0.1
LONGEST_S = 24.0
HEALTHY_S = 3600.0
"""Of each half."""
PLACES = {"digital silence": None, "noise floor -50 dB": -50.0}
KINDS = (EventKind.STALL, EventKind.SKIP, EventKind.REPEAT)


@dataclass(frozen=True)
class Planted:
    """One fault of a copy.

    Parameters
    ----------
    kind : EventKind
    place_s : float
        Where it begins in the copy.
    duration_s : float
    heard : bool
        False for what lies in silence: a repeat of silence is a stall, and a lost end of silence is nothing.
    """

    kind: EventKind
    place_s: float
    duration_s: float
    heard: bool


@dataclass(frozen=True)
class Trial:
    """A recording, its copy, and what was done to it."""

    voice: Voice
    reference: Sound
    samples: Samples
    planted: tuple[Planted, ...]


def run(board: Board, every: Sequence[Voice], random: Random) -> None:
    """Add the rows of this part."""
    for kind in KINDS:
        for name, level_db in PLACES.items():
            _add(board, f"1 {kind}, {name}", [
                _trial(every, half, random, [kind], level_db) for half in HALVES for _ in range(TRIALS)
            ])  # fmt: skip
    for name, level_db in PLACES.items():
        trials = []
        for half in HALVES:
            for _ in range(TRIALS):
                count = int(random.integers(2, MOST_EVENTS + 1))
                kinds = [KINDS[place] for place in random.integers(0, len(KINDS), count)]
                trials.append(_trial(every, half, random, kinds, level_db))
        _add(board, f"2 to {MOST_EVENTS} stalls, skips and repeats, {name}", trials)
    for kind in (EventKind.HEAD_LOST, EventKind.TAIL_LOST):
        _add(board, f"{kind}", [_end_lost(every, half, random, kind) for half in HALVES for _ in range(TRIALS)])
    _healthy(board, every, random)


def _recording(every: Sequence[Voice], half: str, random: Random, least_s: float) -> tuple[Voice, Sound]:
    """Recordings of one speaker one after the other, until they are long enough."""
    mine = [voice for voice in every if voice.half == half]
    voice = mine[int(random.integers(0, len(mine)))]
    same = [other for other in mine if other.speaker == voice.speaker and other.rate_hz == voice.rate_hz]
    parts, length = [voice.samples], voice.duration_s
    for place in random.permutation(len(same)):
        if length >= least_s:
            break
        if same[place] is not voice:
            parts += [np.zeros(int(random.uniform(0.05, 0.4) * voice.rate_hz), np.float32), same[place].samples]
            length += same[place].duration_s
    samples = np.concatenate(parts)[: round(LONGEST_S * voice.rate_hz)]
    return voice, Sound(np.asarray(samples, dtype=np.float32), float(voice.rate_hz))


def _trial(
    every: Sequence[Voice], half: str, random: Random, kinds: Sequence[EventKind], floor_db: float | None
) -> Trial:
    """A copy with some breaks, each of a length of its own, at least 150 ms of sound apart."""
    lengths_s = np.exp(random.uniform(np.log(LENGTHS_S[0]), np.log(LENGTHS_S[1]), len(kinds)))
    if len(kinds) > 1:
        lengths_s = np.minimum(lengths_s, 1.0)
    voice, reference = _recording(every, half, random, float(lengths_s.sum()) + 0.5 * len(kinds) + 2.0)
    rate = reference.rate_hz
    lengths = np.round(lengths_s * rate).astype(int)
    copy, planted = _broken(reference, _places(reference, kinds, lengths, random))
    return Trial(voice, reference, floored_at(copy, floor_db, random), planted)


def _places(
    reference: Sound, kinds: Sequence[EventKind], lengths: np.ndarray, random: Random
) -> list[tuple[int, EventKind, int]]:
    """Where breaks begin in the recording, with their kinds and lengths.

    Between two of them, before the first and behind the last stands some sound: two breaks in one pause are one.
    Those that do not fit are left out.
    """
    rate, size = reference.rate_hz, reference.samples.size
    active = reference.spectrum.active
    sounding = np.concatenate(([0.0], np.cumsum(active))) * 0.02
    apart = round(APART_S * rate)
    spans = [0 if kind is EventKind.STALL else int(length) for kind, length in zip(kinds, lengths, strict=True)]
    count = len(kinds)
    while count and sum(spans[:count]) + apart * (count + 1) > size:
        count -= 1
    spare = size - sum(spans[:count]) - apart * (count + 1)
    cuts = np.sort(random.uniform(0, max(1, spare), count)).astype(int)
    result, used, reached_s = [], apart, 0.0
    last_s = float(sounding[-1])
    for index in range(count):
        place, span = int(cuts[index]) + used, spans[index]
        used += span + apart
        begin_s, end_s = (float(np.interp(at / rate / 0.02, np.arange(sounding.size), sounding))
                          for at in (place, place + span))  # fmt: skip
        if begin_s - reached_s >= SOUND_BETWEEN_S and last_s - end_s >= SOUND_BETWEEN_S:
            result.append((place, kinds[index], int(lengths[index])))
            reached_s = end_s
    return result


def _broken(reference: Sound, breaks: Sequence[tuple[int, EventKind, int]]) -> tuple[Samples, tuple[Planted, ...]]:
    """The recording with breaks, and what they are in the copy."""
    x, rate = reference.samples.astype(np.float64), reference.rate_hz
    loud = float(np.percentile(np.abs(x), 95))
    parts, planted, reached, written = [], [], 0, 0
    for place, kind, count in breaks:
        # A repeat begins after the sound that it repeats.
        at = place + count if kind is EventKind.REPEAT else place
        part = x[reached:at]
        parts.append(part)
        written += part.size
        other = x[place : place + count]
        heard = bool(np.abs(other).max(initial=0.0) > 0.1 * loud) if kind is not EventKind.STALL else True
        planted.append(Planted(kind, written / rate, count / rate, heard))
        if kind is EventKind.STALL:
            parts.append(np.zeros(count))
            written += count
        elif kind is EventKind.REPEAT:
            parts.append(other)
            written += count
        reached = place + count if kind is EventKind.SKIP else at
    parts.append(x[reached:])
    return np.concatenate(parts), tuple(planted)


def _end_lost(every: Sequence[Voice], half: str, random: Random, kind: EventKind) -> Trial:
    length_s = float(np.exp(random.uniform(*np.log((0.03, LENGTHS_S[1])))))
    voice, reference = _recording(every, half, random, length_s + 2.0)
    rate, count = reference.rate_hz, round(length_s * reference.rate_hz)
    x = reference.samples
    lost = x[:count] if kind is EventKind.HEAD_LOST else x[-count:]
    loud = float(np.percentile(np.abs(x), 95))
    width = round(0.005 * rate)
    level = np.sqrt(np.square(lost[: lost.size // width * width]).reshape(-1, width).mean(axis=1))
    heard = bool((level > 0.1 * loud).sum() >= 6)
    kept = x[count:] if kind is EventKind.HEAD_LOST else x[:-count]
    place_s = 0.0 if kind is EventKind.HEAD_LOST else kept.size / rate
    return Trial(voice, reference, kept.astype(np.float64), (Planted(kind, place_s, count / rate, heard),))


def compared(trial: Trial) -> SegmentComparison:
    """The comparison of a trial, its copy rounded as a recorder would."""
    return compare_segment(trial.reference, Sound(sixteen_bit(trial.samples), trial.reference.rate_hz))


def outcome(trial: Trial, found: SegmentComparison) -> tuple[list[tuple[Planted, Event | None]], list[Event]]:
    """Each planted fault with the event that it is, or None, and the events that are none of them."""
    left = list(found.events)
    pairs: list[tuple[Planted, Event | None]] = []
    for fault in trial.planted:
        kinds = {fault.kind, EventKind.STALL} if fault.kind is EventKind.REPEAT and not fault.heard else {fault.kind}
        near = [
            event for event in left
            if event.kind in kinds
            and abs(event.duration_s - fault.duration_s) <= max(0.05 * fault.duration_s, 0.003)
            and event.estimated_s - 0.3 - event.uncertain_s
            <= fault.place_s
            <= event.estimated_s + 0.3 + event.uncertain_s
        ]  # fmt: skip
        best = min(near, key=lambda event: abs(event.duration_s - fault.duration_s), default=None)
        if best is not None:
            left.remove(best)
        pairs.append((fault, best))
    return pairs, left


def within(fault: Planted, event: Event | None) -> bool:
    """Whether a fault was found with its size: to 1 ms up to 200 ms, to 5 ms beyond."""
    limit_s = 0.001 if fault.duration_s <= 0.2 else 0.005
    return event is not None and abs(event.duration_s - fault.duration_s) <= limit_s


def _add(board: Board, condition: str, trials: Sequence[Trial]) -> None:
    """Rows of one condition: what was found, with which size, and how much besides."""
    found, sized, extra = [], [], []
    for trial in trials:
        pairs, left = outcome(trial, compared(trial))
        for fault, event in pairs:
            if fault.heard or event is not None:
                found.append((trial.voice, event is not None))
                sized.append((trial.voice, within(fault, event)))
        extra.append((trial.voice, float(len(left)), trial.reference.duration_s))
    board.found("segment events", "waveform", condition, found, at_least=0.99)
    board.found("segment events: size", "waveform", condition, sized, at_least=0.99)
    board.per_minute("segment events: false", "waveform", condition, extra, at_most=0.0)


def _healthy(board: Board, every: Sequence[Voice], random: Random) -> None:
    """Hours of copies after ordinary processing: nothing happened to them."""
    for name in PROCESSES:
        events = []
        for half in HALVES:
            left_s = HEALTHY_S / len(PROCESSES)
            while left_s > 0:
                voice, reference = _recording(every, half, random, float(random.uniform(4.0, 20.0)))
                left_s -= reference.duration_s
                copy = processed(name, reference, random)
                if copy is None:
                    break
                found = compare_segment(reference, copy)
                wrong = float(len(found.events)) if found.reason is None and found.found_share > 0.9 else 1.0
                events.append((voice, wrong, reference.duration_s))
        if events:
            board.per_minute("segment events: false", "waveform", f"healthy: {name}", events, at_most=0.0)


PROCESSES = (
    "soxr, any rate, 50 ppm", "ffmpeg -ar 48000", "opus 24k", "opus 32k", "opus 64k", "mp3 64k", "gain", "fades",
    "dither, padding", "polarity", "noise 10 dB", "low-pass 3.4 kHz", "mu-law 8 kHz", "overdrive",
)  # fmt: skip


def processed(name: str, reference: Sound, random: Random) -> Sound | None:  # noqa: PLR0911 (one line a process)
    """A healthy copy; None where the tool for it is missing."""
    x, rate = reference.samples.astype(np.float64), reference.rate_hz
    if name.startswith("soxr"):
        to_hz = float(random.choice([16000, 24000, 44100, 48000]))
        speed = 1 + float(random.choice([-50, 0, 50])) * 1e-6
        late = np.zeros(int(random.uniform(0, 0.5) * to_hz))
        out = np.concatenate([late, soxr.resample(x, rate * speed, to_hz), np.zeros(round(0.2 * to_hz))])
        return Sound(sixteen_bit(out), to_hz)
    if name == "gain":
        gain = 10 ** (random.uniform(-60, 20) / 20)
        peak = float(np.abs(x).max())
        return Sound(sixteen_bit(x * min(gain, 0.99 / max(peak, 1e-6))), rate)
    if name == "fades":
        size = round(float(random.uniform(0.005, 0.05)) * rate)
        rise = np.linspace(0.0, 1.0, size)
        y = x.copy()
        y[:size] *= rise
        y[-size:] *= rise[::-1]
        return Sound(sixteen_bit(y), rate)
    if name.startswith("dither"):
        y = np.concatenate([np.zeros(int(random.uniform(0, 1) * rate)), x, np.zeros(int(random.uniform(0, 1) * rate))])
        return Sound(sixteen_bit(y + (random.random(y.size) - random.random(y.size)) / 32768), rate)
    if name == "polarity":
        return Sound(sixteen_bit(-x), rate)
    if name.startswith("noise"):
        return Sound(sixteen_bit(x + random.standard_normal(x.size) * np.std(x) * 10 ** (-10 / 20)), rate)
    if name.startswith("low-pass"):
        return Sound(sixteen_bit(at_rate(at_rate(x, rate, 6800), 6800, rate)), rate)
    if name.startswith("mu-law"):
        narrow = at_rate(x, rate, 8000).astype(np.float64)
        coded = np.sign(narrow) * np.round(np.log1p(255 * np.abs(np.clip(narrow, -1, 1))) / np.log(256) * 127) / 127
        return Sound((np.sign(coded) * np.expm1(np.abs(coded) * np.log(256)) / 255).astype(np.float32), 8000.0)
    if name == "overdrive":
        return Sound(sixteen_bit(np.tanh(4 * x / max(float(np.abs(x).max()), 1e-6)) * 0.9), rate)
    return _by_ffmpeg(name, x, rate)


def _by_ffmpeg(name: str, samples: Samples, rate: float) -> Sound | None:
    if shutil.which("ffmpeg") is None:
        return None
    codec, suffix = {
        "ffmpeg -ar 48000": (["-ar", "48000"], "wav"),
        "opus 24k": (["-c:a", "libopus", "-b:a", "24k"], "ogg"),
        "opus 32k": (["-c:a", "libopus", "-b:a", "32k"], "ogg"),
        "opus 64k": (["-c:a", "libopus", "-b:a", "64k"], "ogg"),
        "mp3 64k": (["-c:a", "libmp3lame", "-b:a", "64k"], "mp3"),
    }[name]
    with tempfile.TemporaryDirectory() as folder:
        source, coded, out = (Path(folder) / part for part in ("in.wav", f"coded.{suffix}", "out.wav"))
        soundfile.write(source, sixteen_bit(samples), round(rate), subtype="PCM_16")
        for command in (["-i", str(source), *codec, str(coded)], ["-i", str(coded), str(out)]):
            done = subprocess.run(
                ["ffmpeg", "-loglevel", "error", "-y", *command], capture_output=True, check=False, timeout=60
            )
            if done.returncode:
                return None
        data, out_rate = soundfile.read(out, dtype="float32")
    return Sound(data if data.ndim == 1 else data[:, 0].copy(), float(out_rate))
