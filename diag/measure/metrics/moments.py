"""The moments of a turn between which latencies are measured, each from one kind of evidence.

A moment comes either from events and device time stamps or from the ear's recording, never from both. If a moment is
not known, the reason is returned.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diag.core.chain import HEARD_PROMPT_CHANNEL, HEARD_REPLY_CHANNEL, Tap
from diag.core.clip import Clip
from diag.core.messages import msg
from diag.core.missing import Missing, MissingCode
from diag.core.take import Span, Turn
from diag.core.timeline import Event, Timeline
from diag.dsp.align import Place, locate
from diag.dsp.resample import rescale
from diag.dsp.speech import first_audible_frame
from diag.measure.metrics.sounds import remembered
from diag.measure.reasons import NO_AUDIO, NO_PROMPT, NOTHING_PLAYED, PLAYED_SILENT, no_prompt_on, no_reply_on

CONFIDENT = 0.5
"""Least normalised correlation of a known sound in a recording: unrelated speech stays below 0.45 over one second."""
TEMPLATE_S = 1.0
HEAD_S = 0.3
"""Length of the beginning that is searched for alone if the first second of a known sound was interrupted (a stall)."""
WHOLE, CLEARLY = 0.9, 0.1
"""Below a correlation of WHOLE the first second may be interrupted. The beginning alone is used if its correlation is
better by at least CLEARLY."""
PROMPT_TEMPLATE_S = 1.5
_PLAYED_HZ = (16000, 48000, 44100, 32000, 22050)
"""Rates at which a player may play what it received, besides the declared one."""
SEARCH_S = 0.5
"""How far outside the turn's span of a recording a known sound is searched for: stamps may be wrong by this much."""
STAMP_WINDOW_S = 1.0
CALLBACK_WINDOW_S = 2.0
"""Callbacks of an input within this time of a frame tell when it entered. Among so many, one was not late; and clocks
that differ by 500 ppm move by 1 ms in it."""
NOT_AUDIBLE = Missing(MissingCode.SILENT, msg("the received audio is silent"))
NO_STAMPS = Missing(MissingCode.NO_EVENTS, msg("the device gives no time stamps"))
NO_CALLBACKS = Missing(MissingCode.NO_EVENTS, msg("no callbacks of the device were recorded around the frame"))
BEFORE_STAMPS = Missing(MissingCode.NO_EVENTS, msg("the frame lies before the first block"))


def speech_end_s(turn: Turn) -> float | Missing:
    """Return when the prompt's last speech sample left the mouth, by device time stamp."""
    return NO_PROMPT if turn.speech_end_s is None else turn.speech_end_s


def audio_chunks(timeline: Timeline, turn: Turn) -> tuple[Event, ...]:
    """Return the audio chunks of this turn's reply in order of arrival, without those of other replies in the turn."""
    first, last = turn.reply_spans.get(Tap.RECEIVED, (0, math.inf))
    return tuple(
        event
        for event in timeline.named("chunk_received")
        if event.data.get("turn") == turn.index
        and event.data.get("frames", 0) > 0
        and first <= event.data.get("start_frame", first) < last
    )


def first_audible_received(turn: Turn, received: Clip) -> int | Missing:
    """Return the frame of `received` that is the reply's first audible sample."""
    span = turn.reply_spans.get(Tap.RECEIVED)
    if span is None:
        return NO_AUDIO

    def compute() -> int | Missing:
        frame = first_audible_frame(_mono(received, span), received.sample_rate_hz)
        return NOT_AUDIBLE if frame is None else span[0] + frame

    return remembered(received, ("first audible", span), compute)


def playable_s(chunks: Sequence[Event], frame: int, sample_rate_hz: int) -> float | Missing:
    """Return the earliest time at which a player without a buffer could play a frame of `received` without an underrun.

    The frame is due when the audio before it has been played, and no chunk can be played before it has arrived.
    """
    needed = [event for event in chunks if event.data["start_frame"] <= frame]
    if not needed:
        return NO_AUDIO
    return max(float(event.t_s + (frame - event.data["start_frame"]) / sample_rate_hz) for event in needed)


