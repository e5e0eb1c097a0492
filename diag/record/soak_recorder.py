"""Recorder of a long session: prompt after prompt on one rig, across connections, with memory that does not grow.

The session is held in a worker process, as takes are: in the process of the command, audio was lost on a busy machine.
Audio and events are reduced to figures after each turn and then freed. Latencies come from events and device stamps.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import json
import math
import pickle
import resource
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np

from diag.core.client_config import ClientConfig
from diag.core.clip import Samples
from diag.core.endurance import SoakConnection, SoakTurn
from diag.core.keys import remember_address
from diag.core.processes import no_garbage_collection, process_died
from diag.core.take import Turn
from diag.core.temporary import temporary_folder
from diag.core.timeline import EventName, Timeline, session_lost
from diag.files.scenarios import Faults
from diag.files.turn_script import BETWEEN_TURNS_S
from diag.record.audio.ports import AudioSession, Rig
from diag.record.audio.rigs import open_session
from diag.record.audio.tape import Tape
from diag.record.client.turn import Phase, TurnFollower
from diag.record.client.voice_client import VoiceClient
from diag.record.conversation import POLL_S
from diag.record.live.genai import Endpoint, LiveConnection
from diag.record.live.raw import RawConnection
from diag.record.port_routing import Portboard
from diag.record.take_job import PromptJob
from diag.record.take_log import TakeLog
from diag.record.take_recorder import LEAD_IN_S, spoken_samples
from diag.record.take_workers import WorkerPool

LEAVE_EARLY_S = 1.0
"""After goAway the connection is left at the end of the turn, and at the latest this long before its announced end."""
LIMIT_TOLD_WITHIN_S = 5.0
"""A resumed connection that is told to go away within this time belongs to a session that has reached its limit."""
LOOK_EVERY_S = 1.0
"""Interval at which the turns of the worker are read."""
RECONNECT_WITHIN = 3
"""Failed attempts to connect after which a long session ends."""


@dataclass(frozen=True, kw_only=True)
class SoakJob:
    """What a long session needs."""

    config: ClientConfig
    faults: Faults
    endpoint: Endpoint
    prompts: tuple[PromptJob, ...]
    seconds: float


Held: TypeAlias = tuple[tuple[SoakTurn, ...], tuple[SoakConnection, ...], Mapping[str, int], str | None]
"""Turns, connections, the rates of the ports, and why it ended early."""


def record_soak(job: SoakJob, rig: Rig, on_turn: Callable[[SoakTurn], None]) -> Held:
    """Hold a long session in a worker process; return what was recorded.

    Parameters
    ----------
    on_turn : callable
        Called after each turn.

    Raises
    ------
    CannotMeasureError
        If a device cannot be opened, or the worker died.
    """
    with temporary_folder("soak") as folder, WorkerPool([rig]) as pool:
        told = folder / "turns"
        told.touch()
        future = pool.call(rig.name, _record, job, told)
        with told.open("rb") as rows:
            over = False
            while not over:
                over = bool(wait([future], timeout=LOOK_EVERY_S).done)
                for turn in _new_turns(rows):
                    on_turn(turn)
        try:
            return future.result()
        except BrokenProcessPool:
            raise process_died("Could not hold a long session", next_step="try `--audio wire`") from None


def _record(rig: Rig, job: SoakJob, told: Path) -> Held:
    """Hold a long session in this process, and append each turn to a file."""
    remember_address(job.endpoint.base_url)

    def on_turn(turn: SoakTurn) -> None:
        with told.open("ab") as file:
            file.write(pickle.dumps(turn))

    with no_garbage_collection():
        return asyncio.run(_held(rig, job, on_turn))


async def _held(rig: Rig, job: SoakJob, on_turn: Callable[[SoakTurn], None]) -> Held:
    return await _Soak(job, on_turn).run(rig)


def _new_turns(rows: BinaryIO) -> Iterator[SoakTurn]:
    """Return the turns that were appended since the last call; one that is not written to its end comes next time."""
    while True:
        place = rows.tell()
        try:
            yield pickle.load(rows)  # this process made the folder, and only its user can write there
        except (EOFError, pickle.UnpicklingError):
            rows.seek(place)
            return


def memory_mb() -> float | None:
    """Return the memory that this process occupies now, in megabytes; None if the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * resource.getpagesize() / 1e6


