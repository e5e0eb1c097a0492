"""Latency: how long a person waits from the end of the prompt's speech to the reply."""

from __future__ import annotations

import math

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.messages import msg
from diag.core.missing import Missing, MissingCode
from diag.core.results import Reading, Spot, Tier, not_measured
from diag.core.take import Turn
from diag.core.timeline import Timeline
from diag.dsp.speech import first_speech_frame
from diag.measure.metrics.moments import (
    audio_chunks,
    calibration,
    delivered_s,
    first_audible_played,
    first_audible_received,
    out_s,
    paths_differ_s,
    playable_s,
    prompt_end_in,
    reply_start_in_heard,
    speech_end_s,
    stamp_jitter_s,
    timed_by_devices,
)
from diag.measure.metrics.sounds import remembered
from diag.measure.reasons import NO_AUDIO, no_recording
from diag.measure.registry import Group, metric

ONE_RECORDING_S, BY_DEVICES_S = 0.01, 0.02
"""How exactly the heard latency is measured: from one recording, and by the clocks of several devices."""


@metric(
    "ttfb_s", unit="s", better="lower", tolerance=0.05,
    label="First byte received", group=Group.LATENCY, order=2, tile=True,
)  # fmt: skip
def ttfb(turn: Turn, timeline: Timeline) -> Reading:
    """Time to the first byte of the reply's audio.

    What
        Time until the service starts to send the reply, without the reply's leading silence.
    From – to
        The prompt's last speech sample leaves the mouth (device stamp) – the first chunk of audio is received, on the
        monotonic clock.
    Better is
        Lower. The value is negative if the reply begins before the prompt has ended.
    Not measured when
        The prompt was not spoken, or no audio was received.
    Reference
        No threshold. See `ttfa_heard_s` for the wait as a person notices it.
    """
    end = speech_end_s(turn)
    chunks = audio_chunks(timeline, turn)
    if isinstance(end, Missing):
        return not_measured(end, Tier.EVENTS)
    if not chunks:
        return not_measured(NO_AUDIO, Tier.EVENTS)
    return Reading(value=chunks[0].t_s - end, tier=Tier.EVENTS)


@metric(
    "ttfa_received_s", unit="s", better="lower", tolerance=0.05,
    label="First audio received", group=Group.LATENCY, order=3,
    headline="time to the first audible sample received",
)  # fmt: skip
def ttfa_received(turn: Turn, timeline: Timeline, received: Clip) -> Reading:
    """Time to the first audible sample received.

    What
        `ttfb_s` plus the silence at the start of the reply.
    From – to
        The prompt's last speech sample leaves the mouth – the earliest time at which a player without a buffer could
        play the reply's first audible sample. For each chunk up to the one with the sample, add the arrival time and
        the length of audio from the start of the chunk to the sample; the largest sum is that time.
    Better is
        Lower.
    Not measured when
        The prompt was not spoken, or no audible audio was received.
    Reference
        Audible: 5 ms that are less than 45 dB below the active level and above -80 dBFS.
    """
    end = speech_end_s(turn)
    if isinstance(end, Missing):
        return not_measured(end, Tier.EVENTS)
    frame = first_audible_received(turn, received)
    if isinstance(frame, Missing):
        return not_measured(frame, Tier.EVENTS)
    ready = playable_s(audio_chunks(timeline, turn), frame, received.sample_rate_hz)
    if isinstance(ready, Missing):
        return not_measured(ready, Tier.EVENTS)
    return Reading(value=ready - end, tier=Tier.EVENTS)


def heard_span(
    turn: Turn, timeline: Timeline, *, prompt: Clip, received: Clip, played: Clip | None, heard: Clip
) -> tuple[float, float] | Missing:
    """Return frames of `heard` at which the prompt's speech ends and the reply begins, or why they are not known."""
    known = calibration(timeline)
    if isinstance(known, Missing):
        return known
    end = prompt_end_in(turn, prompt, heard, Tap.HEARD)
    if isinstance(end, Missing):
        return end
    start = reply_start_in_heard(turn, received, played, heard)
    return start if isinstance(start, Missing) else (end, start)


