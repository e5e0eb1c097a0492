"""PortAudio streams of one open rig: their callbacks, xruns, late callbacks and failures."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from diag.core.clip import Samples
from diag.record.audio.device_clock import SteadyStamps
from diag.record.audio.ports import LATE_BLOCKS, LateCallback, Pull, Push

CLOCK_PAIR_S = 0.0001
"""Two clock readings at most this far apart count as taken at the same time; 10 µs is usual."""
STALLED_S = 2.0
"""A stream without a callback for longer than this counts as failed."""
CLOSE_TIMEOUT_S = 3.0
"""Longest wait for streams to close."""
INPUTS = ("ear", "microphone")
OUTPUTS = ("mouth", "speaker")


class Stamps(Protocol):
    """Times of a block as PortAudio passes them to a callback, on its own clock; 0 if the host API has none."""

    inputBufferAdcTime: float  # noqa: N815 (PortAudio's spelling)
    outputBufferDacTime: float  # noqa: N815
    currentTime: float  # noqa: N815


class Flags(Protocol):
    """Overflow and underflow flags that PortAudio passes to a callback; false if there was none."""

    input_overflow: bool
    output_underflow: bool


class Port:
    """One stream, with its counts of xruns and late callbacks."""

    def __init__(
        self, name: str, rate_hz: int, *, steady: bool, stamps_late_s: float, counts_shifts: bool = True
    ) -> None:
        self._counts_shifts = counts_shifts
        self._steady = SteadyStamps(rate_hz) if steady and name in OUTPUTS else None
        self._stamps_late_s = stamps_late_s
        self.name = name
        self.rate_hz = rate_hz
        self.device = ""
        self.channels = 1
        self.only_channel: int | None = None
        self.latency_s = 0.0
        self.stream: Any = None
        self.xruns = 0
        self.late: list[LateCallback] = []
        self.started = threading.Event()
        self.ended = threading.Event()
        self.last_s = time.perf_counter()
        self._clock_offset_s: float | None = None

    def all_xruns(self) -> int:
        """Return the xruns that PortAudio flagged plus the jumps of the device's clock, if these are counted."""
        return self.xruns + (self._steady.shifts if self._steady is not None and self._counts_shifts else 0)

    def pushing(self, push: Push) -> Callable[..., None]:
        """Return the callback of an input stream, which passes each block to `push`."""

        def callback(block: Samples, frames: int, stamps: Stamps, flags: Flags) -> None:
            t_s = self._arrived(frames, flags)
            if self.only_channel is not None:
                block = block[:, self.only_channel : self.only_channel + 1]
            push(block, t_s, self._mapped(stamps.inputBufferAdcTime, t_s))

        return callback

    def pulling(self, pull: Pull) -> Callable[..., None]:
        """Return the callback of an output stream, which plays what `pull` returns."""

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
        """Convert a stamp from PortAudio's clock to `time.perf_counter`; None for a stamp of 0 (unknown)."""
        if stamp_s <= 0:
            return None
        # PortAudio's clock is read here. The callback's `currentTime` was taken before this thread waited for the
        # interpreter and may be too old. If the thread was interrupted between the two readings, they are not used.
        theirs_s = self.stream.time
        if time.perf_counter() - t_s < CLOCK_PAIR_S or self._clock_offset_s is None:
            self._clock_offset_s = t_s - theirs_s
        return float(stamp_s + self._clock_offset_s - self._stamps_late_s)


class PortAudioSession:
    """Open PortAudio streams of one take."""

    def __init__(self, ports: Sequence[Port]) -> None:
        self._ports = {port.name: port for port in ports}
        self._closed = False
        self.background: Any = None
        """Stream that plays noise while the ports are open; None without noise."""

    @property
    def devices(self) -> Mapping[str, str]:
        """Return port name to device name, as PortAudio lists it."""
        return {name: port.device for name, port in self._ports.items()}

    @property
    def rates_hz(self) -> Mapping[str, int]:
        """Return port name to stream rate in Hz; a sound server may resample behind the stream."""
        return {name: port.rate_hz for name, port in self._ports.items()}

    @property
    def latency_s(self) -> Mapping[str, float]:
        """Return port name to the latency that PortAudio states, in seconds."""
        return {name: port.latency_s for name, port in self._ports.items()}

    @property
    def xruns(self) -> Mapping[str, int]:
        """Return port name to flagged xruns plus jumps of the device's clock; one underrun may count several times."""
        return {name: port.all_xruns() for name, port in self._ports.items()}

    @property
    def late(self) -> tuple[LateCallback, ...]:
        """Return the callbacks that came more than `LATE_BLOCKS` blocks after they were due, in order of time."""
        return tuple(sorted((late for port in self._ports.values() for late in port.late), key=lambda late: late.t_s))

    @property
    def failed(self) -> str | None:
        """Return a sentence that says which device failed and how; None if none failed or the session is closed."""
        if self._closed:
            return None
        for port in self._ports.values():
            if port.ended.is_set():
                return f"the {port.name} ({port.device}) stopped: its device was removed or its sound server ended"
            silent_s = time.perf_counter() - port.last_s
            if silent_s > STALLED_S:
                return f"the {port.name} ({port.device}) has moved no audio for {silent_s:.1f} s"
        return None

    @property
    def ear_channels(self) -> int:
        """Return the number of channels that the ear records; 0 without an ear."""
        ear = self._ports.get("ear")
        if ear is None:
            return 0
        return ear.channels if ear.only_channel is None else 1

    def close(self) -> None:
        """Stop and close all streams; give up on a stream that hangs in its driver after `CLOSE_TIMEOUT_S`."""
        if self._closed:
            return
        self._closed = True
        closer = threading.Thread(target=self._close_streams, name="close-audio", daemon=True)
        closer.start()
        closer.join(CLOSE_TIMEOUT_S)

    def _close_streams(self) -> None:
        if self.background is not None:
            self.background.close()
            self.background = None
        for name in (*OUTPUTS, *INPUTS):
            port = self._ports.get(name)
            if port is not None and port.stream is not None:
                port.stream.close()
                # The stream and the port refer to each other; without this they would keep the take's tapes in memory.
                port.stream = None
