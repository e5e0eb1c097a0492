"""Shared by rules: reading values from measurements, and putting them into words."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diag.core.chain import Hop, Tap
from diag.core.live_setup import canonical
from diag.core.messages import Message, fixed_text, joined, msg
from diag.core.observed_client import ObservedClient
from diag.core.results import (
    Evidence,
    Measurement,
    Measurements,
    Severity,
    SoundEvent,
    Spot,
    Status,
    Verdict,
    clear,
    not_checked,
    raised,
)
from diag.core.take import Turn
from diag.core.timeline import EventName, Timeline
from diag.core.units import LIVE_OUTPUT_RATE_HZ, format_seconds, playable_rate_hz
from diag.dsp.distortion import DISTORTION_WARN_DB
from diag.dsp.dullness import BANDS_HZ
from diag.judge.limits import (
    ALL_FLAT_HZ,
    OTHER_SOUND_S,
    RATE_ERROR,
    RATE_WARNING,
    ROOM_BLURS_DB,
    ROOM_BLURS_S,
    TREBLE_WARNING_DB,
)
from diag.judge.registry import Place

DEVICE_HOPS = (Hop.MICROPHONE, Hop.SPEAKER)
"""Hops on which the sound goes through a device."""
STANDARD_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000)
_SNAP = 0.005
_WHOLE_DB, _GONE_DB = 2.0, 15.0
_SAMPLING_OF_BAND_HZ = (8000, 12000, 16000, 22050)
"""The common sample rate whose Nyquist frequency lies in each band of `BANDS_HZ`."""


def number(item: Measurement) -> float | None:
    """Return the value if it is a single number, else None."""
    return None if isinstance(item.value, tuple) else item.value


def numbers(items: Iterable[Measurement]) -> list[tuple[float, Measurement]]:
    """Return the measurements that have a single value, with that value."""
    return [(value, item) for item in items if (value := number(item)) is not None]


def worst(items: Iterable[Measurement], badness: Callable[[float], float]) -> tuple[float, Measurement] | None:
    """Return the worst value and its measurement; None if nothing was measured."""
    return max(numbers(items), key=lambda pair: badness(pair[0]), default=None)


def open_tool_calls(timeline: Timeline) -> dict[str, str]:
    """Return the names of the tool calls that were neither answered nor cancelled, by their ids."""
    done = {
        str(item)
        for event in timeline.named(EventName.TOOL_RESPONSE_SENT, EventName.TOOL_CALL_CANCELLED)
        for item in event.data.get("ids") or ()
    }
    return {
        str(call.get("id")): str(call.get("name"))
        for event in timeline.named(EventName.TOOL_CALL)
        for call in event.data.get("calls") or ()
        if str(call.get("id")) not in done
    }


def why_not(items: Iterable[Measurement], metric: str) -> str:
    """Return why a metric has no value anywhere in the take."""
    reason = next((item.reason for item in items if item.reason), None)
    return (
        msg("{metric}: {reason}", metric=metric, reason=reason)
        if reason
        else msg("{metric} was not measured", metric=metric)
    )


Fault = tuple[float, Measurement]
"""A value that is a fault, and its measurement."""


def worst_fault(
    measurements: Measurements,
    metric: str,
    is_fault: Callable[[float], bool],
    *,
    badness: Callable[[float], float] = float,
    hop: Hop | None = None,
    tap: Tap | None = None,
) -> Fault | Verdict:
    """Return the worst value of a metric at a place if it is a fault, otherwise the verdict without a finding.

    Parameters
    ----------
    measurements : Measurements
    metric : str
    is_fault : callable
        Whether a value is beyond the rule's limit.
    badness : callable
        Order of the values; the larger, the worse.
    hop, tap : Hop or None, Tap or None
        As in `Measurements.find`.
    """
    items = measurements.find(metric, hop=hop, tap=tap)
    found = worst(items, badness)
    return found if found is not None and is_fault(found[0]) else clear_if_measured(items, metric)


def clear_if_measured(items: Iterable[Measurement], metric: str) -> Verdict:
    """Return "clear" if every one of the measurements has a value, and "not checked" otherwise.

    A turn without a value may hide the fault, however healthy the other turns are.
    """
    everything = tuple(items)
    if not everything or any(item.missing is not None for item in everything):
        return not_checked(why_not(everything, metric))
    return clear()


def all_clear(checks: Iterable[Verdict]) -> Verdict:
    """Return "clear" if every one of the checks is clear, otherwise the first that is not."""
    return next((check for check in checks if check.status is not Status.CLEAR), clear())


def through_the_air(timeline: Timeline) -> bool:
    """Return whether the ear heard the reply through the air, together with the prompt, and not by a cable."""
    opened = timeline.first(EventName.STREAMS_OPENED)
    return opened is not None and opened.data.get("ear_channels") == 1


def blurred_by_room(
    place: Place, measurements: Measurements, timeline: Timeline, changed_s: float = 0.0
) -> Verdict | None:  # fmt: skip
    """Return a check that was not made, where the room's reverberation hides whether the sound was changed; else None.

    Parameters
    ----------
    changed_s : float
        Length of the sound that seems changed. From `ROOM_BLURS_S` on, reverberation does not explain it.
    """
    if place.hop not in DEVICE_HOPS or not through_the_air(timeline) or changed_s >= ROOM_BLURS_S:
        return None
    found = worst(measurements.find("reverberation_db", hop=place.hop), float)
    if found is None or found[0] < ROOM_BLURS_DB:
        return None
    return not_checked(
        msg(
            "the room's reverberation ({found:.0f} dB relative to the direct sound) is too strong to "
            "tell short or faint changes from it",
            found=found[0],
        )
    )


def unless_blurred(verdict: Verdict, place: Place, measurements: Measurements, timeline: Timeline) -> Verdict:
    """Return a verdict, but not "clear" where the room's reverberation would hide a short or faint change.

    Through a laptop's room, half of the stalls and most swapped chunks of the catalogue were not seen; through a
    meeting room, aliasing was not.
    """
    if verdict.status is not Status.CLEAR:
        return verdict
    return blurred_by_room(place, measurements, timeline) or verdict


def turn_of(item: Measurement) -> str:
    """Return the turn of a measurement in words, counted from 1: "turn 2"."""
    return msg("turn {number}", number=(item.turn or 0) + 1)


def setting(observed: ObservedClient, *path: str) -> object:
    """Return a value of the setup message by its camelCase keys; None if it is not there or no setup was seen."""
    value: object = None if observed.setup is None else canonical(observed.setup)
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def unanswered(measurements: Measurements, turns: Iterable[Turn]) -> list[Turn] | None:
    """Return the turns without an audible reply; None if it is not known whether every turn had one."""
    answers = [(turn, measurements.value("answered", turn=turn.index)) for turn in turns]
    silent = [turn for turn, answer in answers if answer == 0.0]
    return silent if silent or all(answer is not None for _, answer in answers) else None


def evidence_of(item: Measurement, text: str) -> Evidence:
    """Return a sentence about a measurement as evidence, with the parts of the recording to listen to."""
    return Evidence(text=text, metric=item.metric, turn=item.turn, spots=item.spots)


def raised_at(
    place: Place,
    title: str,
    *,
    evidence: Iterable[Evidence],
    cause: str = "",
    fix: str = "",
    severity: Severity | None = None,
) -> Verdict:
    """Return the finding of a segment rule, with the fix of its hop.

    Parameters
    ----------
    cause : str
        Likely cause, if the evidence points to another than the most likely one of the hop.
    fix : str
        What to do, if the evidence asks for something else than the fix of the hop.
    """
    return raised(
        title,
        evidence=evidence,
        likely_cause=cause or place.on.causes[0],
        fix=fix or place.on.fix,
        severity=severity,
    )


@dataclass(frozen=True)
class WrongRate:
    """A wrong speed of a segment: the speed of output relative to input, and its measurement."""

    ratio: float
    item: Measurement

    @property
    def error(self) -> bool:
        """Whether the rate is wrong; otherwise a clock drifts."""
        return abs(self.ratio - 1) > RATE_ERROR

    def evidence(self, place: Place) -> Evidence:
        """Return the measured speed in words."""
        text = msg(
            "{output} runs at {ratio:.4f} times the speed of {input}",
            output=place.output,
            ratio=self.ratio,
            input=place.input,
        )
        if self.item.confidence is not None:
            text = msg("{text} (match {confidence:.2f} of 1)", text=text, confidence=self.item.confidence)
        return evidence_of(self.item, text)


def wrong_rate(measurements: Measurements, hop: Hop) -> WrongRate | str | None:
    """Return the wrong speed of a hop's segment; None if the speed is right; a sentence if it is not known.

    Turns in which the speed was not measured are passed over.
    Pitch and duration must agree. If only the duration changes, a jitter buffer is the cause and not a sample rate.
    """
    items = measurements.find("rate_ratio", hop=hop)
    found = worst(items, lambda ratio: abs(math.log(max(ratio, 1e-6))))
    if found is None:
        return why_not(items, "rate_ratio")
    ratio, item = found
    if abs(ratio - 1) <= RATE_WARNING or stretch_of(measurements, item) is not None:
        return None
    return WrongRate(ratio, item)


def stretch_of(measurements: Measurements, item: Measurement) -> float | None:
    """Return the speed by duration if it differs from the speed by pitch, else None."""
    by_time = measurements.value("time_ratio", hop=item.hop, turn=item.turn)
    ratio = number(item)
    if by_time is None or ratio is None or abs(by_time / ratio - 1) <= RATE_ERROR:
        return None
    return by_time


def has_the_voice(measurements: Measurements, hop: Hop) -> bool:
    """Return whether the output of a hop's segment is known to hold the sound of its input, although it is noise.

    Either its waveform follows the input from one end to the other below the noise, or it has too few bits, or
    integers wrapped around. Misread
    bytes follow it in no place, so that the rest is other sound.
    """
    bent = ("few bits", "wrapped")
    few = any(event.kind in bent for item in measurements.find("distortion_db", hop=hop) for event in item.events)
    return few or _follows_throughout(measurements, hop)


def _follows_throughout(measurements: Measurements, hop: Hop) -> bool:
    """Return whether the output of a hop's segment follows its input from one end to the other."""
    parts = [measurements.value(name, hop=hop) for name in ("other_sound_s", "head_lost_s", "tail_lost_s", "skipped_s")]
    return all(part is not None for part in parts) and sum(part or 0.0 for part in parts) <= OTHER_SOUND_S


