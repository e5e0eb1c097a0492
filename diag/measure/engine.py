"""Runs metrics over takes and recordings. A metric that throws becomes a measurement that says so.

This is the one place of the project that catches every exception, for metrics and rules alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from diag.core.chain import HEARD_PROMPT_CHANNEL, HEARD_REPLY_CHANNEL, Hop, Tap
from diag.core.clip import Clip
from diag.core.results import Measurement, Measurements, Reading, Spot, Verdict, not_measured
from diag.core.take import Take, Turn
from diag.dsp.profile import VoiceProfile
from diag.measure.registry import Metric, all_metrics

_PROMPT_TAPS = (Tap.PROMPT, Tap.CAPTURED, Tap.SENT)
_TAP_NAMES = frozenset(tap.value for tap in Tap)
_NO_TURN = "no turn took place in this take"


def measure_recording(
    clip: Clip,
    reference: Clip | None = None,
    *,
    voice: VoiceProfile | None = None,
    metrics: Sequence[Metric] | None = None,
) -> Measurements:
    """Measure a recording alone, and against a reference or the profile of its voice where there is one.

    Measurements against the reference come first; none of them has a hop or a tap.
    """
    found = []
    for metric in all_metrics() if metrics is None else metrics:
        if metric.hops and reference is not None:
            found.append(_measurement(metric, _reading(metric, {"reference": reference, "estimated": clip}), None))
    for metric in all_metrics() if metrics is None else metrics:
        if metric.taps:
            found.append(_measurement(metric, _reading(metric, _clip_needs(metric, clip, voice)), None))
    return Measurements(tuple(found))


def _clip_needs(metric: Metric, clip: Clip, voice: VoiceProfile | None) -> dict[str, Any]:
    """What a tap metric is given: the clip, and the voice where it asks for one."""
    return {"clip": clip, "voice": voice} if "voice" in metric.optional else {"clip": clip}


def measure_take(take: Take, metrics: Sequence[Metric], voice: VoiceProfile | None) -> Iterator[Measurement]:
    """Every metric at every place and turn of a take."""
    turns: tuple[Turn | None, ...] = take.turns or (None,)
    for metric in metrics:
        if metric.hops:
            for hop in metric.hops:
                for turn in turns:
                    yield _on_hop(take, metric, hop, turn)
        elif metric.taps:
            for tap in metric.taps:
                for turn in turns:
                    yield _on_tap(take, metric, tap, turn, voice)
        else:
            for turn in turns if "turn" in metric.needs else (None,):
                yield _on_take(take, metric, turn)


def _on_hop(take: Take, metric: Metric, hop: Hop, turn: Turn | None) -> Measurement:
    reference, estimated = (_cut(take, tap, turn) for tap in hop.ends)
    missing = next((part for part in (reference, estimated) if isinstance(part, str)), None)
    if hop is Hop.SERVICE:
        missing = "what went in and what came out are different speech"
    if missing:
        return _measurement(metric, not_measured(missing), turn, hop=hop)
    reading = _reading(metric, {"reference": reference, "estimated": estimated})
    on_output = replace(reading, spots=tuple(replace(spot, tap=hop.ends[1]) for spot in reading.spots))
    return _measurement(metric, _moved(on_output, take, turn), turn, hop=hop)


def _on_tap(take: Take, metric: Metric, tap: Tap, turn: Turn | None, voice: VoiceProfile | None) -> Measurement:
    clip = _cut(take, tap, turn)
    if isinstance(clip, str):
        return _measurement(metric, not_measured(clip), turn, tap=tap)
    reading = _reading(metric, _clip_needs(metric, clip, voice))
    on_tap = replace(reading, spots=tuple(replace(spot, tap=tap) for spot in reading.spots))
    return _measurement(metric, _moved(on_tap, take, turn), turn, tap=tap)


def _on_take(take: Take, metric: Metric, turn: Turn | None) -> Measurement:
    whole = {"timeline": take.timeline, "config": take.config, "environment": take.environment, "turn": turn}
    given: dict[str, Any] = {}
    for need in metric.needs:
        if need == "turn" and turn is None:
            return _measurement(metric, not_measured(_NO_TURN), turn)
        if need in _TAP_NAMES and Tap(need) not in take.clips:
            return _measurement(metric, not_measured(_no_recording(Tap(need))), turn)
        given[need] = take.clips[Tap(need)] if need in _TAP_NAMES else whole[need]
    present = {tap.value: clip for tap, clip in take.clips.items()} | whole
    given.update({need: present[need] for need in metric.optional if need in present})
    return _measurement(metric, _reading(metric, given), turn)


_cuts: WeakKeyDictionary[Take, dict[tuple[Tap, int | None], Clip | str]] = WeakKeyDictionary()


def _cut(take: Take, tap: Tap, turn: Turn | None) -> Clip | str:
    """The turn's stretch of a tap as mono, or why there is none.

    The same object every time: metrics keep what they worked out beside the clip.
    """
    cuts, place = _cuts.setdefault(take, {}), (tap, None if turn is None else turn.index)
    if place not in cuts:
        cuts[place] = _newly_cut(take, tap, turn)
    return cuts[place]


def _newly_cut(take: Take, tap: Tap, turn: Turn | None) -> Clip | str:
    clip = take.clips.get(tap)
    if clip is None:
        return _no_recording(tap)
    if turn is None:
        return _NO_TURN
    prompt_side = tap in _PROMPT_TAPS
    span = (turn.prompt_spans if prompt_side else turn.reply_spans).get(tap)
    if span is None or span[1] <= span[0]:
        return f"no {'prompt' if prompt_side else 'reply'} lies on `{tap}` in this turn"
    reply_channel = HEARD_REPLY_CHANNEL if tap is Tap.HEARD and clip.channels > 1 else HEARD_PROMPT_CHANNEL
    return clip.slice(*span).channel(reply_channel)


def _no_recording(tap: Tap) -> str:
    return f"the take has no `{tap}` recording"


def _moved(reading: Reading, take: Take, turn: Turn | None) -> Reading:
    """Spots of a reading on a cut, from seconds of the cut to seconds of the tap's whole clip."""
    if turn is None or not reading.spots:
        return reading
    spans = {**turn.reply_spans, **{tap: span for tap, span in turn.prompt_spans.items() if tap in _PROMPT_TAPS}}
    moved = []
    for spot in reading.spots:
        first = spans[spot.tap][0] if spot.tap in spans else 0
        shift_s = first / take.clips[spot.tap].sample_rate_hz if spot.tap in take.clips else 0.0
        moved.append(Spot(spot.tap, spot.start_s + shift_s, spot.end_s + shift_s))
    return replace(reading, spots=tuple(moved))


