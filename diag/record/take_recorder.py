"""Recorder of one take: open the rig, calibrate, play the prompts, wait for the replies, and save the result."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diag.core.clip import Samples
from diag.core.take import Take
from diag.files.run_folders import read_wav, write_take
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
from diag.record.take_assembly import NetworkAudio, Session, TurnRecord, assemble_take
from diag.record.take_job import PromptJob, TakeJob
from diag.record.take_log import TakeLog

POLL_S = 0.01
LEAD_IN_S = 0.3
"""Silence recorded before the first prompt, so that the noise floor of the microphone tap can be measured."""
BETWEEN_TURNS_S = 0.3
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
    spoken = [spoken_samples(prompt) for prompt in job.prompts]
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


async def _record(job: TakeJob, rig: Rig, spoken: Sequence[Samples]) -> Take:
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

    async def record(self, rig: Rig, spoken: Sequence[Samples]) -> Take:
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
        session = Session(log=self._log, network=network, tapes=board.tapes, turns=tuple(self._turns))
        return assemble_take(self._job, session)

    async def _connect(self) -> bool:
        session, endpoint = self._job.config.session, self._job.endpoint
        if isinstance(self._connection, RawConnection):
            return await self._connection.connect(session.api_version, endpoint)
        return await self._connection.connect(session, endpoint)

    def _on_event(self, name: str, data: Mapping[str, Any]) -> None:
        self._log.emit(name, data)
        self._client.event(name)
        if name == "text_received" and not data["thought"]:
            self._follower.content(self._log.now())
        elif name == "turn_complete":
            self._follower.complete(self._log.now())
        elif name == "session_closed" and data["by"] == "service":
            self._client.player.reply_over()
            self._follower.lost()

    def _on_audio(self, pcm: bytes, mime_type: str) -> None:
        self._client.player.audio(pcm, mime_type)
        self._follower.content(self._log.now())

    async def _calibrate(self, board: Portboard, audio: AudioSession) -> None:
        calibrations = await calibrate(
            board.mouth, board.calibration_speaker, board.ear, audio, board.calibration_microphone
        )
        for item in calibrations:
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

    async def _converse(self, board: Portboard, audio: AudioSession, spoken: Sequence[Samples]) -> None:
        tasks = [asyncio.create_task(self._log.watch_loop())]
        if "microphone" not in audio.rates_hz:
            tasks.append(asyncio.create_task(feed_without_devices(board.plan)))
        tasks.append(asyncio.create_task(self._client.sender.run(self._connection)))
        tasks.append(asyncio.create_task(self._connection.receive()))
        await asyncio.sleep(LEAD_IN_S)
        for index, (prompt, samples) in enumerate(zip(self._job.prompts, spoken, strict=True)):
            if self._connection.open and audio.failed is None:
                await self._turn(index, prompt, samples, board, audio)
                await asyncio.sleep(BETWEEN_TURNS_S)
        await asyncio.sleep(TAIL_S)
        self._client.report_playout()
        await self._connection.close()
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _turn(
        self, index: int, prompt: PromptJob, samples: Samples, board: Portboard, audio: AudioSession
    ) -> None:
        log = self._log
        log.turn = index
        self._follower = TurnFollower(patience=self._job.config.turn)
        start_s = log.now()
        first_frame = board.mouth.say(samples)
        log.emit("prompt_started", {"prompt": prompt.name, "frame": first_frame})
        while board.mouth.busy and audio.failed is None:
            await asyncio.sleep(POLL_S)
        log.emit("prompt_ended", {"frame": first_frame + len(samples)})
        self._follower.prompt_ended(log.now())
        await self._reply(audio)
        self._turns.append(
            TurnRecord(
                index=index, prompt=prompt, start_s=start_s, end_s=log.now(),
                first_frame=first_frame, end_frame=first_frame + len(samples),
            )
        )  # fmt: skip

    def _note_unspoken(self) -> None:
        """Add a turn for each prompt that was not played because the session was refused or lost.

        Their missing replies count in the metrics.
        """
        for index in range(len(self._turns), len(self._job.prompts)):
            now_s = self._log.now()
            self._turns.append(TurnRecord(index=index, prompt=self._job.prompts[index], start_s=now_s, end_s=now_s))

    async def _reply(self, audio: AudioSession) -> None:
        waited_from_s = self._log.now()
        plays = "speaker" in audio.rates_hz
        while audio.failed is None:
            self._client.report_playout()
            phase = self._follower.phase(self._log.now())
            if phase is Phase.TIMED_OUT:
                self._log.emit("reply_wait_over", {"waited_s": self._log.now() - waited_from_s})
                return
            if phase in (Phase.COMPLETE, Phase.LOST) and not (plays and self._client.player.busy):
                return
            await asyncio.sleep(POLL_S)

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