class _Soak:
    def __init__(self, job: SoakJob, on_turn: Callable[[SoakTurn], None]) -> None:
        self._job = job
        self._on_turn = on_turn
        self._log = TakeLog()
        self._client = VoiceClient(job.config, job.faults, self._log.emit)
        self._follower = TurnFollower(patience=job.config.turn)
        self._turns: list[SoakTurn] = []
        self._connections: list[SoakConnection] = []
        self._connection: LiveConnection | RawConnection | None = None
        self._tasks: list[asyncio.Task[Any]] = []
        self._notice_s: float | None = None
        self._told_at_s = math.inf
        self._leave_by_s = math.inf
        self._closed: str | None = None
        self._handle: str | None = None

    async def run(self, rig: Rig) -> Held:
        job = self._job
        board = Portboard(job.config, self._client, self._log.origin_s, job.faults)
        audio = await asyncio.to_thread(open_session, rig, board.plan, speaker_connected=job.faults.speaker_connected)
        watch = asyncio.create_task(self._log.watch_loop())
        stopped: str | None = None
        try:
            board.begin_session(audio.ear_channels)
            stopped = await self._hold(board, audio)
        finally:
            watch.cancel()
            await self._disconnect("client")
            await asyncio.to_thread(audio.close)
        return tuple(self._turns), tuple(self._connections), dict(audio.rates_hz), stopped

    async def _hold(self, board: Portboard, audio: AudioSession) -> str | None:
        """Speak prompts until the time is over; return why it ended earlier, or None."""
        spoken = [(prompt, spoken_samples(prompt)) for prompt in self._job.prompts]
        if not await self._connect():
            return f"no session could be opened: {self._closed}"
        await asyncio.sleep(LEAD_IN_S)
        until_s = self._log.now() + self._job.seconds
        for number in itertools.count():
            if self._log.now() >= until_s:
                return None
            if audio.failed is not None:
                return audio.failed
            if (self._closed is not None or self._notice_s is not None) and not await self._reconnect():
                return f"the connection was lost and could not be opened again: {self._closed}"
            prompt, samples = spoken[number % len(spoken)]
            await self._turn(number, prompt, samples, board, audio)
            await asyncio.sleep(BETWEEN_TURNS_S)
        return None

    async def _turn(
        self, number: int, prompt: PromptJob, samples: Samples, board: Portboard, audio: AudioSession
    ) -> None:
        log = self._log
        log.turn = number
        self._follower = TurnFollower(patience=self._job.config.turn)
        start_s = log.now()
        first_frame = board.mouth.say(samples)
        while board.mouth.busy and audio.failed is None:
            await asyncio.sleep(POLL_S)
        self._follower.prompt_ended(log.now())
        while audio.failed is None:
            self._client.report_playout(number)
            phase = self._follower.phase(log.now())
            over = phase in (Phase.COMPLETE, Phase.LOST) and not self._client.player.busy
            if over or phase is Phase.TIMED_OUT or log.now() > self._leave_by_s:
                break
            await asyncio.sleep(POLL_S)
        speech_frame = first_frame + round(prompt.speech_end_s * board.mouth.tape.sample_rate_hz)
        speech_end_s = (_passes_at(board.mouth.tape, speech_frame) or math.nan) - log.origin_s
        turn = Turn(index=number, prompt_name=prompt.name, start_s=start_s, end_s=log.now(), speech_end_s=speech_end_s)
        self._reduce(turn, board, audio)

    def _reduce(self, turn: Turn, board: Portboard, audio: AudioSession) -> None:
        """Turn what was recorded of a turn into figures, and free it."""
        log = self._log
        assert turn.speech_end_s is not None
        tapes = {"mouth": board.mouth.tape, **{_PORTS[tap]: tape for tap, tape in board.tapes.items() if tap in _PORTS}}
        events = log.take_events()
        started = events.first(EventName.PLAYOUT_STARTED)
        played_s = None if started is None else _passes_at(tapes["speaker"], started.data["frame"])
        # What came before the prompt belongs to the turn before.
        chunks = events.named(EventName.CHUNK_RECEIVED, start_s=turn.start_s)
        clocks = {port: point for port in audio.rates_hz if port in tapes and (point := _clock_of(tapes[port], port))}
        for tape in tapes.values():
            tape.forget()
        self._client.sender.forget()
        self._client.player.forget()
        late = events.named(EventName.LOOP_LATE)
        gc.collect()
        row = SoakTurn(
            t_s=turn.speech_end_s,
            connection=len(self._connections) + 1,
            first_byte_s=chunks[0].t_s - turn.speech_end_s if chunks else None,
            first_played_s=None if played_s is None else played_s - log.origin_s - turn.speech_end_s,
            complete=events.first(EventName.TURN_COMPLETE) is not None,
            underruns=len(events.named(EventName.UNDERRUN)),
            gap_s=_longest_gap_s(events, self._client.player.received_rate_hz),
            memory_mb=memory_mb(),
            clocks={port: (at_s - log.origin_s, frame) for port, (at_s, frame) in clocks.items()},
            late_s=max((event.data["late_s"] for event in late), default=0.0),
        )
        self._turns.append(row)
        self._on_turn(row)

    def _on_event(self, name: str, data: Mapping[str, Any]) -> None:
        self._log.emit(name, data)
        self._client.event(name)
        if name == "turn_complete":
            self._follower.complete(self._log.now())
        elif name == "go_away":
            self._notice_s = data.get("time_left_s") or 0.0
            self._told_at_s = self._log.now()
            self._leave_by_s = self._told_at_s + self._notice_s - LEAVE_EARLY_S
        elif name == "session_closed" and session_lost(data):
            self._closed = f"{data['code']} {data['reason']}".strip()
            self._client.player.reply_over()
            self._follower.lost()
        elif name in ("session_refused", "unreachable"):
            self._closed = " ".join(str(value) for value in data.values() if value)

    def _on_audio(self, pcm: bytes, mime_type: str) -> None:
        self._client.player.audio(pcm, mime_type)
        self._follower.content(self._log.now())

    async def _connect(self) -> bool:
        self._closed = self._notice_s = None
        self._told_at_s = self._leave_by_s = math.inf
        self._opened_s = self._log.now()
        config, handle = self._job.config, self._handle
        if config.raw_frame is not None:
            frame = json.loads(config.raw_frame)
            frame["setup"] = {**frame.get("setup", {}), "sessionResumption": {"handle": handle} if handle else {}}
            raw = RawConnection(json.dumps(frame), self._on_event, self._on_audio)
            self._connection = raw
            opened = await raw.connect(config.session.api_version, self._job.endpoint)
        else:
            extra = {**config.session.extra, "session_resumption": {"handle": handle} if handle else {}}
            live = LiveConnection(self._on_event, self._on_audio)
            self._connection = live
            opened = await live.connect(config.session.model_copy(update={"extra": extra}), self._job.endpoint)
        if opened:
            self._tasks = [
                asyncio.create_task(self._client.sender.run(self._connection)),
                asyncio.create_task(self._connection.receive()),
            ]
        return opened

    async def _disconnect(self, ended: str) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        await connection.close()
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._handle = connection.handle or self._handle
        self._connections.append(
            SoakConnection(
                number=len(self._connections) + 1, start_s=self._opened_s, end_s=self._log.now(), ended=ended,
                notice_s=self._notice_s,
            )
        )  # fmt: skip

    async def _reconnect(self) -> bool:
        """Open the next connection after goAway or a loss; the old one must be closed before it is resumed."""
        number = len(self._connections) + 1
        answered = any(turn.connection == number and turn.first_byte_s is not None for turn in self._turns)
        await self._disconnect("goAway" if self._closed is None else self._closed)
        if number > 1 and (not answered or self._told_at_s - self._opened_s < LIMIT_TOLD_WITHIN_S):
            # A session beyond its time limit is ended again as soon as it is resumed.
            self._handle = None
        gone_s = self._log.now()
        for attempt in range(RECONNECT_WITHIN):
            resumed = self._handle is not None
            if await self._connect():
                self._connections[-1] = replace(self._connections[-1], resumed=resumed, away_s=self._log.now() - gone_s)
                return True
            # A handle that the service refuses is of no use a second time.
            self._handle = None
            await asyncio.sleep(2.0**attempt)
        return False


