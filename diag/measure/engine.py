"""Run metrics on takes, pairs of recordings and single recordings.

A single recording is measured like a tap of a take, and a pair like a segment. If a metric raises an exception, its
measurement has no value and names the exception. This is the only place in the project that catches every exception,
for metrics and for rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from diag.core.chain import HEARD_PROMPT_CHANNEL, HEARD_REPLY_CHANNEL, Segment, Tap, segments_of
from diag.core.clip import Clip
from diag.core.messages import msg
from diag.core.missing import Missing, MissingCode
from diag.core.results import Measurement, Measurements, Reading, Spot, Verdict, not_measured
from diag.core.take import Take, Turn
from diag.core.timeline import EventName
from diag.dsp.profile import VoiceProfile
from diag.measure import reasons
from diag.measure.metrics.sounds import once_for_content, with_phase_of
from diag.measure.registry import Metric, MetricKind, all_metrics

RECEIVED_TO_HEARD = Segment(Tap.RECEIVED, Tap.HEARD)
"""Segment assumed for a pair of recordings: the service's audio, and what came out of the loudspeaker."""
_PROMPT_TAPS = (Tap.PROMPT, Tap.CAPTURED, Tap.SENT)
_PACKAGE = __name__.partition(".")[0]
_TAP_NAMES = frozenset(tap.value for tap in Tap)
Result = TypeVar("Result", Reading, Verdict)


@dataclass(frozen=True, eq=False)
class _Recorded:
    """The recordings of one turn, or recordings that belong to no take.

    Parameters
    ----------
    clips : mapping of Tap or None to Clip or Missing
        Mono. The key None is a recording whose tap is not known.
    turn : int or None
        Number of the turn.
    starts_s : mapping of Tap to float
        Start of each clip in the whole recording, to which the times of spots refer.
    """

    clips: Mapping[Tap | None, Clip | Missing]
    turn: int | None
    starts_s: Mapping[Tap, float]


def measure_clip(
    clip: Clip,
    *,
    tap: Tap | None = None,
    voice: VoiceProfile | None = None,
    metrics: Sequence[Metric] | None = None,
) -> Measurements:
    """Measure a single recording with every tap metric.

    Parameters
    ----------
    clip : Clip
    tap : Tap or None
        Where it was recorded. None if that is not known; every tap metric is then measured.
    voice : VoiceProfile, optional
        Profile of the voice that speaks in it.
    metrics : sequence of Metric, optional
        All registered ones by default.
    """
    recorded = _Recorded({tap: clip}, None, {})
    chosen = all_metrics() if metrics is None else metrics
    return Measurements(tuple(item for metric in chosen for item in _on_taps(metric, (tap,), (recorded,), voice)))


def measure_pair(
    reference: Clip,
    estimated: Clip,
    *,
    segment: Segment = RECEIVED_TO_HEARD,
    voice: VoiceProfile | None = None,
    metrics: Sequence[Metric] | None = None,
) -> Measurements:
    """Measure a recording against its reference, and by itself.

    Segment metrics give measurements on `segment`, tap metrics on `segment.last`. Tap metrics that are compared between
    both ends (`Metric.compared`) are measured on `segment.first` too. Measurements of the segment come first, then
    those of `segment.last`.

    Parameters
    ----------
    reference, estimated : Clip
        Input and output of the segment.
    segment : Segment
        The part of the chain between both recordings.
    voice : VoiceProfile, optional
        Profile of the voice that speaks in both.
    metrics : sequence of Metric, optional
        All registered ones by default.
    """
    recorded = (_Recorded({segment.first: reference, segment.last: estimated}, None, {}),)
    chosen = all_metrics() if metrics is None else metrics
    found = [item for metric in chosen for item in _on_segments(metric, (segment,), recorded)]
    found += [item for metric in chosen for item in _on_taps(metric, (segment.last,), recorded, voice)]
    compared = [metric for metric in chosen if metric.compared]
    found += [item for metric in compared for item in _on_taps(metric, (segment.first,), recorded, voice)]
    return Measurements(tuple(found))


