"""Sending of an answer: each message of its schedule is sent when it is due, and logged."""

from __future__ import annotations

import asyncio
import time

from diag.emulator.answering import Answer
from diag.emulator.closing import Refused
from diag.emulator.link import Dropped, Link
from diag.emulator.profile import Profile
from diag.emulator.speaking import Step


class Performer:
    """Send the answers of one session.

    Attributes
    ----------
    speaking : bool
        A part of a turn has been sent, but not its turnComplete.
    """

    def __init__(self, link: Link, profile: Profile, session: int) -> None:
        self.speaking = False
        self._link = link
        self._profile = profile
        self._session = session

    async def perform(self, turn: int, answer: Answer, zero_s: float) -> None:
        """Send all steps of an answer.

        Parameters
        ----------
        turn : int
            Number of the turn, from 1.
        zero_s : float
            Time 0 of the schedule, on the `time.perf_counter` clock.

        Raises
        ------
        Refused
            If a step closes the session.
        Dropped
            If a step cuts the connection.
        """
        sent_frames = 0
        for step in answer.steps:
            due_s = zero_s + step.at_s
            wait_s = due_s - time.perf_counter()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            if "fault" in step.data:
                self._note("fault_fired", turn=turn, fault=step.data["fault"])
            if step.kind == "drop":
                raise Dropped
            if step.kind == "close":
                raise Refused(step.data["code"], step.data["reason"])
            sent_s = time.perf_counter()
            await self._link.send(step.payload)
            self.speaking = step.kind != "turn_complete"
            if step.kind != "chunk":
                self._note(step.kind, t_s=sent_s, turn=turn, scheduled_t_s=due_s, **step.data)
                continue
            self._note_chunk(turn, step, sent_s, due_s, sent_frames)
            sent_frames += step.frames
            if step.data:
                self._note("transcript", t_s=sent_s, turn=turn, scheduled_t_s=due_s, **step.data)

    def announce(self, turn: int, answer: Answer, faults: list[str]) -> None:
        """Log the reply that will be sent and the faults that act on it."""
        for fault in faults:
            self._note("fault_fired", turn=turn, fault=fault)
        voice = answer.voice
        self._note(
            "reply_chosen",
            turn=turn,
            reply=answer.reply.name if answer.reply else None,
            first_audible_frame=voice.first_audible_frame if voice else None,
            speech_end_frame=voice.speech_end_frame if voice else None,
            frames=len(voice.pcm) if voice else 0,
            think_s=answer.think_s,
        )

    def _note_chunk(self, turn: int, step: Step, sent_s: float, due_s: float, sent_frames: int) -> None:
        self._note(
            "chunk_sent",
            t_s=sent_s,
            turn=turn,
            index=step.index,
            frames=step.frames,
            start_frame=step.start_frame,
            sent_frame=sent_frames,
            bytes=2 * step.frames,
            scheduled_t_s=due_s,
        )

    def _note(self, event: str, *, t_s: float | None = None, **data: object) -> None:
        self._profile.note(event, t_s=t_s, session=self._session, **data)
