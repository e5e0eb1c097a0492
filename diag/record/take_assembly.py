"""Assembly of a take from a recorded session: clips on one clock, and the frames of each turn on each tap."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from diag.core.chain import HEARD_PROMPT_CHANNEL, HEARD_REPLY_CHANNEL, Tap
from diag.core.clip import Clip, clip_from_pcm16
from diag.core.take import Span, Take, Turn
from diag.core.timeline import Event, EventName, Timeline
from diag.dsp.align import locate
from diag.dsp.resample import rescale
from diag.dsp.speech import first_audible_frame, speech_span
from diag.record.audio.tape import Stamps, Tape, stamp_fit
from diag.record.take_job import PromptJob, TakeJob
from diag.record.take_log import TakeLog

_PORT_OF_TAP = {Tap.PROMPT: "mouth", Tap.CAPTURED: "microphone", Tap.PLAYED: "speaker", Tap.HEARD: "ear"}
BEFORE_S = 0.2
"""Margin before a prompt or reply on the next tap; observed errors of clock stamps were smaller."""
_REPLY_EVENTS = ("chunk_received", "interrupted", "turn_complete")
CUT_GUARD_S = 0.04
"""Of an interrupted reply, this much less than was played is compared: the end of what was played is only known to a
block of the device."""
SENDING_S = 0.5
"""Longest time that a client is expected to hold audio back before it sends it, where that cannot be observed."""
AFTER_S = 0.5
"""Margin after a prompt or reply; it covers the delay of a device that reports no time for its samples."""

SURE = 0.9
"""Correlation from which on the place of a prompt in the ear's recording is used. Without a room it is 1."""
LIKELY = 0.5
"""Correlation from which on the place of a reply in the ear's recording is used; unrelated speech stays below 0.45."""
SEARCHED_S = 0.5
"""How far from its stamps a prompt, or a reply that was cut, is searched for in the ear's recording. Errors of up to
0.12 s were seen."""


@dataclass(frozen=True, kw_only=True)
class TurnRecord:
    """Times and frames of a turn; frames are of the mouth's tape, and None if the prompt was not played."""

    index: int
    prompt: PromptJob
    start_s: float
    end_s: float
    first_frame: int | None = None
    end_frame: int | None = None
    barge_in: bool = False
    person: bool = False
    """A person spoke, and there is no recording of what was said before it reached the microphone."""


@dataclass(frozen=True, kw_only=True)
class Interjection:
    """A sound of the user that asks for no answer: what it is, and its frames on the mouth's tape."""

    kind: str
    name: str
    turn: int
    first_frame: int
    end_frame: int


@dataclass(frozen=True, kw_only=True)
class NetworkAudio:
    """The audio that passed between client and service, as 16-bit PCM, with the declared sample rates."""

    sent: bytes
    sent_rate_hz: int
    received: bytes
    received_rate_hz: int


@dataclass(frozen=True, kw_only=True)
class Session:
    """Everything that was recorded in one session.

    Parameters
    ----------
    log, network, tapes, turns, interjections
        What was recorded.
    shared_output : bool
        Whether other programs play to the device of the mouth. Their streams change the latency that the sound server
        reports, so the mouth's stamps leap by 30 ms while its sound goes on as before. The prompt is then timed by the
        ear, whose stamps stay steady.
    """

    log: TakeLog
    network: NetworkAudio
    tapes: Mapping[Tap, Tape]
    turns: tuple[TurnRecord, ...]
    interjections: tuple[Interjection, ...] = ()
    shared_output: bool = False


def assemble_take(job: TakeJob, session: Session) -> Take:
    """Return the take of a recorded session."""
    log = session.log
    clips: dict[Tap, Clip] = {}
    for tap, tape in session.tapes.items():
        stamps = tape.stamps()
        log.emit("stamps", {"port": _PORT_OF_TAP[tap], "tap": tap.value, **stamps.to_json(log.origin_s)})
        if tape.frames:
            start_s = start_of_tape(tap, stamps, tape) - log.origin_s
            clips[tap] = Clip(samples=tape.samples(), sample_rate_hz=tape.sample_rate_hz, start_s=start_s)
    if session.shared_output:
        clips |= _prompt_timed_by_ear(clips, session.turns, log.timeline)
    for item in session.interjections:
        _note_interjection(item, clips.get(Tap.PROMPT), log)
    timeline = log.timeline
    clips.update(network_clips(session.network, timeline))
    return Take(
        id=job.take_id,
        scenario=job.scenario,
        config=job.config,
        environment=job.environment,
        seed=job.seed,
        clips=clips,
        timeline=timeline,
        turns=tuple(_turn(record, clips, timeline) for record in session.turns),
    )


