"""The conversation of a take: its steps in order, what the user says when, and which reply is awaited.

It is the same whether the client is diag's own or an app. What differs is behind `Stage`: how a prompt is spoken, when
a reply sounds, and when it has been played to its end.
"""

from __future__ import annotations

import asyncio
import collections
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from diag.core.clip import Samples
from diag.core.timeline import EventName
from diag.files.turn_script import StepKind
from diag.record.audio.ports import MOUTH_RATE_HZ
from diag.record.client.turn import Phase, TurnFollower
from diag.record.take_assembly import Interjection, TurnRecord
from diag.record.take_job import StepJob, TakeJob
from diag.record.take_log import TakeLog

POLL_S = 0.01
SETTLE_S = 2.5
"""Wait after a sound or an interruption that the service may answer: longer than a detector's silence (up to 1 s) and
the usual time of a Live model to its first audio (1.5 s)."""
MOST_CUTS = 3
"""A reply that was interrupted this often while nobody spoke is over. A service that hears its own reply would go on
until the longest wait ends."""


class Stage(Protocol):
    """The client and the devices of a conversation."""

    @property
    def works(self) -> bool:
        """Whether the devices and the client still work."""

    @property
    def listens(self) -> bool:
        """Whether another prompt can be spoken."""

    @property
    def speaking(self) -> bool:
        """Whether the mouth is still playing."""

    async def prepare(self) -> None:
        """Do what the client needs before each prompt."""

    def say(self, samples: Samples) -> int | None:
        """Begin to play samples; return the first frame on the mouth's tape, or None if a person speaks."""

    def look(self) -> None:
        """Note what changed; called every 10 ms."""

    def sounds(self) -> bool:
        """Return whether the current reply has begun to sound."""

    def received_s(self, since_s: float) -> float:
        """Return the length of the audio of the current reply that arrived after `since_s`."""

    def played_out(self, *, lost: bool) -> bool:
        """Return whether a reply that is complete, or whose connection is lost, has been played to its end."""

    def fell_silent(self, waited_s: float) -> bool:
        """Return whether a reply that only the ear shows is over."""