def wrongly_decoded(measurements: Measurements, place: Place) -> Measurement | None:
    """Return the reading of an output whose samples are decoded with a wrong table; None if there is no such sign.

    The samples of the output can be read in another way, yet its waveform follows the input from one end to the other
    and is distorted. Its bytes are then in the right order, and only their values are wrong. A table leaves more than
    two values: samples that are all at full scale are integers taken as floats.
    """
    own = misread_bytes(measurements, place.segment.last)
    if own is None or not _follows_throughout(measurements, place.hop):
        return None
    tops = added(measurements, place, "clipping_rate_hz")
    if not isinstance(tops, str) and tops[0] > ALL_FLAT_HZ:
        return None
    bent = [value for value, _ in numbers(measurements.find("distortion_db", hop=place.hop))]
    return own if any(value > DISTORTION_WARN_DB for value in bent) else None


def snapped_hz(rate_hz: float) -> int:
    """Return the nearest common sample rate if it is within 0.5 %, else the rounded rate itself."""
    nearest = min(STANDARD_RATES_HZ, key=lambda standard: abs(standard / rate_hz - 1))
    return nearest if abs(nearest / rate_hz - 1) <= _SNAP else round(rate_hz)


PACE_FITS = 0.015
"""Largest difference between a pace and the ratio of two sample rates that counts as a match. A client that sends as
its device delivers keeps the pace within 0.5 % over 2 s; the nearest ratios of common rates differ by 8 %."""