def _prompt_timed_by_ear(clips: Mapping[Tap, Clip], turns: Sequence[TurnRecord], timeline: Timeline) -> dict[Tap, Clip]:
    """Return the clip of the mouth that begins when the ear shows it; nothing where the ear does not show it.

    A prompt left the mouth when the ear heard it, less the calibrated delay of the path. It is the median over the
    prompts.
    """
    prompt, heard = clips.get(Tap.PROMPT), clips.get(Tap.HEARD)
    delay_s = next(
        (event.data["delay_s"] for event in timeline.named(EventName.CALIBRATED) if event.data["port"] == "mouth"), None
    )
    if prompt is None or heard is None or prompt.start_s is None or heard.start_s is None or delay_s is None:
        return {}
    rate_hz = heard.sample_rate_hz
    starts_s = []
    for turn in turns:
        if turn.first_frame is None or turn.end_frame is None:
            continue
        stamped_s, end_s = (
            prompt.start_s + frame / prompt.sample_rate_hz for frame in (turn.first_frame, turn.end_frame)
        )
        first, last = _span_of_time(heard, stamped_s - SEARCHED_S, end_s + SEARCHED_S)
        spoken = prompt.samples[turn.first_frame : turn.end_frame]
        template = rescale(spoken, rate_hz / prompt.sample_rate_hz)[0]
        place = locate(template, heard.slice(first, last).channel(HEARD_PROMPT_CHANNEL).samples, rate_hz)
        if place is not None and place.confidence >= SURE:
            heard_s = heard.start_s + (first + place.frame) / rate_hz
            starts_s.append(heard_s - delay_s - turn.first_frame / prompt.sample_rate_hz)
    return {Tap.PROMPT: replace(prompt, start_s=float(np.median(starts_s)))} if starts_s else {}


def _note_interjection(item: Interjection, prompt: Clip | None, log: TakeLog) -> None:
    """Log a sound of the user with the times at which it left the mouth, by the stamps of its device."""
    if prompt is None or prompt.start_s is None:
        return
    start_s, end_s = (prompt.start_s + frame / prompt.sample_rate_hz for frame in (item.first_frame, item.end_frame))
    data = {"turn": item.turn, "kind": item.kind, "name": item.name, "start_s": start_s, "end_s": end_s}
    log.emit(EventName.INTERJECTION, data, t_s=start_s)


def start_of_tape(tap: Tap, stamps: Stamps, tape: Tape) -> float:
    """Return when frame 0 of a tape passed its device, on the `time.perf_counter` clock.

    The time is a fit over all blocks, because single stamps jitter by some milliseconds. The device stamps of the
    microphone are not used, because those of PulseAudio's remap source are wrong. Without device stamps, the times of
    the callbacks are used: an input block is delivered when its last frame has entered.
    """
    told_s = stamp_fit(stamps, tape.sample_rate_hz).time_at(0)
    if math.isfinite(told_s) and tap is not Tap.CAPTURED:
        return told_s
    block_ends = np.append(stamps.frame[1:], tape.frames) if tap in (Tap.CAPTURED, Tap.HEARD) else stamps.frame
    return float(np.median(stamps.t_s - block_ends / tape.sample_rate_hz))


def network_clips(network: NetworkAudio, timeline: Timeline) -> dict[Tap, Clip]:
    """Return the clips of `sent` and `received`; a tap without events has none."""
    found: dict[Tap, Clip] = {}
    first_batch, first_chunk = timeline.first("batch_sent"), timeline.first("chunk_received")
    if first_batch is not None:
        found[Tap.SENT] = clip_from_pcm16(network.sent, network.sent_rate_hz, start_s=first_batch.t_s)
    if first_chunk is not None:
        found[Tap.RECEIVED] = clip_from_pcm16(network.received, network.received_rate_hz, start_s=first_chunk.t_s)
    return found


