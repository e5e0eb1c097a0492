"""Turn-taking: interruptions, overlap of user and reply, and how the wait changes over a conversation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from diag.core.chain import HEARD_REPLY_CHANNEL, Tap
from diag.core.clip import Clip
from diag.core.messages import msg
from diag.core.missing import Missing, MissingCode
from diag.core.results import Reading, Spot, Tier, not_measured
from diag.core.take import Turn
from diag.core.timeline import Event, EventName, Timeline
from diag.dsp.speech import first_audible_frame
from diag.measure.metrics.moments import audio_chunks, prompt_end_in, speech_end_s
from diag.measure.reasons import NO_PROMPT, NOTHING_PLAYED
from diag.measure.registry import Group, metric

IGNORED_AFTER_S = 1.5
"""A reply that ends by itself within this time of the user's first word does not show whether it was interrupted."""
ATTRIBUTED_S = 2.0
"""Speech that ended at most this long before `interrupted` can have caused it: a detector needs some 0.1 s, and slow
services were seen to need more than a second."""
RING_S = 0.15
"""Where a reply is known to have been played to its end, its last sample reaches the ear within this time."""
BORDER_S = 0.005
"""Accuracy of the border between two replies that follow each other without a pause."""
EARLY_S = 0.02
"""A reply that begins this shortly before the end of the prompt is within the accuracy of the time stamps."""
FEWEST_TURNS = 4
"""Turns from which a trend over a conversation is measured."""

Interval = tuple[float, float]

NO_BARGE_IN = Missing(MissingCode.NO_TURN, msg("nobody interrupted a reply in this turn"))
NOT_INTERRUPTED = Missing(MissingCode.NO_TURN, msg("the reply of this turn was not interrupted"))
OVER_BEFORE = Missing(MissingCode.NO_TURN, msg("the reply was over before the user spoke"))
ENDED_BY_ITSELF = Missing(MissingCode.NO_TURN, msg("the reply ended by itself soon after the user spoke"))
ONE_CHANNEL = Missing(MissingCode.UNFIT, msg("the ear hears the user and the reply in one channel"))
NO_CLOCK = Missing(MissingCode.NO_CLOCK, msg("a recording has no start time on the clock"))


def interruption(timeline: Timeline, turn: Turn) -> Event | None:
    """Return the event with which the service reported the reply to the turn's prompt as interrupted, or None."""
    chunks = audio_chunks(timeline, turn)
    if not chunks:
        return None
    after_s = chunks[0].t_s if turn.speech_end_s is None else max(chunks[0].t_s, turn.speech_end_s)
    events = timeline.named(EventName.INTERRUPTED, start_s=after_s)
    return next((event for event in events if event.data.get("turn") == turn.index), None)


def interrupted_turn(turn: Turn, turns: Sequence[Turn]) -> Turn | None:
    """Return the turn whose reply this turn's prompt was meant to interrupt, or None."""
    return next((other for other in turns if turn.barge_in and other.index == turn.index - 1), None)


def _last_audible_s(
    turn: Turn, tap: Tap, recording: Clip, timeline: Timeline, turns: Sequence[Turn]
) -> float | Missing:
    """Return when the last audible sample of a turn's reply passed a tap, in seconds of the recording."""
    span = turn.reply_spans.get(tap)
    if span is None:
        return NOTHING_PLAYED
    rate_hz = recording.sample_rate_hz
    begins_s = None if recording.start_s is None else recording.start_s + span[0] / rate_hz
    end_s = None if begins_s is None else _played_until_s(turn, timeline, begins_s)
    if end_s is None or recording.start_s is None:
        later = [other.reply_spans[tap][0] for other in turns if other.index > turn.index and tap in other.reply_spans]
        last = min((first for first in later if first > span[0]), default=recording.frames)
    else:
        # Where the next reply follows without a pause, its beginning must not be taken for the end of this one.
        next_s = [start_s for start_s, _ in _reply_intervals(timeline) if start_s >= end_s - BORDER_S]
        until_s = min([end_s + RING_S, *(max(start_s - BORDER_S, end_s) for start_s in next_s)])
        last = max(recording.frame_at(until_s), span[0])
    channel = HEARD_REPLY_CHANNEL if tap is Tap.HEARD and recording.channels > 1 else 0
    samples = recording.slice(span[0], last).channel(channel).samples
    back = first_audible_frame(samples[::-1], rate_hz)
    return NOTHING_PLAYED if back is None else (span[0] + len(samples) - back) / rate_hz