def first_audible_played(turn: Turn, received: Clip, played: Clip) -> int | Missing:
    """Return the frame of `played` that holds the reply's first audible sample.

    The first audible second received is searched for by correlation, both at its own speed and sample for sample (for
    a player that does not resample). If neither matches, the audible threshold is applied to `played` itself.
    """
    span = turn.reply_spans.get(Tap.PLAYED)
    if span is None:
        return NOTHING_PLAYED
    start = first_audible_received(turn, received)
    if isinstance(start, Missing):
        return start

    def compute() -> int | Missing:
        assert isinstance(start, int)
        template = _mono(received, (start, start + round(TEMPLATE_S * received.sample_rate_hz)))
        signal = _mono(played, span)
        factor = played.sample_rate_hz / received.sample_rate_hz
        places = [locate(rescale(template, factor)[0], signal, played.sample_rate_hz)]
        if factor != 1.0:
            places.append(locate(template, signal, played.sample_rate_hz))
        best = max((place for place in places if place), key=lambda place: place.confidence, default=None)
        if best is None or best.confidence < WHOLE:
            # An interruption within the first second does not move its beginning.
            head = rescale(template[: round(HEAD_S * received.sample_rate_hz)], factor)[0]
            begun = locate(head, signal, played.sample_rate_hz)
            if begun is not None and begun.confidence >= WHOLE:
                best = begun
        if best is not None and best.confidence >= CONFIDENT:
            return span[0] + round(best.frame)
        frame = first_audible_frame(signal, played.sample_rate_hz)
        return PLAYED_SILENT if frame is None else span[0] + frame

    return remembered(played, ("first audible", span, start), compute)


@dataclass(frozen=True)
class Stamps:
    """Blocks of one tap: first frame, time of the callback, and the device's time stamp for the block."""

    frame: NDArray[np.float64]
    t_s: NDArray[np.float64]
    device_s: NDArray[np.float64]

    def callback_s(self, frame: float) -> float | Missing:
        """Return when the callback ran whose block holds this frame."""
        block = int(np.searchsorted(self.frame, frame, side="right")) - 1
        return float(self.t_s[block]) if block >= 0 else BEFORE_STAMPS

    def handed_over_s(self, frame: float, sample_rate_hz: int) -> float | Missing:
        """Return when a device without a buffer would play this frame: its callback, plus its place in the block.

        A whole block is handed over at once, although its last frames are due later.
        """
        block = int(np.searchsorted(self.frame, frame, side="right")) - 1
        return float(self.t_s[block] + (frame - self.frame[block]) / sample_rate_hz) if block >= 0 else BEFORE_STAMPS

    def leaves_device_s(self, frame: float, sample_rate_hz: int) -> float | Missing:
        """Return when a frame passes the device: the median of the stamps around it, because single stamps jitter."""
        near = np.abs(self.frame - frame) <= STAMP_WINDOW_S * sample_rate_hz
        starts = (self.device_s - self.frame / sample_rate_hz)[near]
        known = starts[np.isfinite(starts)]
        if known.size == 0:
            return NO_STAMPS
        return float(np.median(known)) + frame / sample_rate_hz

    def delivered_s(self, frame: float, sample_rate_hz: int) -> float | Missing:
        """Return when an input had recorded a frame, by the callbacks around it.

        A block may be delivered late, but not before its last frame was recorded, so the earliest callback counts. The
        stamps of the device are not used: on sound servers, those of two inputs were wrong by up to 40 ms each, and the
        callbacks by less than 1 ms (`benchmarks/heard_on_devices.py`).
        """
        ends = self.frame[1:]
        near = np.abs(ends - frame) <= CALLBACK_WINDOW_S * sample_rate_hz
        if not near.any():
            return NO_CALLBACKS
        return float(np.min((self.t_s[:-1] - ends / sample_rate_hz)[near])) + frame / sample_rate_hz


def stamp_jitter_s(timeline: Timeline, tap: Tap) -> float | None:
    """Return the 95th percentile of the distance of a tap's device stamps from a steady clock; None without stamps.

    The clock is a straight line through the stamps, so a clock that runs fast or slow does not count as jitter.
    """
    blocks = stamps(timeline, tap)
    if isinstance(blocks, Missing):
        return None
    known = np.isfinite(blocks.device_s)
    if known.sum() < 3:
        return None
    frame, at_s = blocks.frame[known], blocks.device_s[known]
    residual_s = at_s - np.polyval(np.polyfit(frame, at_s, 1), frame)
    return float(np.percentile(np.abs(residual_s - np.median(residual_s)), 95))


def stamps(timeline: Timeline, tap: Tap) -> Stamps | Missing:
    """Return the block stamps of a tap, or why there are none."""
    event = next((item for item in timeline.named("stamps") if item.data.get("tap") == tap.value), None)
    if event is None or len(event.data.get("frame", ())) == 0:
        return Missing(MissingCode.NO_EVENTS, msg("no block stamps of `{tap}` were recorded", tap=tap.value))
    frame, t_s, device_s = (
        np.array([np.nan if value is None else value for value in event.data[key]], dtype=np.float64)
        for key in ("frame", "t_s", "device_s")
    )
    return Stamps(frame, t_s, device_s)


def path_delays(timeline: Timeline) -> dict[tuple[str, str], float | None]:
    """Return the delay of each calibrated path from the output's device stamp to the input; None where none was found.

    The keys are ("mouth" or "speaker", "ear" or "microphone").
    """
    return {
        (str(event.data["port"]), str(event.data.get("at", "ear"))): event.data.get("delay_s")
        for event in timeline.named("calibrated")
    }


