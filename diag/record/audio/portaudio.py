"""Streams on audio devices through PortAudio. This is the only module that imports sounddevice.

PortAudio reads the list of devices, and ALSA its configuration, when PortAudio starts. So the environment variables of
a rig are set first. For a rig with another environment, PortAudio is restarted, which ends its open streams. So two
rigs can be open at the same time only in two processes.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

import numpy as np

from diag.core.clip import Samples
from diag.core.errors import BadInputError, CannotMeasureError
from diag.core.units import counted
from diag.record.audio.ports import EAR_RATE_HZ, PortPlan, Rig
from diag.record.audio.pulse import users_server
from diag.record.audio.streams import INPUTS, OUTPUTS, Port, PortAudioSession

BLOCK_S = 0.02
LATENCY_S = 0.1
"""Latency requested for every stream. Blocks of 20 ms at 0.1 s ran without xruns; PortAudio's `low` had underruns."""
FIRST_CALLBACK_TIMEOUT_S = 5.0
NOISE_S = 7.0
"""Length of the noise that is repeated."""
NOISE_BLOCK_S, NOISE_LATENCY_S = 0.1, 0.4
"""Noise is not timed, so its buffer is long."""
LOWEST_NOISE_HZ = 40.0
FREE_HANDLES = 12
COMMON_RATES_HZ = (8000, 16000, 24000, 32000, 44100, 48000, 96000)

_THROUGH = "pulse"
"""The device through which ALSA's plugin plays to a sound server."""
_DEVICE_UNAVAILABLE = -9985

_IGNORE_MESSAGE = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p)(
    lambda *_: None
)
"""ALSA's handler of messages: file, line, function, error, format. It must live as long as ALSA uses it."""

_environment: dict[str, str] = {}
"""Environment variables of the rig under which PortAudio was started."""


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
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that are set while it is opened: they choose the device of a sound server."""


def open_portaudio(rig: Rig, plan: PortPlan, *, speaker_connected: bool = True) -> PortAudioSession:
    """Open the ports of a rig, inputs first, and wait until every stream runs.

    Parameters
    ----------
    rig : Rig
        `options` may hold `environment` (variables to set before PortAudio starts), a device for each port (name or
        number; "none" leaves the port closed), `nowhere` (the device for a speaker that is not connected),
        `ear_channels`, `ear_channel` (the only one of them that is kept), `noise` and `noise_dbfs` (a device that noise
        of this level is played to while the ports are open), `steady_stamps` (correct the output stamps, for a sound
        server that only estimates its latency), `shared` (other programs open streams on the same device while this one
        runs, which moves its clock without a loss of audio, so jumps do not count as xruns) and `stamps_late_s`
        (seconds to subtract from every stamp).

    Raises
    ------
    CannotMeasureError
        If PortAudio is missing, a device does not open or does not run, or the speaker is not connected and the rig
        has no `nowhere` device.
    BadInputError
        If a named device does not exist or its name is not unique.
    """
    if not speaker_connected and "nowhere" not in rig.options:
        raise CannotMeasureError(
            "Could not simulate a disconnected speaker",
            seen=f"`--audio {rig.kind}` has no silent output device to play to instead",
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
        Port(name, rate, steady=steady, stamps_late_s=late_s, counts_shifts=not rig.options.get("shared"))
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
                    if port.name == "ear":
                        port.channels = int(rig.options.get("ear_channels", 1))
                        port.only_channel = rig.options.get("ear_channel")
                    device = find_device(str(place), port.name)
                    with _quiet_libraries():
                        _start(sd, port, device, callback)
                for port in started:
                    _await_first_callback(port)
            if rig.options.get("noise_dbfs") is not None:
                session.background = _noise(sd, rig.options["noise"], rig.options["noise_dbfs"])
    except (BadInputError, CannotMeasureError):
        session.close()
        raise
    return session


def list_devices(environment: Mapping[str, str] | None = None, *, check_rates: bool = False) -> tuple[Device, ...]:
    """Return the devices that PortAudio finds; with `check_rates`, with the common rates that each device accepts.

    While streams are open, call it only with their environment: for another one PortAudio is restarted.

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
    """Return the device with this number, full name or unique part of a name that fits the port.

    Raises
    ------
    BadInputError
        If no device or several match; the message lists the candidates.
    """
    needs_input = port in INPUTS
    fit = [
        device
        for device in list_devices(_environment)
        if (device.input_channels if needs_input else device.output_channels) > 0
    ]
    through = next((device for device in fit if device.name == _THROUGH), None)
    exact = [device for device in fit if named == str(device.index) or device.name == named]
    if len(exact) == 1:
        return exact[0]
    # The devices of a sound server are asked for only if PortAudio has none of this full name.
    served = [] if through is None else _served(through, needs_input=needs_input)
    exact += [device for device in served if named in (device.name, *device.environment.values())]
    matching = exact or [device for device in (*fit, *served) if named.casefold() in device.name.casefold()]
    if len(matching) == 1:
        return matching[0]
    candidates = ", ".join(
        device.name if device.environment else f"{device.index} {device.name}"
        for device in (matching or (*fit, *served))
    )
    raise BadInputError(
        f"Could not choose the {port} device",
        seen=f"`{named}` matches {len(matching) or 'none'} of the {'input' if needs_input else 'output'} devices",
        allowed=f"the number or a unique part of the name of: {candidates or 'none'}",
        next_step="run `diag devices` to list them",
    )


