"""A reply as a schedule: what is to be sent when, worked out before the first byte leaves.

Pure functions of a recording, a pace and a generator. `delivery.py` bends the schedule, `degrade.py` the sound.
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
    """Sound to be spoken; encoded chunks are cached under the object itself.

    Parameters
    ----------
    first_audible_frame, speech_end_frame : int
        Of `pcm`.
    """

    pcm: Pcm
    text: str
    mime_type: str = MIME_TYPE
    first_audible_frame: int = 0
    speech_end_frame: int = 0


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing to do at a time, in seconds after the reply's own zero (the first chunk's schedule)."""

    at_s: float
    kind: StepKind
    payload: bytes = b""
    frames: int = 0
    start_frame: int = 0
    index: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)


@functools.lru_cache(maxsize=64)
def audio_steps(voice: Voice, *, chunk_frames: int, pace: float) -> tuple[Step, ...]:
    """The chunks of a reply at a multiple of real time; each leaves when its first frame is due at that pace."""
    return _steps(voice, range(0, len(voice.pcm), chunk_frames), pace)


def uneven_steps(
    voice: Voice, *, chunk_frames: int, spread: float, pace: float, rng: random.Random
) -> tuple[Step, ...]:
    """The same in chunks of drawn lengths: uniform, up to a share `spread` shorter or longer than `chunk_frames`."""
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


def text_steps(text: str, *, words_at_once: int = 4, gap_s: float = 0.08) -> list[Step]:
    """A reply in text parts, some words at a time."""
    return [
        Step(at_s=index * gap_s, kind="text", payload=messages.text(part), index=index, data={"text": part})
        for index, part in enumerate(_fragments(text, words_at_once))
    ]


def transcript_steps(text: str, chunks: Sequence[Step], *, words_at_once: int = 3) -> list[Step]:
    """The output transcription, in fragments spread over the chunks that speak them; 0 words at once: in one piece."""
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
    """Chunks and transcripts in the order of time, chunks first at the same time; the chunks keep their own order.

    Parameters
    ----------
    inside : bool
        Transcripts travel in the message of the chunk that they follow.
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
    """When a player without buffer would have played it all: chunks wait for one another, not for ever."""
    end_s = 0.0
    for step in steps:
        if step.kind == "chunk":
            end_s = max(end_s, step.at_s) + step.frames / REPLY_RATE_HZ
    return end_s


def with_ending(
    steps: Sequence[Step], usage: Mapping[str, Any] | None, *, status: str = "", reason: str = ""
) -> list[Step]:
    """Add generationComplete after the last step, and turnComplete when playback would be over.

    Parameters
    ----------
    status, reason : str
        The interactionStatus and turnCompleteReason that turnComplete carries; empty for none.
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