def rate_by_pace(ratio: float, declared_hz: int) -> int | None:
    """Return the common sample rate, other than the declared one, that explains the pace of what was sent, or None.

    Parameters
    ----------
    ratio : float
        Seconds of audio sent per second, at the declared rate.
    declared_hz : int
    """
    fitting = [rate for rate in STANDARD_RATES_HZ if abs(ratio * declared_hz / rate - 1) <= PACE_FITS]
    return next((rate for rate in fitting if rate != declared_hz), None) if abs(ratio - 1) > PACE_FITS else None


def changed_sound(ratio: float) -> str:
    """Return how a wrong rate sounds: "1.5 times as long and 7 semitones deeper"."""
    semitones = 12 * math.log2(ratio)
    amount = round(abs(semitones))
    interval = amount if abs(abs(semitones) - amount) < 0.1 else round(abs(semitones), 1)
    if ratio < 1:
        return msg("{times:.3g} times as long and {interval} semitones deeper", times=1 / ratio, interval=interval)
    return msg("{times:.3g} times as fast and {interval} semitones higher", times=ratio, interval=interval)


def received_rate_hz(observed: ObservedClient, place: Place | None = None) -> int:
    """Return the sample rate that the service declared for its audio; 24000 if it declared none that can be played.

    Without a session (two recordings are compared) it is the sample rate of the input.
    """
    if observed.received_mime_types is None and place is not None and place.input_rate_hz:
        return place.input_rate_hz
    return playable_rate_hz((observed.received_mime_types or ("",))[0], LIVE_OUTPUT_RATE_HZ)