def _reply_intervals(timeline: Timeline, turn: Turn | None = None) -> list[Interval]:
    """Return start and end of each stretch in which a reply was played, by the clock; of one turn or of all."""
    stamps = next((item.data for item in timeline.named(EventName.STAMPS) if item.data.get("tap") == Tap.PLAYED), None)
    if stamps is None or not stamps["frame"]:
        return []
    frame = np.array(stamps["frame"], dtype=np.float64)
    at_s = np.array([np.nan if value is None else value for value in stamps["device_s"]], dtype=np.float64)
    if not np.isfinite(at_s).any():
        at_s = np.array(stamps["t_s"], dtype=np.float64)
    known = np.isfinite(at_s)
    events = timeline.named(EventName.PLAYOUT_STARTED, EventName.PLAYOUT_ENDED)
    intervals: list[Interval] = []
    start_s: float | None = None
    for event in events:
        if turn is not None and event.data.get("turn") != turn.index:
            continue
        moment_s = float(np.interp(event.data["frame"], frame[known], at_s[known]))
        if event.name == EventName.PLAYOUT_STARTED:
            start_s = moment_s
        elif start_s is not None:
            intervals.append((start_s, moment_s))
            start_s = None
    return intervals


def _played_until_s(turn: Turn, timeline: Timeline, begins_s: float) -> float | None:
    """Return when the reply ended that was played from `begins_s` on; a turn may have another one after it."""
    return next((end_s for _, end_s in _reply_intervals(timeline, turn) if end_s > begins_s), None)


def _common_s(first: Iterable[Interval], second: Sequence[Interval]) -> float:
    return sum(max(0.0, min(a[1], b[1]) - max(a[0], b[0])) for a in first for b in second)


def user_sounds(timeline: Timeline, turns: Sequence[Turn]) -> list[tuple[str, Interval]]:
    """Return everything that the user let sound: its kind ("speech", "back_channel", "noise") and when."""
    spoken = [
        ("speech", (turn.speech_start_s, turn.speech_end_s))
        for turn in turns
        if turn.speech_start_s is not None and turn.speech_end_s is not None
    ]
    others = [
        (str(event.data["kind"]), (float(event.data["start_s"]), float(event.data["end_s"])))
        for event in timeline.named(EventName.INTERJECTION)
        if event.data["kind"] != "silence"
    ]
    return sorted([*spoken, *others], key=lambda item: item[1])


def _reply_begun_s(interrupted: Event, timeline: Timeline) -> float:
    """Return when the first chunk of an interrupted reply arrived; what ended before cannot have interrupted it."""
    begun_s = None
    for event in timeline.named(EventName.CHUNK_RECEIVED, EventName.INTERRUPTED, EventName.TURN_COMPLETE):
        if event is interrupted:
            break
        if event.name != EventName.CHUNK_RECEIVED:
            begun_s = None
        elif begun_s is None:
            begun_s = event.t_s
    return interrupted.t_s if begun_s is None else begun_s


def cause_of(event: Event, timeline: Timeline, turns: Sequence[Turn]) -> str:
    """Return what the user did before an `interrupted`: "speech", "back_channel", "noise", or "" for nothing."""
    begun_s = _reply_begun_s(event, timeline)
    near = [
        kind
        for kind, (start_s, end_s) in user_sounds(timeline, turns)
        if start_s <= event.t_s and end_s >= max(event.t_s - ATTRIBUTED_S, begun_s)
    ]
    # The last sound before it is the nearest cause.
    return near[-1] if near else ""