def _turn(record: TurnRecord, clips: Mapping[Tap, Clip], timeline: Timeline) -> Turn:
    if record.person and Tap.CAPTURED in clips:
        return _turn_of_a_person(record, clips, timeline)
    prompt = clips.get(Tap.PROMPT)
    spoken = prompt is not None and record.first_frame is not None and record.end_frame is not None
    if not spoken or prompt is None or record.first_frame is None or record.end_frame is None:
        return Turn(
            index=record.index,
            prompt_name=record.prompt.name,
            start_s=record.start_s,
            end_s=record.end_s,
            barge_in=record.barge_in,
        )
    assert prompt.start_s is not None
    file_start_s = prompt.start_s + record.first_frame / prompt.sample_rate_hz
    file_end_s = prompt.start_s + record.end_frame / prompt.sample_rate_hz
    speech_end_s = file_start_s + record.prompt.speech_end_s
    return Turn(
        index=record.index,
        prompt_name=record.prompt.name,
        start_s=record.start_s,
        end_s=record.end_s,
        speech_start_s=file_start_s + record.prompt.speech_start_s,
        speech_end_s=speech_end_s,
        prompt_spans={
            Tap.PROMPT: (record.first_frame, record.end_frame),
            **_prompt_spans(clips, timeline, file_start_s, file_end_s),
        },
        reply_spans=_reply_spans(record, clips, timeline, speech_end_s),
        barge_in=record.barge_in,
    )


def _turn_of_a_person(record: TurnRecord, clips: Mapping[Tap, Clip], timeline: Timeline) -> Turn:
    """Return a turn whose speech is found in `captured`, before the first audio of the reply."""
    captured = clips[Tap.CAPTURED]
    chunks = reply_chunks(record.index, timeline)
    first = max(captured.frame_at(record.start_s), 0)
    last = captured.frame_at(chunks[0].t_s if chunks else record.end_s)
    span = speech_span(captured.slice(first, max(last, first)).channel(0).samples, captured.sample_rate_hz)
    turn = Turn(index=record.index, prompt_name=record.prompt.name, start_s=record.start_s, end_s=record.end_s)
    if span is None or captured.start_s is None:
        return turn
    start_s, end_s = (captured.start_s + (first + frame) / captured.sample_rate_hz for frame in span)
    return replace(
        turn,
        speech_start_s=start_s,
        speech_end_s=end_s,
        prompt_spans=_prompt_spans(clips, timeline, start_s, end_s),
        reply_spans=_reply_spans(record, clips, timeline, end_s),
    )


def _prompt_spans(
    clips: Mapping[Tap, Clip], timeline: Timeline, file_start_s: float, file_end_s: float
) -> dict[Tap, Span]:
    spans = {
        tap: _span_of_time(clips[tap], file_start_s - BEFORE_S, file_end_s + AFTER_S)
        for tap in (Tap.CAPTURED, Tap.HEARD)
        if tap in clips
    }
    if Tap.CAPTURED in spans and Tap.SENT in clips:
        spans |= _span_of_captured(*spans[Tap.CAPTURED], timeline)
    elif Tap.SENT in clips:
        # Without the recording of the microphone, the times of sending must do. A batch is sent when its last sample
        # has come, so that a long one may have begun within the prompt.
        until_s, rate_hz = file_end_s + AFTER_S + SENDING_S, clips[Tap.SENT].sample_rate_hz
        spans |= _span_of_batches(
            [
                event.data
                for event in timeline.named("batch_sent", start_s=file_start_s - BEFORE_S)
                if event.t_s - event.data["frames"] / rate_hz <= until_s
            ]
        )
    return spans


def _span_of_captured(first: int, last: int, timeline: Timeline) -> dict[Tap, Span]:
    """Return the frames of `sent` that were made of frames `first` to `last` of `captured`.

    The last batch counts in proportion: of a batch of 2 s, only a part may belong to the prompt.
    """
    batches: list[Mapping[str, Any]] = []
    before, share = 0, 1.0
    for event in timeline.named("batch_sent"):
        end = event.data["captured_end_frame"]
        if end > first and before < last:
            batches.append(event.data)
            share = min((last - before) / max(end - before, 1), 1.0)
        before = end
    if not batches:
        return {}
    return {Tap.SENT: (batches[0]["start_frame"], batches[-1]["start_frame"] + round(share * batches[-1]["frames"]))}