@dataclass(frozen=True)
class LostTreble:
    """Treble lost on a segment: how much, the bands in words, and the measurement."""

    loss_db: float
    words: str
    item: Measurement

    def evidence(self, place: Place) -> Evidence:
        """Return the loss in words."""
        text = msg(
            "{output} has {loss_db:.1f} dB less treble than {input}: {words}",
            output=place.output,
            loss_db=self.loss_db,
            input=place.input,
            words=self.words,
        )
        return evidence_of(self.item, text)


def lost_treble(measurements: Measurements, hop: Hop) -> LostTreble | str | None:
    """Return the treble that a hop's segment lost; None if none was lost; a sentence if it is not known.

    Turns in which it was not measured are passed over.
    """
    items = measurements.find("dullness_db", hop=hop)
    found = worst(items, float)
    if found is None:
        return why_not(items, "dullness_db")
    loss_db, item = found
    if loss_db < TREBLE_WARNING_DB:
        return None
    bands = next((other.value for other in measurements.find("dullness_bands_db", hop=hop, turn=item.turn)), None)
    words = bands_in_words(bands if isinstance(bands, tuple) else (), TREBLE_WARNING_DB)
    return LostTreble(loss_db, words or msg("above 3.5 kHz {loss_db:.0f} dB", loss_db=loss_db), item)


def bands_in_words(bands_db: Sequence[float | None], least_db: float) -> str:
    """Return the bands that lost at least `least_db`, as "5 to 7 kHz 12 dB, 7 to 9 kHz 20 dB"."""
    return listed(
        [
            msg("{low:g} to {high:g} kHz {value:.0f} dB", low=low / 1000, high=high / 1000, value=value)
            for (low, high), value in zip(BANDS_HZ, bands_db, strict=False)
            if value is not None and value >= least_db
        ]
    )


def sampling_that_would_do_it(measurements: Measurements, hop: Hop) -> int | None:
    """Return the sample rate whose Nyquist frequency explains the bands that a hop lost; None if there is none."""
    bands = (item.value for item in measurements.find("dullness_bands_db", hop=hop))
    found = (sampling_of_bands(value) for value in bands if isinstance(value, tuple))
    return next((rate_hz for rate_hz in found if rate_hz), None)


def sampling_of_bands(bands_db: Sequence[float | None]) -> int | None:
    """Return the sample rate that explains lost bands, or None.

    All bands below its Nyquist frequency must be intact and all above it gone. The band that contains the Nyquist
    frequency may be lost in part.
    """
    values = [value for value in bands_db if value is not None]
    touched = next((index for index, value in enumerate(values) if value > _WHOLE_DB), None)
    if touched is None or values[-1] < _GONE_DB or bands_db[touched] is None:
        return None
    return _SAMPLING_OF_BAND_HZ[touched] if all(value > _GONE_DB for value in values[touched + 1 :]) else None


MOST_EVENTS_NAMED = 5


def listed(items: Sequence[str]) -> str:
    """Return texts with commas between them as one message; empty without any."""
    return joined(items, ", ") if items else ""


def events_in_words(events: Sequence[SoundEvent], *, place: bool = False) -> str:
    """Return events as "350 ms at 1.40 s, 350 ms at 3.15 s". If there are many, name the first and count the rest.

    With `place`, the kind of event is named too: "overlap at 1.40 s for 350 ms".
    """
    named = [_event_in_words(event, named=place) for event in events[:MOST_EVENTS_NAMED]]
    rest = len(events) - len(named)
    return listed([*named, msg("and {rest} more", rest=rest)] if rest else named)