@metric(
    "barge_in_delay_s", unit="s", better="lower", tolerance=0.05,
    label="Barge-in to silence", group=Group.TURNS, order=1,
    headline="time until the reply stops when the user interrupts",
)  # fmt: skip
def barge_in_delay(
    turn: Turn,
    turns: tuple[Turn, ...],
    timeline: Timeline,
    *,
    prompt: Clip | None = None,
    played: Clip | None = None,
    heard: Clip | None = None,
) -> Reading:
    """Time from the user's first word to the end of the reply that it interrupts.

    What
        How long both talk at once before the reply stops. Both moments are found in the ear's recording, which has one
        sample clock. If the ear has one channel for both, or was not recorded, the device stamps of the mouth and of
        what was played are used.
    From – to
        The first speech sample of the interrupting prompt – the last audible sample of the old reply.
    Better is
        Lower.
    Not measured when
        Nobody interrupted a reply; the reply was over before the user spoke; or it ended by itself within 1.5 s without
        `interrupted`.
    Reference
        TRN002 warns above 1 s, TRN001 if the reply was not interrupted at all. People who are interrupted stop within
        0.2 to 0.4 s.
    """
    old = interrupted_turn(turn, turns)
    if old is None:
        return not_measured(NO_BARGE_IN)
    if heard is not None and heard.channels > 1 and prompt is not None:
        tap, tier = Tap.HEARD, Tier.WAVEFORM
        onset_s = _onset_at_ear_s(turn, prompt, heard)
        last_s = _last_audible_s(old, tap, heard, timeline, turns)
    elif played is not None and played.start_s is not None and turn.speech_start_s is not None:
        tap, tier = Tap.PLAYED, Tier.EVENTS
        onset_s = turn.speech_start_s - played.start_s
        last_s = _last_audible_s(old, tap, played, timeline, turns)
    else:
        return not_measured(NO_CLOCK)
    for moment in (onset_s, last_s):
        if isinstance(moment, Missing):
            return not_measured(moment, tier)
    assert isinstance(onset_s, float)
    assert isinstance(last_s, float)
    delay_s = last_s - onset_s
    by_itself = interruption(timeline, old) is None and delay_s < IGNORED_AFTER_S
    if delay_s <= 0 or by_itself:
        return not_measured(OVER_BEFORE if delay_s <= 0 else ENDED_BY_ITSELF, tier)
    return Reading(value=delay_s, tier=tier, spots=(Spot(tap, onset_s, last_s),))


def _onset_at_ear_s(turn: Turn, prompt: Clip, heard: Clip) -> float | Missing:
    """Return when the prompt's first speech sample reached the ear, in seconds of its recording."""
    end = prompt_end_in(turn, prompt, heard, Tap.HEARD)
    if isinstance(end, Missing) or turn.speech_start_s is None or turn.speech_end_s is None:
        return end if isinstance(end, Missing) else NO_PROMPT
    return end / heard.sample_rate_hz - (turn.speech_end_s - turn.speech_start_s)


@metric(
    "interrupt_delay_s", unit="s", better="lower", tolerance=0.05,
    label="Until `interrupted`", group=Group.TURNS, order=2,
)  # fmt: skip
def interrupt_delay(turn: Turn, turns: tuple[Turn, ...], timeline: Timeline) -> Reading:
    """Time from the user's first word to the service's `interrupted`.

    What
        The part of `barge_in_delay_s` that passes before the client knows: sending, detection and the way back.
    From – to
        The first speech sample of the interrupting prompt leaves the mouth (device stamp) – `interrupted` is received.
    Better is
        Lower.
    Not measured when
        Nobody interrupted a reply, or no `interrupted` came.
    Reference
        No threshold. Live services were seen to need 0.3 to 0.8 s.
    """
    old = interrupted_turn(turn, turns)
    if old is None:
        return not_measured(NO_BARGE_IN, Tier.EVENTS)
    if turn.speech_start_s is None:
        return not_measured(NO_PROMPT, Tier.EVENTS)
    event = interruption(timeline, old)
    if event is None:
        return not_measured(Missing(MissingCode.NO_EVENTS, msg("the service did not send `interrupted`")), Tier.EVENTS)
    return Reading(value=event.t_s - turn.speech_start_s, tier=Tier.EVENTS)


