"""Recorder of a take whose client is the user's own app.

diag holds only the mouth and the ear of the rig. The app opens the microphone and the speaker, and its traffic passes
the recording proxy. So the take has the taps `prompt`, `sent`, `received` and `heard`.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from diag.core.chain import HEARD_REPLY_CHANNEL, Tap
from diag.core.clip import Samples
from diag.core.keys import key_variable
from diag.core.processes import no_garbage_collection
from diag.core.take import Take
from diag.core.temporary import temporary_folder
from diag.core.timeline import Event, EventName, session_lost
from diag.core.units import SILENCE_DBFS, db_from_amplitude
from diag.files.checksums import record_sums
from diag.files.run_folders import write_take
from diag.files.turn_script import BETWEEN_TURNS_S
from diag.record.app.command import CommandDriver, CommandJob
from diag.record.app.driver import AppDriver, AppSetting
from diag.record.app.environment import (
    app_environment,
    device_environment,
    service_environment,
    write_certificates,
)
from diag.record.app.page import PageDriver, PageJob
from diag.record.app.page_messages import note_messages
from diag.record.audio.calibration import calibrate
from diag.record.audio.ports import EAR_RATE_HZ, MOUTH_RATE_HZ, AudioSession, Block, PortPlan, Rig
from diag.record.audio.rigs import open_session
from diag.record.audio.tape import Mouth, Tape
from diag.record.conversation import POLL_S, Conversation
from diag.record.live.genai import live_models
from diag.record.proxy.recording_proxy import RecordingProxy
from diag.record.proxy.session_recorder import Request, SessionRecorder, WireAudio
from diag.record.stream_notes import at_rest, note_end, note_streams
from diag.record.take_assembly import Session, assemble_take
from diag.record.take_job import AppJob, TakeJob
from diag.record.take_log import TakeLog
from diag.record.take_recorder import LEAD_IN_S, spoken_steps

OUTPUT_NAME = "app_output.txt"
"""File in the take's folder with what the app wrote to standard output and standard error."""
FIRST_BATCH_WITHIN_S = 3.0
"""After the app is ready, its first audio is awaited for so long before the prompt is spoken anyway."""
QUIET_DBFS = -60.0
"""Below this level the reply's channel of the ear is quiet; so is a player between two sentences."""
QUIET_S = 1.2
"""A reply is over when the service has completed it and the ear has been quiet for so long. Pauses between sentences of
recorded replies are shorter than 0.9 s."""
SILENT_PLAYER_S = 2.5
"""An app that plays nothing within this time after the service completed the reply is taken for silent."""
TAIL_S = 0.3
LOOK_EVERY_S = 0.5
"""Interval at which the connections of an app are looked at whose sessions do not pass the proxy."""
TALKS_S = 2.0
"""A page that sends audio past the proxy for so long listens."""
UNSEEN_QUIET_S = 2.5
"""A reply whose messages do not pass the proxy is over when nothing was heard or received for so long."""
SOUND_DBFS, SOUND_S = -45.0, 0.2
"""A reply sounds once its peak level within the last moments is above this."""
SCREENSHOT_NAME = "page.jpg"
"""File in the take's folder with a picture of the page at its first sound."""


def output_path(job: TakeJob) -> Path:
    """Return the file to which the app's output goes while the take is recorded."""
    return job.run_dir / f"app-{job.take_id}.log"


def screenshot_path(job: TakeJob) -> Path:
    """Return the file to which a picture of the page goes while the take is recorded."""
    return job.run_dir / f"page-{job.take_id}.jpg"


def record_app_take(job: TakeJob, rig: Rig) -> Path:
    """Record a take with an app on a rig and save it; return its folder.

    Raises
    ------
    CannotMeasureError
        If a device cannot be opened.
    BadInputError
        If a prompt cannot be read, or programs cannot use the rig.
    """
    assert job.app is not None
    spoken = spoken_steps(job)
    output = output_path(job)
    output.write_text("")
    with no_garbage_collection():
        take = asyncio.run(_AppRecorder(job, job.app, rig).record(spoken))
    folder = write_take(job.run_dir, take)
    added = {OUTPUT_NAME: output, SCREENSHOT_NAME: screenshot_path(job)}
    there = {name: path for name, path in added.items() if path.exists()}
    for name, path in there.items():
        path.replace(folder / name)
    record_sums(folder, there)
    return folder