@metric(
    "ttfa_heard_s", unit="s", better="lower", version=2, tolerance=0.05,
    label="First audio heard", group=Group.LATENCY, order=1, headline="time to the first sound heard", tile=True,
)  # fmt: skip
def ttfa_heard(
    turn: Turn,
    timeline: Timeline,
    *,
    received: Clip,
    heard: Clip,
    prompt: Clip | None = None,
    captured: Clip | None = None,
    played: Clip | None = None,
) -> Reading:
    """Wait from the end of the prompt's speech to the first audible sound of the reply, both at the ear.

    What
        The response delay of the whole chain, measured from the ear's recording alone. Prompt and reply are in one file
        with one sample clock, so no device time stamp is needed. If the ear hears only the speaker, as on a headset,
        the microphone hears the prompt and the ear the reply, and the clocks of these two devices are compared by their
        earliest callbacks. If the prompt cannot be found in `captured`, device stamps are used, with the calibrated
        delays from the speaker to the ear and from the mouth to the microphone. `ttfa_heard_uncertainty_s` says how
        exact the value is.
    From – to
        The prompt's last speech sample in `heard` – the reply's first audible sample in `heard`, each found by
        normalised correlation with the known prompt and reply. Where `played` was not recorded, the reply in `received`
        is searched for. By two devices: the prompt's last speech sample in `captured` – the reply's first audible
        sample in `heard`. By device stamps: the prompt's last speech sample leaves the mouth – the reply's first
        audible sample arrives at the ear.
    Better is
        Lower. The value is negative if the reply begins before the prompt has ended.
    Not measured when
        No audible reply was received or played; the delay to the ear could not be calibrated; or the correlation with
        the prompt or the reply is below 0.5.
    Reference
        SVC001 warns above 1.5 s and reports an error above 3 s. People answer each other within 0.2 s (Stivers 2009).
    """
    span: tuple[float, float] | Missing = no_recording(Tap.PROMPT)
    if prompt is not None:
        span = heard_span(turn, timeline, prompt=prompt, received=received, played=played, heard=heard)
    if isinstance(span, Missing):
        if played is None or not timed_by_devices(timeline):
            return not_measured(span)
        found = _by_devices(
            turn, timeline, prompt=prompt, captured=captured, received=received, played=played, heard=heard
        )
        return (
            not_measured(found, Tier.EVENTS)
            if isinstance(found, Missing)
            else Reading(value=found[0], tier=Tier.EVENTS)
        )
    end, start = (frame / heard.sample_rate_hz for frame in span)
    return Reading(value=start - end, spots=(Spot(Tap.HEARD, min(end, start), max(end, start)),))


def _by_devices(
    turn: Turn,
    timeline: Timeline,
    *,
    prompt: Clip | None,
    captured: Clip | None,
    received: Clip,
    played: Clip,
    heard: Clip,
) -> tuple[float, float] | Missing:
    """Return the wait by the clocks of two devices and how exact it is, if the reply was heard at all."""
    at_ear = reply_start_in_heard(turn, received, played, heard)
    end = speech_end_s(turn)
    for moment in (at_ear, end):
        if isinstance(moment, Missing):
            return moment
    assert isinstance(end, float)
    if captured is not None:
        spoken = captured.frame_at(end) if prompt is None else prompt_end_in(turn, prompt, captured, Tap.CAPTURED)
        at_microphone_s = delivered_s(timeline, Tap.CAPTURED, captured, spoken)
        at_ear_s = delivered_s(timeline, Tap.HEARD, heard, at_ear)
        if not isinstance(at_microphone_s, Missing) and not isinstance(at_ear_s, Missing):
            return at_ear_s - at_microphone_s, math.hypot(BY_DEVICES_S, paths_differ_s(timeline))
    out = out_s(turn, timeline, received, played)
    if isinstance(out, Missing):
        return out
    taps = (Tap.PROMPT, Tap.CAPTURED, Tap.PLAYED, Tap.HEARD)
    jitter_s = [found for tap in taps if (found := stamp_jitter_s(timeline, tap)) is not None]
    return out - end, math.hypot(BY_DEVICES_S, *jitter_s)


