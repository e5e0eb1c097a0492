"""Stalls, skips, repeats and lost ends of 3 ms to 5 s, 1 to 20 in one recording, and how events match them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diag.core.results import SoundEvent
from diag.dsp.segment_events import EventKind
from diag.dsp.spectrum import Sound

from .faults import Random, Samples
from .voices import Voice

LENGTHS_S = (0.003, 5.0)
MOST_BREAKS = 20
LONGEST_S = 24.0
KINDS = (EventKind.STALL, EventKind.SKIP, EventKind.REPEAT)
ENDS = (EventKind.HEAD_LOST, EventKind.TAIL_LOST)
_APART_S = 0.15
_SOUND_BETWEEN_S = 0.1


@dataclass(frozen=True)
class Break:
    """One break of a copy.

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


def long_recording(voice: Voice, every: Sequence[Voice], least_s: float, random: Random) -> Sound:
    """Return recordings of one speaker one after the other, until they are long enough."""
    same = [other for other in every if other.speaker == voice.speaker and other.rate_hz == voice.rate_hz]
    parts, length_s = [voice.samples], voice.duration_s
    for place in random.permutation(len(same)):
        if length_s >= least_s:
            break
        if same[place] is not voice:
            parts += [np.zeros(int(random.uniform(0.05, 0.4) * voice.rate_hz), np.float32), same[place].samples]
            length_s += same[place].duration_s
    samples = np.concatenate(parts)[: round(LONGEST_S * voice.rate_hz)]
    return Sound(np.asarray(samples, dtype=np.float32), float(voice.rate_hz))


def broken(
    voice: Voice, every: Sequence[Voice], kinds: Sequence[EventKind], random: Random
) -> tuple[Sound, Samples, tuple[Break, ...]]:
    """Return a recording, its copy with breaks of random lengths at least 150 ms of sound apart, and the breaks."""
    lengths_s = np.exp(random.uniform(np.log(LENGTHS_S[0]), np.log(LENGTHS_S[1]), len(kinds)))
    if len(kinds) > 1:
        lengths_s = np.minimum(lengths_s, 1.0)
    reference = long_recording(voice, every, float(lengths_s.sum()) + 0.5 * len(kinds) + 2.0, random)
    lengths = np.round(lengths_s * reference.rate_hz).astype(int)
    copy, planted = _with_breaks(reference, _places(reference, kinds, lengths, random))
    return reference, copy, planted


def end_lost(
    voice: Voice, every: Sequence[Voice], kind: EventKind, random: Random
) -> tuple[Sound, Samples, tuple[Break, ...]]:
    """Return a recording, its copy without its beginning or its end, and what is missing."""
    length_s = float(np.exp(random.uniform(np.log(0.03), np.log(LENGTHS_S[1]))))
    reference = long_recording(voice, every, length_s + 2.0, random)
    x, rate = reference.samples, reference.rate_hz
    count = min(round(length_s * rate), x.size - round(rate))
    lost = x[:count] if kind is EventKind.HEAD_LOST else x[-count:]
    loud = float(np.percentile(np.abs(x), 95))
    width = round(0.005 * rate)
    level = np.sqrt(np.square(lost[: lost.size // width * width]).reshape(-1, width).mean(axis=1))
    heard = bool((level > 0.1 * loud).sum() >= 6)
    kept = x[count:] if kind is EventKind.HEAD_LOST else x[:-count]
    place_s = 0.0 if kind is EventKind.HEAD_LOST else kept.size / rate
    return reference, kept.astype(np.float64), (Break(kind, place_s, count / rate, heard),)


def _places(
    reference: Sound, kinds: Sequence[EventKind], lengths: np.ndarray, random: Random
) -> list[tuple[int, EventKind, int]]:
    """Return where breaks begin in the recording, with their kinds and lengths.

    Between two of them, before the first and behind the last stands some sound: two breaks in one pause are one.
    Those that do not fit are left out.
    """
    rate, size = reference.rate_hz, reference.samples.size
    active = reference.spectrum.active
    sounding = np.concatenate(([0.0], np.cumsum(active))) * 0.02
    apart = round(_APART_S * rate)
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
        if begin_s - reached_s >= _SOUND_BETWEEN_S and last_s - end_s >= _SOUND_BETWEEN_S:
            result.append((place, kinds[index], int(lengths[index])))
            reached_s = end_s
    return result


def _with_breaks(reference: Sound, breaks: Sequence[tuple[int, EventKind, int]]) -> tuple[Samples, tuple[Break, ...]]:
    """Return the recording with breaks, and what they are in the copy."""
    x, rate = reference.samples.astype(np.float64), reference.rate_hz
    loud = float(np.percentile(np.abs(x), 95))
    parts: list[Samples] = []
    planted, reached, written = [], 0, 0
    for place, kind, count in breaks:
        # A repeat begins after the sound that it repeats.
        at = place + count if kind is EventKind.REPEAT else place
        parts.append(x[reached:at])
        written += at - reached
        other = x[place : place + count]
        heard = bool(np.abs(other).max(initial=0.0) > 0.1 * loud) if kind is not EventKind.STALL else True
        planted.append(Break(kind, written / rate, count / rate, heard))
        if kind is EventKind.STALL:
            parts.append(np.zeros(count))
            written += count
        elif kind is EventKind.REPEAT:
            parts.append(other)
            written += count
        reached = place + count if kind is EventKind.SKIP else at
    parts.append(x[reached:])
    return np.concatenate(parts), tuple(planted)


def matched(
    planted: Sequence[Break], events: Sequence[SoundEvent]
) -> tuple[list[tuple[Break, SoundEvent | None]], list[SoundEvent]]:
    """Return each break with the event that it is, or None, and the events that are none of them."""
    left = list(events)
    pairs: list[tuple[Break, SoundEvent | None]] = []
    for fault in planted:
        kinds = {fault.kind, EventKind.STALL} if fault.kind is EventKind.REPEAT and not fault.heard else {fault.kind}
        near = [
            event for event in left
            if event.kind in {kind.value for kind in kinds}
            and abs(event.duration_s - fault.duration_s) <= max(0.05 * fault.duration_s, 0.003)
            # In a pause the place cannot be told exactly.
            and abs(event.estimated_s - fault.place_s) <= 0.5
        ]  # fmt: skip
        best = min(near, key=lambda event: abs(event.duration_s - fault.duration_s), default=None)
        if best is not None:
            left.remove(best)
        pairs.append((fault, best))
    return pairs, left


def exact(fault: Break, event: SoundEvent | None) -> bool:
    """Return whether a break was found with its size: to 1 ms up to 200 ms, to 5 ms beyond."""
    limit_s = 0.001 if fault.duration_s <= 0.2 else 0.005
    return event is not None and abs(event.duration_s - fault.duration_s) <= limit_s
