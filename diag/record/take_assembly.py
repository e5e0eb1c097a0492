"""Assembly of a take from a recorded session: clips on one clock, and the frames of each turn on each tap."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from diag.core.chain import Tap
from diag.core.clip import Clip, clip_from_pcm16
from diag.core.take import Span, Take, Turn
from diag.core.timeline import Timeline
from diag.record.audio.tape import Stamps, Tape, stamp_fit
from diag.record.client.voice_client import VoiceClient
from diag.record.take_job import PromptJob, TakeJob
from diag.record.take_log import TakeLog

_PORT_OF_TAP = {Tap.PROMPT: "mouth", Tap.CAPTURED: "microphone", Tap.PLAYED: "speaker", Tap.HEARD: "ear"}
BEFORE_S = 0.2
"""Margin before a prompt or reply on the next tap; observed errors of clock stamps were smaller."""
_REPLY_EVENTS = ("chunk_received", "interrupted", "turn_complete")
AFTER_S = 0.5
"""Margin after a prompt or reply; it covers the delay of a device that reports no time for its samples."""


@dataclass(frozen=True, kw_only=True)
class TurnRecord:
    """Times and frames of a turn; frames are of the mouth's tape, and None if the prompt was not played."""

    index: int
    prompt: PromptJob
    start_s: float
    end_s: float
    first_frame: int | None = None
    end_frame: int | None = None


@dataclass(frozen=True, kw_only=True)
class Session:
    """Everything that was recorded in one session."""

    log: TakeLog
    client: VoiceClient
    tapes: Mapping[Tap, Tape]
    turns: tuple[TurnRecord, ...]


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
    clips.update(_network_clips(session))
    timeline = log.timeline
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


def _network_clips(session: Session) -> dict[Tap, Clip]:
    timeline = session.log.timeline
    sender, player = session.client.sender, session.client.player
    found: dict[Tap, Clip] = {}
    first_batch, first_chunk = timeline.first("batch_sent"), timeline.first("chunk_received")
    if first_batch is not None:
        found[Tap.SENT] = clip_from_pcm16(sender.pcm, sender.sample_rate_hz, start_s=first_batch.t_s)
    if first_chunk is not None:
        found[Tap.RECEIVED] = clip_from_pcm16(player.pcm, player.received_rate_hz, start_s=first_chunk.t_s)
    return found


def _turn(record: TurnRecord, clips: Mapping[Tap, Clip], timeline: Timeline) -> Turn:
    prompt = clips.get(Tap.PROMPT)
    spoken = prompt is not None and record.first_frame is not None and record.end_frame is not None
    if not spoken or prompt is None or record.first_frame is None or record.end_frame is None:
        return Turn(index=record.index, prompt_name=record.prompt.name, start_s=record.start_s, end_s=record.end_s)
    assert prompt.start_s is not None
    file_start_s = prompt.start_s + record.first_frame / prompt.sample_rate_hz
    file_end_s = prompt.start_s + record.end_frame / prompt.sample_rate_hz
    return Turn(
        index=record.index,
        prompt_name=record.prompt.name,
        start_s=record.start_s,
        end_s=record.end_s,
        speech_start_s=file_start_s + record.prompt.speech_start_s,
        speech_end_s=file_start_s + record.prompt.speech_end_s,
        prompt_spans={
            Tap.PROMPT: (record.first_frame, record.end_frame),
            **_prompt_spans(clips, timeline, file_start_s, file_end_s),
        },
        reply_spans=_reply_spans(record.index, clips, timeline),
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
        first, last = spans[Tap.CAPTURED]
        batches = [
            event.data for event in timeline.named("batch_sent") if first < event.data["captured_end_frame"] <= last
        ]
        if batches:
            spans[Tap.SENT] = (batches[0]["start_frame"], batches[-1]["start_frame"] + batches[-1]["frames"])
    return spans


def _reply_spans(index: int, clips: Mapping[Tap, Clip], timeline: Timeline) -> dict[Tap, Span]:
    spans: dict[Tap, Span] = {}
    chunks, several = _answer(index, timeline)
    if chunks:
        spans[Tap.RECEIVED] = (chunks[0]["start_frame"], chunks[-1]["start_frame"] + chunks[-1]["frames"])
    played = clips.get(Tap.PLAYED)
    starts = [event.data["frame"] for event in timeline.named("playout_started") if event.data["turn"] == index]
    if played is None or not starts:
        return spans
    ends = [event.data["frame"] for event in timeline.named("playout_ended") if event.data["turn"] == index]
    rate_hz = played.sample_rate_hz
    start = starts[-1] if several else starts[0]
    first = start - round(BEFORE_S * rate_hz)
    last = (ends[-1] if ends else played.frames) + round(BEFORE_S * rate_hz)
    spans[Tap.PLAYED] = (max(first, 0), min(last, played.frames))
    heard = clips.get(Tap.HEARD)
    if heard is not None and played.start_s is not None:
        spans[Tap.HEARD] = _span_of_time(
            heard,
            played.start_s + start / rate_hz - BEFORE_S,
            played.start_s + last / rate_hz + AFTER_S,
        )
    return spans


def _answer(index: int, timeline: Timeline) -> tuple[list[Mapping[str, Any]], bool]:
    """Return the chunks of the turn's last reply, and whether there were replies before it.

    If the service mistakes a pause in the prompt for its end, it replies twice; the last reply is to the whole prompt.
    """
    of_turn = [event for event in timeline.named(*_REPLY_EVENTS) if event.data["turn"] == index]
    chunks: list[Mapping[str, Any]] = []
    over = several = False
    for event in of_turn:
        if event.name != "chunk_received":
            over = bool(chunks)
            continue
        if over:
            chunks, over, several = [], False, True
        chunks.append(event.data)
    return chunks, several


def _span_of_time(clip: Clip, start_s: float, end_s: float) -> Span:
    first, last = clip.frame_at(start_s), clip.frame_at(end_s)
    return min(max(first, 0), clip.frames), min(max(last, 0), clip.frames)
