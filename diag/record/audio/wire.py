"""Rig without devices: one thread moves samples in real time from mouth and speaker to microphone and ear.

The wire has its own sample clock. What an output port is pulled for leaves the port after a constant latency, and
arrives at the ear `AIR_DELAY_FRAMES` later. An input block is delivered when its last frame has entered. The latency
is long enough for the resamplers, so device stamps are exact at all rates.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from functools import cache

import numpy as np

from diag.core.clip import Samples
from diag.record.audio.ports import LATE_BLOCKS, Block, LateCallback, PortPlan, Pull, Push, Rig
from diag.record.audio.realtime import make_realtime
from diag.record.client.resampler import Resampler

BLOCK_S = 0.01
LEAST_LATENCY_S = 0.02
"""Least latency from pull to leaving the port; longer if a resampler needs more."""
AIR_DELAY_FRAMES = {"mouth": 48, "speaker": 96}
"""Delay from leaving the port to the ear, in frames of the ear. The two values differ, so that a
calibration of the wire has two known answers."""


class _Path:
    """Path from an output to an input: resampling and a constant delay."""

    def __init__(self, from_hz: int, to_hz: int, delay_s: float) -> None:
        self._resampler = Resampler(from_hz, to_hz)
        delay_frames = round(delay_s * to_hz)
        self._waiting: Samples = np.zeros(delay_frames, dtype=np.float32)

    def push(self, block: Samples) -> None:
        self._waiting = np.concatenate((self._waiting, self._resampler.push(block)))

    def take(self, frames: int) -> Samples:
        head, self._waiting = self._waiting[:frames], self._waiting[frames:]
        return head


class WireSession:
    """Streams of a wire rig; they run from construction until `close`."""

    def __init__(self, rig: Rig, plan: PortPlan, *, speaker_connected: bool = True) -> None:
        self._plan = plan
        self._name = rig.name
        self._late: list[LateCallback] = []
        self._failed: str | None = None
        self._stop = threading.Event()
        mouth_hz, speaker_hz, ear_hz = plan.mouth_rate_hz, plan.speaker_rate_hz, plan.ear_rate_hz
        routes = ((mouth_hz, ear_hz), (mouth_hz, plan.microphone_rate_hz), (speaker_hz, ear_hz))
        self._latency_s = max(LEAST_LATENCY_S, *(held_back_s(*route) for route in routes))
        delay_s = self._latency_s + BLOCK_S
        air_s = {port: frames / ear_hz for port, frames in AIR_DELAY_FRAMES.items()}
        self._mouth_to_ear = _Path(mouth_hz, ear_hz, delay_s + air_s["mouth"])
        self._mouth_to_microphone = _Path(mouth_hz, plan.microphone_rate_hz, delay_s)
        self._speaker_to_ear = _Path(speaker_hz, ear_hz, delay_s + air_s["speaker"]) if speaker_connected else None
        self._thread = threading.Thread(target=self._run, name=f"wire-{rig.name}", daemon=True)
        self._thread.start()

    @property
    def rates_hz(self) -> Mapping[str, int]:
        """Return port name to sample rate in Hz."""
        plan = self._plan
        ports = {
            "mouth": (plan.mouth, plan.mouth_rate_hz),
            "microphone": (plan.microphone, plan.microphone_rate_hz),
            "speaker": (plan.speaker, plan.speaker_rate_hz),
            "ear": (plan.ear, plan.ear_rate_hz),
        }
        return {port: rate for port, (callback, rate) in ports.items() if callback is not None}

    @property
    def devices(self) -> Mapping[str, str]:
        """Return port name to the name of the wire rig."""
        return dict.fromkeys(self.rates_hz, f"wire {self._name}")

    @property
    def latency_s(self) -> Mapping[str, float]:
        """Return port name to latency in seconds; it is constant."""
        return {port: self._latency_s if port in AIR_DELAY_FRAMES else BLOCK_S for port in self.rates_hz}

    @property
    def xruns(self) -> Mapping[str, int]:
        """Return 0 for every port: a late tick is made up for and loses no samples (see `late`)."""
        return dict.fromkeys(self.rates_hz, 0)

    @property
    def late(self) -> tuple[LateCallback, ...]:
        """Return the ticks that came late."""
        return tuple(self._late)

    @property
    def failed(self) -> str | None:
        """Return a sentence if a callback raised an error, else None; a wire has no device that could fail."""
        return self._failed

    @property
    def ear_channels(self) -> int:
        """Return 2 (prompt and reply on separate channels), or 0 without an ear."""
        return 2 if self._plan.ear is not None else 0

    def close(self) -> None:
        """Stop the thread."""
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        make_realtime(0)
        origin_s = time.perf_counter()
        tick = 0
        try:
            while not self._stop.is_set():
                due_s = origin_s + tick * BLOCK_S
                wait_s = due_s - time.perf_counter()
                if wait_s > 0:
                    time.sleep(wait_s)
                elif -wait_s > LATE_BLOCKS * BLOCK_S:
                    self._late.append(LateCallback("wire", due_s, -wait_s))
                self._move(tick, due_s)
                tick += 1
        finally:
            if not self._stop.is_set():
                self._failed = "the wire stopped: a callback raised an error"

    def _move(self, tick: int, due_s: float) -> None:
        plan = self._plan
        leaves_s = due_s + self._latency_s
        said = _pull(plan.mouth, _frames_of(tick, plan.mouth_rate_hz), leaves_s)
        played = _pull(plan.speaker, _frames_of(tick, plan.speaker_rate_hz), leaves_s)
        if plan.microphone is not None:
            self._mouth_to_microphone.push(said)
            captured = self._mouth_to_microphone.take(_frames_of(tick, plan.microphone_rate_hz))
            _push(plan.microphone, captured[:, np.newaxis], due_s)
        if plan.ear is not None:
            frames = _frames_of(tick, plan.ear_rate_hz)
            heard = np.zeros((frames, 2), dtype=np.float32)
            self._mouth_to_ear.push(said)
            heard[:, 0] = self._mouth_to_ear.take(frames)
            if self._speaker_to_ear is not None:
                self._speaker_to_ear.push(played)
                heard[:, 1] = self._speaker_to_ear.take(frames)
            _push(plan.ear, heard, due_s)


def open_wire(rig: Rig, plan: PortPlan, *, speaker_connected: bool = True) -> WireSession:
    """Open a wire rig; without `speaker_connected` channel 1 of the ear stays silent."""
    return WireSession(rig, plan, speaker_connected=speaker_connected)


@cache
def held_back_s(from_hz: int, to_hz: int) -> float:
    """Return the most audio that the streaming resampler holds back between two ticks, in s, rounded up to blocks.

    It is measured by feeding the resampler with 100 blocks.
    """
    resampler = Resampler(from_hz, to_hz)
    given, worst_s = 0, 0.0
    for tick in range(100):
        given += len(resampler.push(np.zeros(_frames_of(tick, from_hz), dtype=np.float32)))
        worst_s = max(worst_s, (tick + 1) * BLOCK_S - given / to_hz)
    return math.ceil(worst_s / BLOCK_S - 1e-6) * BLOCK_S


def _frames_of(tick: int, rate_hz: int) -> int:
    """Return the frames of one tick; over many ticks they add up to the rate, even if one tick is a fraction."""
    return math.floor((tick + 1) * BLOCK_S * rate_hz + 1e-6) - math.floor(tick * BLOCK_S * rate_hz + 1e-6)


def _pull(port: Pull | None, frames: int, leaves_s: float) -> Block:
    if port is None:
        return np.zeros(frames, dtype=np.float32)
    return port(frames, time.perf_counter(), leaves_s)


def _push(port: Push, block: Block, due_s: float) -> None:
    port(block, time.perf_counter(), due_s - BLOCK_S)
