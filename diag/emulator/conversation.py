"""Turn-taking of one session: detect the user's turns, answer them, handle interruptions and tool results."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from diag.core.units import LIVE_INPUT_RATE_HZ
from diag.emulator import messages
from diag.emulator.answering import Understood
from diag.emulator.chance import draw_faults
from diag.emulator.closing import CLOSES
from diag.emulator.contents import read_contents
from diag.emulator.faults import IgnoreBargeIn, SlowInterrupt
from diag.emulator.hearing import Endpointer, Heard, Pcm, Resampled
from diag.emulator.incoming import mapping, sequence
from diag.emulator.interim import Interim
from diag.emulator.link import Link
from diag.emulator.profile import Profile, Upgrade
from diag.emulator.responding import Responder
from diag.emulator.resumption import Resumption
from diag.emulator.setup import Setup

MAX_WAITING_TURNS = 20
"""Most turns that wait for an answer that cannot be interrupted; further ones are dropped."""
SLICE_S = 1.0
"""Audio that is processed at once, before other sessions get their turn."""


class Conversation:
    """Take the messages of one session and answer its turns.

    Parameters
    ----------
    tasks : asyncio.TaskGroup
        Runs the answers, so that they end with the session.
    turn : int
        Number of turns before this connection (of a resumed session).

    Attributes
    ----------
    messages_taken : int
        Messages received from the client after its setup.
    """

    def __init__(
        self,
        *,
        link: Link,
        profile: Profile,
        setup: Setup,
        upgrade: Upgrade,
        session: int,
        tasks: asyncio.TaskGroup,
        resumption: Resumption,
        turn: int,
    ) -> None:
        self.setup = setup
        self.messages_taken = 0
        self._link = link
        self._profile = profile
        self._session = session
        self._tasks = tasks
        self._resumption = resumption
        self._turn = turn
        self._ears = Resampled()
        self._endpointer = Endpointer(
            silence_ms=setup.silence_ms,
            prefix_padding_ms=setup.prefix_padding_ms,
            start_sensitivity=setup.start_sensitivity,
            end_sensitivity=setup.end_sensitivity,
            manual=setup.manual_activity,
        )
        self._answering: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._responder = Responder(link, profile, setup, session, vertex=upgrade.vertex)
        self._interim: Interim | None = None
        if setup.model.transcribes or (setup.input_transcription and profile.settings.interim_transcripts):
            self._interim = Interim(tasks, profile.bank.understood_speech, profile.bank.length_s, self._tell_interim)
        self._silenced = False
        self._waiting: deque[Understood] = deque()
        self._history_due = setup.initial_history
        self._heard_s = 0.0
        self._first_audio_s: float | None = None
        self._heard_bytes = 0

    async def hear(self, data: bytes, rate_hz: int, *, declared: bool) -> None:
        """Take a blob of audio.

        Parameters
        ----------
        data : bytes
            16-bit PCM.
        rate_hz : int
            Rate of the audio.
        declared : bool
            Whether the MIME type declared the rate.

        Raises
        ------
        Refused
            If the settings forbid audio at this moment.
        """
        if self._first_audio_s is None:
            self._first_audio_s = time.perf_counter()
            self._note("audio_started", declared_hz=rate_hz, declared=declared, bytes=len(data))
        self._check_audio_is_welcome()
        self._heard_bytes += len(data)
        slice_bytes = 2 * round(SLICE_S * rate_hz)
        for start in range(0, len(data), slice_bytes):
            if start:
                await asyncio.sleep(0)  # a whole file in one message must not delay other sessions
            pcm = self._ears.feed(data[start : start + slice_bytes], rate_hz)
            self._heard_s += len(pcm) / LIVE_INPUT_RATE_HZ
            await self._react(self._endpointer.feed(pcm))
            if self._interim is not None:
                self._interim.look(self._endpointer)

    def _check_audio_is_welcome(self) -> None:
        settings = self._profile.settings
        if settings.tool_input != "accepted" and self._responder.calls.pending:
            raise CLOSES["not_implemented" if settings.tool_input == "rejected" else "audio_unsupported"].refused()
        if settings.outside_activity == "rejected" and self.setup.manual_activity and not self._endpointer.speaking:
            raise CLOSES["invalid_argument"].refused()

    async def stream_end(self) -> None:
        """Handle audioStreamEnd: end the user's turn, if the model supports that."""
        self._note("audio_stream_end")
        if self.setup.model.stream_end:
            await self._react(self._endpointer.end())

    async def activity(self, *, begins: bool) -> None:
        """Handle activityStart (`begins`) or activityEnd.

        Raises
        ------
        Refused
            1007, if the setup did not switch the detector off.
        """
        if not self.setup.manual_activity:
            raise CLOSES["invalid_argument"].refused()
        await self._react(self._endpointer.start() if begins else self._endpointer.end())

    async def typed(self, text: str) -> None:
        """Handle realtimeInput.text as a turn; blank text is ignored."""
        if text.strip():
            await self._user_turn(self._profile.bank.understood_text(text), source="text")

    async def client_content(self, content: Mapping[str, Any]) -> None:
        """Handle clientContent: answer it if it has turnComplete; else it is context and is ignored.

        If the setup announced an initial history, the first clientContent with turnComplete is that history and is not
        answered.

        Raises
        ------
        Refused
            1007, if its turns or audio cannot be read.
        """
        words, sound = read_contents(content)
        complete = bool(content.get("turnComplete", False))
        self._note("client_content", parts=len(words) + len(sound), turn_complete=complete)
        if not complete:
            return
        if self._history_due:
            self._history_due = False
            return
        if sound:
            understood = await self._recognise(sound[-1])
        else:
            understood = self._profile.bank.understood_text(words[-1] if words else "")
        await self._user_turn(understood, source="content")

    async def tool_response(self, content: Mapping[str, Any]) -> None:
        """Handle toolResponse: the results of called functions.

        Raises
        ------
        Refused
            If a response names a scheduling and the model does not support it.
        """
        for response in sequence(content.get("functionResponses")):
            if mapping(response).get("scheduling") is not None and not self.setup.model.scheduling:
                raise CLOSES["function_scheduling"].refused()
            identity = str(mapping(response).get("id"))
            more = bool(mapping(response).get("willContinue", False))
            known = self._responder.calls.answer(identity, more=more)
            self._note("tool_response", id=identity[:80], known=known)
            if known:
                await self._take_up(str(mapping(response).get("scheduling") or "WHEN_IDLE"))

    async def offer_handle(self) -> None:
        """Send a new resumption handle if the setup asked for handles."""
        if self.setup.resumable:
            handle = self._resumption.new_handle(self.setup.model.name, self._turn)
            update: dict[str, Any] = {"newHandle": handle, "resumable": True}
            if self.setup.transparent:
                # protobuf's JSON writes an int64 as a string.
                update["lastConsumedClientMessageIndex"] = str(self.messages_taken)
            await self._link.send(messages.encoded({"sessionResumptionUpdate": update}))

    def fall_silent(self) -> None:
        """Answer no further turn, and stop the current answer."""
        self._silenced = True
        if self._answering is not None:
            self._answering.cancel()

    async def _tell_interim(self, text: str) -> None:
        await self._link.send(messages.server_content(interimInputTranscription={"text": text}))
        self._note("interim_transcript", text=text)

    async def _react(self, heard: list[Heard]) -> None:
        for event in heard if not self._silenced else ():
            if event.kind == "speech_start":
                self._note("speech_start", audio_s=event.audio_s)
                await self._signal(event, begins=True)
                await self._user_begins()
            else:
                await self._user_ended(event)

    async def _signal(self, event: Heard, *, begins: bool) -> None:
        if not self.setup.voice_activity:
            return
        signal = "VAD_SIGNAL_TYPE_SOS" if begins else "VAD_SIGNAL_TYPE_EOS"
        activity = {
            "type": "ACTIVITY_START" if begins else "ACTIVITY_END",
            "audioOffset": messages.seconds(event.audio_s),
        }
        await self._link.send(messages.encoded({"voiceActivityDetectionSignal": {"vadSignalType": signal}}))
        await self._link.send(messages.encoded({"voiceActivity": activity}))

    async def _user_begins(self) -> None:
        if not self._interruptible:
            return
        slow = next((fault for fault in self._faults_of_answer() if isinstance(fault, SlowInterrupt)), None)
        if slow is None or not self._responder.performer.speaking:
            await self._stop_answering()
        else:
            self._note("fault_fired", turn=self._turn, fault=slow.kind)
            self._stopping = self._tasks.create_task(self._stop_later(slow.delay_s))

    async def _stop_later(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        await self._stop_answering()

    @property
    def _interruptible(self) -> bool:
        """Whether speech of the user interrupts the current answer."""
        ignored = self._busy and any(isinstance(fault, IgnoreBargeIn) for fault in self._faults_of_answer())
        return self.setup.interruptible and not ignored

    def _faults_of_answer(self) -> list[Any]:
        """Return the faults that act on the answer of the current turn."""
        profile = self._profile
        active = draw_faults(profile.settings.faults, seed=profile.seed, session=self._session, turn=self._turn)
        return [fault for fault, _ in active]

    async def _user_ended(self, event: Heard) -> None:
        ended_s = time.perf_counter()
        assert event.utterance is not None
        elapsed_s = ended_s - (self._first_audio_s or ended_s)
        self._note("speech_end", audio_s=event.audio_s)
        self._note(
            "turn_ended",
            t_s=ended_s,
            audio_s=self._endpointer.audio_s,
            received_bytes=self._heard_bytes,
            received_over_s=elapsed_s,
        )
        if self._interim is not None:
            self._interim.stop()
        await self._signal(event, begins=False)
        understood = await self._recognise(event.utterance)
        settings = self._profile.settings
        transcribe = self.setup.input_transcription or settings.unasked_transcripts
        if transcribe and understood.text and not self.setup.model.transcribes:
            await self._link.send(messages.server_content(inputTranscription={"text": understood.text}))
            self._note("input_transcript", text=understood.text)
        if understood.prompt is None and settings.unrecognised in ("silent", "wait"):
            self._note("not_understood")
            if settings.unrecognised == "wait":
                await self._link.send(messages.server_content(waitingForInput=True))
            return
        await self._user_turn(understood, source="audio", ended_s=ended_s)

    async def _recognise(self, utterance: Pcm) -> Understood:
        understood = await self._profile.bank.understood_speech(utterance)
        self._note("understood", prompt=understood.prompt, confidence=round(understood.confidence, 3))
        return understood

    async def _user_turn(self, understood: Understood, *, source: str, ended_s: float | None = None) -> None:
        if ended_s is None:
            ended_s = time.perf_counter()
            self._note("turn_ended", t_s=ended_s, source=source)
        if self._busy:
            if source == "audio" and not self._interruptible:
                faults = self._faults_of_answer()
                if all(fault.answered for fault in faults if isinstance(fault, IgnoreBargeIn)):
                    self._wait_in_line(understood)
                return
            if self._stopping is not None:
                await asyncio.wait((self._stopping,))
            await self._stop_answering()
        self._begin(understood, ended_s)

    def _wait_in_line(self, understood: Understood) -> None:
        if len(self._waiting) < MAX_WAITING_TURNS:
            self._waiting.append(understood)

    def _begin(self, understood: Understood, ended_s: float) -> None:
        if self._silenced:
            return
        self._turn += 1
        self._answering = self._tasks.create_task(self._answer(self._turn, understood, ended_s))

    async def _stop_answering(self) -> None:
        task, self._answering = self._answering, None
        running = task is not None and not task.done()
        if task is not None and running:
            # Only calls made in an answer that is still running are cancelled. A non-blocking call whose answer has
            # ended stays open.
            task.cancel()
            if cancelled := self._responder.calls.cancel():
                await self._link.send(messages.encoded({"toolCallCancellation": {"ids": cancelled}}))
        if self._responder.performer.speaking:
            self._responder.performer.speaking = False
            self._note("interrupted", turn=self._turn)
            await self._link.send(messages.server_content(interrupted=True))
            await self._link.send(messages.turn_complete(None))
            self._note("turn_complete", turn=self._turn)
        elif running:
            self._note("thinking_cancelled", turn=self._turn)

    async def _answer(self, turn: int, understood: Understood, ended_s: float) -> None:
        await self._responder.respond(turn, understood, ended_s, heard_s=self._heard_s)
        await self.offer_handle()
        if self._waiting:
            self._begin(self._waiting.popleft(), time.perf_counter())

    async def _take_up(self, scheduling: str) -> None:
        """Answer the turn again with a function's result: after the current answer, or instead of it (INTERRUPT)."""
        if self._responder.called_for is None or scheduling == "SILENT":
            return
        understood = replace(self._responder.called_for, after_call=True)
        if scheduling == "INTERRUPT":
            await self._stop_answering()
        if self._busy:
            self._wait_in_line(understood)
        else:
            self._begin(understood, time.perf_counter())

    @property
    def _busy(self) -> bool:
        return self._answering is not None and not self._answering.done()

    def _note(self, event: str, *, t_s: float | None = None, **data: object) -> None:
        self._profile.note(event, t_s=t_s, session=self._session, **data)
