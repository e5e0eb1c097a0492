"""Turn-taking of one session: hearing the user out, answering, being interrupted, calling tools."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from diag.emulator import messages
from diag.emulator.answering import Answer, Understood, ask_back, choose_reply, compose, filler_steps, thinking_s
from diag.emulator.closing import CLOSES, Refused
from diag.emulator.faults import Stall, generator, strikes_turns, striking
from diag.emulator.hearing import EAR_RATE_HZ, Endpointer, Heard, Pcm, Resampled
from diag.emulator.incoming import declared_rate_hz, decode_bytes, mapping, sequence
from diag.emulator.link import Dropped, Link
from diag.emulator.profile import Profile, Upgrade
from diag.emulator.resumption import Resumption
from diag.emulator.setup import Setup
from diag.emulator.speaking import Step
from diag.emulator.tools import PendingCalls, calls_for
from diag.emulator.voices import voice_for

MAX_WAITING_TURNS = 20
SLICE_S = 1.0
MAX_CONTENT_S = 120.0
"""Longer audio in clientContent is taken, and not listened to."""


class Conversation:
    """What a session says to what it hears.

    Parameters
    ----------
    tasks : asyncio.TaskGroup
        Answers run in it, so that they end with the session.
    turn : int
        Number of turns before this connection (of a resumed session).
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
        self._link = link
        self._profile = profile
        self._vertex = upgrade.vertex
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
        self._speaking = False
        self._waiting: deque[Understood] = deque()
        self._calls = PendingCalls()
        self._history_due = setup.initial_history
        self._heard_s = 0.0
        self._first_audio_s: float | None = None
        self._heard_bytes = 0

    async def hear(self, data: bytes, rate_hz: int, *, declared: bool) -> None:
        """Take a blob of audio at its declared rate."""
        if self._first_audio_s is None:
            self._first_audio_s = time.perf_counter()
            self._note("audio_started", declared_hz=rate_hz, declared=declared, bytes=len(data))
        self._check_audio_is_welcome()
        self._heard_bytes += len(data)
        slice_bytes = 2 * round(SLICE_S * rate_hz)
        for start in range(0, len(data), slice_bytes):
            if start:
                await asyncio.sleep(0)  # a whole file in one message must not hold up other sessions
            pcm = self._ears.feed(data[start : start + slice_bytes], rate_hz)
            self._heard_s += len(pcm) / EAR_RATE_HZ
            await self._react(self._endpointer.feed(pcm))

    def _check_audio_is_welcome(self) -> None:
        settings = self._profile.settings
        if settings.tool_input == "rejected" and self._calls.pending:
            raise CLOSES["not_implemented"].refused()
        if settings.outside_activity == "rejected" and self.setup.manual_activity and not self._endpointer.speaking:
            raise CLOSES["invalid_argument"].refused()

    async def stream_end(self) -> None:
        """audioStreamEnd: whoever was speaking has finished."""
        self._note("audio_stream_end")
        await self._react(self._endpointer.end())

    async def activity(self, *, begins: bool) -> None:
        """ActivityStart or activityEnd.

        Raises
        ------
        Refused
            1007, where the detector was not switched off.
        """
        if not self.setup.manual_activity:
            raise CLOSES["invalid_argument"].refused()
        await self._react(self._endpointer.start() if begins else self._endpointer.end())

    async def typed(self, text: str) -> None:
        """realtimeInput.text: a turn of its own, unless blank."""
        if text.strip():
            await self._user_turn(self._profile.bank.understood_text(text), source="text")

    async def client_content(self, content: Mapping[str, Any]) -> None:
        """clientContent: context, and with turnComplete a turn."""
        words: list[str] = []
        sound: list[Pcm] = []
        for turn in sequence(content.get("turns")):
            for part in sequence(mapping(turn).get("parts")):
                self._read_part(mapping(part), words, sound)
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
        """toolResponse: what the called functions gave back."""
        for response in sequence(content.get("functionResponses")):
            identity = mapping(response).get("id")
            known = self._calls.answer(str(identity))
            self._note("tool_response", id=str(identity)[:80], known=known)

    async def offer_handle(self) -> None:
        """Send a new resumption handle, where handles were asked for."""
        if self.setup.resumable:
            handle = self._resumption.new_handle(self.setup.model.name, self._turn)
            update = {"newHandle": handle, "resumable": True}
            await self._link.send(messages.encoded({"sessionResumptionUpdate": update}))

    def _read_part(self, part: Mapping[str, Any], words: list[str], sound: list[Pcm]) -> None:
        if isinstance(part.get("text"), str):
            words.append(part["text"])
        blob = mapping(part.get("inlineData"))
        if str(blob.get("mimeType", "")).startswith("audio/"):
            rate_hz = declared_rate_hz(blob.get("mimeType"))
            if rate_hz is None:
                raise CLOSES["invalid_argument"].refused()
            data = decode_bytes(blob.get("data", ""), "client_content.turns.parts")
            heard = data if len(data) <= 2 * rate_hz * MAX_CONTENT_S else b""
            sound.append(Resampled().feed(heard, rate_hz))

    async def _react(self, heard: list[Heard]) -> None:
        for event in heard:
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
        if self.setup.interruptible:
            await self._stop_answering()

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
        await self._signal(event, begins=False)
        understood = await self._recognise(event.utterance)
        transcribe = self.setup.input_transcription or self._profile.settings.unasked_transcripts
        if transcribe and understood.text:
            await self._link.send(messages.server_content(inputTranscription={"text": understood.text}))
        if understood.prompt is None and self._profile.settings.unrecognised == "silent":
            self._note("not_understood")
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
        if self._answering is not None and not self._answering.done():
            if source == "audio" and not self.setup.interruptible:
                if len(self._waiting) < MAX_WAITING_TURNS:
                    self._waiting.append(understood)
                return
            await self._stop_answering()
        self._begin(understood, ended_s)

    def _begin(self, understood: Understood, ended_s: float) -> None:
        self._turn += 1
        self._answering = self._tasks.create_task(self._answer(self._turn, understood, ended_s))

    async def _stop_answering(self) -> None:
        task, self._answering = self._answering, None
        if task is not None and not task.done():
            task.cancel()
        cancelled = self._calls.cancel()
        if cancelled:
            await self._link.send(messages.encoded({"toolCallCancellation": {"ids": cancelled}}))
        if self._speaking:
            self._speaking = False
            self._note("interrupted", turn=self._turn)
            await self._link.send(messages.server_content(interrupted=True))
            await self._link.send(messages.turn_complete(None))
            self._note("turn_complete", turn=self._turn)
        elif task is not None and not task.done():
            self._note("thinking_cancelled", turn=self._turn)

    async def _answer(self, turn: int, understood: Understood, ended_s: float) -> None:
        profile, settings = self._profile, self._profile.settings
        struck = striking(settings.faults, seed=profile.seed, session=self._session, turn=turn)
        # 10 000 keeps these draws apart from those of the faults, which are numbered from 0.
        rng = generator(profile.seed, self._session, turn, 10_000)
        await self._call_tools(turn)
        think_s = thinking_s(settings, struck, rng)
        lost = understood.prompt is None and settings.unrecognised == "ask_back"
        reply = ask_back(profile.bank.replies, rng) if lost else choose_reply(profile.bank.replies, understood, rng)
        voice = await voice_for(reply, struck)
        answer = compose(
            reply,
            voice,
            modality=self.setup.modality,
            transcribe=self.setup.output_transcription,
            settings=settings,
            struck=struck,
            think_s=think_s,
            heard_s=self._heard_s,
            vertex=self._vertex,
            status="IDLE" if self.setup.model.fills else "",
        )
        if self.setup.model.fills:
            ended_s = await self._fill(turn, ended_s + think_s)
        self._note_answer(turn, answer, [fault.kind for fault, _ in struck if strikes_turns(fault)])
        await self._perform(turn, answer, ended_s + think_s)
        if any(isinstance(fault, Stall) for fault, _ in struck):
            await asyncio.Event().wait()
        await self.offer_handle()
        if self._waiting:
            self._begin(self._waiting.popleft(), time.perf_counter())

    async def _fill(self, turn: int, zero_s: float) -> float:
        """Say something short while thinking on; gives the time from which the answer is thought about."""
        filler = min(self._profile.bank.replies, key=lambda reply: reply.duration_s)
        voice = await voice_for(filler, [])
        steps = filler_steps(voice, self._profile.settings)
        await self._perform(turn, Answer(steps=steps, think_s=0.0, reply=filler, voice=voice), zero_s)
        return time.perf_counter()

    def _note_answer(self, turn: int, answer: Answer, faults: list[str]) -> None:
        for fault in faults:
            self._note("fault_fired", turn=turn, fault=fault)
        self._note(
            "reply_chosen",
            turn=turn,
            reply=answer.reply.name if answer.reply else None,
            first_audible_frame=answer.voice.first_audible_frame if answer.voice else None,
            speech_end_frame=answer.voice.speech_end_frame if answer.voice else None,
            frames=len(answer.voice.pcm) if answer.voice else 0,
            think_s=answer.think_s,
        )

    async def _call_tools(self, turn: int) -> None:
        wanted = self._profile.settings.tool_calls
        if not self.setup.functions or wanted == "never" or (wanted == "first_turn" and turn > 1):
            return
        calls = calls_for(self.setup.functions[:1])
        self._calls.open(calls)
        await self._link.send(messages.tool_call(calls))
        self._note("tool_call", turn=turn, ids=[call["id"] for call in calls])
        await self._calls.answered()

    async def _perform(self, turn: int, answer: Answer, zero_s: float) -> None:
        sent_frames = 0
        for step in answer.steps:
            due_s = zero_s + step.at_s
            wait_s = due_s - time.perf_counter()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            if step.kind == "close":
                self._note("fault_fired", turn=turn, fault=step.data["fault"])
                raise Refused(step.data["code"], step.data["reason"])
            if step.kind == "drop":
                self._note("fault_fired", turn=turn, fault=step.data["fault"])
                raise Dropped
            sent_s = time.perf_counter()
            await self._link.send(step.payload)
            self._speaking = step.kind != "turn_complete"
            if step.kind == "chunk":
                self._note_chunk(turn, step, sent_s, due_s, sent_frames)
                sent_frames += step.frames
            else:
                self._note(step.kind, t_s=sent_s, turn=turn, scheduled_t_s=due_s, **step.data)

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

    def _note(self, event: str, *, t_s: float | None = None, **data: Any) -> None:
        self._profile.note(event, t_s=t_s, session=self._session, **data)
