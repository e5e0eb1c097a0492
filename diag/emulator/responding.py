"""Answering of turns: call tools, choose a reply, make the schedule of its messages and send them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from typing import Any

from diag.emulator import messages
from diag.emulator.answering import (
    Answer,
    Understood,
    ask_back,
    choose_reply,
    compose,
    filler_steps,
    shortest,
    thinking_s,
    written_down,
)
from diag.emulator.chance import applies_to_turns, draw_faults, generator
from diag.emulator.degrade import SOUND_FAULTS
from diag.emulator.delivery import CHUNK_FAULTS, ActiveFaults
from diag.emulator.faults import OtherVoice, Stall, ToolCancel
from diag.emulator.link import Link
from diag.emulator.named_voices import replies_in
from diag.emulator.performing import Performer
from diag.emulator.profile import Profile
from diag.emulator.replies import Reply
from diag.emulator.setup import Setup
from diag.emulator.tools import PendingCalls, blocks, calls_for
from diag.emulator.voices import voice_for


class Responder:
    """Answer the turns of one session.

    Attributes
    ----------
    performer : Performer
        Sends the answers.
    calls : PendingCalls
        Function calls whose results have not arrived.
    called_for : Understood or None
        The turn to answer again when the result of a non-blocking call arrives.
    """

    def __init__(self, link: Link, profile: Profile, setup: Setup, session: int, *, vertex: bool) -> None:
        self.performer = Performer(link, profile, session)
        self.calls = PendingCalls()
        self.called_for: Understood | None = None
        self._link = link
        self._profile = profile
        self._setup = setup
        self._session = session
        self._vertex = vertex

    async def respond(self, turn: int, understood: Understood, ended_s: float, *, heard_s: float) -> None:
        """Answer a turn, from thinking to turnComplete.

        Parameters
        ----------
        turn : int
            Number of the turn, from 1.
        understood : Understood
            What was recognised in the user's turn.
        ended_s : float
            When the user's turn ended, on the `time.perf_counter` clock.
        heard_s : float
            Seconds of audio received in the session so far.

        Raises
        ------
        Refused, Dropped
            If a fault ends the session.
        """
        profile, settings, setup = self._profile, self._profile.settings, self._setup
        active = draw_faults(settings.faults, seed=profile.seed, session=self._session, turn=turn)
        # For a fault, the last number is its place in the list. 10 000 is larger than all of these, so that this
        # generator differs from those of the faults.
        rng = generator(profile.seed, self._session, turn, 10_000)

        def usage(spoken_s: float, written: str) -> Mapping[str, Any]:
            return messages.usage_metadata(heard_s, spoken_s, written=written, vertex=self._vertex)

        cancel_s = next((fault.after_s for fault, _ in active if isinstance(fault, ToolCancel)), None)
        calls_on = not understood.after_call and await self._call_tools(turn, understood, cancel_s)
        think_s = thinking_s(settings, active, rng, turn=turn, others=len(profile.live - {self._session}))
        if setup.model.transcribes:
            answer = written_down(understood.text, setup=setup, active=active, think_s=think_s, usage=usage)
        else:
            reply = self._reply(understood, rng, name=_voice_name(setup, active), fills=calls_on)
            voice = await voice_for(reply, active)
            answer = compose(
                reply,
                voice,
                setup=setup,
                settings=settings,
                active=active,
                think_s=think_s,
                usage=usage,
                rng=rng,
            )
        if setup.model.fills:
            ended_s = await self._fill(turn, ended_s + think_s)
        # Faults of sound and of chunks have no effect on a turn without sound, so they are not noted as fired.
        idle = () if answer.voice else (*SOUND_FAULTS, *CHUNK_FAULTS)
        fired = [fault.kind for fault, _ in active if applies_to_turns(fault) and not isinstance(fault, idle)]
        self.performer.announce(turn, answer, fired)
        await self.performer.perform(turn, answer, ended_s + think_s)
        if any(isinstance(fault, Stall) for fault, _ in active):
            await asyncio.Event().wait()

    def _reply(self, understood: Understood, rng: random.Random, *, name: str, fills: bool) -> Reply:
        replies = replies_in(self._profile.bank.replies, name)
        if fills:
            return shortest(replies)
        if understood.prompt is None and self._profile.settings.unrecognised == "ask_back":
            return ask_back(replies, rng)
        return choose_reply(replies, understood, rng)

    async def _fill(self, turn: int, zero_s: float) -> float:
        """Send a short filler while thinking; return the time from which the think time of the answer counts."""
        filler = shortest(replies_in(self._profile.bank.replies, self._setup.voice))
        voice = await voice_for(filler, [])
        steps = filler_steps(voice, self._profile.settings)
        await self.performer.perform(turn, Answer(steps=steps, think_s=0.0, reply=filler, voice=voice), zero_s)
        return time.perf_counter()

    async def _call_tools(self, turn: int, understood: Understood, cancel_s: float | None) -> bool:
        """Call a function if the settings ask for it; return whether the model speaks before the result arrives."""
        wanted = self._profile.settings.tool_calls
        if not self._setup.functions or wanted == "never" or (wanted == "first_turn" and turn > 1):
            return False
        function = self._setup.functions[0]
        calls = calls_for([function])
        self.calls.open(calls)
        waits = blocks(function, self._setup.model.tools)
        self.called_for = None if waits else understood
        await self._link.send(messages.tool_call(calls))
        self._note("tool_call", turn=turn, ids=[call["id"] for call in calls])
        if cancel_s is not None:
            await asyncio.sleep(cancel_s)
            if cancelled := self.calls.cancel():
                await self._link.send(messages.encoded({"toolCallCancellation": {"ids": cancelled}}))
                self._note("tool_call_cancelled", turn=turn, ids=cancelled)
                self.called_for = None
                return False
        if waits:
            await self.calls.answered()
        return not waits

    def _note(self, event: str, **data: Any) -> None:
        self._profile.note(event, session=self._session, **data)


def _voice_name(setup: Setup, active: ActiveFaults) -> str:
    """Return the name of the voice that speaks: the one that was asked for, or that of a fault."""
    return next((fault.voice for fault, _ in active if isinstance(fault, OtherVoice)), setup.voice)