@metric(
    "flush_delay_s", unit="s", better="lower", tolerance=0.02,
    label="After `interrupted`", group=Group.TURNS, order=3,
)  # fmt: skip
def flush_delay(
    turn: Turn, turns: tuple[Turn, ...], timeline: Timeline, *, played: Clip | None = None, heard: Clip | None = None
) -> Reading:
    """Time for which the old reply goes on after `interrupted` was received.

    What
        The client's part of an interruption: how fast it empties its queue, and what the device still holds.
    From – to
        `interrupted` is received – the last audible sample of the reply leaves the device (device stamps). Where
        `played` was not recorded: the last audible sample at the ear.
    Better is
        Lower; 0 if the reply was over already.
    Not measured when
        The reply was not interrupted, or nothing was played.
    Reference
        PLY010 warns above 0.3 s. Devices hold 0.02 to 0.1 s.
    """
    event = interruption(timeline, turn)
    if event is None:
        return not_measured(NOT_INTERRUPTED, Tier.EVENTS)
    tap, recording = (Tap.PLAYED, played) if played is not None else (Tap.HEARD, heard)
    if recording is None or recording.start_s is None:
        return not_measured(NO_CLOCK, Tier.EVENTS)
    if tap is Tap.HEARD and recording.channels == 1 and any(other.barge_in for other in turns):
        return not_measured(ONE_CHANNEL, Tier.EVENTS)
    last_s = _last_audible_s(turn, tap, recording, timeline, turns)
    if isinstance(last_s, Missing):
        return not_measured(last_s, Tier.EVENTS)
    start_s = event.t_s - recording.start_s
    value = max(last_s - start_s, 0.0)
    return Reading(value=value, tier=Tier.EVENTS, spots=(Spot(tap, start_s, last_s),) if value else ())


@metric("reply_cut_s", unit="s", better="none", label="Reply not played", group=Group.TURNS, order=4)
def reply_cut(turn: Turn, timeline: Timeline, received: Clip) -> Reading:
    """Length of an interrupted reply that was received and not played.

    What
        What the client discarded when the reply was interrupted.
    From – to
        The last sample that was played – the last one received.
    Better is
        Neither: it shows how far the service was ahead of the player.
    Not measured when
        The reply was not interrupted, or nothing of it was received.
    Reference
        No threshold.
    """
    span = turn.reply_spans.get(Tap.RECEIVED)
    chunks = audio_chunks(timeline, turn)
    event = interruption(timeline, turn)
    if event is None or span is None or not chunks:
        return not_measured(NOT_INTERRUPTED, Tier.EVENTS)
    arrived = timeline.named(EventName.CHUNK_RECEIVED, start_s=chunks[0].t_s, end_s=event.t_s)
    last = max(item.data["start_frame"] + item.data["frames"] for item in arrived)
    return Reading(value=max(last - span[1], 0) / received.sample_rate_hz, tier=Tier.EVENTS)


