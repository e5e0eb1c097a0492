"""Echo of the reply in what the microphone captures and in what the client sends, and who interrupted a reply."""

from __future__ import annotations

import numpy as np

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.messages import msg
from diag.core.missing import Missing, MissingCode
from diag.core.results import Reading, not_measured
from diag.core.take import Span, Turn
from diag.core.timeline import Event, EventName, Timeline
from diag.dsp.echo import Echo, find_echo
from diag.dsp.level import rms_dbfs
from diag.measure.metrics.sounds import remembered
from diag.measure.reasons import NOTHING_PLAYED, PLAYED_SILENT, too_short
from diag.measure.registry import Group, metric

TAIL_S = 1.0
_SILENT_DBFS = -90.0
_NONE_DB = -100.0
HEARD_BEFORE_S = 0.6
"""Audio that was sent so long before `interrupted` made the service interrupt: a detector needs some 0.1 to 0.3 s."""
_FRAME_S = 0.02
_NOISE_PERCENTILE = 20.0
NO_START = Missing(MissingCode.NO_CLOCK, msg("the recordings have no start time on the clock"))
NOT_INTERRUPTED = Missing(MissingCode.NO_TURN, msg("the reply of this turn was not interrupted"))


@metric("echo_db", unit="dB", better="lower", version=2, tolerance=3.0, label="Echo", group=Group.LEVEL, order=4)
def echo(turn: Turn, played: Clip, captured: Clip) -> Reading:
    """Level of the reply that the microphone picks up: the echo return loss, with a minus sign.

    What
        Level of the echo of the reply in `captured`, relative to the level that was played, with the reverberation of
        the room; -100 if the capture is digitally silent. Confidence 1 means that an echo was found. Confidence 0 means
        that none was found, and the value is the highest level that an undetected echo could have.
    From – to
        The reply in `played` – the same time and one second more in `captured`.
    Better is
        Lower. Above -40 dB the service may mistake the echo for speech and interrupt itself.
    Not measured when
        Nothing was played in this turn, or one of the recordings has no start time.
    Reference
        The delay is found by deconvolution with the known reply. The level is a least-squares fit of the room's
        response, without the power that noise has in it. If somebody talks at the same time, it is a weighted fit
        within ±2 ms of the largest peak, so that an echo 20 dB below another speaker can be measured
        (`benchmarks/echo_in_rooms.py`).
    """
    found = _in_capture(turn, played, captured)
    return not_measured(found) if isinstance(found, Missing) else _reading(found)


@metric("echo_delay_s", unit="s", better="none", tolerance=0.002, label="Echo delay", group=Group.LEVEL, order=4.1)
def echo_delay(turn: Turn, played: Clip, captured: Clip) -> Reading:
    """Time from the playing of a sound to its echo in the capture.

    What
        Delay of the largest peak of the response from `played` to `captured`: the way through the air, and the delay
        with which the microphone delivers its audio. An echo canceller must cover it.
    From – to
        A sample leaves the speaker (device stamp) – its echo is delivered by the microphone.
    Better is
        Neither.
    Not measured when
        No echo was found; see `echo_db`.
    Reference
        As for `echo_db`; a fraction of a millisecond on recordings with exact clocks.
    """
    found = _in_capture(turn, played, captured)
    if isinstance(found, Missing):
        return not_measured(found)
    if not found.distinct:
        return not_measured(Missing(MissingCode.NO_MATCH, msg("no echo was found")))
    return Reading(value=found.delay_s, confidence=1.0)


@metric("echo_sent_db", unit="dB", better="lower", tolerance=3.0, label="Echo sent", group=Group.LEVEL, order=4.2)
def echo_sent(
    turn: Turn, timeline: Timeline, sent: Clip, *, played: Clip | None = None, received: Clip | None = None
) -> Reading:
    """Level of the reply in what the client sends while the reply plays.

    What
        As `echo_db`, but in `sent`: the echo that is left after the client's own processing, such as echo cancellation
        or half duplex. Without a recording of `played`, the echo of `received` is searched for.
    From – to
        The reply in `played` – what is sent at the same time and one second after it.
    Better is
        Lower. Above -40 dB the service may mistake the echo for speech and interrupt itself.
    Not measured when
        Nothing was played in this turn, or one of the recordings has no start time.
    Reference
        As for `echo_db`. If nothing is sent while the reply plays, the value is -100 dB.
    """
    found = _in_sent(turn, timeline, sent, played, received)
    return not_measured(found) if isinstance(found, Missing) else _reading(found)


@metric("echo_removed_db", unit="dB", better="higher", tolerance=3.0, label="Echo removed by the client",
        group=Group.LEVEL, order=4.3)  # fmt: skip