def _served(through: Device, *, needs_input: bool) -> list[Device]:
    """Return the inputs or outputs of the user's sound server, which are opened through ALSA's pulse device."""
    server = users_server()
    variable = "PULSE_SOURCE" if needs_input else "PULSE_SINK"
    return [
        replace(through, name=device.title, environment={variable: device.name})
        for device in (server.devices if server is not None else ())
        if device.is_input == needs_input
    ]


def default_devices() -> tuple[Device | None, Device | None]:
    """Return the machine's default input and output device; None if there is none.

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
    """Return whether a device option names a device (is neither None, empty nor "none")."""
    return place is not None and str(place).casefold() not in ("", "none")


@contextmanager
def _library(environment: Mapping[str, str]) -> Iterator[ModuleType]:
    """Yield sounddevice, with PortAudio started under these environment variables; restore them afterwards."""
    with _variables(environment):
        yield _started(dict(environment))


@contextmanager
def _variables(environment: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables, and restore them afterwards."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _started(environment: dict[str, str]) -> ModuleType:
    running = "sounddevice" in sys.modules
    try:
        with _quiet_libraries():
            import sounddevice as sd
    except OSError:
        # The library is looked for with other programs, which cannot be started without free handles either.
        _check_free_handles()
        raise CannotMeasureError(
            "Could not open audio devices",
            seen="the PortAudio library is not installed",
            next_step="`sudo apt-get install libportaudio2`, or use `--audio wire`, which needs no devices",
        ) from None
    if not running:
        _silence_alsa()
    elif environment != _environment:
        with _quiet_libraries():
            sd._terminate()
            sd._initialize()
    _environment.clear()
    _environment.update(environment)
    library: ModuleType = sd
    return library


def _silence_alsa() -> None:
    """Keep ALSA's library from writing to the terminal, as it does at every underrun; diag counts these itself."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(_IGNORE_MESSAGE)


def _check_free_handles() -> None:
    """Raise `OSError` if this process cannot open a few more files."""
    with ExitStack() as files:
        for _ in range(FREE_HANDLES):
            files.enter_context(open(os.devnull, "rb"))


def _checked_rates(sd: ModuleType, index: int, info: Mapping[str, Any]) -> tuple[int, ...]:
    check = sd.check_input_settings if info["max_input_channels"] else sd.check_output_settings
    with _quiet_libraries():
        return tuple(rate for rate in COMMON_RATES_HZ if _opens(sd, check, index, rate))


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Discard standard error: PortAudio and ALSA write every refusal there, and diag reports them itself."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def _opens(sd: ModuleType, check: Callable[..., None], index: int, rate_hz: int) -> bool:
    try:
        check(device=index, channels=1, samplerate=rate_hz, dtype="float32")
    except sd.PortAudioError:
        return False
    return True


def _start(sd: ModuleType, port: Port, device: Device, callback: Any) -> None:
    is_input = port.name in INPUTS
    port.device = device.name
    try:
        with _variables(device.environment):
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
        if _DEVICE_UNAVAILABLE in error.args:
            raise CannotMeasureError(
                f"Could not open the {port.name} ({device.name})",
                seen="it is in use: another program has opened it for itself alone",
                next_step="close that program, or choose the device of your sound server, which several programs can "
                "use at once; `diag devices` lists them",
            ) from None
        rates = ", ".join(map(str, list_devices(_environment, check_rates=True)[device.index].rates_hz))
        channels = counted(port.channels, "channel")
        raise CannotMeasureError(
            f"Could not open the {port.name} ({device.name}) at {port.rate_hz} Hz with {channels}",
            seen=str(error.args[0]),
            allowed=f"rates that this device accepts: {rates or 'none'}",
            next_step="choose one of these rates or another device; `diag devices` lists them",
        ) from None
    port.latency_s = float(port.stream.latency)


def _noise(sd: ModuleType, device: str, level_dbfs: float) -> Any:
    """Start to play noise of a level to both channels of a device, and return the stream.

    Its spectrum falls by 6 dB per octave, as that of fans and traffic. Both channels have noise of their own.
    """
    frames = round(NOISE_S * EAR_RATE_HZ)
    frequencies = np.fft.rfftfreq(frames, 1 / EAR_RATE_HZ)
    generator = np.random.default_rng(0)
    spectrum = np.exp(1j * generator.uniform(0, 2 * np.pi, (2, len(frequencies)))) / np.maximum(frequencies, 100.0)
    spectrum[:, frequencies < LOWEST_NOISE_HZ] = 0
    loop = np.fft.irfft(spectrum, frames, axis=1).T
    loop *= 10 ** (level_dbfs / 20) / np.sqrt(np.mean(loop**2))
    doubled = np.concatenate((loop, loop)).astype(np.float32)
    position = 0

    def callback(block: Samples, count: int, _stamps: object, _flags: object) -> None:
        nonlocal position
        block[:] = doubled[position : position + count]
        position = (position + count) % frames

    with _quiet_libraries():
        stream = sd.OutputStream(
            device=find_device(device, "speaker").index, samplerate=EAR_RATE_HZ, channels=2, dtype="float32",
            blocksize=round(EAR_RATE_HZ * NOISE_BLOCK_S), latency=NOISE_LATENCY_S, callback=callback,
        )  # fmt: skip
        stream.start()
    return stream


def _await_first_callback(port: Port) -> None:
    if not port.started.wait(FIRST_CALLBACK_TIMEOUT_S):
        raise CannotMeasureError(
            f"Could not start audio on the {port.name} ({port.device})",
            seen=f"it opened, but moved no audio for {FIRST_CALLBACK_TIMEOUT_S:.0f} s",
            next_step="choose another device, or use `--audio wire`",
        )
