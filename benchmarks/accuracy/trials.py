"""Trials of the accuracy table: a recording with a known fault, or healthy, through `diag.analyze`.

Each trial has a seed of its own, so a part of the table gives the same trials as the whole.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import cache, partial
from typing import Any

import numpy as np
import soxr

from diag.api.analyze import analyze
from diag.core.clip import Clip
from diag.core.errors import BadInputError
from diag.core.results import Severity
from diag.dsp.profile import VoiceProfile
from diag.dsp.segment_events import EventKind
from diag.judge.recording_result import AnalysisResult
from diag.measure.metrics.continuity import events_in
from diag.measure.voice_making import voice_from_sounds

from . import breaks, planted
from .faults import Random, Samples, reaches, sixteen_bit, with_noise
from .planted import Made
from .processing import changing, coded, keeping, processed
from .voices import FAULTY, Voice, voices

PAIR_LEAST_S, ALONE_LEAST_S, FULL_LEVEL = 3.5, 3.5, 0.5
OPUS_RATES_HZ = (8000, 12000, 16000, 24000, 48000)
FEWEST_OF_A_VOICE = 5
"""Other recordings of a speaker that a profile of the voice needs."""
LEVEL_CODES = ("PLY013", "REC002")
"""What a process that only changes the level may raise."""


class Group(StrEnum):
    """What a trial tries."""

    PAIR = "with the reference"
    ALONE = "alone"
    VOICE = "against the voice"
    BREAKS = "breaks"
    UNRELATED = "unrelated"
    HEALTHY_PAIR = "healthy, with the reference"
    HEALTHY_ALONE = "healthy, alone"


@dataclass(frozen=True)
class Task:
    """One trial: the fault or the process, its strength, the background, and the number among those that are alike."""

    group: Group
    name: str
    strength: float = 0.0
    background: str = "clean"
    number: int = 0


@dataclass(frozen=True)
class Record:
    """What a trial showed.

    Parameters
    ----------
    voice : str
        Name of the recording.
    seconds : float
        Length of the reference.
    codes : tuple of str
        Root findings that are errors or warnings, in the order of the report.
    errors : tuple of str
        Those of them that are errors.
    good : bool
        Whether the recording was called good: a faithful copy, or without a fault by itself.
    size, measured : float or None
        How large the planted fault is, and what the measure says.
    events : tuple of str
        Kinds of the events in time that were reported and not planted.
    found : tuple of (kind, duration in s, found, exact)
        Planted breaks.
    """

    task: Task
    voice: str
    speaker: str
    seconds: float
    codes: tuple[str, ...]
    errors: tuple[str, ...]
    good: bool
    size: float | None = None
    measured: float | None = None
    events: tuple[str, ...] = ()
    found: tuple[tuple[str, float, bool, bool], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)


# --- which trials -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Size:
    """How many trials: of each strength and background, of each process, and with breaks."""

    each: int
    healthy: int
    breaks: int


SIZES = {"smoke": Size(1, 1, 6), "small": Size(1, 5, 48), "full": Size(12, 60, 800)}
FAULTS_OF = {Group.PAIR: planted.FAULTS, Group.ALONE: planted.ALONE, Group.VOICE: planted.VOICE_FAULTS}


def tasks(size: Size) -> Iterator[Task]:
    """Yield every trial of a size."""
    for group, faults in FAULTS_OF.items():
        backgrounds = planted.BACKGROUNDS if group is Group.PAIR else planted.BACKGROUNDS[:1]
        # Where there is one background only, each strength is tried as often as in all backgrounds together.
        each = size.each * len(planted.BACKGROUNDS) // len(backgrounds)
        for name, fault in faults.items():
            for strength in fault.strengths:
                for background in backgrounds:
                    if background in fault.not_over:
                        continue
                    yield from (Task(group, name, strength, background, number) for number in range(each))
    for background in planted.BACKGROUNDS:
        for kind in (*breaks.KINDS, *breaks.ENDS, "several"):
            for number in range(-(-size.breaks // (6 * len(planted.BACKGROUNDS)))):
                yield Task(Group.BREAKS, str(kind), 0.0, background, number)
    yield from (Task(Group.UNRELATED, "other words", number=number) for number in range(4 * size.healthy))
    for name in keeping():
        yield from (Task(Group.HEALTHY_PAIR, name, number=number) for number in range(size.healthy))
    for name in (*keeping(), *changing()):
        yield from (Task(Group.HEALTHY_ALONE, name, number=number) for number in range(size.healthy))


# --- one trial --------------------------------------------------------------------------------------------------------


def run(half: str, seed: int, task: Task) -> Record | None:
    """Return what a trial shows; None where no voice of this half is fit for it."""
    random = np.random.default_rng([seed, zlib.crc32(repr(replace(task, number=0)).encode()), task.number])
    every = recordings(half)
    return _TRIALS[task.group](task, every, random)


@cache
def recordings(half: str) -> tuple[Voice, ...]:
    """Return the recordings of a half: real ones, or synthesised ones where there is no other."""
    mine = tuple(voice for voice in voices() if voice.half == half)
    real = tuple(voice for voice in mine if voice.real)
    return real if len({voice.speaker for voice in real}) >= FEWEST_OF_A_VOICE else mine


def _chosen(
    every: Sequence[Voice], least_s: float, random: Random, fits: Callable[[Voice], bool] = lambda _: True
) -> Voice | None:
    """Return a recording of a random speaker: speakers with many recordings do not outweigh the others."""
    long = [voice for voice in every if voice.duration_s >= least_s]
    speakers = sorted({voice.speaker for voice in long})
    for place in random.permutation(len(speakers)):
        mine = [voice for voice in long if voice.speaker == speakers[int(place)]]
        for index in random.permutation(len(mine)):
            if fits(mine[int(index)]):
                return mine[int(index)]
    return None


def at_level(voice: Voice) -> Samples:
    """Return the samples at a peak of half of full scale."""
    x = voice.samples.astype(np.float64)
    return np.asarray(x * (FULL_LEVEL / np.abs(x).max()))


def _over(background: str, x: Samples, hz: int, random: Random) -> tuple[Samples, int]:
    if background.startswith("noise"):
        return with_noise(x, float(background.split()[2]), random), hz
    if background.startswith("Opus"):
        rate_hz = next(rate for rate in OPUS_RATES_HZ if rate >= min(hz, OPUS_RATES_HZ[-1]))
        wide = soxr.resample(x, hz, rate_hz, quality="VHQ") if hz != rate_hz else x
        out, got_hz = coded(wide.astype(np.float32), rate_hz, "opus", "-c:a", "libopus", "-b:a", "24k")
        return out.astype(np.float64), got_hz
    return x, hz


def _clip(x: Samples, hz: int) -> Clip:
    return Clip(samples=sixteen_bit(x), sample_rate_hz=hz)


def _record(
    task: Task,
    voice: Voice,
    seconds: float,
    result: AnalysisResult,
    **more: Any,  # noqa: ANN401 (fields of a record)
) -> Record:
    weighty = [item for item in result.findings if item.severity is not Severity.INFO and item.consequence_of is None]
    return Record(
        task=task,
        voice=voice.name,
        speaker=voice.speaker,
        seconds=seconds,
        codes=tuple(dict.fromkeys(item.code for item in weighty)),
        errors=tuple(dict.fromkeys(item.code for item in weighty if item.severity is Severity.ERROR)),
        good=not weighty and not result.not_shown and result.refused is None,
        **more,
    )


def _measured(result: AnalysisResult, metric: str) -> float | None:
    for item in result.measurements:
        if (
            item.metric == metric
            and isinstance(item.value, float)
            and (item.segment is not None or not result.reference)
        ):
            return item.value
    return None


def _planted_pair(task: Task, every: Sequence[Voice], random: Random) -> Record | None:
    """Return what is found of a fault on one recording, with the reference or alone."""
    fault = FAULTS_OF[task.group][task.name]
    reach_hz = fault.reach_hz(task.strength) if fault.reach_hz is not None else 0.0
    with_reference = task.group is Group.PAIR
    voice = _chosen(
        [voice for voice in every if voice.speaker not in FAULTY], PAIR_LEAST_S, random,
        lambda voice: voice.rate_hz <= fault.most_hz and 0.47 * voice.rate_hz > reach_hz and reaches(voice, reach_hz),
    )  # fmt: skip
    if voice is None:
        return None
    x = at_level(voice)
    made = fault.make(x, voice.rate_hz, task.strength, random)
    out, hz = _over(task.background, made.samples, made.rate_hz, random)
    reference = Clip(samples=x.astype(np.float32), sample_rate_hz=voice.rate_hz) if with_reference else None
    result = analyze(_clip(out, hz), reference=reference)
    size, measured = made.size, None
    if fault.size is not None:
        measured = _measured(result, fault.size.metric)
        if fault.size.metric == "added_noise_db" and task.background.startswith("noise"):
            # Both noises were added to the reference.
            size = _noise_db(out - x, x, hz)
        if fault.size.metric == "added_noise_db" and task.background.startswith("Opus") and size is not None:
            size += _kept_noise_db(out, hz, made, x)
    return _record(task, voice, voice.duration_s, result, size=size, measured=measured)


def _noise_db(noise: Samples, x: Samples, hz: int) -> float:
    """Return the level of noise relative to the speech."""
    return float(20.0 * np.log10(np.std(noise) / planted.active_rms(x, hz)))


def _kept_noise_db(coded_samples: Samples, coded_hz: int, made: Made, x: Samples) -> float:
    """Return how much louder the noise of a recording is after a codec: it lowers what is not speech by some decibels.

    Power over the fifth of the 20 ms frames in which the speech is quietest.
    """
    hz = made.rate_hz
    after = soxr.resample(coded_samples, coded_hz, hz, quality="VHQ")
    width = round(0.02 * hz)
    count = min(after.size, x.size) // width
    speech, before, left = (
        np.square(samples[: count * width]).reshape(count, width).mean(axis=1) for samples in (x, made.samples, after)
    )
    quiet = np.argsort(speech)[: max(1, count // 5)]
    return float(10.0 * np.log10(left[quiet].mean() / before[quiet].mean()))


def _planted_voice(task: Task, every: Sequence[Voice], random: Random) -> Record | None:
    """Return what is found of a fault against the profile of the voice, made of other recordings of it."""
    fault = planted.VOICE_FAULTS[task.name]
    reach_hz = fault.reach_hz(task.strength) if fault.reach_hz is not None else 0.0
    voice = _chosen(
        [voice for voice in every if voice.speaker not in FAULTY], PAIR_LEAST_S, random,
        lambda voice: reaches(voice, reach_hz) and len(_others(voice, every)) >= FEWEST_OF_A_VOICE
        and _profile(voice.name, voice.half) is not None,
    )  # fmt: skip
    if voice is None:
        return None
    made = fault.make(at_level(voice), voice.rate_hz, task.strength, random)
    result = analyze(_clip(made.samples, made.rate_hz), voice=_profile(voice.name, voice.half))
    measured = _measured(result, fault.size.metric) if fault.size is not None else None
    return _record(task, voice, voice.duration_s, result, size=made.size, measured=measured)


def _others(voice: Voice, every: Sequence[Voice]) -> list[Voice]:
    return [other for other in every if other.speaker == voice.speaker and other.name != voice.name]


@cache
def _profile(name: str, half: str) -> VoiceProfile | None:
    """Return the profile of a voice, made of the other recordings of the speaker of a recording."""
    every = recordings(half)
    voice = next(voice for voice in every if voice.name == name)
    try:
        return voice_from_sounds({other.name: other.sound for other in _others(voice, every)}, voice.speaker).profile
    except BadInputError:
        # Its recordings do not agree with each other.
        return None


def _breaks(task: Task, every: Sequence[Voice], random: Random) -> Record | None:
    voice = _chosen(every, 1.0, random)
    if voice is None:
        return None
    if task.name in breaks.ENDS:
        reference, copy, made = breaks.end_lost(voice, every, EventKind(task.name), random)
    elif task.name == "several":
        kinds = [breaks.KINDS[at] for at in random.integers(0, 3, int(random.integers(2, breaks.MOST_BREAKS + 1)))]
        reference, copy, made = breaks.broken(voice, every, kinds, random)
    else:
        reference, copy, made = breaks.broken(voice, every, [EventKind(task.name)], random)
    out, hz = _over(task.background, copy, int(reference.rate_hz), random)
    own = Clip(samples=reference.samples, sample_rate_hz=int(reference.rate_hz))
    result = analyze(_clip(out, hz), reference=own)
    pairs, left = breaks.matched(made, events_in(result.measurements))
    return _record(
        task, voice, reference.duration_s, result,
        events=tuple(event.kind for event in left),
        found=tuple((fault.kind.value, fault.duration_s, event is not None, breaks.exact(fault, event))
                    for fault, event in pairs if fault.heard or event is not None),
    )  # fmt: skip


def _unrelated(task: Task, every: Sequence[Voice], random: Random) -> Record | None:
    """Return what is said of a recording held against other words, of the same speaker where there are some."""
    voice = _chosen(every, PAIR_LEAST_S, random)
    if voice is None:
        return None
    others = [other for other in _others(voice, every) if other.duration_s >= PAIR_LEAST_S] if task.number % 2 else []
    others = others or [other for other in every if other.speaker != voice.speaker]
    other = others[int(random.integers(0, len(others)))]
    result = analyze(_clip(at_level(other), other.rate_hz), reference=voice.clip)
    return _record(task, voice, voice.duration_s, result)


def _healthy(task: Task, every: Sequence[Voice], random: Random) -> Record | None:
    """Return what is said of a recording that ordinary processing has left healthy."""
    least_s = 1.5 if task.group is Group.HEALTHY_PAIR else ALONE_LEAST_S
    voice = _chosen([voice for voice in every if voice.speaker not in FAULTY], least_s, random)
    if voice is None:
        return None
    process = (keeping() | changing())[task.name]
    out, hz = processed(process, voice.samples, voice.rate_hz, random)
    clip = Clip(samples=out, sample_rate_hz=hz)
    with_reference = task.group is Group.HEALTHY_PAIR
    result = analyze(clip, reference=voice.clip if with_reference else None)
    record = _record(
        task, voice, voice.duration_s, result, events=tuple(e.kind for e in events_in(result.measurements))
    )
    if not task.name.startswith("gain"):
        return record
    return replace(
        record,
        codes=tuple(code for code in record.codes if code not in LEVEL_CODES),
        errors=tuple(code for code in record.errors if code not in LEVEL_CODES),
    )


_TRIALS: dict[Group, Callable[[Task, Sequence[Voice], Random], Record | None]] = {
    Group.PAIR: _planted_pair,
    Group.ALONE: _planted_pair,
    Group.VOICE: _planted_voice,
    Group.BREAKS: _breaks,
    Group.UNRELATED: _unrelated,
    Group.HEALTHY_PAIR: _healthy,
    Group.HEALTHY_ALONE: _healthy,
}


def runner(half: str, seed: int) -> Callable[[Task], Record | None]:
    """Return the function that runs a trial, for a process pool."""
    return partial(run, half, seed)