def _span_of_batches(batches: Sequence[Mapping[str, Any]]) -> dict[Tap, Span]:
    if not batches:
        return {}
    return {Tap.SENT: (batches[0]["start_frame"], batches[-1]["start_frame"] + batches[-1]["frames"])}


def _reply_spans(
    record: TurnRecord, clips: Mapping[Tap, Clip], timeline: Timeline, speech_end_s: float
) -> dict[Tap, Span]:
    spans: dict[Tap, Span] = {}
    events = reply_chunks(record.index, timeline, speech_end_s)
    chunks = [event.data for event in events]
    if chunks:
        spans[Tap.RECEIVED] = (chunks[0]["start_frame"], chunks[-1]["start_frame"] + chunks[-1]["frames"])
    played = clips.get(Tap.PLAYED)
    if played is None and Tap.HEARD in clips and chunks:
        spans[Tap.HEARD] = _span_of_time(clips[Tap.HEARD], events[0].t_s - BEFORE_S, record.end_s)
        if _interrupted(record.index, events, timeline):
            spans |= _spans_until_cut(spans, clips, events, timeline)
    playing = _playing(record.index, events, timeline)
    if played is None or playing is None:
        return spans
    rate_hz = played.sample_rate_hz
    start, end = playing.start, min(playing.end or played.frames, played.frames)
    after_s, heard_after_s = BEFORE_S, AFTER_S
    cut = bool(chunks) and playing.end is not None and _interrupted(record.index, events, timeline)
    if cut:
        # The rest was discarded, which is right. Both sides end a little earlier, in the same speech.
        kept = round((end - start) / rate_hz * clips[Tap.RECEIVED].sample_rate_hz)
        first, last = spans[Tap.RECEIVED]
        if first + kept < last:
            guard = round(CUT_GUARD_S * clips[Tap.RECEIVED].sample_rate_hz)
            spans[Tap.RECEIVED] = (first, first + max(kept - guard, 1))
            after_s, heard_after_s = -CUT_GUARD_S, 0.0
    last = end + round(after_s * rate_hz)
    last = min(last, playing.not_after(played))
    spans[Tap.PLAYED] = (max(start - round(BEFORE_S * rate_hz), playing.not_before), last)
    heard = clips.get(Tap.HEARD)
    if heard is not None and played.start_s is not None:
        first, heard_last = _span_of_time(
            heard,
            played.start_s + start / rate_hz - BEFORE_S,
            played.start_s + last / rate_hz + heard_after_s,
        )
        found = _end_at_ear(played, (start, last), heard) if cut else None
        spans[Tap.HEARD] = first, heard_last if found is None else found
    return spans


def _end_at_ear(played: Clip, span: Span, heard: Clip) -> int | None:
    """Return the frame of `heard` at which a span of `played` ends, by correlation; None if it is not found there.

    Stamps are too inexact for the end of a cut reply: those of sound servers were wrong by up to 90 ms between speaker
    and ear, and so much seemed to be missing.
    """
    assert played.start_s is not None
    start_s, end_s = (played.start_s + frame / played.sample_rate_hz for frame in span)
    first, last = _span_of_time(heard, start_s - SEARCHED_S, end_s + SEARCHED_S)
    template = rescale(played.slice(*span).channel(0).samples, heard.sample_rate_hz / played.sample_rate_hz)[0]
    channel = HEARD_REPLY_CHANNEL if heard.channels > 1 else 0
    place = locate(template, heard.slice(first, last).channel(channel).samples, heard.sample_rate_hz)
    if place is None or place.confidence < LIKELY:
        return None
    return min(first + round(place.frame) + len(template), heard.frames)


