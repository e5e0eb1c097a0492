"""The four ports of a rig, and the interface that each audio backend implements.

mouth ──▶ (air, cable or sink) ──▶ microphone          prompt; also recorded on channel 0 of the ear
speaker ──▶ (air, cable or sink) ──▶ ear               reply; recorded on channel 1 of the ear

A backend only moves samples and reports their times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.float32]

MOUTH_RATE_HZ = 48000
EAR_RATE_HZ = 48000
LATE_BLOCKS = 2
"""A callback counts as late if it comes more than this many blocks after it was due."""


class Pull(Protocol):
    """Callback that returns the next frames for an output port.

    It runs on the audio thread, so it must do no more than copy samples and note times.
    """

    def __call__(self, frames: int, t_s: float, device_s: float | None) -> Block:
        """Return the samples to play, shape (frames,).

        `t_s` is the current time on the `time.perf_counter` clock. `device_s` is when frame 0 of the block leaves the
        device, on the same clock, or None if the device does not report it.
        """


class Push(Protocol):
    """Callback that takes frames from an input port.

    It runs on the audio thread, so it must do no more than copy samples and note times.
    """

    def __call__(self, block: Block, t_s: float, device_s: float | None) -> None:
        """Take a block of shape (frames, channels), which is only valid during the call.

        `t_s` is the current time on the `time.perf_counter` clock. `device_s` is when frame 0 of the block entered the
        device, on the same clock, or None if the device does not report it.
        """


@dataclass(frozen=True, kw_only=True)
class PortPlan:
    """Callbacks and sample rates of the ports to open. A port whose callback is None stays closed."""

    mouth: Pull | None
    microphone: Push | None
    speaker: Pull | None
    ear: Push | None
    microphone_rate_hz: int
    speaker_rate_hz: int
    mouth_rate_hz: int = MOUTH_RATE_HZ
    ear_rate_hz: int = EAR_RATE_HZ


@dataclass(frozen=True, kw_only=True)
class Rig:
    """Description of one set of ports, used by one take at a time; it can be passed to another process.

    Parameters
    ----------
    kind : str
        "wire", "virtual" or "system".
    name : str
        For example "rig0".
    options : mapping
        What the backend needs to open the ports (device names, environment variables, paths); JSON-ready.
    """

    kind: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def program_environment(self) -> dict[str, str]:
        """Return the variables with which a program uses the microphone and the speaker as its default devices."""
        return {**self.options.get("environment", {}), **self.options.get("app_environment", {})}


@dataclass(frozen=True)
class LateCallback:
    """An audio callback that came more than two blocks late: a delay of diag's machine, not of the tested product."""

    port: str
    t_s: float
    late_s: float


class AudioSession(Protocol):
    """Open streams of one take. The keys of every mapping are the names of the open ports."""

    @property
    def devices(self) -> Mapping[str, str]:
        """Return port name to device name, for the report."""

    @property
    def rates_hz(self) -> Mapping[str, int]:
        """Return port name to the sample rate at which its stream was opened, in Hz."""

    @property
    def latency_s(self) -> Mapping[str, float]:
        """Return port name to the latency that the backend states, in seconds; only reported, not used."""

    @property
    def late(self) -> tuple[LateCallback, ...]:
        """Return the callbacks that came late so far."""

    @property
    def failed(self) -> str | None:
        """Return None while all streams run, else a sentence that says what happened to a device."""

    @property
    def xruns(self) -> Mapping[str, int]:
        """Return port name to the number of underruns and overruns so far."""

    @property
    def ear_channels(self) -> int:
        """Return 2 if prompt and reply have separate channels, 1 in a room, 0 without an ear."""

    def close(self) -> None:
        """Stop and close all streams; a second call does nothing."""
