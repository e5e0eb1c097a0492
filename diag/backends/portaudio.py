"""Streams on real devices, through PortAudio. The only importer of sounddevice.

PortAudio reads the list of devices when it starts and ALSA its configuration then, so a rig's environment variables
are set first; a process that moves on to a rig with another environment starts PortAudio again.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from diag.backends.ports import LateCallback, PortPlan, Pull, Push, Rig
from diag.backends.steady import SteadyStamps
from diag.errors import BadInputError, CannotMeasureError

BLOCK_S = 0.02
LATENCY_S = 0.1
"""Asked of every stream. Blocks of 20 ms at 0.1 s ran without an xrun where PortAudio's `low` had underruns."""
LATE_BLOCKS = 2
CLOCK_PAIR_S = 0.0001
"""Two clocks read one after the other count as read at once within this; 10 µs is usual."""
FIRST_CALLBACK_TIMEOUT_S = 5.0
STALLED_S = 2.0
CLOSE_TIMEOUT_S = 3.0
COMMON_RATES_HZ = (8000, 16000, 24000, 32000, 44100, 48000, 96000)
INPUTS = ("ear", "microphone")
OUTPUTS = ("mouth", "speaker")

_environment: dict[str, str] = {}
"""Under which PortAudio was started; it and ALSA read them then, and ALSA again when a stream opens."""


@dataclass(frozen=True, kw_only=True)
class Device:
    """An audio device as PortAudio lists it."""

    index: int
    name: str
    host_api: str
    input_channels: int
    output_channels: int
    default_rate_hz: int
    rates_hz: tuple[int, ...] = ()


class _Port:
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

        def callback(block: Any, frames: int, stamps: Any, flags: Any) -> None:
            t_s = self._arrived(frames, flags)
            push(block, t_s, self._mapped(stamps.inputBufferAdcTime, t_s))

        return callback

    def pulling(self, pull: Pull) -> Callable[..., None]:
        """Callback of an output stream."""

        def callback(block: Any, frames: int, stamps: Any, flags: Any) -> None:
            t_s = self._arrived(frames, flags)
            device_s = self._mapped(stamps.outputBufferDacTime, t_s)
            if self._steady is not None:
                device_s = self._steady.stamp(frames, t_s, device_s)
            block[:] = pull(frames, t_s, device_s)[:, None]

        return callback

    def _arrived(self, frames: int, flags: Any) -> float:
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

    def __init__(self, ports: Sequence[_Port]) -> None:
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


def open_portaudio(rig: Rig, plan: PortPlan, *, speaker_connected: bool = True) -> PortAudioSession:
    """Open the ports of a rig whose options name devices, inputs first, and wait until each one runs.

    Parameters
    ----------
    rig : Rig
        `options` may hold `environment` (variables to set before PortAudio starts), a device for each port (name or
        number; "none" leaves the port closed), `nowhere` (played to when the speaker is not connected),
        `ear_channels`, `steady_stamps` (outputs are played by a sound server that only estimates its latency) and
        `stamps_late_s` (taken off every stamp).

    Raises
    ------
    CannotMeasureError
        If PortAudio is missing, a device does not open or does not run, or the rig has no place to play to that
        nobody hears.
    BadInputError
        If a named device is not there or its name is not unique.
    """
    if not speaker_connected and "nowhere" not in rig.options:
        raise CannotMeasureError(
            "Could not play without a connected speaker",
            seen=f"`--audio {rig.kind}` has no place to play to that nobody hears",
            next_step="use `--audio virtual` or `--audio wire` for this scenario",
        )
    speaker = rig.options.get("speaker") if speaker_connected else rig.options.get("nowhere")
    wanted = {
        "ear": (plan.ear, plan.ear_rate_hz, rig.options.get("ear")),
        "microphone": (plan.microphone, plan.microphone_rate_hz, rig.options.get("microphone")),
        "mouth": (plan.mouth, plan.mouth_rate_hz, rig.options.get("mouth")),
        "speaker": (plan.speaker, plan.speaker_rate_hz, speaker),
    }
    steady, late_s = bool(rig.options.get("steady_stamps")), float(rig.options.get("stamps_late_s", 0.0))
    ports = [
        _Port(name, rate, steady=steady, stamps_late_s=late_s)
        for name, (callback, rate, place) in wanted.items()
        if callback is not None and is_named(place)
    ]
    session = PortAudioSession(ports)
    try:
        with _library(rig.options.get("environment", {})) as sd:
            for names in (INPUTS, OUTPUTS):
                started = [port for port in ports if port.name in names]
                for port in started:
                    callback, _, place = wanted[port.name]
                    port.channels = int(rig.options.get("ear_channels", 1)) if port.name == "ear" else 1
                    device = find_device(str(place), port.name)
                    with _quiet_libraries():
                        _start(sd, port, device, callback)
                for port in started:
                    _await_first_callback(port)
    except (BadInputError, CannotMeasureError):
        session.close()
        raise
    return session


