"""The waterfall: the stages of the wait for a reply, each measured from events and device time stamps.

No stage is computed as the remainder of the others.
"""

from __future__ import annotations

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.messages import msg
from diag.core.missing import Missing, MissingCode
from diag.core.results import Reading, Tier, not_measured
from diag.core.take import Turn
from diag.core.timeline import Timeline
from diag.measure.metrics.latency import heard_span
from diag.measure.metrics.moments import (
    audio_chunks,
    first_audible_played,
    first_audible_received,
    out_s,
    playable_s,
    prompt_end_in,
    speech_end_s,
    stamps,
)
from diag.measure.reasons import NO_AUDIO
from diag.measure.registry import Group, metric

NEVER_SENT = Missing(MissingCode.NO_EVENTS, msg("the batch with the prompt's last sample was never sent"))


def captured_s(turn: Turn, timeline: Timeline, prompt: Clip, captured: Clip) -> float | Missing:
    """Return when the callback ran that delivered the prompt's last speech sample."""
    frame = prompt_end_in(turn, prompt, captured, Tap.CAPTURED)
    blocks = stamps(timeline, Tap.CAPTURED)
    if isinstance(frame, Missing):
        return frame
    return blocks if isinstance(blocks, Missing) else blocks.callback_s(frame)


def batch_s(turn: Turn, timeline: Timeline, prompt: Clip, captured: Clip) -> float | Missing:
    """Return when the batch was sent that holds the prompt's last speech sample."""
    frame = prompt_end_in(turn, prompt, captured, Tap.CAPTURED)
    if isinstance(frame, Missing):
        return frame
    for event in timeline.named("batch_sent"):
        if event.data["captured_end_frame"] > frame:
            return event.t_s
    return NEVER_SENT


def first_byte_s(turn: Turn, timeline: Timeline) -> float | Missing:
    """Return when the first chunk of audio was received."""
    chunks = audio_chunks(timeline, turn)
    return chunks[0].t_s if chunks else NO_AUDIO


def audible_s(turn: Turn, timeline: Timeline, received: Clip) -> float | Missing:
    """Return the earliest time at which the first audible sample could have been played."""
    frame = first_audible_received(turn, received)
    if isinstance(frame, Missing):
        return frame
    return playable_s(audio_chunks(timeline, turn), frame, received.sample_rate_hz)


def handed_over_s(turn: Turn, timeline: Timeline, received: Clip, played: Clip) -> float | Missing:
    """Return when a playback device without a buffer would play the first audible sample."""
    frame = first_audible_played(turn, received, played)
    blocks = stamps(timeline, Tap.PLAYED)
    if isinstance(frame, Missing):
        return frame
    return blocks if isinstance(blocks, Missing) else blocks.handed_over_s(frame, played.sample_rate_hz)


def _between(start: float | Missing, end: float | Missing) -> Reading:
    if isinstance(start, Missing):
        return not_measured(start, Tier.EVENTS)
    if isinstance(end, Missing):
        return not_measured(end, Tier.EVENTS)
    return Reading(value=end - start, tier=Tier.EVENTS)


@metric("capture_delay_s", unit="s", better="lower", tolerance=0.005, label="Capture", group=Group.STAGES, order=1)
def capture_delay(turn: Turn, timeline: Timeline, prompt: Clip, captured: Clip) -> Reading:
    """First stage: from the mouth to the client.

    What
        Output buffer of the mouth, the air or cable, and the capture buffer.
    From – to
        The prompt's last speech sample leaves the mouth (device stamp) – the callback that delivered it. Its place in
        `captured` is found by correlation, because the time stamps of a capture device may be wrong.
    Better is
        Lower.
    Not measured when
        The prompt was not spoken, or its correlation with `captured` is below 0.5.
    Reference
        The stages always add up to `ttfa_events_s`.
    """
    return _between(speech_end_s(turn), captured_s(turn, timeline, prompt, captured))


@metric("batching_delay_s", unit="s", better="lower", tolerance=0.005, label="Batching", group=Group.STAGES, order=2)
def batching_delay(turn: Turn, timeline: Timeline, prompt: Clip, captured: Clip) -> Reading:
    """Second stage: waiting for the batch to fill.

    What
        How long the prompt's last sample waited in the client before it was sent.
    From – to
        The callback that delivered the prompt's last speech sample – the batch that holds it is sent.
    Better is
        Lower. On average it is half a batch, at most a whole batch.
    Not measured when
        The sample is not found in `captured`, or its batch was never sent.
    Reference
        SND004 warns if batches are longer than 100 ms.
    """
    return _between(captured_s(turn, timeline, prompt, captured), batch_s(turn, timeline, prompt, captured))