def calibration(timeline: Timeline) -> Mapping[str, Any] | Missing:
    """Return the delay from device stamp to ear of each calibrated port, or why one is not known."""
    delays = {port: delay for (port, at), delay in path_delays(timeline).items() if at == "ear"}
    unknown = [port for port, delay in delays.items() if delay is None]
    if unknown:
        text = msg("the delay of the {ports} to the ear could not be calibrated", ports=" and the ".join(unknown))
        return Missing(MissingCode.NO_CLOCK, text)
    return delays


def output_difference_s(timeline: Timeline) -> float | Missing:
    """Return how much later than its stamps the speaker plays, compared with the mouth.

    It is the difference of the delays of both to the ear, or to the microphone: the error of the input's own stamps
    cancels in it. On a headset the ear hears only the speaker, and the microphone only the mouth. Then it is the
    difference of these two paths, with the difference of the stamps of both inputs as its error.
    """
    delays = path_delays(timeline)
    if not delays:
        return 0.0
    for first, second in (("ear", "ear"), ("microphone", "microphone"), ("ear", "microphone")):
        speaker_s, mouth_s = delays.get(("speaker", first)), delays.get(("mouth", second))
        if speaker_s is not None and mouth_s is not None:
            return float(speaker_s - mouth_s)
    to_ear_s = delays.get(("speaker", "ear"))
    if to_ear_s is not None and not any(port == "mouth" for port, _ in delays):
        # A person spoke: the prompt is timed at the microphone, so the reply is timed at the ear.
        return float(to_ear_s)
    known = calibration(timeline)
    if isinstance(known, Missing):
        return known
    # An app's own speaker is not calibrated.
    return 0.0


def paths_differ_s(timeline: Timeline) -> float:
    """Return by how much the calibrated delays mouth to microphone and speaker to ear differ; 0 if a person spoke.

    It holds the difference of the latencies of microphone and ear, and the error of the stamps of both outputs.
    """
    delays = path_delays(timeline)
    mouth_s, speaker_s = delays.get(("mouth", "microphone")), delays.get(("speaker", "ear"))
    return 0.0 if mouth_s is None or speaker_s is None else abs(mouth_s - speaker_s)


def timed_by_devices(timeline: Timeline) -> bool:
    """Return whether the ear hears the speaker but no mouth, so that only the clocks of the devices link both.

    Either the microphone hears the mouth, as on a headset, or a person spoke.
    """
    delays = path_delays(timeline)
    person = not any(port == "mouth" for port, _ in delays)
    return (
        delays.get(("speaker", "ear")) is not None
        and delays.get(("mouth", "ear")) is None
        and (person or delays.get(("mouth", "microphone")) is not None)
    )


def out_s(turn: Turn, timeline: Timeline, received: Clip, played: Clip) -> float | Missing:
    """Return when the first audible sample leaves the playback device, on the same clock as the prompt's stamps.

    The time stamps of two output streams may be wrong by different amounts. The calibrated difference between mouth and
    speaker is corrected here.
    """
    frame = first_audible_played(turn, received, played)
    blocks = stamps(timeline, Tap.PLAYED)
    if isinstance(frame, Missing):
        return frame
    left = blocks if isinstance(blocks, Missing) else blocks.leaves_device_s(frame, played.sample_rate_hz)
    difference_s = output_difference_s(timeline)
    if isinstance(left, Missing):
        return left
    return difference_s if isinstance(difference_s, Missing) else float(left + difference_s)


def delivered_s(timeline: Timeline, tap: Tap, recording: Clip, frame: float | Missing) -> float | Missing:
    """Return when the device of a recorded input had recorded a frame, by its callbacks."""
    if isinstance(frame, Missing):
        return frame
    blocks = stamps(timeline, tap)
    return blocks if isinstance(blocks, Missing) else blocks.delivered_s(frame, recording.sample_rate_hz)


def prompt_end_in(turn: Turn, prompt: Clip, recording: Clip, tap: Tap) -> float | Missing:
    """Return the frame of `captured`, or of the prompt's channel of `heard`, at which the prompt's speech ends.

    It is found by normalised correlation with the last 1.5 s of the prompt's speech.
    """
    if turn.speech_end_s is None or prompt.start_s is None:
        return NO_PROMPT
    span = turn.prompt_spans.get(tap)
    if span is None:
        return no_prompt_on(tap)
    end = prompt.frame_at(turn.speech_end_s)
    start = end - round(PROMPT_TEMPLATE_S * prompt.sample_rate_hz)
    if turn.speech_start_s is not None:
        start = max(start, prompt.frame_at(turn.speech_start_s))
    channel = HEARD_PROMPT_CHANNEL if tap is Tap.HEARD else 0

    def compute() -> float | Missing:
        known = _mono(prompt, (start, end))
        found = _place(known, prompt.sample_rate_hz, recording, channel, span)
        if isinstance(found, Missing):
            return Missing(
                found.code, msg("the prompt was not found in `{tap}` ({reason})", tap=tap.value, reason=found.text)
            )
        return found.frame + known.size * recording.sample_rate_hz / prompt.sample_rate_hz

    return remembered(recording, ("prompt end", tap, start, end), compute)


