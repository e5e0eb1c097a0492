"""Transcripts of what is being said, before it is over (`interimInputTranscription`)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from diag.emulator.answering import Understood
from diag.emulator.hearing import EAR_RATE_HZ, KEPT_BEFORE_S, Endpointer, Pcm

EVERY_S = 0.5

Recognise = Callable[[Pcm], Awaitable[Understood]]
Send = Callable[[str], Awaitable[None]]


class Interim:
    """Looks at an utterance while it goes on, and tells the words so far.

    A recording is recognised when a third of it has been said, so the first words come after that; how many, follows
    from how long speech has lasted.

    Parameters
    ----------
    recognise : callable
        Which prompt an utterance is.
    length_s : callable
        How long the prompt of a name is.
    send : callable
        Takes the words so far, whenever they have changed.
    """

    def __init__(
        self, tasks: asyncio.TaskGroup, recognise: Recognise, length_s: Callable[[str], float], send: Send
    ) -> None:
        self._tasks = tasks
        self._recognise = recognise
        self._length_s = length_s
        self._send = send
        self._looking: asyncio.Task[None] | None = None
        self._looked_s = 0.0
        self._told = ""

    def look(self, endpointer: Endpointer) -> None:
        """Consider what has been heard by now; does nothing more often than twice a second of audio."""
        due = endpointer.audio_s - self._looked_s >= EVERY_S
        if due and endpointer.speaking and (self._looking is None or self._looking.done()):
            self._looked_s = endpointer.audio_s
            self._looking = self._tasks.create_task(self._tell(endpointer.so_far))

    def stop(self) -> None:
        """The utterance is over: its final transcript comes by another way."""
        self._told = ""
        if self._looking is not None:
            self._looking.cancel()

    async def _tell(self, utterance: Pcm) -> None:
        understood = await self._recognise(utterance)
        if understood.prompt is None:
            return
        said_s = len(utterance) / EAR_RATE_HZ - KEPT_BEFORE_S
        words = understood.text.split()
        share = min(said_s / self._length_s(understood.prompt), 1.0)
        text = " ".join(words[: max(1, round(share * len(words)))])
        if text != self._told:
            self._told = text
            await self._send(text)
