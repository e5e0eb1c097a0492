"""Recorder of one take: open the rig, calibrate, play the prompts, wait for the replies, and save the result."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from diag.core.clip import Samples
from diag.core.processes import no_garbage_collection
from diag.core.take import Take
from diag.core.timeline import session_lost
from diag.files.run_folders import read_wav, write_take
from diag.files.turn_script import StepKind
from diag.record.audio.calibration import calibrate
from diag.record.audio.ports import MOUTH_RATE_HZ, AudioSession, Rig
from diag.record.audio.rigs import open_session
from diag.record.client.resampler import resample
from diag.record.client.voice_client import VoiceClient
from diag.record.conversation import Conversation
from diag.record.live.genai import LiveConnection, live_models
from diag.record.live.raw import RawConnection
from diag.record.port_routing import Portboard
from diag.record.prompt_feeder import feed_without_devices
from diag.record.stream_notes import note_end, note_streams
from diag.record.take_assembly import NetworkAudio, Session, assemble_take
from diag.record.take_job import PromptJob, TakeJob
from diag.record.take_log import TakeLog

LEAD_IN_S = 0.3
"""Silence recorded before the first prompt, so that the noise floor of the microphone tap can be measured."""
FADE_S = 0.01
"""Fade at both ends of a burst of noise."""
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
    with no_garbage_collection():
        take = asyncio.run(_record(job, rig, spoken))
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
        self._conversation = Conversation(job, self._log, self)
        self._board: Portboard | None = None
        self._audio: AudioSession | None = None
        self._lost_before: Mapping[str, int] = {}

    async def record(self, rig: Rig, spoken: Mapping[int, Samples]) -> Take:
        board = Portboard(self._job.config, self._client, self._log.origin_s, self._job.faults)
        audio = await asyncio.to_thread(
            open_session, rig, board.plan, speaker_connected=self._job.faults.speaker_connected
        )
        self._board, self._audio = board, audio
        try:
            note_streams(self._log, audio)
            await self._calibrate(board, audio)
            if await self._connect():
                board.begin_session(audio.ear_channels)
                await self._converse(board, audio, spoken)
            elif self._log.timeline.first("session_refused"):
                models = await live_models(self._job.endpoint, self._job.config.session.api_version)
                self._log.emit("model_list", models)
            self._conversation.unspoken()
        finally:
            await self._connection.close()
            # Read before closing: a closed session reports no failure.
            failed = audio.failed
            await asyncio.to_thread(audio.close)
        note_end(self._log, audio, failed, self._lost_before)
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
            turns=tuple(self._conversation.turns),
            interjections=tuple(self._conversation.interjections),
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
        self._conversation.event(name, data)
        if name == "session_closed" and session_lost(data):
            self._client.player.reply_over()
            self._conversation.lost()

    def _on_audio(self, pcm: bytes, mime_type: str) -> None:
        self._conversation.before_audio()
        self._client.player.audio(pcm, mime_type)
        self._conversation.content()

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
        self._lost_before = audio.xruns
        await self._conversation.run(spoken)
        await asyncio.sleep(TAIL_S)
        self._client.report_playout(self._log.turn)
        await self._connection.close()
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    @property
    def works(self) -> bool:
        return self._audio is not None and self._audio.failed is None

    @property
    def listens(self) -> bool:
        return self._connection.open and self.works

    @property
    def speaking(self) -> bool:
        return self._board is not None and self._board.mouth.busy

    async def prepare(self) -> None:
        return

    def say(self, samples: Samples) -> int | None:
        assert self._board is not None
        assert self._audio is not None
        return None if _person_speaks(self._audio) else self._board.mouth.say(samples)

    def look(self) -> None:
        self._client.report_playout(self._log.turn)

    def sounds(self) -> bool:
        return not self._plays or self._client.player.playout.playing

    def received_s(self, since_s: float) -> float:
        chunks = self._log.timeline.named("chunk_received", start_s=since_s)
        frames = sum(event.data["frames"] for event in chunks if event.data["turn"] == self._log.turn)
        return float(frames / self._client.player.received_rate_hz)

    def played_out(self, *, lost: bool) -> bool:
        return not (self._plays and self._client.player.busy)

    def fell_silent(self, waited_s: float) -> bool:
        return False

    @property
    def _plays(self) -> bool:
        return self._audio is not None and "speaker" in self._audio.rates_hz