@metric("service_delay_s", unit="s", better="lower", tolerance=0.05, label="Service", group=Group.STAGES, order=3)
def service_delay(turn: Turn, timeline: Timeline, prompt: Clip, captured: Clip) -> Reading:
    """Third stage: network and service.

    What
        Detecting the end of the turn, generating the reply, and the network in both directions.
    From – to
        The batch that holds the prompt's last speech sample is sent – the first byte of audio is received.
    Better is
        Lower. The value is negative if the reply begins before the prompt has ended.
    Not measured when
        No audio was received, or that batch was never sent.
    Reference
        No separate threshold; SVC001 judges the sum.
    """
    return _between(batch_s(turn, timeline, prompt, captured), first_byte_s(turn, timeline))


@metric(
    "leading_silence_s", unit="s", better="lower", tolerance=0.02, label="Leading silence", group=Group.STAGES, order=4
)
def leading_silence(turn: Turn, timeline: Timeline, received: Clip) -> Reading:
    """Fourth stage: silence at the start of the reply.

    What
        The silence that the service sends first, and the wait for the chunk with the first audible sample.
    From – to
        First byte – the earliest time at which a player without a buffer could play the first audible sample.
    Better is
        Lower.
    Not measured when
        No audible audio was received.
    Reference
        SVC012 reports more than 150 ms.
    """
    return _between(first_byte_s(turn, timeline), audible_s(turn, timeline, received))


@metric(
    "playout_delay_s",
    unit="s",
    better="lower",
    tolerance=0.01,
    label="Playout buffer",
    group=Group.STAGES,
    order=5,
    version=2,
)
def playout_delay(turn: Turn, timeline: Timeline, received: Clip, played: Clip) -> Reading:
    """Fifth stage: the player's buffer.

    What
        The time that the client buffers against jitter, and its own processing time.
    From – to
        The first audible sample could have been played – the callback that handed it to the device, plus the sample's
        place in the block of this callback.
    Better is
        Lower, as long as the player does not underrun (see `buffer_needed_s`).
    Not measured when
        No audible reply was received or played.
    Reference
        PLY007 reports more than the configured buffer plus 100 ms.
    """
    return _between(audible_s(turn, timeline, received), handed_over_s(turn, timeline, received, played))


@metric(
    "device_delay_s",
    unit="s",
    better="lower",
    tolerance=0.005,
    label="Playback device",
    group=Group.STAGES,
    order=6,
    version=2,
)
def device_delay(turn: Turn, timeline: Timeline, received: Clip, played: Clip) -> Reading:
    """Sixth stage: the playback device.

    What
        The output buffer of device and operating system.
    From – to
        The callback that handed over the first audible sample, plus its place in the block – it leaves the device
        (median of the stamps around it, with the calibrated difference between speaker and mouth).
    Better is
        Lower.
    Not measured when
        The device gives no stamps, a delay could not be calibrated, or no audible reply was played.
    Reference
        The stages always add up to `ttfa_events_s`.
    """
    return _between(handed_over_s(turn, timeline, received, played), out_s(turn, timeline, received, played))


@metric(
    "ttfa_events_s",
    unit="s",
    better="lower",
    tolerance=0.05,
    label="First audio heard, by events",
    group=Group.HARNESS,
    order=1,
)
def ttfa_events(turn: Turn, timeline: Timeline, received: Clip, played: Clip) -> Reading:
    """Wait for the reply by the second detector: from events and device time stamps, without the ear's recording.

    What
        The sum of the six stages of the waterfall.
    From – to
        The prompt's last speech sample leaves the mouth (device stamp) – the reply's first audible sample leaves the
        speaker (device stamps).
    Better is
        Lower.
    Not measured when
        Either end is not measured.
    Reference
        It must agree with `ttfa_heard_s` within 10 ms, otherwise the take is discarded (ENV004).
    """
    return _between(speech_end_s(turn), out_s(turn, timeline, received, played))


@metric(
    "detector_gap_s",
    unit="s",
    better="lower",
    tolerance=0.001,
    label="Difference of the two detectors",
    group=Group.HARNESS,
    order=2,
)
def detector_gap(turn: Turn, timeline: Timeline, *, prompt: Clip, received: Clip, played: Clip, heard: Clip) -> Reading:
    """Difference between the two detectors of the heard latency.

    What
        Magnitude of `ttfa_heard_s` minus `ttfa_events_s`.
    From – to
        As for these two metrics.
    Better is
        Lower: it is the error of the measuring tool, not of the voice app.
    Not measured when
        Either of the two is not measured.
    Reference
        More than 10 ms discards the take (ENV004).
    """
    span = heard_span(turn, timeline, prompt=prompt, received=received, played=played, heard=heard)
    if isinstance(span, Missing):
        return not_measured(span)
    by_events = _between(speech_end_s(turn), out_s(turn, timeline, received, played))
    if by_events.missing is not None:
        return not_measured(by_events.missing)
    assert isinstance(by_events.value, float)
    return Reading(value=abs((span[1] - span[0]) / heard.sample_rate_hz - by_events.value))