def times_in_words(spots: Sequence[Spot]) -> str:
    """Return the middles of places as "at 1.40 s, 3.15 s and 2 more", each time once; empty without places."""
    times = list(dict.fromkeys(f"{(spot.start_s + spot.end_s) / 2:.2f} s" for spot in spots))
    named, rest = times[:MOST_EVENTS_NAMED], len(times) - MOST_EVENTS_NAMED
    if not named:
        return ""
    if rest > 0:
        return msg("at {times} and {rest} more", times=", ".join(named), rest=rest)
    return msg("at {times}", times=", ".join(named))


def _event_in_words(event: SoundEvent, *, named: bool) -> str:
    if event.count > 1 and event.period_s is not None:
        each_ms = 1000 * event.duration_s / event.count
        every = format_seconds(event.period_s)
        return msg(
            "{count} gaps of {each_ms:.1f} ms, one every {every} from {at_s:.2f} s on",
            count=event.count,
            each_ms=each_ms,
            every=every,
            at_s=event.estimated_s,
        )
    length = format_seconds(event.duration_s)
    if not named:
        return msg("{length} at {at_s:.2f} s", length=length, at_s=event.estimated_s)
    level = f" ({event.level_db:+.0f} dB)" if event.level_db is not None else ""
    values = {"kind": fixed_text(event.kind), "at_s": event.estimated_s, "level": level}
    if not event.duration_s:
        return msg("{kind} at {at_s:.2f} s{level}", **values)
    return msg("{kind} at {at_s:.2f} s for {length}{level}", **values, length=length)


def added(measurements: Measurements, place: Place, metric: str) -> tuple[float, float, Measurement] | str:
    """Return by how much the output of a segment exceeds its input, the input's value, and the output's measurement.

    If there are several turns, use the one with the largest increase. Return a sentence if it is not known.
    """
    first, last = place.segment.first, place.segment.last
    pairs = []
    for item in measurements.find(metric, tap=last):
        own, output = measurements.value(metric, tap=first, turn=item.turn), number(item)
        if own is not None and output is not None:
            pairs.append((output - own, own, item))
    if not pairs:
        return why_not((*measurements.find(metric, tap=last), *measurements.find(metric, tap=first)), metric)
    return max(pairs, key=lambda pair: pair[0])


def clear_if_added_measured(measurements: Measurements, place: Place, metric: str) -> Verdict:
    """Return "clear" if a metric has a value in every turn at both ends of a segment, and "not checked" otherwise."""
    first, last = (measurements.find(metric, tap=tap) for tap in (place.segment.first, place.segment.last))
    return clear_if_measured((*first, *last) if first and last else (), metric)


def misread_bytes(measurements: Measurements, tap: Tap | None) -> Measurement | None:
    """Return the measurement of misread bytes on a tap; None if there are none or it is not known."""
    items = [item for item in measurements.find("misread_s") if item.tap == tap]
    found = [item for value, item in numbers(items) if value > 0 and item.events]
    return max(found, key=lambda item: number(item) or 0.0, default=None)


def misread_evidence(item: Measurement, name: str) -> Evidence:
    """Return in words how the bytes were misread, and from what time on."""
    event = item.events[0]
    text = msg("in {name} from {at_s:.2f} s on", name=name, at_s=event.estimated_s)
    if event.count > 1:
        text = msg("{text}, {n} times", text=text, n=event.count)
    if event.period_s:
        text = msg("{text}, every {period}", text=text, period=format_seconds(event.period_s))
    return evidence_of(item, msg("{text}: {kind}", text=text, kind=event.kind))


def in_mid_sentence(text: str) -> str:
    """Return a text with its first letter small, to stand behind a colon."""
    small = text[:1].lower() + text[1:]
    return text.spelled(small) if isinstance(text, Message) else small


def last_lines(data: Mapping[str, Any]) -> list[Evidence]:
    """Return the last lines of an app's output, from the data of an event, as evidence; none if there is no output."""
    lines = [str(line) for line in data.get("last_lines") or ()]
    return [Evidence(text=msg("last lines of its output: {lines}", lines=" ⏎ ".join(lines)))] if lines else []
