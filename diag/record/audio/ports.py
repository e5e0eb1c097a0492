"""The four ports of a rig, and what a backend must offer. Backends only move samples and tell the time.

mouth ──▶ (air, cable or sink) ──▶ microphone          the prompt's side, channel 0 of the ear
speaker ──▶ (air, cable or sink) ──▶ ear               the reply's side, channel 1 of the ear
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


class Pull(Protocol):
    """Gives the next frames to an output port; called on the audio thread, must only copy and stamp."""

    def __call__(self, frames: int, t_s: float, device_s: float | None) -> Block:
        """Frames of shape (frames,) to play.

        `t_s` is now on the `time.perf_counter` clock; `device_s` is when frame 0 of the block leaves the device, on
        the same clock, or None where the device does not tell.
        """


class Push(Protocol):
    """Takes frames from an input port; called on the audio thread, must only copy and stamp."""

    def __call__(self, block: Block, t_s: float, device_s: float | None) -> None:
        """Take a block of shape (frames, channels); it is only valid during the call.

        `device_s` is when frame 0 of the block entered the device, or None.
        """


@dataclass(frozen=True, kw_only=True)
class PortPlan:
    """What to open. A port whose callback is None stays closed."""

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
    """One set of ports that one take may hold; a plain description that crosses process borders.

    Parameters
    ----------
    kind : str
        "wire", "virtual" or "system".
    name : str
        As "rig0".
    options : mapping
        What the backend needs to open it (device names, environment variables, paths); JSON-ready.
    """

    kind: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LateCallback:
    """An audio callback that came late by more than two blocks: our own machine, never the product."""

    port: str
    t_s: float
    late_s: float


class AudioSession(Protocol):
    """Open streams of one take. Every mapping has the open ports as keys, no others."""

    @property
    def devices(self) -> Mapping[str, str]:
        """Port name to device name, for the report."""

    @property
    def rates_hz(self) -> Mapping[str, int]:
        """Port name to the sample rate its stream was opened at."""

    @property
    def latency_s(self) -> Mapping[str, float]:
        """Port name to the latency that the backend states; for information, nothing is computed from it."""

    @property
    def late(self) -> tuple[LateCallback, ...]:
        """Callbacks that came late so far."""

    @property
    def failed(self) -> str | None:
        """None while all streams run, else what happened to a device, in words."""

    @property
    def xruns(self) -> Mapping[str, int]:
        """Port name to underruns and overruns counted so far."""

    @property
    def ear_channels(self) -> int:
        """2 where prompt and reply stand on channels of their own, 1 in a room, 0 without an ear."""

    def close(self) -> None:
        """Stop and close all streams; harmless when called twice."""
