"""Faults of delivery: changes of a reply's schedule. Pure functions of steps, faults and random generators."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from diag.emulator import messages
from diag.emulator.chance import draw
from diag.emulator.closing import CLOSES
from diag.emulator.faults import (
    Burst,
    Close,
    CutReply,
    Drop,
    DropChunk,
    DuplicateChunk,
    FalseInterrupt,
    Jitter,
    LateTurnComplete,
    MalformedJson,
    MissingGenerationComplete,
    MissingTurnComplete,
    OversizedFrame,
    Pause,
    ReorderChunks,
    Slow,
    Stall,
)
from diag.emulator.replies import REPLY_RATE_HZ
from diag.emulator.speaking import Step

ActiveFaults = list[tuple[Any, random.Random]]

MALFORMED = {
    "cut": b'{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm;rate=24000","data":"AAA',
    "error": messages.encoded({"error": {"code": 500, "message": "Internal error encountered.", "status": "INTERNAL"}}),
    "flat_error": messages.encoded({"code": 500, "message": "Internal error encountered.", "status": "INTERNAL"}),
}


def with_chunk_faults(steps: Sequence[Step], active: ActiveFaults) -> list[Step]:
    """Return the chunks with faults of delivery, in the order of sending; faults are applied in the order given."""
    chunks = list(steps)
    for fault, rng in active:
        bend = _CHUNK_FAULTS.get(type(fault))
        if bend is not None:
            chunks = bend(chunks, fault, rng)
    return chunks


def with_ending_faults(steps: list[Step], active: ActiveFaults) -> list[Step]:
    """Return the whole schedule with the faults that change or cut its end."""
    for fault, rng in active:
        if isinstance(fault, MissingTurnComplete):
            steps = [step for step in steps if step.kind != "turn_complete"]
        elif isinstance(fault, MissingGenerationComplete):
            steps = [step for step in steps if step.kind != "generation_complete"]
        elif isinstance(fault, LateTurnComplete):
            late_s = draw(fault.delay_s, rng)
            steps = [replace(step, at_s=step.at_s + late_s) if step.kind == "turn_complete" else step for step in steps]
        elif isinstance(fault, FalseInterrupt):
            steps = _interrupted(steps, fault)
        elif isinstance(fault, Stall):
            steps = _before(steps, fault)
    return steps


def with_placed(steps: list[Step], active: ActiveFaults, *, think_s: float) -> list[Step]:
    """Return the schedule with closes, drops and bad frames, each at its time after the turn's end or at its chunk.

    Parameters
    ----------
    think_s : float
        Time from the end of the user's turn to time 0 of the schedule.
    """
    for fault, _ in active:
        step = placed_step(fault)
        if step is None or fault.when != "turn":
            continue
        if fault.chunk is None:
            place = next((i for i, other in enumerate(steps) if other.at_s > fault.at_s - think_s), len(steps))
            steps = [*steps[:place], replace(step, at_s=fault.at_s - think_s), *steps[place:]]
            continue
        for place, other in enumerate(steps):
            if other.kind == "chunk" and other.index == fault.chunk:
                steps = [*steps[:place], replace(step, at_s=other.at_s), *steps[place:]]
                break
    return steps


def placed_step(fault: object) -> Step | None:
    """Return the step of a close, drop or bad frame, at time 0; None for other faults."""
    if isinstance(fault, Close):
        code, reason = close_of(fault)
        return Step(at_s=0.0, kind="close", data={"code": code, "reason": reason, "fault": fault.kind})
    if isinstance(fault, Drop):
        return Step(at_s=0.0, kind="drop", data={"fault": fault.kind})
    if isinstance(fault, MalformedJson):
        return Step(at_s=0.0, kind="frame", payload=MALFORMED[fault.form], data={"fault": fault.kind})
    if isinstance(fault, OversizedFrame):
        return Step(at_s=0.0, kind="frame", payload=oversized(fault.size_bytes), data={"fault": fault.kind})
    return None


def close_of(fault: Close) -> tuple[int, str]:
    """Return code and reason of a close fault; its own reason overrides that of the named close."""
    if fault.named is None:
        return fault.code, fault.reason or ""
    ending = CLOSES[fault.named]
    return ending.code, ending.reason if fault.reason is None else fault.reason


def oversized(size_bytes: int) -> bytes:
    """Return a valid message of this size."""
    empty = messages.text("")
    return messages.text(" " * max(size_bytes - len(empty), 0))


def _in_order(chunks: list[Step]) -> list[Step]:
    """Delay chunks so that none is sent before the one ahead of it."""
    ordered, latest_s = [], 0.0
    for chunk in chunks:
        latest_s = max(latest_s, chunk.at_s)
        ordered.append(replace(chunk, at_s=latest_s))
    return ordered


def _burst(chunks: list[Step], fault: Burst, _: random.Random) -> list[Step]:
    groups = [chunks[start : start + fault.chunks] for start in range(0, len(chunks), fault.chunks)]
    # The first group is sent at once and the following ones are late, as on a connection that stalls and recovers.
    return [
        replace(chunk, at_s=group[0].at_s if index == 0 else group[-1].at_s)
        for index, group in enumerate(groups)
        for chunk in group
    ]


def _jitter(chunks: list[Step], fault: Jitter, rng: random.Random) -> list[Step]:
    return _in_order([replace(chunk, at_s=chunk.at_s + rng.uniform(0, fault.up_to_s)) for chunk in chunks])


def _pause(chunks: list[Step], fault: Pause, _: random.Random) -> list[Step]:
    return [replace(chunk, at_s=chunk.at_s + fault.for_s) if _reached(chunk, fault) else chunk for chunk in chunks]


def _slow(chunks: list[Step], fault: Slow, _: random.Random) -> list[Step]:
    return [replace(chunk, at_s=chunk.start_frame / REPLY_RATE_HZ / fault.pace) for chunk in chunks]


def _cut(chunks: list[Step], fault: CutReply, _: random.Random) -> list[Step]:
    if fault.chunk is None and fault.at_s is None:
        kept = round(len(chunks) * fault.share)
    else:
        kept = next((place for place, chunk in enumerate(chunks) if _reached(chunk, fault)), len(chunks))
    return chunks[: max(1, kept)]


def _reached(step: Step, fault: Pause | Stall | CutReply | FalseInterrupt) -> bool:
    """Return whether a chunk is at or after the place of a fault: a time after the first chunk, or a chunk number."""
    if fault.at_s is not None:
        return step.at_s >= fault.at_s
    return fault.chunk is not None and step.index >= fault.chunk


def _chosen(index: int, fault: DuplicateChunk | DropChunk | ReorderChunks, rng: random.Random) -> bool:
    # A number is drawn for every chunk, so that those of later chunks do not depend on the kind of choice.
    lot = rng.random()
    return lot < fault.share if fault.chunk is None else index == fault.chunk


def _duplicate(chunks: list[Step], fault: DuplicateChunk, rng: random.Random) -> list[Step]:
    return [copy for chunk in chunks for copy in ([chunk, chunk] if _chosen(chunk.index, fault, rng) else [chunk])]


def _drop(chunks: list[Step], fault: DropChunk, rng: random.Random) -> list[Step]:
    return [chunk for chunk in chunks if not _chosen(chunk.index, fault, rng)]


def _reorder(chunks: list[Step], fault: ReorderChunks, rng: random.Random) -> list[Step]:
    swapped = list(chunks)
    place = 0
    while place + 1 < len(swapped):
        first, second = swapped[place], swapped[place + 1]
        if _chosen(first.index, fault, rng):
            swapped[place] = replace(second, at_s=first.at_s)
            swapped[place + 1] = replace(first, at_s=second.at_s)
            place += 1
        place += 1
    return swapped


_CHUNK_FAULTS: dict[type, Callable[[list[Step], Any, random.Random], list[Step]]] = {
    Slow: _slow,
    Pause: _pause,
    Burst: _burst,
    Jitter: _jitter,
    CutReply: _cut,
    DuplicateChunk: _duplicate,
    DropChunk: _drop,
    ReorderChunks: _reorder,
}


CHUNK_FAULTS = tuple(_CHUNK_FAULTS)


def _before(steps: list[Step], fault: Stall | FalseInterrupt) -> list[Step]:
    for place, step in enumerate(steps):
        if step.kind == "chunk" and _reached(step, fault):
            return steps[:place]
    return [step for step in steps if step.kind not in ("generation_complete", "turn_complete")]


def _interrupted(steps: list[Step], fault: FalseInterrupt) -> list[Step]:
    kept = _before(steps, fault)
    chunk = next((step for step in steps if step.kind == "chunk" and _reached(step, fault)), None)
    at_s = chunk.at_s if chunk is not None else 0.0
    completed = [replace(step, at_s=at_s) for step in steps if step.kind == "turn_complete"]
    payload = messages.server_content(interrupted=True)
    if fault.audio and chunk is not None:
        payload = messages.audio_and_interrupted(chunk.payload)
    interrupted = Step(at_s=at_s, kind="interrupted", payload=payload)
    return [*kept, interrupted, *completed]