@metric("overlap_s", unit="s", better="none", label="Prompt over reply", group=Group.TURNS, order=5)
def overlap(turn: Turn, timeline: Timeline, played: Clip) -> Reading:
    """Time in which the prompt of this turn and a reply sounded together.

    What
        The overlap at a change of turns: after a barge-in, or when the reply comes before the prompt has ended.
    From – to
        The prompt's first speech sample – its last, by device stamps; within it, all that was played.
    Better is
        Neither: a user who interrupts causes some.
    Not measured when
        The prompt was not spoken, or nothing is known of when the reply was played.
    Reference
        No threshold.
    """
    if turn.speech_start_s is None or turn.speech_end_s is None:
        return not_measured(NO_PROMPT, Tier.EVENTS)
    playing = _reply_intervals(timeline)
    if not playing:
        return not_measured(NOTHING_PLAYED, Tier.EVENTS)
    spoken = ((turn.speech_start_s, turn.speech_end_s),)
    return Reading(value=_common_s(spoken, playing), tier=Tier.EVENTS)


@metric("double_talk_s", unit="s", better="none", label="Double talk", group=Group.TURNS, order=6)
def double_talk(turns: tuple[Turn, ...], timeline: Timeline, played: Clip) -> Reading:
    """Time of the whole conversation in which the user and a reply sounded together.

    What
        Sum over all prompts, back-channels and noises. Echo cancellation and the service's detector have their
        hardest work there.
    From – to
        The first prompt – the last reply.
    Better is
        Neither.
    Not measured when
        Nothing was said or nothing was played.
    Reference
        No threshold.
    """
    playing = _reply_intervals(timeline)
    sounds = [interval for _, interval in user_sounds(timeline, turns)]
    if not playing or not sounds:
        return not_measured(NOTHING_PLAYED, Tier.EVENTS)
    return Reading(value=_common_s(sounds, playing), tier=Tier.EVENTS)


@metric(
    "false_interruptions", unit="1", better="lower",
    label="False interruptions", group=Group.TURNS, order=7,
)  # fmt: skip
def false_interruptions(turn: Turn, turns: tuple[Turn, ...], timeline: Timeline) -> Reading:
    """Number of times that the service interrupted its reply although the user did not speak.

    What
        `interrupted` events with no prompt spoken in the 2 s before them. Those after a back-channel or a noise count.
    From – to
        All events of the turn.
    Better is
        Lower: 0.
    Not measured when
        Never.
    Reference
        TRN003 warns from 1 on.
    """
    events = [event for event in timeline.named(EventName.INTERRUPTED) if event.data.get("turn") == turn.index]
    return Reading(value=float(sum(cause_of(event, timeline, turns) != "speech" for event in events)), tier=Tier.EVENTS)


@metric(
    "end_of_turn_s", unit="s", better="lower", tolerance=0.05, label="End of turn noticed", group=Group.TURNS, order=8
)
def end_of_turn(turn: Turn, timeline: Timeline) -> Reading:
    """Time until the service notices that the user has finished.

    What
        Confidence 1: the service reported the end of activity. Confidence 0: it did not, and the value is the time to
        the first sign that it had noticed (input transcription or content of the reply). The end was noticed by then at
        the latest.
    From – to
        The prompt's last speech sample leaves the mouth – the end of activity, or the first sign of it.
    Better is
        Lower.
    Not measured when
        The prompt was not spoken, or nothing came after it.
    Reference
        TRN004 warns above 1.5 s. Detectors wait for 0.5 to 0.8 s of silence by default.
    """
    end = speech_end_s(turn)
    if isinstance(end, Missing):
        return not_measured(end, Tier.EVENTS)
    reported = [
        event
        for event in timeline.named(EventName.VOICE_ACTIVITY, start_s=end)
        if event.data.get("turn") == turn.index and event.data.get("type") == "ACTIVITY_END"
    ]
    if reported:
        return Reading(value=reported[0].t_s - end, tier=Tier.EVENTS, confidence=1.0)
    signs = [
        event.t_s
        for event in timeline.named(
            EventName.CHUNK_RECEIVED, EventName.TEXT_RECEIVED, EventName.TRANSCRIPTION, start_s=end
        )
        if event.data.get("turn", turn.index) == turn.index and event.data.get("direction") != "output"
    ]
    if not signs:
        return not_measured(Missing(MissingCode.NO_EVENTS, msg("nothing came after the prompt")), Tier.EVENTS)
    return Reading(value=min(signs) - end, tier=Tier.EVENTS, confidence=0.0)