class Conversation:
    """Conversation of one take.

    Parameters
    ----------
    job : TakeJob
    log : TakeLog
    stage : Stage

    Attributes
    ----------
    turns, interjections : list
        What was said so far.
    """

    def __init__(self, job: TakeJob, log: TakeLog, stage: Stage) -> None:
        self._job, self._log, self._stage = job, log, stage
        self._follower = TurnFollower(patience=job.config.turn)
        self.turns: list[TurnRecord] = []
        self.interjections: list[Interjection] = []
        self._old_turn: int | None = None
        """The turn whose reply is still being received although the next prompt has begun."""
        self._reply_begun_s: float | None = None
        self._whole = False
        """All of the reply has been received."""
        self._cut = False
        """The reply was interrupted."""
        self._cuts = 0
        """Number of interruptions of the reply."""
        self._unsettled_s: float | None = None
        """When the user made a sound that the service may answer although it is no prompt."""
        self._reply_over = True

    def before_audio(self) -> None:
        """Take notice of audio of a reply, before it is logged."""
        if self._old_turn is not None and self._cut:
            # The service did not send the turnComplete that follows `interrupted`.
            self._old_reply_over()

    def content(self) -> None:
        """Take notice of audio or text of a reply, after it is logged."""
        if self._old_turn is None:
            self._whole = False
            self._follower.content(self._log.now())

    def event(self, name: str, data: Mapping[str, Any]) -> None:
        """Take an event of the session, after it is logged."""
        if name == EventName.TEXT_RECEIVED and not data["thought"] and self._old_turn is None:
            self._follower.content(self._log.now())
        elif name == EventName.TURN_COMPLETE:
            if self._old_turn is not None:
                self._old_reply_over()
            else:
                self._whole = True
                self._follower.complete(self._log.now())
        elif name == EventName.GENERATION_COMPLETE:
            self._whole = self._old_turn is None
        elif name == EventName.INTERRUPTED:
            self._cut = self._old_turn is not None or self._follower.prompt_ended_s is not None
            self._cuts += self._cut and self._old_turn is None

    def lost(self) -> None:
        """Take notice that the session is over: no more of the reply comes."""
        self._follower.lost()

    def unspoken(self) -> None:
        """Add a turn for each prompt that was not spoken. Their missing replies count in the metrics."""
        for index in range(len(self.turns), len(self._job.prompts)):
            now_s = self._log.now()
            self.turns.append(TurnRecord(index=index, prompt=self._job.prompts[index], start_s=now_s, end_s=now_s))

    async def run(self, spoken: Mapping[int, Samples]) -> None:
        """Do all steps; `spoken` holds the sound of each step that has one, by its number."""
        for number, item in enumerate(self._job.steps):
            if item.step.during_reply and not item.step.is_turn:
                continue  # played while the reply is awaited
            if self._stage.listens:
                await self._step(number, spoken)

    async def _step(self, number: int, spoken: Mapping[int, Samples]) -> None:
        """Do one step, with the steps after it that take place during its reply."""
        steps = self._job.steps
        item = steps[number]
        if not item.step.during_reply:
            await asyncio.sleep(item.step.after_s)
        if item.step.is_turn:
            during = list(itertools.takewhile(lambda other: other[1].step.during_reply, _from(steps, number + 1)))
            barge_in = next((place for place, other in enumerate(during) if other[1].step.is_turn), len(during))
            await self._turn(item, spoken[number])
            await self._reply(during[: barge_in + 1], spoken)
        elif item.step.kind is StepKind.SILENCE:
            start_s = self._log.now()
            await asyncio.sleep(item.step.for_s or 0.0)
            data = {"turn": self._log.turn, "kind": item.step.kind.value, "name": "", "start_s": start_s}
            self._log.emit(EventName.INTERJECTION, {**data, "end_s": self._log.now()}, t_s=start_s)
        else:
            self._interject(item, spoken[number])
            while self._stage.speaking and self._stage.works:
                await asyncio.sleep(POLL_S)
            self._unsettled_s = self._log.now()
            if self._follower.phase(self._unsettled_s) is Phase.COMPLETE:
                await self._reply([], spoken)
            else:
                await asyncio.sleep(SETTLE_S)

    async def _turn(self, item: StepJob, samples: Samples) -> None:
        """Speak the prompt of a turn; it may overlap the reply of the turn before."""
        assert item.prompt is not None
        log, stage, index = self._log, self._stage, len(self.turns)
        await stage.prepare()
        overlaps = item.step.during_reply and not self._reply_over
        self._old_turn = log.turn if overlaps else None
        if not overlaps:
            log.turn = index
        self._follower = TurnFollower(patience=self._job.config.turn)
        self._reply_begun_s = self._unsettled_s = None
        self._reply_over = self._cut = self._whole = False
        self._cuts = 0
        start_s = log.now()
        first_frame = stage.say(samples)
        log.emit(EventName.PROMPT_STARTED, {"turn": index, "prompt": item.prompt.name, "frame": first_frame})
        record = TurnRecord(index=index, prompt=item.prompt, start_s=start_s, end_s=start_s)
        if first_frame is None:
            # Nobody knows when the person has finished: the reply is awaited from now on.
            self.turns.append(replace(record, person=True))
            self._follower.prompt_ended(start_s)
            return
        barge_in, end_frame = item.step.kind is StepKind.BARGE_IN, first_frame + len(samples)
        self.turns.append(replace(record, first_frame=first_frame, end_frame=end_frame, barge_in=barge_in))
        while stage.speaking and stage.works:
            stage.look()
            await asyncio.sleep(POLL_S)
        log.emit(EventName.PROMPT_ENDED, {"turn": index, "frame": end_frame})
        self._follower.prompt_ended(log.now())

    def _old_reply_over(self) -> None:
        """Count what the service sends from now on to the turn that interrupted the old reply."""
        self._old_turn = None
        self._cut = False
        self._log.turn = len(self.turns) - 1

    def _interject(self, item: StepJob, samples: Samples) -> None:
        """Play a sound of the user that asks for no answer."""
        first_frame = self._stage.say(samples)
        if first_frame is None:
            return
        begins_s, ends_s = 0.0, len(samples) / MOUTH_RATE_HZ
        if item.prompt is not None:
            begins_s, ends_s = item.prompt.speech_start_s, item.prompt.speech_end_s
        self.interjections.append(
            Interjection(
                kind=item.step.kind.value,
                name=item.prompt.name if item.prompt is not None else "",
                turn=len(self.turns) - 1,
                first_frame=first_frame + round(begins_s * MOUTH_RATE_HZ),
                end_frame=first_frame + round(ends_s * MOUTH_RATE_HZ),
            )
        )

    async def _reply(self, during: Sequence[tuple[int, StepJob]], spoken: Mapping[int, Samples]) -> None:
        """Wait for the end of the reply, or for the moment at which the user interrupts it.

        Parameters
        ----------
        during : sequence of (number, StepJob)
            Steps during the reply, in order. The last one may be a barge-in, which is left to the caller.
        """
        stage, waited_from_s = self._stage, self._log.now()
        due = collections.deque(during)
        while stage.works:
            stage.look()
            now_s = self._log.now()
            if self._reply_begun_s is None and self._old_turn is None and self._follower.begun and stage.sounds():
                self._reply_begun_s = now_s
            if due and self._is_due(due[0][1], now_s):
                number, item = due.popleft()
                if item.step.is_turn:
                    break
                self._interject(item, spoken[number])
                self._unsettled_s = now_s
            phase = self._follower.phase(now_s)
            if phase is Phase.TIMED_OUT:
                self._log.emit(EventName.REPLY_WAIT_OVER, {"waited_s": now_s - waited_from_s})
                self._reply_over = True
            elif phase in (Phase.COMPLETE, Phase.LOST):
                played = stage.played_out(lost=phase is Phase.LOST)
                self._reply_over = played and (self._cuts >= MOST_CUTS or self._settled(now_s))
            if stage.fell_silent(now_s - waited_from_s):
                self._reply_over = True
            if self._reply_over:
                break
            await asyncio.sleep(POLL_S)
        for _, item in due:
            self._log.emit(EventName.STEP_MISSED, {"kind": item.step.kind.value})
        self.turns[-1] = replace(self.turns[-1], end_s=self._log.now())

    def heard_only(self) -> None:
        """Take notice of a reply that only the ear or the page shows."""
        self._follower.content(self._log.now())

    def _is_due(self, item: StepJob, now_s: float) -> bool:
        """Return whether the speech or the noise of a step begins at the wanted place of the reply if it starts now."""
        if self._reply_begun_s is None:
            return False
        at_s = item.step.at_s
        if at_s is None:
            if not self._whole:
                return False
            at_s = (item.step.at_share or 0.0) * self._stage.received_s(self.turns[-1].start_s)
        lead_s = 0.0 if item.prompt is None else item.prompt.speech_start_s
        return now_s - self._reply_begun_s >= at_s - lead_s

    def _settled(self, now_s: float) -> bool:
        """Return whether nothing more is to be expected of the service.

        After a sound of the user other than a prompt, and after an interruption, the service may answer once more.
        """
        since_s = -math.inf if self._unsettled_s is None else self._unsettled_s
        if self._cut or self._unsettled_s is not None:
            since_s = max(since_s, self._follower.last_s)
        return not self._stage.speaking and now_s - since_s >= SETTLE_S


def _from(steps: Sequence[StepJob], first: int) -> Iterator[tuple[int, StepJob]]:
    return ((number, steps[number]) for number in range(first, len(steps)))