def reply_start_in_heard(turn: Turn, received: Clip, played: Clip | None, heard: Clip) -> float | Missing:
    """Return the frame of `heard` that is the reply's first audible sample.

    It is found by correlation with the first second played. If that second was interrupted (a stall), only its first
    0.3 s are used. If `played` was not recorded, the first second received is searched for in `heard`.
    """
    span = turn.reply_spans.get(Tap.HEARD)
    if span is None:
        return no_reply_on(Tap.HEARD)
    if played is None:
        return _received_in_heard(turn, received, heard, span)
    start = first_audible_played(turn, received, played)
    if isinstance(start, Missing):
        return start

    def compute() -> float | Missing:
        assert isinstance(start, int)
        whole = _mono(played, (start, start + round(TEMPLATE_S * played.sample_rate_hz)))
        found = _place(whole, played.sample_rate_hz, heard, HEARD_REPLY_CHANNEL, span)
        if not isinstance(found, Missing) and found.confidence >= WHOLE:
            return found.frame
        head = whole[: round(HEAD_S * played.sample_rate_hz)]
        begun = _place(head, played.sample_rate_hz, heard, HEARD_REPLY_CHANNEL, span)
        if not isinstance(begun, Missing) and (
            isinstance(found, Missing) or begun.confidence > found.confidence + CLEARLY
        ):
            return begun.frame
        if isinstance(found, Missing):
            return Missing(found.code, msg("the reply was not found in `heard` ({reason})", reason=found.text))
        return found.frame

    return remembered(heard, ("reply start", span, start), compute)


def _received_in_heard(turn: Turn, received: Clip, heard: Clip, span: Span) -> float | Missing:
    """Return the frame of `heard` at which the first audible sample received is heard.

    It is searched for at its own speed, and at those of the common sample rates, because a player may use a wrong one.
    """
    start = first_audible_received(turn, received)
    if isinstance(start, Missing):
        return start

    def compute() -> float | Missing:
        assert isinstance(start, int)
        rate_hz = received.sample_rate_hz
        whole = _mono(received, (start, start + round(TEMPLATE_S * rate_hz)))
        best: Place | Missing | None = None
        for played_hz in dict.fromkeys((rate_hz, *_PLAYED_HZ)):
            for length_s in (TEMPLATE_S, HEAD_S):
                found = _place(whole[: round(length_s * rate_hz)], played_hz, heard, HEARD_REPLY_CHANNEL, span)
                # The beginning alone is less sure of its place, so it must fit clearly better.
                lead = 0.0 if length_s == TEMPLATE_S else CLEARLY
                if best is None or isinstance(best, Missing):
                    best = found if best is None or not isinstance(found, Missing) else best
                elif not isinstance(found, Missing) and found.confidence > best.confidence + lead:
                    best = found
            if isinstance(best, Place) and best.confidence >= WHOLE:
                break
        if isinstance(best, Place):
            return best.frame
        assert best is not None
        return Missing(MissingCode.NO_MATCH, msg("the reply was not found in `heard` ({reason})", reason=best.text))

    return remembered(heard, ("reply start", span, start, "received"), compute)


def _place(known: NDArray[np.float32], rate_hz: int, recording: Clip, channel: int, span: Span) -> Place | Missing:
    rate = recording.sample_rate_hz
    reach = round(SEARCH_S * rate)
    first = max(0, span[0] - reach)
    side = channel if recording.channels > 1 else 0
    signal = recording.slice(first, span[1] + reach).channel(side).samples
    template = known if rate == rate_hz else rescale(known, rate / rate_hz)[0]
    place = locate(template, signal, rate)
    if place is None:
        return Missing(MissingCode.SILENT, msg("it is silent there"))
    if place.confidence < CONFIDENT:
        text = msg(
            "best correlation {confidence:.2f}, needed {confident:.2f}",
            confidence=place.confidence,
            confident=CONFIDENT,
        )
        return Missing(MissingCode.NO_MATCH, text)
    return Place(first + place.frame, place.confidence)


def _mono(clip: Clip, span: Span) -> NDArray[np.float32]:
    samples = clip.samples[max(0, span[0]) : max(0, span[1])]
    return np.asarray(samples if samples.ndim == 1 else samples[:, 0], dtype=np.float32)
