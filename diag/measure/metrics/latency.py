"""How long a person waits: from the end of the prompt's speech to the reply."""

from __future__ import annotations

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.missing import Missing, MissingCode
from diag.core.results import Reading, Spot, Tier, not_measured
from diag.core.take import Turn
from diag.core.timeline import Timeline
from diag.dsp.speech import first_speech_frame
from diag.measure.metrics.moments import (
    audio_chunks,
    calibration,
    first_audible_played,
    first_audible_received,
    playable_s,
    prompt_end_in,
    reply_start_in_heard,
    speech_end_s,
)
from diag.measure.metrics.sounds import remembered
from diag.measure.reasons import NO_AUDIO
from diag.measure.registry import Group, metric


@metric(
    "ttfb_s", unit="s", better="lower", tolerance=0.05,
    label="First byte received", group=Group.LATENCY, order=2, tile=True, baseline=True,
)  # fmt: skip
def ttfb(turn: Turn, timeline: Timeline) -> Reading:
    """Time to the first byte of the reply's audio.

    What
        How long the service takes to begin, its leading silence not counted.
    From – to
        The prompt's last speech sample leaves the mouth (device stamp) – the first chunk of audio is received, on the
        monotonic clock.
    Better is
        Lower. Negative where the reply begins before the prompt has ended; never clamped.
    Not measured when
        The prompt was not spoken, or no audio was received.
    Reference
        No threshold; see `ttfa_heard_s` for what a person waits.
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
    label="First audio received", group=Group.LATENCY, order=3, baseline=True,
    headline="time to the first audible sample received",
)  # fmt: skip
def ttfa_received(turn: Turn, timeline: Timeline, received: Clip) -> Reading:
    """Time to the first audible sample received.

    What
        `ttfb_s` and the silence that the reply begins with.
    From – to
        The prompt's last speech sample leaves the mouth – the earliest time at which a player without buffer could
        play the reply's first audible sample: the largest, over all chunks up to its own, of arrival plus the audio
        between that chunk's start and the sample.
    Better is
        Lower.
    Not measured when
        The prompt was not spoken, or no audible audio was received.
    Reference
        Audible: 5 ms above 45 dB below the active level and above -80 dBFS.
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
    turn: Turn, timeline: Timeline, *, prompt: Clip, received: Clip, played: Clip, heard: Clip
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
    "ttfa_heard_s", unit="s", better="lower", tolerance=0.05,
    label="First audio heard", group=Group.LATENCY, order=1, headline="time to the first sound heard", tile=True,
    baseline=True,
)  # fmt: skip
def ttfa_heard(turn: Turn, timeline: Timeline, *, prompt: Clip, received: Clip, played: Clip, heard: Clip) -> Reading:
    """What a person waits: end of the prompt's speech to the first audible sound of the reply, both at the ear.

    What
        The response delay of the whole chain, read from the ear's recording alone: prompt and reply stand in one file
        on one sample clock, so no device stamp takes part.
    From – to
        The prompt's last speech sample in `heard` – the reply's first audible sample in `heard`, each found by
        normalised correlation with what is known of it.
    Better is
        Lower. Negative where the reply begins before the prompt has ended; never clamped.
    Not measured when
        No audible reply was received or played; a delay to the ear could not be calibrated; prompt or reply is not
        found in the recording with a correlation of 0.5.
    Reference
        Defaults of SVC001: 1.5 s and 3 s; a human gap is 0.2 s (Stivers 2009).
    """
    span = heard_span(turn, timeline, prompt=prompt, received=received, played=played, heard=heard)
    if isinstance(span, Missing):
        return not_measured(span)
    end, start = (frame / heard.sample_rate_hz for frame in span)
    return Reading(value=start - end, spots=(Spot(Tap.HEARD, min(end, start), max(end, start)),))


@metric(
    "first_speech_s", unit="s", better="lower", tolerance=0.05,
    label="First speech heard", group=Group.LATENCY, order=4,
)  # fmt: skip
def first_speech(turn: Turn, timeline: Timeline, *, prompt: Clip, received: Clip, played: Clip, heard: Clip) -> Reading:
    """End of the prompt's speech to the first speech of the reply, at the ear.

    What
        `ttfa_heard_s` and the breath, clicks or noise that a reply begins with (up to 1 s in neural voices).
    From – to
        The prompt's last speech sample in `heard` – the reply's first speech, found in `played` and carried over.
    Better is
        Lower.
    Not measured when
        `ttfa_heard_s` is not, or no voice is found in what was played.
    Reference
        Speech: 70 ms of voiced windows (autocorrelation above 0.55) and the unbroken sound up to 130 ms before them.
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
        return not_measured(Missing(MissingCode.NO_VOICE, "no voice was found in the reply"))
    return Reading(value=(span[1] - span[0]) / heard.sample_rate_hz + voice / played.sample_rate_hz)
