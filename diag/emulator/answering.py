"""From what was heard to a schedule: which reply, how long to think, what goes wrong."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from diag.emulator import messages
from diag.emulator.chance import draw
from diag.emulator.delivery import Struck, bent_chunks, bent_ending, with_placed
from diag.emulator.faults import CompleteReason, Interaction, SilentTurn, SlowFirstAudio, TextReply
from diag.emulator.replies import REPLY_RATE_HZ, Reply
from diag.emulator.settings import EmulatorSettings
from diag.emulator.setup import Setup
from diag.emulator.speaking import (
    Step,
    Voice,
    audio_steps,
    merged,
    text_steps,
    transcript_steps,
    uneven_steps,
    with_ending,
)

Usage = Callable[[float, str], Mapping[str, Any]]
THOUGHT = "**Considering the question**\n\nI look for the best way to answer this."


@dataclass(frozen=True, kw_only=True)
class Understood:
    """What the user's turn was taken to be.

    Parameters
    ----------
    prompt : str or None
        Name of the known prompt; None where none was recognised.
    text : str
        Its words, or the words that were typed.
    after_call : bool
        It is taken up again with the results of functions.
    """

    prompt: str | None
    text: str
    confidence: float = 0.0
    language: str = ""
    after_call: bool = False


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A schedule and what stands behind it."""

    steps: tuple[Step, ...]
    think_s: float
    reply: Reply | None
    voice: Voice | None


def choose_reply(replies: tuple[Reply, ...], understood: Understood, rng: random.Random) -> Reply:
    """The reply that answers the recognised prompt; else one in the language that was asked for, by lot."""
    answering = [reply for reply in replies if understood.prompt is not None and understood.prompt in reply.answers]
    if answering:
        return answering[0]
    speaking = [reply for reply in replies if not reply.asks_back] or list(replies)
    same = [reply for reply in speaking if understood.language and reply.language[:2] == understood.language[:2]]
    return rng.choice(same or speaking)


def ask_back(replies: tuple[Reply, ...], rng: random.Random) -> Reply:
    """A reply that asks to say it again, where the bank has one."""
    asking = [reply for reply in replies if reply.asks_back]
    return rng.choice(asking or list(replies))


def shortest(replies: tuple[Reply, ...]) -> Reply:
    """What is said to fill the time."""
    return min(replies, key=lambda reply: reply.duration_s)


def thinking_s(settings: EmulatorSettings, struck: Struck, rng: random.Random, *, turn: int) -> float:
    """From the end of the turn to the first audio."""
    for fault, own in struck:
        if isinstance(fault, SlowFirstAudio):
            return draw(fault.delay_s, own) + fault.grows_s * (turn - 1)
    return draw(settings.think_s, rng)


def compose(
    reply: Reply,
    voice: Voice,
    *,
    setup: Setup,
    settings: EmulatorSettings,
    struck: Struck,
    think_s: float,
    usage: Usage,
    rng: random.Random,
) -> Answer:
    """The schedule of a spoken, written or silent turn with all that strikes it.

    Parameters
    ----------
    usage : callable
        Gives the usageMetadata for so many seconds of speech and such a text.
    rng : random.Random
        Draws the lengths of chunks, where they are uneven.
    """
    kinds = {type(fault): fault for fault, _ in struck}
    rejected = kinds.get(CompleteReason)
    silent = setup.modality == "NONE" or settings.silent_turn or SilentTurn in kinds
    silent = silent or (isinstance(rejected, CompleteReason) and not rejected.audio)
    spoken = not silent and setup.modality == "AUDIO" and TextReply not in kinds
    steps: list[Step] = []
    if spoken:
        steps = bent_chunks(_chunks(voice, settings, rng), struck)
        if setup.output_transcription:
            transcript = transcript_steps(voice.text, steps, words_at_once=settings.transcript_words)
            steps = merged(steps, transcript, inside=settings.transcript_with_audio)
    elif not silent:
        steps = text_steps(reply.text or reply.name)
    if steps and setup.thoughts:
        steps = [Step(at_s=steps[0].at_s, kind="thought", payload=messages.thought(THOUGHT)), *steps]
    return _ended(
        steps,
        setup=setup,
        struck=struck,
        think_s=think_s,
        usage=usage,
        reply=None if silent else reply,
        voice=voice if spoken else None,
    )


def written_down(words: str, *, setup: Setup, struck: Struck, think_s: float, usage: Usage) -> Answer:
    """The schedule of a turn of a model that only transcribes: the final transcript, and the endings."""
    payload = messages.server_content(inputTranscription={"text": words})
    steps = [Step(at_s=0.0, kind="input_transcript", payload=payload, data={"text": words})] if words else []
    return _ended(steps, setup=setup, struck=struck, think_s=think_s, usage=usage)


def filler_steps(voice: Voice, settings: EmulatorSettings) -> tuple[Step, ...]:
    """Filler speech of a model that thinks on: its turn completes, the interaction does not."""
    steps = audio_steps(voice, chunk_frames=_chunk_frames(settings), pace=settings.pace)
    return tuple(with_ending(steps, None, status="IN_PROGRESS"))


def _ended(
    steps: list[Step],
    *,
    setup: Setup,
    struck: Struck,
    think_s: float,
    usage: Usage,
    reply: Reply | None = None,
    voice: Voice | None = None,
) -> Answer:
    spoken_s = sum(step.frames for step in steps) / REPLY_RATE_HZ
    reason = next((fault.reason for fault, _ in struck if isinstance(fault, SilentTurn | CompleteReason)), "")
    status = next((fault.status for fault, _ in struck if isinstance(fault, Interaction)), "")
    status = status or ("IDLE" if setup.model.fills else "")
    written = "".join(step.data["text"] for step in steps if step.kind == "text")
    steps = bent_ending(with_ending(steps, usage(spoken_s, written), status=status, reason=reason), struck)
    return Answer(steps=tuple(with_placed(steps, struck, think_s=think_s)), think_s=think_s, reply=reply, voice=voice)


def _chunks(voice: Voice, settings: EmulatorSettings, rng: random.Random) -> tuple[Step, ...]:
    frames = _chunk_frames(settings)
    if settings.chunk_spread:
        return uneven_steps(voice, chunk_frames=frames, spread=settings.chunk_spread, pace=settings.pace, rng=rng)
    return audio_steps(voice, chunk_frames=frames, pace=settings.pace)


def _chunk_frames(settings: EmulatorSettings) -> int:
    return max(1, round(settings.chunk_ms * REPLY_RATE_HZ / 1000))