def _reading(metric: Metric, given: Mapping[str, Any]) -> Reading:
    result = guarded(metric.function, given)
    return not_measured(f"crashed: {result}") if isinstance(result, str) else result


def _measurement(
    metric: Metric, reading: Reading, turn: Turn | None, *, hop: Hop | None = None, tap: Tap | None = None
) -> Measurement:
    return Measurement(
        metric=metric.name,
        unit=metric.unit,
        value=_plain(reading.value),
        reason=reading.reason,
        tier=reading.tier,
        turn=None if turn is None else turn.index,
        hop=hop,
        tap=tap,
        confidence=reading.confidence,
        spots=reading.spots,
    )


def _plain(value: float | tuple[float | None, ...] | None) -> float | tuple[float | None, ...] | None:
    """Numbers of numpy's own types do not go into JSON."""
    if isinstance(value, tuple):
        return tuple(None if item is None else float(item) for item in value)
    return None if value is None else float(value)


def guarded(function: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    """What a metric or a rule returns, or the words of what it threw."""
    try:
        result = function(**given)
        if not isinstance(result, Reading | Verdict):
            raise TypeError(f"{function.__name__} returned {type(result).__name__}")
        if isinstance(result, Reading) and not np.isfinite(_numbers(result.value)).all():
            raise ValueError(f"{function.__name__} gave {result.value}, which is not a finite number")
    except Exception as error:  # noqa: BLE001 (a bug in one metric or rule must not cost the run)
        return f"{type(error).__name__}: {error}"
    return result


def _numbers(value: float | tuple[float | None, ...] | None) -> list[float]:
    values = value if isinstance(value, tuple) else (value,)
    return [float(item) for item in values if item is not None]