@metric(
    "ttfa_heard_uncertainty_s", unit="s", better="lower", version=2, tolerance=0.005,
    label="First audio heard, exact to", group=Group.HARNESS, order=3,
)  # fmt: skip
def ttfa_heard_uncertainty(
    turn: Turn,
    timeline: Timeline,
    *,
    received: Clip,
    heard: Clip,
    prompt: Clip | None = None,
    captured: Clip | None = None,
    played: Clip | None = None,
) -> Reading:
    """How exact `ttfa_heard_s` is stated to be.

    What
        10 ms if both sides are in one recording of the ear. From two devices, microphone and ear, it is 20 ms, and more
        if their paths were calibrated with different delays, because then one device may have more latency: the root
        of the sum of the squares of 20 ms and of this difference. By device stamps alone it is the root of the sum of
        the squares of 20 ms and of the 95th percentiles of the distance of the stamps of mouth, speaker, microphone
        and ear from a steady clock.
    From – to
        As for `ttfa_heard_s`.
    Better is
        Lower: it is the error of the measuring tool, not of the voice app.
    Not measured when
        `ttfa_heard_s` is not measured.
    Reference
        10 ms: virtual takes whose two detectors differ by more are discarded (ENV004). From two devices of one sound
        server, the value was within 4 ms of a third recording of both (`benchmarks/heard_on_devices.py`). 20 ms is an
        assumption for the different latencies of two devices of separate hardware, which was not tried.
    """
    value = ttfa_heard(turn, timeline, prompt=prompt, captured=captured, received=received, heard=heard, played=played)
    if value.missing is not None:
        return not_measured(value.missing, value.tier)
    if value.tier is not Tier.EVENTS or played is None:
        return Reading(value=ONE_RECORDING_S, tier=value.tier)
    found = _by_devices(turn, timeline, prompt=prompt, captured=captured, received=received, played=played, heard=heard)
    return not_measured(found, Tier.EVENTS) if isinstance(found, Missing) else Reading(value=found[1], tier=Tier.EVENTS)


@metric(
    "first_speech_s", unit="s", better="lower", tolerance=0.05,
    label="First speech heard", group=Group.LATENCY, order=4,
)  # fmt: skip
def first_speech(turn: Turn, timeline: Timeline, *, prompt: Clip, received: Clip, played: Clip, heard: Clip) -> Reading:
    """Wait from the end of the prompt's speech to the first speech of the reply, both at the ear.

    What
        `ttfa_heard_s` plus any breath, clicks or noise at the start of the reply (up to 1 s in neural voices).
    From – to
        The prompt's last speech sample in `heard` – the reply's first speech, found in `played` and
        converted to the time of `heard`.
    Better is
        Lower.
    Not measured when
        `ttfa_heard_s` is not measured, or no voice is found in what was played.
    Reference
        Speech starts with 70 ms of voiced windows (autocorrelation above 0.55), including up to 130 ms of continuous
        sound before them.
    """
    span = heard_span(turn, timeline, prompt=prompt, received=received, played=played, heard=heard)
    if isinstance(span, Missing):
        return not_measured(span)
    start = first_audible_played(turn, received, played)
    if isinstance(start, Missing):
        return not_measured(start)
    last = turn.reply_spans[Tap.PLAYED][1]
    samples = played.slice(start, last).channel(0).samples
    voice = remembered(
        played, ("first speech", start, last), lambda: first_speech_frame(samples, played.sample_rate_hz)
    )
    if voice is None:
        return not_measured(Missing(MissingCode.NO_VOICE, msg("no voice was found in the reply")))
    return Reading(value=(span[1] - span[0]) / heard.sample_rate_hz + voice / played.sample_rate_hz)