@metric("cut_off_s", unit="s", better="lower", label="Reply too early", group=Group.TURNS, order=9)
def cut_off(turn: Turn, timeline: Timeline) -> Reading:
    """How long before the end of the prompt the service began to answer it.

    What
        0 if no reply to this prompt began before its speech had ended.
    From – to
        The first audio of the earliest reply in this turn – the prompt's last speech sample leaves the mouth.
    Better is
        Lower: 0.
    Not measured when
        The prompt was not spoken.
    Reference
        TRN005 warns above 0.1 s.
    """
    end = speech_end_s(turn)
    if isinstance(end, Missing):
        return not_measured(end, Tier.EVENTS)
    first = next(
        (event.t_s for event in timeline.named(EventName.CHUNK_RECEIVED) if event.data.get("turn") == turn.index), end
    )
    early_s = end - first
    return Reading(value=early_s if early_s > EARLY_S else 0.0, tier=Tier.EVENTS)


def _waits(turns: Sequence[Turn], timeline: Timeline) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the numbers of the turns with a reply, and the time from prompt to first byte of each."""
    found = [
        (turn.index, chunks[0].t_s - turn.speech_end_s)
        for turn in turns
        if turn.speech_end_s is not None and (chunks := audio_chunks(timeline, turn))
    ]
    pairs = np.array(found, dtype=np.float64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _too_few(turns: int) -> Missing:
    return Missing(
        MissingCode.TOO_SHORT,
        msg("{turns} answered turns; a trend needs {fewest_turns}", turns=turns, fewest_turns=FEWEST_TURNS),
    )


@metric(
    "latency_growth_s", unit="s", better="zero", tolerance=0.02,
    label="Latency growth per turn", group=Group.TURNS, order=10,
)  # fmt: skip
def latency_growth(turns: tuple[Turn, ...], timeline: Timeline) -> Reading:
    """How much later each reply begins than the one before it.

    What
        Slope of `ttfb_s` over the number of the turn, in seconds per turn; the median of the slopes between all pairs
        of turns, so that one slow turn does not change it.
    From – to
        The first answered turn – the last.
    Better is
        0. It grows where the service works through an ever longer context.
    Not measured when
        Fewer than four turns were answered.
    Reference
        Theil 1950, Sen 1968. No threshold.
    """
    number, wait_s = _waits(turns, timeline)
    if number.size < FEWEST_TURNS:
        return not_measured(_too_few(number.size), Tier.EVENTS)
    from scipy.stats import theilslopes  # takes a second, so only conversations import it

    return Reading(value=float(theilslopes(wait_s, number).slope), tier=Tier.EVENTS)


@metric(
    "first_turn_extra_s", unit="s", better="zero", tolerance=0.05,
    label="First turn against later ones", group=Group.TURNS, order=11,
)  # fmt: skip
def first_turn_extra(turns: tuple[Turn, ...], timeline: Timeline) -> Reading:
    """How much longer the first reply takes than the later ones.

    What
        `ttfb_s` of the first turn minus the median of the later turns.
    From – to
        As `ttfb_s`.
    Better is
        0. A positive value is the cost of a cold start.
    Not measured when
        Fewer than four turns were answered, or the first was not.
    Reference
        No threshold. First turns were reported as slower (pipecat 2883).
    """
    number, wait_s = _waits(turns, timeline)
    if number.size < FEWEST_TURNS or number[0] != 0:
        return not_measured(_too_few(number.size), Tier.EVENTS)
    return Reading(value=float(wait_s[0] - np.median(wait_s[1:])), tier=Tier.EVENTS)