def echo_removed(turn: Turn, timeline: Timeline, played: Clip, captured: Clip, sent: Clip) -> Reading:
    """How much of the echo the client removes before it sends: echo return loss enhancement.

    What
        `echo_db` minus `echo_sent_db`. If no echo is left in `sent`, the value is the least that was removed.
    From – to
        `captured` – `sent`, while the reply plays.
    Better is
        Higher.
    Not measured when
        No echo was found in `captured`.
    Reference
        Echo cancellers of browsers and phones remove 25 to 50 dB.
    """
    before = _in_capture(turn, played, captured)
    after = _in_sent(turn, timeline, sent, played, None)
    for item in (before, after):
        if isinstance(item, Missing):
            return not_measured(item)
    assert isinstance(before, Echo)
    assert isinstance(after, Echo)
    if not before.distinct:
        return not_measured(Missing(MissingCode.NO_MATCH, msg("no echo was found")))
    return Reading(value=before.level_db - max(after.level_db, _NONE_DB), confidence=1.0 if after.distinct else 0.0)


@metric("interruption_echo_share", unit="1", better="none", tolerance=0.1,
        label="Interruption by echo", group=Group.LEVEL, order=4.4)  # fmt: skip
def interruption_echo_share(
    turn: Turn, timeline: Timeline, sent: Clip, *, played: Clip | None = None, received: Clip | None = None
) -> Reading:
    """Share of the echo in what the service heard before it interrupted its reply.

    What
        Energy that the echo of the reply has in the last 0.6 s sent before `interrupted`, divided by all energy above
        the noise there; 0 to 1. 1 means that the service heard nothing but its own reply. 0 means that it heard the
        user or a noise.
    From – to
        0.6 s before `interrupted` – `interrupted`.
    Better is
        Neither: it says what interrupted.
    Not measured when
        The reply was not interrupted, or nothing was sent before it.
    Reference
        The energy of the echo is that of what was played, at the level and delay of `echo_sent_db`.
    """
    event = interruption_of(turn, timeline)
    if event is None:
        return not_measured(NOT_INTERRUPTED)
    found = _in_sent(turn, timeline, sent, played, received)
    window = _heard_by_service(timeline, sent, event.t_s)
    reference = _reference(turn, timeline, played, received)
    for item in (found, window, reference):
        if isinstance(item, Missing):
            return not_measured(item)
    assert isinstance(found, Echo)
    assert isinstance(window, Clip)
    assert isinstance(reference, Clip)
    if not found.distinct:
        return Reading(value=0.0)
    energy = _energy_above_noise(window, sent)
    if energy <= 0:
        return not_measured(Missing(MissingCode.SILENT, msg("what was sent before the interruption is silent")))
    assert window.start_s is not None
    assert reference.start_s is not None
    first_s = window.start_s - found.delay_s
    source = reference.slice(
        max(reference.frame_at(first_s), 0), max(reference.frame_at(first_s + window.duration_s), 0)
    )
    echo_energy = _energy(source) * 10 ** (found.level_db / 10)
    return Reading(value=min(1.0, echo_energy / energy))


@metric("interruption_user_share", unit="1", better="none", tolerance=0.1,
        label="Interruption by the user", group=Group.LEVEL, order=4.5)  # fmt: skip
def interruption_user_share(turn: Turn, timeline: Timeline, prompt: Clip, sent: Clip) -> Reading:
    """Share of the user in what the service heard before it interrupted its reply.

    What
        Energy that what the mouth said has in the last 0.6 s sent before `interrupted`, divided by all energy above
        the noise there; 0 to 1. If both this share and that of the echo are small, it was a noise, or somebody else.
    From – to
        0.6 s before `interrupted` – `interrupted`.
    Better is
        Neither: it says what interrupted.
    Not measured when
        The reply was not interrupted, or no prompt was recorded.
    Reference
        The level of the mouth in `sent` is that of the turn's prompt. What the mouth said up to 0.3 s earlier counts
        too, for the delay of microphone and sender.
    """
    event = interruption_of(turn, timeline)
    if event is None:
        return not_measured(NOT_INTERRUPTED)
    window = _heard_by_service(timeline, sent, event.t_s)
    spans = turn.prompt_spans
    if isinstance(window, Missing):
        return not_measured(window)
    if prompt.start_s is None or Tap.PROMPT not in spans or Tap.SENT not in spans:
        return not_measured(NO_START)
    spoken = _energy(prompt.slice(*spans[Tap.PROMPT]))
    energy = _energy_above_noise(window, sent)
    if energy <= 0 or spoken <= 0:
        return not_measured(Missing(MissingCode.SILENT, msg("what was sent before the interruption is silent")))
    gain = max(_energy_above_noise(sent.slice(*spans[Tap.SENT]), sent), 0.0) / spoken
    assert window.start_s is not None
    first = prompt.frame_at(window.start_s - 0.3)
    said = prompt.slice(max(first, 0), max(prompt.frame_at(window.start_s + window.duration_s), 0))
    return Reading(value=min(1.0, _energy(said) * gain / energy))


def interruption_of(turn: Turn, timeline: Timeline) -> Event | None:
    """Return the event that says that the service interrupted the turn's reply, or None.

    One that came before the reply began is not of this reply.
    """
    first = timeline.first(EventName.PLAYOUT_STARTED, EventName.CHUNK_RECEIVED, start_s=turn.speech_end_s or 0.0)
    if first is None:
        return None
    found = timeline.named(EventName.INTERRUPTED, start_s=first.t_s)
    return next((event for event in found if event.data.get("turn") == turn.index), None)