_PORTS = {"captured": "microphone", "played": "speaker", "heard": "ear"}


def _passes_at(tape: Tape, frame: int) -> float | None:
    """Return when a frame passes its device, on the `time.perf_counter` clock; None without stamps."""
    stamps = tape.stamps()
    at_s = np.where(np.isnan(stamps.device_s), stamps.t_s, stamps.device_s)
    if not at_s.size:
        return None
    origins_s = at_s - stamps.frame / tape.sample_rate_hz
    return float(np.median(origins_s)) + frame / tape.sample_rate_hz


def _clock_of(tape: Tape, port: str) -> tuple[float, int] | None:
    """Return a point of a port's clock: the time of a frame in the middle of what is recorded.

    Callbacks may come late but never early, so the earliest one tells the time of the block.
    """
    stamps = tape.stamps()
    if len(stamps.frame) < 2:
        return None
    at_s = (
        np.where(np.isnan(stamps.device_s), stamps.t_s, stamps.device_s) if port in ("mouth", "speaker") else stamps.t_s
    )
    middle = int(stamps.frame[len(stamps.frame) // 2])
    origins_s = at_s - (stamps.frame - middle) / tape.sample_rate_hz
    return float(np.min(origins_s) if port in ("microphone", "ear") else np.median(origins_s)), middle


def _longest_gap_s(events: Timeline, rate_hz: int) -> float:
    """Return by how much the latest chunk came after the audio before it would have ended."""
    chunks = events.named(EventName.CHUNK_RECEIVED)
    if not chunks:
        return 0.0
    first = chunks[0]
    late = [
        chunk.t_s - first.t_s - (chunk.data["start_frame"] - first.data["start_frame"]) / rate_hz for chunk in chunks
    ]
    return float(max(0.0, *late))
