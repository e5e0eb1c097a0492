"""Runs metrics over takes, pairs of recordings and lone recordings.

All of them are recordings of a part of the chain: what is measured on a tap or a segment of a take is measured in the
same way of a lone recording and of a pair. A metric that raises an exception becomes a measurement that says so. This
is the one place of the project that catches every exception, for metrics and rules alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from diag.core.chain import HEARD_PROMPT_CHANNEL, HEARD_REPLY_CHANNEL, Segment, Tap, segments_of
from diag.core.clip import Clip
from diag.core.missing import Missing, MissingCode
from diag.core.results import Measurement, Measurements, Reading, Spot, Verdict, not_measured
from diag.core.take import Take, Turn
from diag.dsp.profile import VoiceProfile
from diag.measure import reasons
from diag.measure.registry import Metric, MetricKind, all_metrics

RECEIVED_TO_HEARD = Segment(Tap.RECEIVED, Tap.HEARD)
"""What a pair of recordings is taken for: the service's audio, and what came out of the loudspeaker."""
_PROMPT_TAPS = (Tap.PROMPT, Tap.CAPTURED, Tap.SENT)
_TAP_NAMES = frozenset(tap.value for tap in Tap)
Result = TypeVar("Result", Reading, Verdict)


@dataclass(frozen=True, eq=False)
class _Recorded:
    """What was recorded of one turn, or outside of a take.

    Parameters
    ----------
    clips : mapping of Tap or None to Clip or Missing
        Mono; None stands for a recording whose tap is not known.
    turn : int or None
        Number of the turn.
    starts_s : mapping of Tap to float
        Where each clip begins in the recording that spots are counted in.
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
    """Measure a recording by itself: every metric of taps.

    Parameters
    ----------
    clip : Clip
    tap : Tap or None
        Where it was recorded; None where that is not known, which every metric of taps accepts.
    voice : VoiceProfile, optional
        Of the voice that speaks in it.
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
    """Measure a recording against the one that it should sound like, and by itself.

    Metrics of segments give measurements on `segment`, metrics of taps on `segment.last`; those that a comparison of
    both ends needs (`Metric.compared`) on `segment.first` too. Measurements of the segment come first, then those of
    `segment.last`.

    Parameters
    ----------
    reference, estimated : Clip
        What goes into the segment and what comes out.
    segment : Segment
        The stretch of the chain that lies between both.
    voice : VoiceProfile, optional
        Of the voice that speaks in both.
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
    """Yield what every metric gives at every place and turn of a take.

    Segments are those between the taps that the take has; a tap that it has not gives a reason for each metric of
    taps.
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
    for clip in (reference, estimated):
        if isinstance(clip, Missing):
            return not_measured(clip)
    return _reading(metric, {"reference": reference, "estimated": estimated})


def _on_taps(
    metric: Metric, taps: Sequence[Tap | None], recorded: Sequence[_Recorded], voice: VoiceProfile | None
) -> Iterator[Measurement]:
    if metric.kind is not MetricKind.TAP:
        return
    for tap in taps:
        if tap is None or tap in metric.taps:
            for part in recorded:
                reading = _of_tap(metric, part.clips[tap], voice)
                yield _measurement(metric, _placed(reading, tap, part), part.turn, tap=tap)


def _of_tap(metric: Metric, clip: Clip | Missing, voice: VoiceProfile | None) -> Reading:
    if isinstance(clip, Missing):
        return not_measured(clip)
    return _reading(metric, {"clip": clip, "voice": voice} if "voice" in metric.optional else {"clip": clip})


def _on_take(take: Take, metric: Metric, turn: Turn | None) -> Measurement:
    whole = {"timeline": take.timeline, "environment": take.environment, "turn": turn}
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
    """Return what every tap recorded of a turn.

    The same object every time: metrics keep what they worked out beside the clip.
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
    """Return what a tap recorded of a turn as a mono clip, or why there is none."""
    clip = take.clips.get(tap)
    if clip is None:
        return reasons.no_recording(tap)
    if turn is None:
        return reasons.NO_TURN
    span = _span(turn, tap)
    if span is None:
        return reasons.not_on(tap, "prompt" if tap in _PROMPT_TAPS else "reply")
    reply_channel = HEARD_REPLY_CHANNEL if tap is Tap.HEARD and clip.channels > 1 else HEARD_PROMPT_CHANNEL
    return clip.slice(*span).channel(reply_channel)


def _placed(reading: Reading, tap: Tap | None, recorded: _Recorded, before: Tap | None = None) -> Reading:
    """Return a reading whose spots name the tap that was measured, in seconds of its whole recording.

    `before` is the tap at the beginning of a segment, in whose recording events have a time too. Events of a lone tap
    have the same time twice.
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
    return not_measured(replace(result, text=f"crashed: {result}")) if isinstance(result, Missing) else result


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
    """Return a value as Python's own numbers; numpy's do not go into JSON."""
    if isinstance(value, tuple):
        return tuple(None if item is None else float(item) for item in value)
    return None if value is None else float(value)


def guarded(function: Callable[..., Result], given: Mapping[str, Any]) -> Result | Missing:
    """Return what a metric or a rule returns; where it raised an exception, a `Missing` that names it."""
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