def _driver_of(job: TakeJob, app: AppJob, secrets: tuple[str, ...]) -> AppDriver:
    if isinstance(app.client, PageJob):
        return PageDriver(app.client, screenshot_path(job), secrets)
    return CommandDriver(app.client, secrets)


def _described(app: AppJob) -> dict[str, Any]:
    """Return the data of the event `app_started`."""
    if isinstance(app.client, PageJob):
        return {"url": app.client.url, "serve": app.client.serve}
    return {"command": list(app.client.command)}


def awaited(client: CommandJob | PageJob) -> str | None:
    """Return what shows that an app listens; None if the wire shows it."""
    return client.ready_text if isinstance(client, PageJob) else client.ready_output


class _AppRecorder:
    """State of the take being recorded."""

    def __init__(self, job: TakeJob, app: AppJob, rig: Rig) -> None:
        self._job, self._app, self._rig = job, app, rig
        self._log = TakeLog()
        self._audio = WireAudio()
        self._sessions: list[SessionRecorder] = []
        self._conversation = Conversation(job, self._log, self)
        self._session_audio: AudioSession | None = None
        self._lost_before: Mapping[str, int] = {}
        self._mouth = Mouth(MOUTH_RATE_HZ)
        self._ear = Tape(EAR_RATE_HZ, 2)
        variable = key_variable()
        self._driver = _driver_of(job, app, (os.environ[variable],) if variable else ())
        self._sounded = False
        self._connections: set[str] = set()
        self._received, self._received_s = 0, 0.0
        self._page_messages = {"sent": 0, "received": 0}

    async def record(self, spoken: Mapping[int, Samples]) -> Take:
        log = self._log
        devices = device_environment(self._rig)
        plan = PortPlan(
            mouth=self._pull_mouth,
            microphone=None,
            speaker=None,
            ear=self._push_ear,
            microphone_rate_hz=MOUTH_RATE_HZ,
            speaker_rate_hz=EAR_RATE_HZ,
        )
        # The app's streams change the latency of the sink that they share with the mouth.
        rig = replace(self._rig, options={**self._rig.options, "shared": True})
        audio = await asyncio.to_thread(open_session, rig, plan)
        self._session_audio = audio
        try:
            note_streams(log, audio)
            await self._calibrate(audio)
            self._mouth, self._ear = Mouth(MOUTH_RATE_HZ), Tape(EAR_RATE_HZ, max(audio.ear_channels, 1))
            with temporary_folder("app") as folder:
                await self._with_app(audio, devices, folder, spoken)
            if log.timeline.first(EventName.SESSION_REFUSED) is not None:
                version = "v1beta"
                log.emit(EventName.MODEL_LIST, await live_models(self._job.endpoint, version))
        finally:
            # Read before closing: a closed session reports no failure.
            failed = audio.failed
            await asyncio.to_thread(audio.close)
        note_end(log, audio, failed, self._lost_before)
        marked = log.timeline.first(EventName.ACTIVITY_SENT) is not None
        # The client is not diag's own, so nothing is known of it but what was seen.
        log.emit(EventName.CLIENT_DESCRIBED, {"marks_activity": marked})
        tapes = {Tap.PROMPT: self._mouth.tape, Tap.HEARD: self._ear}
        session = Session(
            log=log,
            network=self._audio.network,
            tapes=tapes,
            turns=tuple(self._conversation.turns),
            interjections=tuple(self._conversation.interjections),
            shared_output=True,
        )
        return assemble_take(self._job, session)

    # The calibration and the session have a mouth and an ear of their own, so the ports look them up at each block.
    def _pull_mouth(self, frames: int, t_s: float, device_s: float | None) -> Block:
        return self._mouth.pull(frames, t_s, device_s)

    def _push_ear(self, block: Block, t_s: float, device_s: float | None) -> None:
        self._ear.write(block, t_s, device_s)

    async def _with_app(
        self, audio: AudioSession, devices: Mapping[str, str], folder: Path, spoken: Mapping[int, Samples]
    ) -> None:
        endpoint = self._job.endpoint
        proxy = RecordingProxy(endpoint, self._watch, seed=self._job.seed)
        watching = [asyncio.create_task(self._log.watch_loop()), asyncio.create_task(self._watch_connections())]
        try:
            address = f"127.0.0.1:{await proxy.listen()}"
            ca_file = folder / "ca.pem"
            bundle = write_certificates(proxy.certificates.pem, ca_file)
            local = endpoint.kind == "emulator" or urlsplit(endpoint.base_url).hostname in ("127.0.0.1", "localhost")
            environment = service_environment(address, ca_file, bundle, local=local)
            setting = AppSetting(
                environment=app_environment(devices, environment),
                output_file=output_path(self._job),
                proxy_address=address,
                ca_file=ca_file,
                folders=(folder,),
                key_hash=proxy.certificates.key_hash,
            )
            await self._driver.start(setting)
            self._log.emit(EventName.APP_STARTED, _described(self._app))
            if await self._ready(audio):
                await asyncio.sleep(LEAD_IN_S)
                await at_rest(audio)
                self._lost_before = audio.xruns
                await self._conversation.run(spoken)
                await asyncio.sleep(BETWEEN_TURNS_S + TAIL_S)
            self._conversation.unspoken()
            if not self._sessions:
                await asyncio.to_thread(self._note_messages)
            self._note_app_end(proxy)
        finally:
            await self._driver.stop()
            for fact in self._driver.facts():
                self._log.emit(fact.name, fact.data, t_s=fact.at_s - self._log.origin_s)
            await proxy.close()
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)

    async def _watch_connections(self) -> None:
        """Note where the app is connected to, as long as no session passes the proxy."""
        while not self._sessions:
            self._connections |= set(await asyncio.to_thread(self._driver.connections))
            await asyncio.sleep(LOOK_EVERY_S)

    def _watch(self, request: Request) -> SessionRecorder:
        recorder = SessionRecorder(request, self._on_event, lambda t_s: t_s - self._log.origin_s, self._audio)
        self._sessions.append(recorder)
        return recorder

    def _on_event(self, name: str, data: Mapping[str, Any], *, t_s: float | None = None) -> None:
        if name == EventName.CHUNK_RECEIVED:
            self._conversation.before_audio()
        self._log.emit(name, data, t_s=t_s)
        self._conversation.event(name, data)
        if name == EventName.CHUNK_RECEIVED:
            self._conversation.content()
        elif name == EventName.SESSION_CLOSED and session_lost(data) and not self._open:
            self._conversation.lost()

    @property
    def _open(self) -> bool:
        return any(session.open and not session.over for session in self._sessions)

    async def _ready(self, audio: AudioSession) -> bool:
        """Wait until the app listens; return whether it does."""
        begun_s = time.perf_counter()
        while True:
            told = self._driver.ready()
            waited_s = time.perf_counter() - begun_s
            if told or (told is None and self._open):
                by = ("text" if isinstance(self._app.client, PageJob) else "output") if told else "setup"
                self._log.emit(EventName.APP_READY, {"by": by, "after_s": waited_s})
                break
            refused = any(session.over and not session.open for session in self._sessions)
            if told is None and self._talks_past_the_proxy():
                self._log.emit(EventName.APP_READY, {"by": "messages", "after_s": waited_s})
                return True
            if self._driver.ended() is not None or audio.failed is not None or (refused and not self._open):
                return False
            if waited_s > self._app.ready_within_s or self._driver.stuck():
                data = {"waited_s": waited_s, "awaits": awaited(self._app.client), "connected": self._open}
                self._log.emit(EventName.APP_NOT_READY, {**data, "last_lines": list(self._driver.last_lines())})
                return False
            await asyncio.sleep(POLL_S)
        until_s = time.perf_counter() + FIRST_BATCH_WITHIN_S
        while time.perf_counter() < until_s and not self._audio.sent.known and self._driver.ended() is None:
            if self._talks_past_the_proxy():
                break
            await asyncio.sleep(POLL_S)
        return True

    def _talks_past_the_proxy(self) -> bool:
        """Return whether the app sends audio although nothing of it passed the proxy."""
        sent_s = None if self._sessions else self._driver.talk().sent_s
        return sent_s is not None and sent_s >= TALKS_S

    @property
    def works(self) -> bool:
        audio = self._session_audio
        return audio is not None and audio.failed is None and self._driver.ended() is None

    @property
    def listens(self) -> bool:
        return self.works

    @property
    def speaking(self) -> bool:
        return self._mouth.busy

    async def prepare(self) -> None:
        await self._driver.speak()

    def say(self, samples: Samples) -> int | None:
        return self._mouth.say(samples)

    def look(self) -> None:
        """Tell the driver once when the ear hears a reply."""
        if not self._sounded and not self._mouth.busy and self.sounds():
            self._sounded = True
            self._driver.sounded()

    def sounds(self) -> bool:
        return self._level_dbfs(SOUND_S) > SOUND_DBFS and (not self._sessions or bool(self._chunks))

    def received_s(self, since_s: float) -> float:
        frames = sum(event.data["frames"] for event in self._chunks if event.t_s >= since_s)
        return float(frames / self._audio.received.sample_rate_hz)

    @property
    def _chunks(self) -> list[Event]:
        """Audio that was received of the current reply."""
        chunks = self._log.timeline.named(EventName.CHUNK_RECEIVED)
        return [event for event in chunks if event.data["turn"] == self._log.turn]

    def fell_silent(self, waited_s: float) -> bool:
        return not self._sessions and self._heard_out(waited_s)

    def _heard_out(self, waited_s: float) -> bool:
        """Return whether a reply whose messages did not pass the proxy has been heard to its end."""
        now_s, received = self._log.now(), self._driver.talk().received
        if received > self._received or self._level_dbfs(SOUND_S) > SOUND_DBFS:
            self._received, self._received_s = received, now_s
            self._conversation.heard_only()
        if now_s - self._received_s < UNSEEN_QUIET_S:
            return False
        return self._level_dbfs(waited_s) > SOUND_DBFS and self._level_dbfs(UNSEEN_QUIET_S) <= QUIET_DBFS

    def played_out(self, *, lost: bool) -> bool:
        """Return whether the app has played the reply to its end, as far as the ear can tell."""
        timeline, now_s, chunks = self._log.timeline, self._log.now(), self._chunks
        complete = timeline.named(EventName.TURN_COMPLETE)
        if lost or not chunks or not complete:
            return True
        audio_s = sum(event.data["frames"] for event in chunks) / self._audio.received.sample_rate_hz
        interrupted = any(event.data["turn"] == self._log.turn for event in timeline.named(EventName.INTERRUPTED))
        if now_s < chunks[0].t_s + audio_s and not interrupted:
            return False
        since_s = max(complete[-1].t_s, chunks[0].t_s)
        heard = self._level_dbfs(now_s - chunks[0].t_s) > QUIET_DBFS
        return self._level_dbfs(QUIET_S) <= QUIET_DBFS and (heard or now_s - since_s > SILENT_PLAYER_S)

    def _level_dbfs(self, last_s: float) -> float:
        """Return the peak level of the ear's reply channel over the last seconds."""
        frames = self._ear.frames
        samples = self._ear.samples(frames - round(last_s * EAR_RATE_HZ), frames)
        if samples.ndim == 2:
            samples = samples[:, HEARD_REPLY_CHANNEL]
        return db_from_amplitude(float(np.abs(samples).max())) if len(samples) else SILENCE_DBFS

    def _note_messages(self) -> None:
        """Take the audio in the page's own messages for `sent` and `received`."""

        def emit(name: str, data: Mapping[str, Any], *, t_s: float | None = None) -> None:
            at_s = self._log.now() if t_s is None else t_s
            begun = [turn.index for turn in self._conversation.turns if turn.start_s <= at_s]
            self._log.turn = begun[-1] if begun else None
            self._log.emit(name, data, t_s=at_s)

        sent, received = note_messages(self._driver.messages(), emit, lambda t_s: t_s - self._log.origin_s, self._audio)
        self._page_messages = {"sent": sent, "received": received}

    def _note_app_end(self, proxy: RecordingProxy) -> None:
        end, lines = self._driver.ended(), list(self._driver.last_lines())
        if end is not None:
            self._log.emit(EventName.APP_ENDED, {"code": end.code, "detail": end.detail, "last_lines": lines})
        data = {
            "sessions": len(self._sessions),
            "requests": proxy.requests,
            "refused_certificates": proxy.refused_certificates,
            "page_messages": self._page_messages,
            "connections": sorted(self._connections),
            "last_lines": lines,
        }
        self._log.emit(EventName.APP_STOPPED, data)

    async def _calibrate(self, audio: AudioSession) -> None:
        for item in await calibrate(self._mouth, Mouth(EAR_RATE_HZ), self._ear, audio):
            # The speaker belongs to the app.
            if item.port in audio.devices:
                self._log.emit(
                    EventName.CALIBRATED,
                    {
                        "port": item.port,
                        "delay_s": item.delay_s,
                        "confidence": item.confidence,
                        "signal_dbfs": item.signal_dbfs,
                    },
                )
