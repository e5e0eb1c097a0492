"""Planning of an answer: which reply, how long to think, which faults, and the schedule of messages."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from diag.emulator import messages
from diag.emulator.chance import draw, usual
from diag.emulator.delivery import ActiveFaults, with_chunk_faults, with_ending_faults, with_placed
from diag.emulator.faults import CompleteReason, Interaction, SilentTurn, SlowFirstAudio, SlowUnderLoad, TextReply
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
    """What was recognised in the user's turn.

    Parameters
    ----------
    prompt : str or None
        Name of the known prompt; None if none was recognised.
    text : str
        Words of the prompt, or the text that the client sent.
    confidence : float
        Correlation with the recognised prompt, at most 1; 0 if nothing was compared.
    language : str
        Language of the prompt, for example "en-US"; empty if unknown.
    after_call : bool
        The turn is answered again, now with the results of its function calls.
    """

    prompt: str | None
    text: str
    confidence: float = 0.0
    language: str = ""
    after_call: bool = False


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Schedule of an answer, with its think time, its reply and its sound (None if there is none)."""

    steps: tuple[Step, ...]
    think_s: float
    reply: Reply | None
    voice: Voice | None


def choose_reply(replies: tuple[Reply, ...], understood: Understood, rng: random.Random) -> Reply:
    """Return the reply to the recognised prompt; without one, a random reply, if possible in the prompt's language."""
    answering = [reply for reply in replies if understood.prompt is not None and understood.prompt in reply.answers]
    if answering:
        return answering[0]
    speaking = [reply for reply in replies if not reply.asks_back] or list(replies)
    same = [reply for reply in speaking if understood.language and reply.language[:2] == understood.language[:2]]
    return rng.choice(same or speaking)


def ask_back(replies: tuple[Reply, ...], rng: random.Random) -> Reply:
    """Return a random reply that asks the user to repeat; any reply if the bank has none of these."""
    asking = [reply for reply in replies if reply.asks_back]
    return rng.choice(asking or list(replies))


def shortest(replies: tuple[Reply, ...]) -> Reply:
    """Return the shortest reply, which is used as filler speech."""
    return min(replies, key=lambda reply: reply.duration_s)


def thinking_s(
    settings: EmulatorSettings, active: ActiveFaults, rng: random.Random, *, turn: int, others: int = 0
) -> float:
    """Return the time from the end of the user's turn to the first audio, in seconds.

    Parameters
    ----------
    others : int
        Number of other sessions that are open.
    """
    busy_s = sum(fault.per_session_s * others for fault, _ in active if isinstance(fault, SlowUnderLoad))
    for fault, own in active:
        if isinstance(fault, SlowFirstAudio):
            return busy_s + draw(fault.delay_s, own) + fault.grows_s * (turn - 1)
    return busy_s + draw(settings.think_s, rng)


def usual_wait_s(settings: EmulatorSettings) -> float:
    """Return the time in seconds from the end of the user's speech to the first audio, in most turns."""
    always = (fault for fault in settings.faults if isinstance(fault, SlowFirstAudio) and not fault.turns)
    slow = next((fault for fault in always if fault.probability > 1 / 2 and not fault.sessions), None)
    return settings.silence_ms / 1000 + usual(settings.think_s if slow is None else slow.delay_s)


def compose(
    reply: Reply,
    voice: Voice,
    *,
    setup: Setup,
    settings: EmulatorSettings,
    active: ActiveFaults,
    think_s: float,
    usage: Usage,
    rng: random.Random,
) -> Answer:
    """Return the schedule of a spoken, written or silent turn, with its faults applied.

    Parameters
    ----------
    active : list of (fault, generator)
        Faults that act in this turn.
    think_s : float
        Time from the end of the user's turn to the first step.
    usage : callable
        Returns the usageMetadata for the seconds of speech and the text of the reply.
    rng : random.Random
        Draws the lengths of uneven chunks.
    """
    kinds = {type(fault): fault for fault, _ in active}
    rejected = kinds.get(CompleteReason)
    silent = setup.modality == "NONE" or settings.silent_turn or SilentTurn in kinds
    silent = silent or (isinstance(rejected, CompleteReason) and not rejected.audio)
    spoken = not silent and setup.modality == "AUDIO" and TextReply not in kinds
    steps: list[Step] = []
    if spoken:
        steps = with_chunk_faults(_chunks(voice, settings, rng), active)
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
        active=active,
        think_s=think_s,
        usage=usage,
        reply=None if silent else reply,
        voice=voice if spoken else None,
    )


def written_down(words: str, *, setup: Setup, active: ActiveFaults, think_s: float, usage: Usage) -> Answer:
    """Return the schedule of a turn of a model that only transcribes: the final transcript and the end of the turn."""
    payload = messages.server_content(inputTranscription={"text": words})
    steps = [Step(at_s=0.0, kind="input_transcript", payload=payload, data={"text": words})] if words else []
    return _ended(steps, setup=setup, active=active, think_s=think_s, usage=usage)


def filler_steps(voice: Voice, settings: EmulatorSettings) -> tuple[Step, ...]:
    """Return the steps of filler speech while the model is still thinking: turnComplete with status IN_PROGRESS."""
    steps = audio_steps(voice, chunk_frames=_chunk_frames(settings), pace=settings.pace)
    return tuple(with_ending(steps, None, status="IN_PROGRESS"))


def _ended(
    steps: list[Step],
    *,
    setup: Setup,
    active: ActiveFaults,
    think_s: float,
    usage: Usage,
    reply: Reply | None = None,
    voice: Voice | None = None,
) -> Answer:
    spoken_s = sum(step.frames for step in steps) / REPLY_RATE_HZ
    reason = next((fault.reason for fault, _ in active if isinstance(fault, SilentTurn | CompleteReason)), "")
    status = next((fault.status for fault, _ in active if isinstance(fault, Interaction)), "")
    status = status or ("IDLE" if setup.model.fills else "")
    written = "".join(step.data["text"] for step in steps if step.kind == "text")
    steps = with_ending_faults(with_ending(steps, usage(spoken_s, written), status=status, reason=reason), active)
    return Answer(steps=tuple(with_placed(steps, active, think_s=think_s)), think_s=think_s, reply=reply, voice=voice)


def _chunks(voice: Voice, settings: EmulatorSettings, rng: random.Random) -> tuple[Step, ...]:
    frames = _chunk_frames(settings)
    if settings.chunk_spread:
        return uneven_steps(voice, chunk_frames=frames, spread=settings.chunk_spread, pace=settings.pace, rng=rng)
    return audio_steps(voice, chunk_frames=frames, pace=settings.pace)


def _chunk_frames(settings: EmulatorSettings) -> int:
    return max(1, round(settings.chunk_ms * REPLY_RATE_HZ / 1000))