def measure_take(take: Take, metrics: Sequence[Metric], voice: VoiceProfile | None) -> Iterator[Measurement]:
    """Yield the measurement of every metric at every place and turn of a take.

    Segments lie between the taps that the take has. For a tap that it does not have, each tap metric gives a
    measurement without a value and with the reason.
    """
    turns: tuple[Turn | None, ...] = take.turns or (None,)
    segments = segments_of(take.clips)
    for metric in metrics:
        if metric.kind is MetricKind.SEGMENT:
            yield from _on_segments(metric, segments, [_recorded(take, turn) for turn in turns])
        elif metric.kind is MetricKind.TAP:
            yield from _on_taps(metric, metric.taps, [_recorded(take, turn) for turn in turns], voice)
        else:
            for turn in turns if "turn" in metric.needs else (None,):
                yield _on_take(take, metric, turn)


def _on_segments(metric: Metric, segments: Sequence[Segment], recorded: Sequence[_Recorded]) -> Iterator[Measurement]:
    if metric.kind is MetricKind.SEGMENT:
        for segment in segments:
            for part in recorded:
                reading = _of_segment(metric, segment, part)
                placed = _placed(reading, segment.last, part, segment.first)
                yield _measurement(metric, placed, part.turn, segment=segment)


def _of_segment(metric: Metric, segment: Segment, recorded: _Recorded) -> Reading:
    if not segment.comparable:
        return not_measured(reasons.OTHER_SPEECH)
    reference, estimated = recorded.clips[segment.first], recorded.clips[segment.last]
    if isinstance(reference, Missing):
        return not_measured(reference)
    if isinstance(estimated, Missing):
        return not_measured(estimated)
    return _once(
        metric,
        recorded,
        (reference, estimated),
        lambda: _reading(metric, {"reference": with_phase_of(reference, estimated), "estimated": estimated}),
    )


def _on_taps(
    metric: Metric, taps: Sequence[Tap | None], recorded: Sequence[_Recorded], voice: VoiceProfile | None
) -> Iterator[Measurement]:
    if metric.kind is not MetricKind.TAP:
        return
    for tap in taps:
        if tap is None or tap in metric.taps:
            for part in recorded:
                reading = _of_tap(metric, part.clips[tap], voice, part)
                yield _measurement(metric, _placed(reading, tap, part), part.turn, tap=tap)


def _of_tap(metric: Metric, clip: Clip | Missing, voice: VoiceProfile | None, recorded: _Recorded) -> Reading:
    if isinstance(clip, Missing):
        return not_measured(clip)
    if "voice" in metric.optional:
        return _reading(metric, {"clip": clip, "voice": voice})
    return _once(metric, recorded, (clip,), lambda: _reading(metric, {"clip": clip}))


def _once(metric: Metric, recorded: _Recorded, clips: Sequence[Clip], compute: Callable[[], Reading]) -> Reading:
    """Return a reading of recordings, measured once for all takes that have the same ones.

    Metrics from elsewhere may depend on more than the samples.
    """
    own = metric.function.__module__.partition(".")[0] == _PACKAGE
    if recorded.turn is None or metric.on_clock or not own:
        return compute()
    return once_for_content(metric.function, clips, compute)


def _on_take(take: Take, metric: Metric, turn: Turn | None) -> Measurement:
    whole = {"timeline": take.timeline, "environment": take.environment, "turn": turn, "turns": take.turns}
    given: dict[str, Any] = {}
    for need in metric.needs:
        if need == "turn" and turn is None:
            return _measurement(metric, not_measured(reasons.NO_TURN), None)
        if need in _TAP_NAMES and Tap(need) not in take.clips:
            missing = not_measured(reasons.no_recording(Tap(need)))
            return _measurement(metric, missing, None if turn is None else turn.index)
        given[need] = take.clips[Tap(need)] if need in _TAP_NAMES else whole[need]
    present = {tap.value: clip for tap, clip in take.clips.items()} | whole
    given.update({need: present[need] for need in metric.optional if need in present})
    return _measurement(metric, _reading(metric, given), None if turn is None else turn.index)


_turns_of: WeakKeyDictionary[Take, dict[int | None, _Recorded]] = WeakKeyDictionary()


def _recorded(take: Take, turn: Turn | None) -> _Recorded:
    """Return the recordings of a turn on every tap.

    The same object is returned every time, because metrics cache results per clip.
    """
    kept = _turns_of.setdefault(take, {})
    index = None if turn is None else turn.index
    if index not in kept:
        starts_s = {
            tap: span[0] / take.clips[tap].sample_rate_hz
            for tap in take.clips
            if turn is not None and (span := _span(turn, tap)) is not None
        }
        kept[index] = _Recorded({tap: _cut(take, tap, turn) for tap in Tap}, index, starts_s)
    return kept[index]