def _reading(found: Echo) -> Reading:
    return Reading(value=max(found.level_db, _NONE_DB), confidence=1.0 if found.distinct else 0.0)


def _in_capture(turn: Turn, played: Clip, captured: Clip) -> Echo | Missing:
    span = turn.reply_spans.get(Tap.PLAYED)
    if span is None:
        return NOTHING_PLAYED
    if played.start_s is None or captured.start_s is None:
        return NO_START
    return _echo_between(_from(played, span), captured, captured)


def _in_sent(turn: Turn, timeline: Timeline, sent: Clip, played: Clip | None, received: Clip | None) -> Echo | Missing:
    reference = _reference(turn, timeline, played, received)
    if isinstance(reference, Missing):
        return reference
    assert reference.start_s is not None
    during = _sent_between(timeline, sent, reference.start_s, reference.start_s + reference.duration_s + TAIL_S)
    if during is None:
        return Echo(_NONE_DB, 0.0, distinct=False)
    return _echo_between(reference, during, sent)


def _reference(turn: Turn, timeline: Timeline, played: Clip | None, received: Clip | None) -> Clip | Missing:
    """Return the reply as it was played, or else as it was received, with its start on the clock."""
    if played is not None:
        span = turn.reply_spans.get(Tap.PLAYED)
        if span is None:
            return NOTHING_PLAYED
        return NO_START if played.start_s is None else _from(played, span)
    span = turn.reply_spans.get(Tap.RECEIVED)
    if received is None or span is None:
        return NOTHING_PLAYED
    first = timeline.first(EventName.CHUNK_RECEIVED, start_s=turn.speech_end_s or 0.0)
    if first is None:
        return NOTHING_PLAYED
    event = interruption_of(turn, timeline)
    if event is not None:
        # What came after the interruption was not played.
        span = span[0], min(span[1], span[0] + round((event.t_s - first.t_s) * received.sample_rate_hz))
    return Clip(samples=received.slice(*span).samples, sample_rate_hz=received.sample_rate_hz, start_s=first.t_s)


def _from(clip: Clip, span: Span) -> Clip:
    assert clip.start_s is not None
    start_s = clip.start_s + span[0] / clip.sample_rate_hz
    return Clip(samples=clip.slice(*span).samples, sample_rate_hz=clip.sample_rate_hz, start_s=start_s)


def _sent_between(timeline: Timeline, sent: Clip, start_s: float, end_s: float) -> Clip | None:
    """Return what was sent between two times, with the time at which it was sent; None if nothing was."""
    batches = timeline.named(EventName.BATCH_SENT, start_s=start_s, end_s=end_s)
    if not batches:
        return None
    first, last = batches[0].data["start_frame"], batches[-1].data["start_frame"] + batches[-1].data["frames"]
    return Clip(samples=sent.slice(first, last).samples, sample_rate_hz=sent.sample_rate_hz, start_s=batches[0].t_s)


def _heard_by_service(timeline: Timeline, sent: Clip, until_s: float) -> Clip | Missing:
    window = _sent_between(timeline, sent, until_s - HEARD_BEFORE_S, until_s)
    return Missing(MissingCode.NO_EVENTS, msg("nothing was sent before the interruption")) if window is None else window


def _echo_between(reference: Clip, recording: Clip, whole: Clip) -> Echo | Missing:
    """Return the echo of a sound in a recording, which is a part of `whole`; both have a start on the clock."""
    assert reference.start_s is not None
    part = recording.slice(
        max(recording.frame_at(reference.start_s), 0),
        max(recording.frame_at(reference.start_s + reference.duration_s + TAIL_S), 0),
    ).channel(0)
    if part.duration_s < reference.duration_s * 0.5:
        return too_short(msg("the capture ended before the reply"))
    if rms_dbfs(part.samples) < _SILENT_DBFS:
        return Echo(_NONE_DB, 0.0, distinct=False)
    rates = reference.sample_rate_hz, recording.sample_rate_hz
    return remembered(
        whole,
        ("echo", reference.start_s, reference.frames, *rates),
        lambda: find_echo(reference.channel(0).samples, rates[0], part.samples, rates[1]) or PLAYED_SILENT,
    )


def _energy(clip: Clip) -> float:
    """Return the energy of a clip: the sum of its squares, times the length of a sample in seconds."""
    return float(np.sum(np.square(clip.channel(0).samples, dtype=np.float64))) / clip.sample_rate_hz


def _energy_above_noise(part: Clip, whole: Clip) -> float:
    """Return the energy of a part without that of the noise, which is that of the quietest frames of the whole."""
    frame = round(_FRAME_S * whole.sample_rate_hz)
    samples = whole.channel(0).samples
    count = samples.size // frame
    if not count:
        return 0.0
    powers = np.mean(np.square(samples[: count * frame], dtype=np.float64).reshape(count, frame), axis=1)
    noise = float(np.percentile(powers, _NOISE_PERCENTILE))
    return _energy(part) - noise * part.duration_s
