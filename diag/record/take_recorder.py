"""Recorder of one take: open the rig, calibrate, play the prompts, wait for the replies, and save the result."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import gc
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from diag.core.clip import Samples
from diag.core.take import Take
from diag.core.timeline import EventName
from diag.files.run_folders import read_wav, write_take
from diag.files.turn_script import BETWEEN_TURNS_S, StepKind
from diag.record.audio.calibration import calibrate
from diag.record.audio.ports import MOUTH_RATE_HZ, AudioSession, Rig
from diag.record.audio.rigs import open_session
from diag.record.client.resampler import resample
from diag.record.client.turn import Phase, TurnFollower
from diag.record.client.voice_client import VoiceClient
from diag.record.live.genai import LiveConnection, live_models
from diag.record.live.raw import RawConnection
from diag.record.port_routing import Portboard
from diag.record.prompt_feeder import feed_without_devices
from diag.record.take_assembly import Interjection, NetworkAudio, Session, TurnRecord, assemble_take
from diag.record.take_job import PromptJob, StepJob, TakeJob
from diag.record.take_log import TakeLog

POLL_S = 0.01
LEAD_IN_S = 0.3
"""Silence recorded before the first prompt, so that the noise floor of the microphone tap can be measured."""
FADE_S = 0.01
"""Fade at both ends of a burst of noise."""
SETTLE_S = 2.5
"""Wait after a sound or an interruption that the service may answer: longer than a detector's silence (up to 1 s) and
the usual time of a Live model to its first audio (1.5 s)."""
MOST_CUTS = 3
"""A reply that was interrupted this often while nobody spoke is over. A service that hears its own reply would go on
until the longest wait ends."""
TAIL_S = 0.7
"""Recorded after the last turn: covers the audio still buffered in the output device and the delay of the ear."""


def record_take(job: TakeJob, rig: Rig) -> Path:
    """Record a take on a rig and save it.

    Garbage collection is off while the take is recorded, so that it does not delay audio callbacks or sends.

    Returns
    -------
    Path
        Folder of the take.

    Raises
    ------
    CannotMeasureError
        If a device cannot be opened.
    BadInputError
        If a prompt cannot be read, or the SDK refuses the configuration.
    """
    spoken = spoken_steps(job)
    gc.collect()
    gc.disable()
    try:
        take = asyncio.run(_record(job, rig, spoken))
    finally:
        gc.enable()
    return write_take(job.run_dir, take)


def spoken_samples(prompt: PromptJob) -> Samples:
    """Return a prompt as mono samples at the rate of the mouth, shape (n,)."""
    clip = read_wav(prompt.path)
    mono = clip.samples if clip.channels == 1 else clip.samples.mean(axis=1)
    return resample(mono, clip.sample_rate_hz, MOUTH_RATE_HZ)


def spoken_steps(job: TakeJob) -> dict[int, Samples]:
    """Return the sound of each step of a conversation that has one, by the number of the step."""
    sounds = {}
    for number, item in enumerate(job.steps):
        if item.prompt is not None:
            sounds[number] = spoken_samples(item.prompt)
        elif item.step.kind is StepKind.NOISE:
            frames = round((item.step.for_s or 0.0) * MOUTH_RATE_HZ)
            sounds[number] = noise_burst(frames, item.step.level_dbfs, seed=job.seed + number)
    return sounds


def noise_burst(frames: int, level_dbfs: float, *, seed: int) -> Samples:
    """Return white noise with short fades, shape (frames,), at an RMS level in dBFS."""
    fade = min(round(FADE_S * MOUTH_RATE_HZ), frames // 2)
    noise = np.random.default_rng(seed).standard_normal(frames) * 10 ** (level_dbfs / 20)
    ramp = np.linspace(0.0, 1.0, fade, endpoint=False)
    noise[:fade] *= ramp
    noise[frames - fade :] *= ramp[::-1]
    return np.clip(noise, -1.0, 1.0).astype(np.float32)


def _person_speaks(audio: AudioSession) -> bool:
    """Return whether there is a microphone and no mouth, so that a person speaks the prompts."""
    return "microphone" in audio.rates_hz and "mouth" not in audio.rates_hz


def _from(steps: Sequence[StepJob], first: int) -> Iterator[tuple[int, StepJob]]:
    return ((number, steps[number]) for number in range(first, len(steps)))


async def _record(job: TakeJob, rig: Rig, spoken: Mapping[int, Samples]) -> Take:
    return await _Recorder(job).record(rig, spoken)


class _Recorder:
    """State of the take being recorded: its log, its client and its connection."""

    def __init__(self, job: TakeJob) -> None:
        self._job = job
        self._log = TakeLog()
        self._client = VoiceClient(job.config, job.faults, self._log.emit)
        frame = job.config.raw_frame
        self._connection: LiveConnection | RawConnection = (
            LiveConnection(self._on_event, self._on_audio)
            if frame is None
            else RawConnection(frame, self._on_event, self._on_audio)
        )
        self._follower = TurnFollower(patience=job.config.turn)
        self._turns: list[TurnRecord] = []
        self._interjections: list[Interjection] = []
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

    async def record(self, rig: Rig, spoken: Mapping[int, Samples]) -> Take:
        board = Portboard(self._job.config, self._client, self._log.origin_s, self._job.faults)
        audio = await asyncio.to_thread(
            open_session, rig, board.plan, speaker_connected=self._job.faults.speaker_connected
        )
        try:
            self._note_streams(audio)
            await self._calibrate(board, audio)
            if await self._connect():
                board.begin_session(audio.ear_channels)
                await self._converse(board, audio, spoken)
            elif self._log.timeline.first("session_refused"):
                models = await live_models(self._job.endpoint, self._job.config.session.api_version)
                self._log.emit("model_list", models)
            self._note_unspoken()
        finally:
            await self._connection.close()
            # Read before closing: a closed session reports no failure.
            failed = audio.failed
            await asyncio.to_thread(audio.close)
        self._note_audio_end(audio, failed)
        sender, player = self._client.sender, self._client.player
        network = NetworkAudio(
            sent=sender.pcm,
            sent_rate_hz=sender.sample_rate_hz,
            received=player.pcm,
            received_rate_hz=player.received_rate_hz,
        )
        session = Session(
            log=self._log,
            network=network,
            tapes=board.tapes,
            turns=tuple(self._turns),
            interjections=tuple(self._interjections),
        )
        return assemble_take(self._job, session)

    async def _connect(self) -> bool:
        session, endpoint = self._job.config.session, self._job.endpoint
        if isinstance(self._connection, RawConnection):
            return await self._connection.connect(session.api_version, endpoint)
        return await self._connection.connect(session, endpoint)

    def _on_event(self, name: str, data: Mapping[str, Any]) -> None:
        self._log.emit(name, data)
        self._client.event(name)
        if name == "text_received" and not data["thought"] and self._old_turn is None:
            self._follower.content(self._log.now())
        elif name == "turn_complete":
            if self._old_turn is not None:
                self._old_reply_over()
            else:
                self._whole = True
                self._follower.complete(self._log.now())
        elif name == "generation_complete":
            self._whole = self._old_turn is None
        elif name == "interrupted":
            self._cut = self._old_turn is not None or self._follower.prompt_ended_s is not None
            self._cuts += self._cut and self._old_turn is None
        elif name == "session_closed" and data["by"] == "service":
            self._client.player.reply_over()
            self._follower.lost()

    def _on_audio(self, pcm: bytes, mime_type: str) -> None:
        if self._old_turn is not None and self._cut:
            # The service did not send the turnComplete that follows `interrupted`.
            self._old_reply_over()
        self._client.player.audio(pcm, mime_type)
        if self._old_turn is None:
            self._whole = False
            self._follower.content(self._log.now())

    async def _calibrate(self, board: Portboard, audio: AudioSession) -> None:
        calibrations = await calibrate(
            board.mouth, board.calibration_speaker, board.ear, audio, board.calibration_microphone
        )
        for item in calibrations:
            if item.port not in audio.devices:
                continue
            self._log.emit(
                "calibrated",
                {
                    "port": item.port,
                    "at": item.at,
                    "delay_s": item.delay_s,
                    "confidence": item.confidence,
                    "signal_dbfs": item.signal_dbfs,
                    "level_db": item.level_db,
                },
            )

    async def _converse(self, board: Portboard, audio: AudioSession, spoken: Mapping[int, Samples]) -> None:
        tasks = [asyncio.create_task(self._log.watch_loop())]
        if "microphone" not in audio.rates_hz:
            tasks.append(asyncio.create_task(feed_without_devices(board.plan)))
        tasks.append(asyncio.create_task(self._client.sender.run(self._connection)))
        tasks.append(asyncio.create_task(self._connection.receive()))
        await asyncio.sleep(LEAD_IN_S)
        steps = self._job.steps
        for number, item in enumerate(steps):
            if item.step.during_reply and not item.step.is_turn:
                continue  # played while the reply is awaited
            if self._connection.open and audio.failed is None:
                await self._step(number, board, audio, spoken)
        await asyncio.sleep(BETWEEN_TURNS_S + TAIL_S)
        self._client.report_playout(self._log.turn)
        await self._connection.close()
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _step(self, number: int, board: Portboard, audio: AudioSession, spoken: Mapping[int, Samples]) -> None:
        """Do one step of the conversation, with the steps after it that take place during its reply."""
        steps = self._job.steps
        item = steps[number]
        if not item.step.during_reply:
            await asyncio.sleep(item.step.after_s)
        if item.step.is_turn:
            during = list(itertools.takewhile(lambda other: other[1].step.during_reply, _from(steps, number + 1)))
            barge_in = next((place for place, other in enumerate(during) if other[1].step.is_turn), len(during))
            await self._turn(item, spoken[number], board, audio)
            await self._reply(during[: barge_in + 1], board, audio, spoken)
        elif item.step.kind is StepKind.SILENCE:
            start_s = self._log.now()
            await asyncio.sleep(item.step.for_s or 0.0)
            data = {"turn": self._log.turn, "kind": item.step.kind.value, "name": "", "start_s": start_s}
            self._log.emit(EventName.INTERJECTION, {**data, "end_s": self._log.now()}, t_s=start_s)
        else:
            self._interject(item, spoken[number], board)
            while board.mouth.busy and audio.failed is None:
                await asyncio.sleep(POLL_S)
            self._unsettled_s = self._log.now()
            if self._follower.phase(self._unsettled_s) is Phase.COMPLETE:
                await self._reply([], board, audio, spoken)
            else:
                await asyncio.sleep(SETTLE_S)

    async def _turn(self, item: StepJob, samples: Samples, board: Portboard, audio: AudioSession) -> None:
        """Speak the prompt of a turn; it may overlap the reply of the turn before."""
        log, prompt, index = self._log, item.prompt, len(self._turns)
        assert prompt is not None
        overlaps = item.step.during_reply and not self._reply_over
        self._old_turn = log.turn if overlaps else None
        if not overlaps:
            log.turn = index
        self._follower = TurnFollower(patience=self._job.config.turn)
        self._reply_begun_s = self._unsettled_s = None
        self._reply_over = self._cut = self._whole = False
        self._cuts = 0
        start_s = log.now()
        if _person_speaks(audio):
            # Nobody knows when the person has finished: the reply is awaited from now on.
            log.emit("prompt_started", {"turn": index, "prompt": prompt.name, "frame": None})
            self._turns.append(TurnRecord(index=index, prompt=prompt, start_s=start_s, end_s=start_s, person=True))
            self._follower.prompt_ended(start_s)
            return
        first_frame = board.mouth.say(samples)
        log.emit("prompt_started", {"turn": index, "prompt": prompt.name, "frame": first_frame})
        self._turns.append(
            TurnRecord(
                index=index, prompt=prompt, start_s=start_s, end_s=start_s, first_frame=first_frame,
                end_frame=first_frame + len(samples), barge_in=item.step.kind is StepKind.BARGE_IN,
            )
        )  # fmt: skip
        while board.mouth.busy and audio.failed is None:
            self._client.report_playout(log.turn)
            await asyncio.sleep(POLL_S)
        log.emit("prompt_ended", {"turn": index, "frame": first_frame + len(samples)})
        self._follower.prompt_ended(log.now())

    def _old_reply_over(self) -> None:
        """Count what the service sends from now on to the turn that interrupted the old reply."""
        self._old_turn = None
        self._cut = False
        self._log.turn = len(self._turns) - 1

    def _interject(self, item: StepJob, samples: Samples, board: Portboard) -> None:
        """Play a sound of the user that asks for no answer."""
        first_frame = board.mouth.say(samples)
        begins_s, ends_s = 0.0, len(samples) / MOUTH_RATE_HZ
        if item.prompt is not None:
            begins_s, ends_s = item.prompt.speech_start_s, item.prompt.speech_end_s
        self._interjections.append(
            Interjection(
                kind=item.step.kind.value,
                name=item.prompt.name if item.prompt is not None else "",
                turn=len(self._turns) - 1,
                first_frame=first_frame + round(begins_s * MOUTH_RATE_HZ),
                end_frame=first_frame + round(ends_s * MOUTH_RATE_HZ),
            )
        )

    def _note_unspoken(self) -> None:
        """Add a turn for each prompt that was not played because the session was refused or lost.

        Their missing replies count in the metrics.
        """
        for index in range(len(self._turns), len(self._job.prompts)):
            now_s = self._log.now()
            self._turns.append(TurnRecord(index=index, prompt=self._job.prompts[index], start_s=now_s, end_s=now_s))

    async def _reply(
        self,
        during: Sequence[tuple[int, StepJob]],
        board: Portboard,
        audio: AudioSession,
        spoken: Mapping[int, Samples],
    ) -> None:
        """Wait for the end of the reply, or for the moment at which the user interrupts it.

        Parameters
        ----------
        during : sequence of (number, StepJob)
            Steps during the reply, in order. The last one may be a barge-in, which is left to the caller.
        """
        waited_from_s = self._log.now()
        plays = "speaker" in audio.rates_hz
        due = collections.deque(during)
        while audio.failed is None:
            self._client.report_playout(self._log.turn)
            now_s = self._log.now()
            self._note_begin(now_s, plays=plays)
            if due and self._is_due(due[0][1], now_s):
                number, item = due.popleft()
                if item.step.is_turn:
                    break
                self._interject(item, spoken[number], board)
                self._unsettled_s = now_s
            phase = self._follower.phase(now_s)
            if phase is Phase.TIMED_OUT:
                self._log.emit("reply_wait_over", {"waited_s": now_s - waited_from_s})
                self._reply_over = True
            elif phase in (Phase.COMPLETE, Phase.LOST):
                played = not (plays and self._client.player.busy)
                self._reply_over = played and (self._cuts >= MOST_CUTS or self._settled(now_s, board))
            if self._reply_over:
                break
            await asyncio.sleep(POLL_S)
        for _, item in due:
            self._log.emit(EventName.STEP_MISSED, {"kind": item.step.kind.value})
        self._turns[-1] = replace(self._turns[-1], end_s=self._log.now())

    def _note_begin(self, now_s: float, *, plays: bool) -> None:
        """Note when the reply of the current turn begins to be played."""
        own = self._old_turn is None and self._follower.begun
        if self._reply_begun_s is None and own and (not plays or self._client.player.playout.playing):
            self._reply_begun_s = now_s

    def _is_due(self, item: StepJob, now_s: float) -> bool:
        """Return whether the speech or the noise of a step begins at the wanted place of the reply if it starts now."""
        if self._reply_begun_s is None:
            return False
        step = item.step
        at_s = step.at_s
        if at_s is None:
            if not self._whole:
                return False
            chunks = self._log.timeline.named("chunk_received", start_s=self._turns[-1].start_s)
            frames = sum(event.data["frames"] for event in chunks if event.data["turn"] == self._log.turn)
            at_s = (step.at_share or 0.0) * frames / self._client.player.received_rate_hz
        lead_s = 0.0 if item.prompt is None else item.prompt.speech_start_s
        return now_s - self._reply_begun_s >= at_s - lead_s

    def _settled(self, now_s: float, board: Portboard) -> bool:
        """Return whether nothing more is to be expected of the service.

        After a sound of the user other than a prompt, and after an interruption, the service may answer once more.
        """
        since_s = -math.inf if self._unsettled_s is None else self._unsettled_s
        if self._cut or self._unsettled_s is not None:
            since_s = max(since_s, self._follower.last_s)
        return not board.mouth.busy and now_s - since_s >= SETTLE_S

    def _note_streams(self, audio: AudioSession) -> None:
        data = {
            "devices": dict(audio.devices),
            "rates_hz": dict(audio.rates_hz),
            "latency_s": dict(audio.latency_s),
            "ear_channels": audio.ear_channels,
        }
        self._log.emit("streams_opened", data)

    def _note_audio_end(self, audio: AudioSession, failed: str | None) -> None:
        for port, count in audio.xruns.items():
            self._log.emit("xruns", {"port": port, "count": count})
        for late in audio.late:
            t_s = late.t_s - self._log.origin_s
            self._log.emit("callback_late", {"port": late.port, "late_s": late.late_s}, t_s=t_s)
        if failed is not None:
            self._log.emit("device_failed", {"detail": failed})