def _spans_until_cut(
    spans: Mapping[Tap, Span], clips: Mapping[Tap, Clip], chunks: Sequence[Event], timeline: Timeline
) -> dict[Tap, Span]:
    """Return the part of an interrupted reply that the ear heard, at the ear and of what was received.

    The rest was discarded, which is right. Nothing is returned if the ear heard nothing, or the prompt in the same
    channel.
    """
    heard, received = clips[Tap.HEARD], clips[Tap.RECEIVED]
    if heard.channels == 1:
        return {}
    later = timeline.named("chunk_received", start_s=chunks[-1].t_s)
    until_s = next((event.t_s for event in later if event not in chunks), max(event.t_s for event in timeline))
    first, last = _span_of_time(heard, chunks[0].t_s, until_s)
    sound = heard.slice(first, last).channel(HEARD_REPLY_CHANNEL).samples
    begin, back = (first_audible_frame(samples, heard.sample_rate_hz) for samples in (sound, sound[::-1]))
    start, end = spans[Tap.RECEIVED]
    own = first_audible_frame(received.samples[start:end], received.sample_rate_hz)
    if begin is None or back is None or own is None:
        return {}
    kept_s = (len(sound) - back - begin) / heard.sample_rate_hz - CUT_GUARD_S
    kept = start + own + max(1, round(kept_s * received.sample_rate_hz))
    if kept >= end:
        return {Tap.HEARD: (spans[Tap.HEARD][0], last - back)}
    guard = round(CUT_GUARD_S * heard.sample_rate_hz)
    return {Tap.RECEIVED: (start, kept), Tap.HEARD: (spans[Tap.HEARD][0], last - back - guard)}


@dataclass(frozen=True, kw_only=True)
class _Playing:
    """Frames of the played tape between which a reply was played, and those of its neighbours.

    Parameters
    ----------
    start : int
    end : int or None
        None if the recording ended first.
    not_before : int
        Where the reply before it ended.
    next_start : int or None
        Where the reply after it started.
    """

    start: int
    end: int | None
    not_before: int
    next_start: int | None

    def not_after(self, played: Clip) -> int:
        """Return the frame at which the next reply starts, or the end of the recording."""
        return played.frames if self.next_start is None else self.next_start


def _playing(index: int, chunks: Sequence[Event], timeline: Timeline) -> _Playing | None:
    """Return where the reply of these chunks was played; None if nothing was played in this turn."""
    starts, ends = timeline.named("playout_started"), timeline.named("playout_ended")
    own = [event for event in starts if event.data["turn"] == index]
    others = [reply for reply in _replies(index, timeline) if chunks and reply[0] is not chunks[0]]
    if others:
        until_s = min((reply[0].t_s for reply in others if reply[0].t_s > chunks[0].t_s), default=math.inf)
        own = [event for event in own if chunks[0].t_s <= event.t_s < until_s]
    if not own:
        return None
    start, last = own[0].data["frame"], own[-1].data["frame"]
    before = [event.data["frame"] for event in ends if event.data["frame"] <= start]
    after = [event.data["frame"] for event in starts if event.data["frame"] > last]
    end = [event.data["frame"] for event in ends if event.data["frame"] > last]
    return _Playing(
        start=start,
        end=min(end, default=None),
        not_before=max(before, default=0),
        next_start=min(after, default=None),
    )


def _interrupted(index: int, chunks: Sequence[Event], timeline: Timeline) -> bool:
    """Return whether the service reported the reply of these chunks as interrupted."""
    ends = timeline.named("interrupted", "turn_complete", start_s=chunks[-1].t_s)
    first = next((event for event in ends if event.data["turn"] == index), None)
    return first is not None and first.name == "interrupted"


def reply_chunks(index: int, timeline: Timeline, speech_end_s: float = -math.inf) -> list[Event]:
    """Return the chunks of the reply to a turn's whole prompt.

    If the service mistakes a pause in the prompt for its end, it replies twice: the first reply that begins after the
    prompt is the one to the whole prompt. Later ones answer something else, such as a noise. If no reply begins after
    the prompt, it is the last one.

    Parameters
    ----------
    speech_end_s : float
        When the speech of the prompt ended.
    """
    replies = _replies(index, timeline)
    after = [chunks for chunks in replies if chunks[0].t_s >= speech_end_s]
    return after[0] if after else replies[-1] if replies else []


def _replies(index: int, timeline: Timeline) -> list[list[Event]]:
    """Return the chunks of each reply of a turn."""
    replies: list[list[Event]] = []
    over = True
    for event in timeline.named(*_REPLY_EVENTS):
        if event.data["turn"] != index:
            continue
        if event.name != "chunk_received":
            over = True
        elif over:
            replies.append([event])
            over = False
        else:
            replies[-1].append(event)
    return replies


def _span_of_time(clip: Clip, start_s: float, end_s: float) -> Span:
    first, last = clip.frame_at(start_s), clip.frame_at(end_s)
    return min(max(first, 0), clip.frames), min(max(last, 0), clip.frames)