def list_devices(environment: Mapping[str, str] | None = None, *, check_rates: bool = False) -> tuple[Device, ...]:
    """Devices that PortAudio finds; with `check_rates` also the common rates at which each says it opens.

    Not for another environment than that of streams which are open: PortAudio starts again for it.

    Raises
    ------
    CannotMeasureError
        If PortAudio is missing.
    """
    with _library(environment or {}) as sd:
        apis = sd.query_hostapis()
        return tuple(
            Device(
                index=index,
                name=info["name"],
                host_api=apis[info["hostapi"]]["name"],
                input_channels=info["max_input_channels"],
                output_channels=info["max_output_channels"],
                default_rate_hz=round(info["default_samplerate"]),
                rates_hz=_checked_rates(sd, index, info) if check_rates else (),
            )
            for index, info in enumerate(sd.query_devices())
        )


def find_device(named: str, port: str) -> Device:
    """The device that a number, a full name or a unique part of a name stands for.

    Raises
    ------
    BadInputError
        If none or several match; the sentence lists the candidates.
    """
    needs_input = port in INPUTS
    fit = [
        device
        for device in list_devices(_environment)
        if (device.input_channels if needs_input else device.output_channels) > 0
    ]
    matching = [device for device in fit if named == str(device.index) or device.name == named]
    matching = matching or [device for device in fit if named.casefold() in device.name.casefold()]
    if len(matching) == 1:
        return matching[0]
    candidates = ", ".join(f"{device.index} {device.name}" for device in (matching or fit)) or "none"
    raise BadInputError(
        f"Could not choose the {port} device",
        seen=f"`{named}` fits {len(matching) or 'none'} of the {'input' if needs_input else 'output'} devices",
        allowed=f"the number or a unique part of the name of: {candidates}",
        next_step="see `diag devices`",
    )


def default_devices() -> tuple[Device | None, Device | None]:
    """The machine's default input and output; None where there is none.

    Raises
    ------
    CannotMeasureError
        If PortAudio is missing.
    """
    devices = list_devices()
    with _library({}) as sd:
        wanted_input, wanted_output = (
            devices[number] if 0 <= number < len(devices) else None for number in sd.default.device
        )
    return wanted_input, wanted_output


def is_named(place: object) -> bool:
    """Whether a device option names a device at all."""
    return place is not None and str(place).casefold() not in ("", "none")


@contextmanager
def _library(environment: Mapping[str, str]) -> Iterator[Any]:
    """PortAudio as it is under these environment variables, which are taken back afterwards."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield _started(dict(environment))
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _started(environment: dict[str, str]) -> Any:
    running = "sounddevice" in sys.modules
    try:
        import sounddevice as sd
    except OSError:
        raise CannotMeasureError(
            "Could not open audio devices",
            seen="the PortAudio library is not installed",
            next_step="`sudo apt-get install libportaudio2`, or use `--audio wire`, which needs no devices",
        ) from None
    if running and environment != _environment:
        sd._terminate()
        sd._initialize()
    _environment.clear()
    _environment.update(environment)
    return sd


def _checked_rates(sd: Any, index: int, info: Mapping[str, Any]) -> tuple[int, ...]:
    check = sd.check_input_settings if info["max_input_channels"] else sd.check_output_settings
    with _quiet_libraries():
        return tuple(rate for rate in COMMON_RATES_HZ if _opens(sd, check, index, rate))


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    """PortAudio and ALSA write each refusal to standard error; we say it in one sentence of our own."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def _opens(sd: Any, check: Callable[..., None], index: int, rate_hz: int) -> bool:
    try:
        check(device=index, channels=1, samplerate=rate_hz, dtype="float32")
    except sd.PortAudioError:
        return False
    return True


def _start(sd: Any, port: _Port, device: Device, callback: Any) -> None:
    is_input = port.name in INPUTS
    port.device = device.name
    try:
        port.stream = (sd.InputStream if is_input else sd.OutputStream)(
            device=device.index,
            samplerate=port.rate_hz,
            blocksize=round(port.rate_hz * BLOCK_S),
            channels=port.channels,
            dtype="float32",
            latency=LATENCY_S,
            callback=port.pushing(callback) if is_input else port.pulling(callback),
            finished_callback=port.ended.set,
        )
        port.stream.start()
    except sd.PortAudioError as error:
        rates = ", ".join(map(str, list_devices(_environment, check_rates=True)[device.index].rates_hz))
        raise CannotMeasureError(
            f"Could not open the {port.name} ({device.name}) at {port.rate_hz} Hz with {port.channels} channel(s)",
            seen=str(error.args[0]),
            allowed=f"rates that this device says it opens at: {rates or 'none'}",
            next_step="choose one of these rates or another device; see `diag devices`",
        ) from None
    port.latency_s = float(port.stream.latency)


def _await_first_callback(port: _Port) -> None:
    if not port.started.wait(FIRST_CALLBACK_TIMEOUT_S):
        raise CannotMeasureError(
            f"Could not run the {port.name} ({port.device})",
            seen=f"it opened, but no audio moved in {FIRST_CALLBACK_TIMEOUT_S:.0f} s",
            next_step="choose another device, or use `--audio wire`",
        )
