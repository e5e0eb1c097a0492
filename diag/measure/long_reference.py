"""Compares a long recording with its reference, part by part, from the place where the reference begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from diag.core.audio_reader import AudioReader
from diag.core.chain import Segment
from diag.core.clip import Clip
from diag.core.missing import Missing, MissingCode
from diag.core.results import Measurement, Measurements, Tier
from diag.dsp.continuity import SHORTEST_S
from diag.dsp.rate import Match
from diag.dsp.spectrum import HOP_S
from diag.measure.engine import measure_pair
from diag.measure.metrics.sounds import match, sound
from diag.measure.parts import Progress, clip_at, cut_in_pauses, part_of
from diag.measure.pooling import Part, moved, without_background
from diag.measure.registry import Metric

PROBE_S = 20.0
"""So much of the reference is looked for; at a third of its speed it takes a minute."""
NEAR_S = 25.0
"""Looked through first, for a copy of the same speed: a longer part may hold the same words again."""
WINDOW_S, STEP_S = 90.0, 60.0
MARGIN_S = 1.0
WIDE_MARGIN_S = 20.0
"""Where a part does not lie where it must: what stalled or was left out may be this long."""
ENDED = Missing(MissingCode.ENDED, "the recording ends before this part of the reference")
_LEAD_S = 1.0
_LEAST_SOUND_S = 2.0


@dataclass(frozen=True)
class Place:
    """Reference time t stands at (t + delay_s) / ratio of the recording.

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
        """Where a time of the reference stands in the recording."""
        return (reference_s + self.delay_s) / self.ratio


def find_place(reference: AudioReader, recording: AudioReader) -> Place | Missing:
    """Return where the first sound of the reference stands in the recording, or why it was not found.

    Looked for at the first sound of the recording, then all through it.
    """
    probe = _first_sound(reference)
    if probe is None:
        return Missing(MissingCode.SILENT, "the input is silent")
    start = _first_sound(recording)
    if start is None:
        return Missing(MissingCode.SILENT, "the output is silent")
    missing: Missing | None = None
    for window in _windows(recording, start):
        found = match(probe, window)
        if found.rate_ratio is not None:
            return _place(found, probe, window)
        missing = missing or found.missing
    assert missing is not None
    return missing


def _first_sound(audio: AudioReader) -> Clip | None:
    """Return some seconds from just before the first sound."""
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
    """Return the place by one stretch of the delay track: the last one for what follows."""
    ratio = found.time_ratio or 1.0
    begin_s, there_s = reference.start_s or 0.0, recording.start_s or 0.0
    if found.track is None:
        # Time was stretched without pitch: no waveform tells where, but both begin with the same sound.
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
    """Return measures against the reference, one part of it after the other; places are those in the recording.

    Parameters
    ----------
    reference, recording : AudioReader
        Mono.
    metrics : sequence of Metric
        Of segments.
    segment : Segment
        The stretch of the chain between both.
    progress : callable, optional
    """
    place = find_place(reference, recording)
    if isinstance(place, Missing):
        nothing = clip_at(recording, 0, recording.part(0, 0))
        return (part_of(0.0, recording.duration_s, nothing, _unmeasured(metrics, segment, place)),)
    parts: list[Part] = []
    before: Place | None = None
    for first, samples in cut_in_pauses(reference):
        known = clip_at(reference, first, samples)
        excerpt, found = _follow(recording, place, known)
        if found is None:
            before = None
        else:
            place = _place(found, known, excerpt)
        if excerpt.frames:
            measured = measure_pair(known, excerpt, segment=segment, metrics=metrics)
        else:
            measured = _unmeasured(metrics, segment, ENDED)
        begin_s, end_s = known.start_s or 0.0, (known.start_s or 0.0) + known.duration_s
        if found is not None and found.track is not None:
            own = _place(found, known, excerpt, stretch=0)
            if before is not None:
                measured = _with_jump(measured, own.there_s(begin_s) - before.there_s(begin_s))
            before = place
        parts.append(
            part_of(
                max(0.0, place.there_s(begin_s)),
                max(0.0, place.there_s(end_s)),
                known,
                moved(measured, excerpt.start_s or 0.0),
            )
        )
        if progress is not None:
            progress(end_s, reference.duration_s)
    return without_background(metrics, parts)


def _follow(recording: AudioReader, place: Place, known: Clip) -> tuple[Clip, Match | None]:
    """Return the excerpt of the recording where a part of the reference lies, and how they match."""
    excerpt = _excerpt(recording, place, known, MARGIN_S)
    if not sound(known).spectrum.active.any() or not excerpt.frames:
        return excerpt, None
    found = match(known, excerpt)
    if found.rate_ratio is not None:
        return excerpt, found
    wide = _excerpt(recording, place, known, WIDE_MARGIN_S)
    found = match(known, wide)
    return (excerpt, None) if found.rate_ratio is None else (wide, found)


def _excerpt(recording: AudioReader, place: Place, known: Clip, margin_s: float) -> Clip:
    start_s = known.start_s or 0.0
    first = round((place.there_s(start_s) - margin_s) * recording.sample_rate_hz)
    last = round((place.there_s(start_s + known.duration_s) + margin_s) * recording.sample_rate_hz)
    first = min(max(0, first), recording.frames)
    last = min(max(first, last), recording.frames)
    return clip_at(recording, first, recording.part(first, last))


def _unmeasured(metrics: Sequence[Metric], segment: Segment, missing: Missing) -> Measurements:
    return Measurements(
        tuple(
            Measurement(
                metric=metric.name, unit=metric.unit, value=None, missing=missing, tier=Tier.WAVEFORM, segment=segment
            )
            for metric in metrics
        )
    )


def _with_jump(measured: Measurements, later_s: float) -> Measurements:
    """Add what was put in (or, below 0, left out) in the pause between two parts, which neither of them sees."""
    if abs(later_s) < SHORTEST_S:
        return measured
    added = {"inserted_silence_s": later_s, "dropout_count": 1.0} if later_s > 0 else {"skipped_s": -later_s}

    def corrected(item: Measurement) -> Measurement:
        if item.metric not in added or not isinstance(item.value, float):
            return item
        return replace(item, value=item.value + added[item.metric])

    return Measurements(tuple(corrected(item) for item in measured))
