"""The streams of one open rig: what their callbacks do, and what a session tells of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from diag.core.clip import Samples
from diag.record.audio.device_clock import SteadyStamps
from diag.record.audio.ports import LateCallback, Pull, Push

LATE_BLOCKS = 2
CLOCK_PAIR_S = 0.0001
"""Two clocks read one after the other count as read at once within this; 10 µs is usual."""
STALLED_S = 2.0
CLOSE_TIMEOUT_S = 3.0
INPUTS = ("ear", "microphone")
OUTPUTS = ("mouth", "speaker")


class Stamps(Protocol):
    """Times of a block on PortAudio's clock, as it hands them to a callback; 0 where the host API has none."""

    inputBufferAdcTime: float  # noqa: N815 (PortAudio's spelling)
    outputBufferDacTime: float  # noqa: N815
    currentTime: float  # noqa: N815


class Flags(Protocol):
    """What PortAudio says went wrong before a callback; false where nothing did."""

    input_overflow: bool
    output_underflow: bool


class Port:
    """One stream: counts what goes wrong on it."""

    def __init__(self, name: str, rate_hz: int, *, steady: bool, stamps_late_s: float) -> None:
        self._steady = SteadyStamps(rate_hz) if steady and name in OUTPUTS else None
        self._stamps_late_s = stamps_late_s
        self.name = name
        self.rate_hz = rate_hz
        self.device = ""
        self.channels = 1
        self.latency_s = 0.0
        self.stream: Any = None
        self.xruns = 0
        self.late: list[LateCallback] = []
        self.started = threading.Event()
        self.ended = threading.Event()
        self.last_s = time.perf_counter()
        self._clock_offset_s: float | None = None

    def all_xruns(self) -> int:
        """Flagged ones, and those that only show in the clock."""
        return self.xruns + (self._steady.shifts if self._steady is not None else 0)

    def pushing(self, push: Push) -> Callable[..., None]:
        """Callback of an input stream."""

        def callback(block: Samples, frames: int, stamps: Stamps, flags: Flags) -> None:
            t_s = self._arrived(frames, flags)
            push(block, t_s, self._mapped(stamps.inputBufferAdcTime, t_s))

        return callback

    def pulling(self, pull: Pull) -> Callable[..., None]:
        """Callback of an output stream."""

        def callback(block: Samples, frames: int, stamps: Stamps, flags: Flags) -> None:
            t_s = self._arrived(frames, flags)
            device_s = self._mapped(stamps.outputBufferDacTime, t_s)
            if self._steady is not None:
                device_s = self._steady.stamp(frames, t_s, device_s)
            block[:] = pull(frames, t_s, device_s)[:, None]

        return callback

    def _arrived(self, frames: int, flags: Flags) -> float:
        t_s = time.perf_counter()
        if flags and (flags.input_overflow or flags.output_underflow):
            self.xruns += 1
        block_s = frames / self.rate_hz
        late_s = t_s - self.last_s - block_s
        if late_s > LATE_BLOCKS * block_s and self.started.is_set():
            self.late.append(LateCallback(self.name, t_s, late_s))
        self.last_s = t_s
        self.started.set()
        return t_s

    def _mapped(self, stamp_s: float, t_s: float) -> float | None:
        """Bring a stamp of PortAudio's clock to ours; 0 is how a host API says that it does not know."""
        if stamp_s <= 0:
            return None
        # PortAudio's clock is read here, not taken from the callback's `currentTime`, which is as old as the wait
        # for the interpreter was long. A reading during which this thread was put aside is not used.
        theirs_s = self.stream.time
        if time.perf_counter() - t_s < CLOCK_PAIR_S or self._clock_offset_s is None:
            self._clock_offset_s = t_s - theirs_s
        return float(stamp_s + self._clock_offset_s - self._stamps_late_s)


class PortAudioSession:
    """Open PortAudio streams of one take."""

    def __init__(self, ports: Sequence[Port]) -> None:
        self._ports = {port.name: port for port in ports}
        self._closed = False

    @property
    def devices(self) -> Mapping[str, str]:
        """Names as PortAudio lists them."""
        return {name: port.device for name, port in self._ports.items()}

    @property
    def rates_hz(self) -> Mapping[str, int]:
        """Rates of the streams; a sound server may resample behind them."""
        return {name: port.rate_hz for name, port in self._ports.items()}

    @property
    def latency_s(self) -> Mapping[str, float]:
        """As PortAudio states it."""
        return {name: port.latency_s for name, port in self._ports.items()}

    @property
    def xruns(self) -> Mapping[str, int]:
        """Flagged callbacks, and jumps of the device's clock; one underrun may count several times."""
        return {name: port.all_xruns() for name, port in self._ports.items()}

    @property
    def late(self) -> tuple[LateCallback, ...]:
        """Callbacks that came more than two blocks after they were due."""
        return tuple(sorted((late for port in self._ports.values() for late in port.late), key=lambda late: late.t_s))

    @property
    def failed(self) -> str | None:
        """What happened to a device, in words, or None."""
        if self._closed:
            return None
        for port in self._ports.values():
            if port.ended.is_set():
                return f"the {port.name} ({port.device}) stopped by itself: the device or its sound server is gone"
            silent_s = time.perf_counter() - port.last_s
            if silent_s > STALLED_S:
                return f"the {port.name} ({port.device}) has asked for nothing for {silent_s:.1f} s"
        return None

    @property
    def ear_channels(self) -> int:
        """Channels that the ear was opened with."""
        return self._ports["ear"].channels if "ear" in self._ports else 0

    def close(self) -> None:
        """Stop and close all streams; a stream that hangs in its driver is left behind after some seconds."""
        if self._closed:
            return
        self._closed = True
        closer = threading.Thread(target=self._close_streams, name="close-audio", daemon=True)
        closer.start()
        closer.join(CLOSE_TIMEOUT_S)

    def _close_streams(self) -> None:
        for name in (*OUTPUTS, *INPUTS):
            port = self._ports.get(name)
            if port is not None and port.stream is not None:
                port.stream.close()
                # Stream and port hold each other, and with them the take's tapes.
                port.stream = None
