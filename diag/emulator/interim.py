"""Transcripts of an utterance while it is being spoken (`interimInputTranscription`)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from diag.core.units import LIVE_INPUT_RATE_HZ
from diag.emulator.answering import Understood
from diag.emulator.hearing import KEPT_BEFORE_S, Endpointer, Pcm

EVERY_S = 0.5
"""Least interval of recognition, in seconds of audio."""

Recognise = Callable[[Pcm], Awaitable[Understood]]
Send = Callable[[str], Awaitable[None]]


class Interim:
    """Recognise an utterance while it is being spoken, and send the words so far.

    A prompt can be recognised once about a third of it has been spoken, so the first words are sent after that. The
    number of words follows from the share of the prompt that has been spoken.

    Parameters
    ----------
    tasks : asyncio.TaskGroup
        Runs the recognition.
    recognise : callable
        Returns the prompt that an utterance matches.
    length_s : callable
        Returns the length in seconds of the prompt with a given name.
    send : callable
        Called with the words so far whenever they have changed.
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
        self._last_text = ""

    def look(self, endpointer: Endpointer) -> None:
        """Start recognising the audio so far, at most once per `EVERY_S` seconds of audio."""
        due = endpointer.audio_s - self._looked_s >= EVERY_S
        if due and endpointer.speaking and (self._looking is None or self._looking.done()):
            self._looked_s = endpointer.audio_s
            self._looking = self._tasks.create_task(self._tell(endpointer.so_far))

    def stop(self) -> None:
        """Stop because the utterance is over; its final transcript is sent elsewhere."""
        self._last_text = ""
        if self._looking is not None:
            self._looking.cancel()

    async def _tell(self, utterance: Pcm) -> None:
        understood = await self._recognise(utterance)
        if understood.prompt is None:
            return
        said_s = len(utterance) / LIVE_INPUT_RATE_HZ - KEPT_BEFORE_S
        words = understood.text.split()
        share = min(said_s / self._length_s(understood.prompt), 1.0)
        text = " ".join(words[: max(1, round(share * len(words)))])
        if text != self._last_text:
            self._last_text = text
            await self._send(text)