def _span(turn: Turn, tap: Tap) -> tuple[int, int] | None:
    """Return the frames of a tap that hold the turn's prompt or reply."""
    span = (turn.prompt_spans if tap in _PROMPT_TAPS else turn.reply_spans).get(tap)
    return None if span is None or span[1] <= span[0] else span


def _cut(take: Take, tap: Tap, turn: Turn | None) -> Clip | Missing:
    """Return the recording of a turn on a tap as a mono clip, or why there is none."""
    clip = take.clips.get(tap)
    if clip is None:
        return reasons.no_recording(tap)
    if turn is None:
        return reasons.NO_TURN
    span = _span(turn, tap)
    if span is None:
        return reasons.no_prompt_on(tap) if tap in _PROMPT_TAPS else reasons.no_reply_on(tap)
    reply_channel = HEARD_REPLY_CHANNEL if tap is Tap.HEARD and clip.channels > 1 else HEARD_PROMPT_CHANNEL
    part = clip.slice(*span).channel(reply_channel)
    if tap is Tap.RECEIVED:
        # The received audio of all turns lies end to end in one clip, so only events tell when a reply arrived.
        arrived = (
            event.t_s
            for event in take.timeline.named(EventName.CHUNK_RECEIVED)
            if event.data.get("turn") == turn.index and event.data.get("start_frame", -1) >= span[0]
        )
        part = replace(part, start_s=next(arrived, part.start_s))
    return part


def _placed(reading: Reading, tap: Tap | None, recorded: _Recorded, before: Tap | None = None) -> Reading:
    """Return a reading whose spots name the measured tap, in seconds of its whole recording.

    `before` is the first tap of a segment; events have a time in its recording too. For a single tap both times of an
    event are equal.
    """
    if tap is None or not (reading.spots or reading.events):
        return reading
    shift_s = recorded.starts_s.get(tap, 0.0)
    before_s = recorded.starts_s.get(before, 0.0) if before else shift_s
    spots = (Spot(tap, spot.start_s + shift_s, spot.end_s + shift_s) for spot in reading.spots)
    return replace(
        reading, spots=tuple(spots), events=tuple(event.later(before_s, shift_s) for event in reading.events)
    )


def _reading(metric: Metric, given: Mapping[str, Any]) -> Reading:
    result = guarded(metric.function, given)
    return (
        not_measured(replace(result, text=msg("crashed: {error}", error=result.text)))
        if isinstance(result, Missing)
        else result
    )


def _measurement(
    metric: Metric, reading: Reading, turn: int | None, *, segment: Segment | None = None, tap: Tap | None = None
) -> Measurement:
    return Measurement(
        metric=metric.name,
        unit=metric.unit,
        value=_without_numpy(reading.value),
        missing=reading.missing,
        tier=reading.tier,
        turn=turn,
        segment=segment,
        tap=tap,
        confidence=reading.confidence,
        spots=reading.spots,
        events=reading.events,
    )


def _without_numpy(value: float | tuple[float | None, ...] | None) -> float | tuple[float | None, ...] | None:
    """Return a value as Python numbers, because NumPy numbers cannot be written as JSON."""
    if isinstance(value, tuple):
        return tuple(None if item is None else float(item) for item in value)
    return None if value is None else float(value)


def guarded(function: Callable[..., Result], given: Mapping[str, Any]) -> Result | Missing:
    """Return the result of a metric or a rule, or a `Missing` that names the exception that it raised."""
    try:
        result = function(**given)
        if not isinstance(result, Reading | Verdict):
            raise TypeError(f"{function.__name__} returned {type(result).__name__}")
        if isinstance(result, Reading) and not np.isfinite(_numbers(result.value)).all():
            raise ValueError(f"{function.__name__} gave {result.value}, which is not a finite number")
    except Exception as error:  # noqa: BLE001 (a bug in one metric or rule must not cost the run)
        return Missing(MissingCode.CRASHED, f"{type(error).__name__}: {error}")
    return result


def _numbers(value: float | tuple[float | None, ...] | None) -> list[float]:
    values = value if isinstance(value, tuple) else (value,)
    return [float(item) for item in values if item is not None]
