"""From what was heard to a schedule: which reply, how long to think, what goes wrong."""

from __future__ import annotations

import random
from dataclasses import dataclass

from diag.emulator import messages
from diag.emulator.delivery import Struck, bent_chunks, bent_ending, with_placed
from diag.emulator.faults import SilentTurn, SlowFirstAudio, TextReply, draw
from diag.emulator.replies import REPLY_RATE_HZ, Reply
from diag.emulator.settings import EmulatorSettings
from diag.emulator.speaking import Step, Voice, audio_steps, text_steps, transcript_steps, with_ending


@dataclass(frozen=True, kw_only=True)
class Understood:
    """What the user's turn was taken to be.

    Parameters
    ----------
    prompt : str or None
        Name of the known prompt; None where none was recognised.
    text : str
        Its words, or the words that were typed.
    """

    prompt: str | None
    text: str
    confidence: float = 0.0
    language: str = ""


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


def thinking_s(settings: EmulatorSettings, struck: Struck, rng: random.Random) -> float:
    """From the end of the turn to the first audio."""
    for fault, own in struck:
        if isinstance(fault, SlowFirstAudio):
            return draw(fault.delay_s, own)
    return draw(settings.think_s, rng)


def compose(
    reply: Reply,
    voice: Voice,
    *,
    modality: str,
    transcribe: bool,
    settings: EmulatorSettings,
    struck: Struck,
    think_s: float,
    heard_s: float,
    vertex: bool,
    status: str = "",
) -> Answer:
    """The schedule of a turn with all that strikes it; `status` is the interactionStatus at its end, if any."""
    kinds = {type(fault) for fault, _ in struck}
    spoken = modality == "AUDIO" and TextReply not in kinds
    steps: list[Step] = []
    if modality == "NONE" or settings.silent_turn or SilentTurn in kinds:
        spoken = False
    elif not spoken:
        steps = text_steps(reply.text or reply.name)
    if spoken:
        chunk_frames = max(1, round(settings.chunk_ms * REPLY_RATE_HZ / 1000))
        steps = bent_chunks(audio_steps(voice, chunk_frames=chunk_frames, pace=settings.pace), struck)
        if transcribe:
            steps = _merged(steps, transcript_steps(voice.text, steps))
    frames = sum(step.frames for step in steps)
    usage = messages.usage_metadata(heard_s, frames / REPLY_RATE_HZ, vertex=vertex)
    steps = bent_ending(with_ending(steps, usage, status=status), struck)
    return Answer(
        steps=tuple(with_placed(steps, struck, think_s=think_s)),
        think_s=think_s,
        reply=reply if steps and (spoken or any(step.kind == "text" for step in steps)) else None,
        voice=voice if spoken else None,
    )


def filler_steps(voice: Voice, settings: EmulatorSettings) -> tuple[Step, ...]:
    """Filler speech of a model that thinks on: its turn completes, the interaction does not."""
    chunk_frames = max(1, round(settings.chunk_ms * REPLY_RATE_HZ / 1000))
    steps = audio_steps(voice, chunk_frames=chunk_frames, pace=settings.pace)
    return tuple(with_ending(steps, None, status="IN_PROGRESS"))


def _merged(chunks: list[Step], others: list[Step]) -> list[Step]:
    """Both in the order of time, chunks first at the same time; the chunks keep their own order."""
    merged: list[Step] = []
    waiting = list(others)
    for place, chunk in enumerate(chunks):
        merged.append(chunk)
        until_s = chunks[place + 1].at_s if place + 1 < len(chunks) else float("inf")
        while waiting and waiting[0].at_s < until_s:
            merged.append(waiting.pop(0))
    return merged
