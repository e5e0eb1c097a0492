"""Schedule of a reply: which message is sent at which time, computed before the first one is sent.

All functions are pure functions of a recording, a pace and a random generator. `delivery.py` applies faults to the
schedule, `degrade.py` to the sound.
"""

from __future__ import annotations

import functools
import itertools
import random
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from diag.emulator import messages
from diag.emulator.replies import REPLY_RATE_HZ

Pcm = NDArray[np.int16]
MIME_TYPE = f"audio/pcm;rate={REPLY_RATE_HZ}"

StepKind = Literal[
    "chunk",
    "text",
    "thought",
    "transcript",
    "input_transcript",
    "interrupted",
    "generation_complete",
    "turn_complete",
    "frame",
    "close",
    "drop",
]


@dataclass(frozen=True, kw_only=True, eq=False)
class Voice:
    """Sound of a reply; the object is the key under which its encoded chunks are cached.

    Parameters
    ----------
    pcm : ndarray of int16, shape (n,)
        The sound, at 24000 Hz unless a fault changes the rate.
    first_audible_frame, speech_end_frame : int
        Frames of `pcm` at which speech begins and ends.
    """

    pcm: Pcm
    text: str
    mime_type: str = MIME_TYPE
    first_audible_frame: int = 0
    speech_end_frame: int = 0


@dataclass(frozen=True, kw_only=True)
class Step:
    """One message to send, or one end of the session; `at_s` counts from the scheduled time of the first chunk."""

    at_s: float
    kind: StepKind
    payload: bytes = b""
    frames: int = 0
    start_frame: int = 0
    index: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)


@functools.lru_cache(maxsize=64)
def audio_steps(voice: Voice, *, chunk_frames: int, pace: float) -> tuple[Step, ...]:
    """Return the chunks of a reply; each is sent when its first frame is due at `pace` times real time."""
    return _steps(voice, range(0, len(voice.pcm), chunk_frames), pace)


def uneven_steps(
    voice: Voice, *, chunk_frames: int, spread: float, pace: float, rng: random.Random
) -> tuple[Step, ...]:
    """Return the chunks of a reply with random lengths, uniform within `chunk_frames` * (1 ± `spread`)."""
    starts = [0]
    while starts[-1] < len(voice.pcm):
        starts.append(starts[-1] + max(1, round(chunk_frames * rng.uniform(1 - spread, 1 + spread))))
    return _steps(voice, starts[:-1], pace)


def _steps(voice: Voice, starts: Sequence[int], pace: float) -> tuple[Step, ...]:
    return tuple(
        Step(
            at_s=start / REPLY_RATE_HZ / pace,
            kind="chunk",
            payload=payload,
            frames=frames,
            start_frame=start,
            index=index,
        )
        for index, (start, frames, payload) in enumerate(_chunks(voice, starts))
    )


def _chunks(voice: Voice, starts: Sequence[int]) -> Iterator[tuple[int, int, bytes]]:
    data = voice.pcm.tobytes()
    for start, end in itertools.pairwise((*starts, len(voice.pcm))):
        chunk = data[2 * start : 2 * end]
        yield start, len(chunk) // 2, messages.audio(chunk, voice.mime_type)


def text_steps(text: str) -> list[Step]:
    """Return the steps of a reply in text parts of four words, 80 ms apart."""
    return [
        Step(at_s=index * 0.08, kind="text", payload=messages.text(part), index=index, data={"text": part})
        for index, part in enumerate(_fragments(text, 4))
    ]


def transcript_steps(text: str, chunks: Sequence[Step], *, words_at_once: int = 3) -> list[Step]:
    """Return the steps of the output transcription, spread evenly over the chunks.

    Each step has `words_at_once` words; with 0 there is one step with all words.
    """
    parts = _fragments(text, words_at_once)
    return [
        Step(
            at_s=chunks[index * len(chunks) // len(parts)].at_s,
            kind="transcript",
            payload=messages.server_content(outputTranscription={"text": part}),
            index=index,
            data={"text": part},
        )
        for index, part in enumerate(parts)
        if chunks
    ]


def merged(chunks: Sequence[Step], others: Sequence[Step], *, inside: bool = False) -> list[Step]:
    """Return chunks and transcripts merged in order of time; at equal times the chunk comes first.

    The chunks keep their own order.

    Parameters
    ----------
    inside : bool
        Put each transcript into the message of the chunk that it follows.
    """
    steps: list[Step] = []
    waiting = deque(others)
    for place, chunk in enumerate(chunks):
        steps.append(chunk)
        until_s = chunks[place + 1].at_s if place + 1 < len(chunks) else float("inf")
        spoken = []
        while waiting and waiting[0].at_s < until_s:
            spoken.append(waiting.popleft())
        if inside and spoken:
            words = "".join(step.data["text"] for step in spoken)
            payload = messages.audio_with_transcript(chunk.payload, words)
            steps[-1] = replace(chunk, payload=payload, data={"text": words})
        else:
            steps += spoken
    return steps


def playback_end_s(steps: Sequence[Step]) -> float:
    """Return when a player without a prebuffer has played all chunks, in seconds after the first chunk is due.

    A chunk that arrives while another one is played waits for it.
    """
    end_s = 0.0
    for step in steps:
        if step.kind == "chunk":
            end_s = max(end_s, step.at_s) + step.frames / REPLY_RATE_HZ
    return end_s


def with_ending(
    steps: Sequence[Step], usage: Mapping[str, Any] | None, *, status: str = "", reason: str = ""
) -> list[Step]:
    """Return the steps with generationComplete after the last one, and turnComplete at the end of playback.

    Parameters
    ----------
    usage : mapping or None
        usageMetadata sent with turnComplete.
    status, reason : str
        interactionStatus and turnCompleteReason sent with turnComplete; empty for none.
    """
    fields = {"turnCompleteReason": reason, "interactionStatus": status}
    fields = {name: value for name, value in fields.items() if value}
    last_s = max((step.at_s for step in steps), default=0.0)
    generated = Step(at_s=last_s, kind="generation_complete", payload=messages.server_content(generationComplete=True))
    completed = Step(
        at_s=max(last_s, playback_end_s(steps)), kind="turn_complete", payload=messages.turn_complete(usage, **fields)
    )
    return [*steps, generated, completed]


def _fragments(text: str, words_at_once: int) -> list[str]:
    words = text.split()
    words_at_once = words_at_once or max(1, len(words))
    return [
        " ".join(words[start : start + words_at_once]) + (" " if start + words_at_once < len(words) else "")
        for start in range(0, len(words), words_at_once)
    ]
