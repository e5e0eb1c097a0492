"""Compare a long recording with its reference part by part, starting where the reference begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from diag.core.audio_reader import AudioReader
from diag.core.chain import Segment
from diag.core.clip import Clip
from diag.core.messages import msg
from diag.core.missing import Missing, MissingCode
from diag.core.results import Measurement, Measurements, SoundEvent, Tier
from diag.dsp.rate import Match
from diag.dsp.segment_events import EventKind, loudness_of
from diag.dsp.spectrum import HOP_S
from diag.measure.engine import measure_pair
from diag.measure.metrics.continuity import events_in, with_events
from diag.measure.metrics.sounds import match, sound
from diag.measure.part_events import Stretch, in_the_middle, joined, sound_outside, whole_part_lost
from diag.measure.parts import Progress, clip_at, cut_in_pauses, part_of
from diag.measure.pooling import Part, moved, without_background
from diag.measure.registry import Metric

PROBE_S = 20.0
"""Length of the reference that is searched for. At a third of the speed it lasts a minute."""
NEAR_S = 25.0
"""Length that is searched first, for a copy at the same speed. A longer part may contain the same words twice."""
WINDOW_S, STEP_S = 90.0, 60.0
MARGIN_S = 1.0
WIDE_MARGIN_S = 20.0
"""Search margin if a part is not at the expected place: a stall or lost sound may be this long."""
ENDED = Missing(MissingCode.ENDED, msg("the recording ends before this part of the reference"))
_LEAD_S = 1.0
_LEAST_SOUND_S = 2.0


@dataclass(frozen=True)
class Place:
    """Map of times: reference time t is at (t + delay_s) / ratio in the recording.

    Parameters
    ----------
    ratio : float
        Speed of the recording.
    delay_s : float
        In seconds of the reference.
    confidence : float
        0 to 1.
    """

    ratio: float
    delay_s: float
    confidence: float

    def there_s(self, reference_s: float) -> float:
        """Return the time in the recording for a time in the reference."""
        return (reference_s + self.delay_s) / self.ratio


def find_place(reference: AudioReader, recording: AudioReader) -> Place | Missing:
    """Return where the first sound of the reference is in the recording, or why it was not found.

    The search starts at the first sound of the recording and then covers all of it.
    """
    probe = _first_sound(reference)
    if probe is None:
        return Missing(MissingCode.SILENT, msg("the input is silent"))
    start = _first_sound(recording)
    if start is None:
        return Missing(MissingCode.SILENT, msg("the output is silent"))
    missing: Missing | None = None
    for window in _windows(recording, start):
        found = match(probe, window)
        if found.rate_ratio is not None:
            return _place(found, probe, window)
        missing = missing or found.missing
    assert missing is not None
    return missing


def _first_sound(audio: AudioReader) -> Clip | None:
    """Return up to `PROBE_S` seconds, starting just before the first sound."""
    for first, samples in cut_in_pauses(audio):
        clip = clip_at(audio, first, samples)
        active = sound(clip).spectrum.active
        if active.sum() * HOP_S >= min(_LEAST_SOUND_S, 0.1 * audio.duration_s):
            at = max(0, first + round((int(active.argmax()) * HOP_S - _LEAD_S) * audio.sample_rate_hz))
            last = min(at + round(PROBE_S * audio.sample_rate_hz), audio.frames)
            return clip_at(audio, at, audio.part(at, last))
    return None


def _windows(recording: AudioReader, start: Clip) -> Iterator[Clip]:
    rate_hz = recording.sample_rate_hz
    begin = round((start.start_s or 0.0) * rate_hz)
    places = [(begin, NEAR_S), (begin, WINDOW_S)]
    places += [(first, WINDOW_S) for first in range(0, recording.frames, round(STEP_S * rate_hz))]
    for first, length_s in places:
        last = min(first + round(length_s * rate_hz), recording.frames)
        yield clip_at(recording, first, recording.part(first, last))


def _place(found: Match, reference: Clip, recording: Clip, stretch: int = -1) -> Place:
    """Return the place from one stretch of the delay track, by default the last, which predicts the next part."""
    ratio = found.time_ratio or 1.0
    begin_s, there_s = reference.start_s or 0.0, recording.start_s or 0.0
    if found.track is None:
        # Time was stretched without pitch, so waveforms do not match. But both begin with the same sound.
        return Place(ratio, there_s * ratio - begin_s, found.confidence)
    delay_s = found.track.stretches[stretch].delay_s
    return Place(ratio, there_s * ratio + delay_s - begin_s, found.confidence)


def measure_against(
    reference: AudioReader,
    recording: AudioReader,
    metrics: Sequence[Metric],
    *,
    segment: Segment,
    progress: Progress | None = None,
) -> tuple[Part, ...]:
    """Return measurements against the reference for each part of it in turn.

    Times of spots refer to the recording; events have a time in both.

    Parameters
    ----------
    reference, recording : AudioReader
        Mono.
    metrics : sequence of Metric
        Of segments.
    segment : Segment
        The part of the chain between both.
    progress : callable, optional
    """
    place = find_place(reference, recording)
    if isinstance(place, Missing):
        nothing = clip_at(recording, 0, recording.part(0, 0))
        return (part_of(0.0, recording.duration_s, nothing, _unmeasured(metrics, segment, place)),)
    parts: list[Part] = []
    stretches: list[Stretch] = []
    silent_db: list[float] = []
    compared_s: list[float] = []
    for first, samples in cut_in_pauses(reference):
        known = clip_at(reference, first, samples)
        begin_s, end_s = known.start_s or 0.0, (known.start_s or 0.0) + known.duration_s
        stretch, place = _follow(recording, place, known, exact=stretches[-1].exact if stretches else True)
        excerpt = _own_excerpt(
            recording, stretch, stretches[-1] if stretches else None, last=first + samples.size >= reference.frames
        )
        stretches.append(stretch)
        if excerpt.frames:
            measured = measure_pair(known, excerpt, segment=segment, metrics=metrics)
            if stretch.followed:
                silent_db.append(loudness_of(sound(excerpt)).silent_db)
            compared_s += [excerpt.start_s or 0.0, (excerpt.start_s or 0.0) + excerpt.duration_s]
        else:
            measured = _all_lost(_unmeasured(metrics, segment, ENDED), known)
        placed = moved(measured, excerpt.start_s or 0.0, begin_s)
        parts.append(part_of(max(0.0, place.there_s(begin_s)), max(0.0, stretch.there_end_s), known, placed))
        if progress is not None:
            progress(end_s, reference.duration_s)
    events = joined([events_in(part.measurements) for part in parts], stretches)
    lost = [_lost(part) for part in parts]
    if silent_db:
        quiet_db = max(silent_db)
        for index in range(len(parts)):
            if lost[index]:
                events[index] = whole_part_lost(recording, stretches[index], parts[index].sound_s, quiet_db)
                if index and stretches[index].there_end_s < recording.duration_s:
                    events[index - 1] = in_the_middle(events[index - 1])
        before, after = sound_outside(recording, (min(compared_s), max(compared_s)), quiet_db)
        events[0], events[-1] = (*before, *events[0]), (*events[-1], *after)
    whole = [
        replace(part, measurements=with_events(part.measurements, own, known=known and bool(silent_db)))
        for part, own, known in zip(parts, events, lost, strict=True)
    ]
    return without_background(metrics, whole)


def _lost(part: Part) -> bool:
    """Return whether nothing of a part, which has sound, was found where it must lie."""
    codes = {item.missing.code for item in part.measurements.find("skipped_s") if item.missing is not None}
    return part.sound_s > 0.0 and bool(codes & {MissingCode.NO_MATCH, MissingCode.SILENT, MissingCode.TOO_SHORT})


def _follow(recording: AudioReader, place: Place, known: Clip, *, exact: bool) -> tuple[Stretch, Place]:
    """Return where a part of the reference is in the recording, and the place at its end.

    Parameters
    ----------
    recording : AudioReader
    place : Place
        Place found with the previous part.
    known : Clip
        The part.
    exact : bool
        Whether that place was found by waveform.
    """
    begin_s, end_s = known.start_s or 0.0, (known.start_s or 0.0) + known.duration_s
    for margin_s in (MARGIN_S, WIDE_MARGIN_S) if sound(known).spectrum.active.any() else ():
        excerpt = _cut(recording, place.there_s(begin_s) - margin_s, place.there_s(end_s) + margin_s)
        if not excerpt.frames:
            break
        found = match(known, excerpt)
        if found.rate_ratio is not None:
            begins, ends = _place(found, known, excerpt, stretch=0), _place(found, known, excerpt)
            exact = found.track is not None
            return Stretch(begin_s, end_s, begins.there_s(begin_s), ends.there_s(end_s), exact, exact), ends
    return Stretch(begin_s, end_s, place.there_s(begin_s), place.there_s(end_s), False, exact), place


def _own_excerpt(recording: AudioReader, stretch: Stretch, before: Stretch | None, *, last: bool) -> Clip:
    """Return the recording of a part, starting where the previous part ends.

    Neighbouring parts are excluded, so that their words are neither reported as other sound nor matched to this part.
    """
    begin_s = stretch.there_begin_s - MARGIN_S
    if before is not None:
        begin_s = min(before.there_end_s, stretch.there_begin_s)
    return _cut(recording, begin_s, stretch.there_end_s + (MARGIN_S if last else 0.0))


def _cut(recording: AudioReader, begin_s: float, end_s: float) -> Clip:
    first = min(max(0, round(begin_s * recording.sample_rate_hz)), recording.frames)
    last = min(max(first, round(end_s * recording.sample_rate_hz)), recording.frames)
    return clip_at(recording, first, recording.part(first, last))


def _all_lost(measured: Measurements, known: Clip) -> Measurements:
    """Return measurements of a part that comes after the end of the recording: all of its sound is lost at the end."""
    active = sound(known).spectrum.active
    lost_s = float(active.sum()) * HOP_S
    event = SoundEvent(
        kind=EventKind.TAIL_LOST.value, reference_s=float(active.argmax()) * HOP_S, estimated_s=0.0, duration_s=lost_s
    )
    return Measurements(
        tuple(
            replace(item, value=lost_s, missing=None, events=(event,) if lost_s else ())
            if item.metric == "tail_lost_s"
            else item
            for item in measured
        )
    )


def _unmeasured(metrics: Sequence[Metric], segment: Segment, missing: Missing) -> Measurements:
    return Measurements(
        tuple(
            Measurement(
                metric=metric.name, unit=metric.unit, value=None, missing=missing, tier=Tier.WAVEFORM, segment=segment
            )
            for metric in metrics
        )
    )
