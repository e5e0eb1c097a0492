"""Connections to PulseAudio servers, or to PipeWire's PulseAudio face. The only module that imports pulsectl."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from diag.core.errors import CannotMeasureError

if TYPE_CHECKING:
    from pulsectl import Pulse

    Server: TypeAlias = Pulse
    """Connection to a sound server."""


class NoServerError(CannotMeasureError):
    """No sound server answers at the address."""


def connected(server: str | None, *, attempted: str, next_step: str) -> Server:
    """Return a connection (`pulsectl.Pulse`) to a server that runs already; close it after use.

    Parameters
    ----------
    server : str or None
        Address of the server, for example "unix:/run/user/1000/pulse/native"; None for the user's own.
    attempted, next_step : str
        What the error says was attempted, and what to do.

    Raises
    ------
    NoServerError
        If no server answers.
    CannotMeasureError
        If libpulse is not installed.
    """
    try:
        import pulsectl
    except OSError:
        raise CannotMeasureError(attempted, seen="libpulse is not installed", next_step=next_step) from None
    pulse = pulsectl.Pulse("diag", server=server, connect=False)
    try:
        pulse.connect(autospawn=False)
    except pulsectl.PulseError:
        pulse.close()
        raise NoServerError(attempted, seen="no sound server answers", next_step=next_step) from None
    return pulse


def loaded(pulse: Server, module: str, arguments: str) -> int:
    """Load a module into the server and return its index.

    Raises
    ------
    CannotMeasureError
        If the server does not have the module or refuses its arguments.
    """
    import pulsectl

    try:
        return int(pulse.module_load(module, arguments))
    except pulsectl.PulseError:
        raise CannotMeasureError(
            "Could not set up the sound server",
            seen=f"it does not load {module}",
            allowed="PulseAudio with its usual modules",
            next_step="install the package `pulseaudio` of your system, or leave --room out",
        ) from None


def modules_named(pulse: Server, name_argument: str) -> list[int]:
    """Return the indices of modules that were loaded with this argument, for example "sink_name=rig0_mouth"."""
    return [item.index for item in pulse.module_list() if name_argument in (item.argument or "").split()]


def set_stream_gain(pulse: Server, module: int, gain: float) -> None:
    """Set the volume of the stream that a filter module plays into its master sink.

    Parameters
    ----------
    gain : float
        Amplitude factor, > 0.
    """
    (stream,) = (item for item in pulse.sink_input_list() if item.owner_module == module)
    # PulseAudio's volume scale is cubic.
    pulse.volume_set_all_chans(stream, gain ** (1 / 3))


@dataclass(frozen=True, kw_only=True)
class ServerDevice:
    """A device of the user's sound server.

    Parameters
    ----------
    name : str
        Its name inside the server, for example "alsa_output.pci-0000_00_1f.3.analog-stereo".
    title : str
        The name that people see in their settings, for example "Built-in Audio Analog Stereo".
    is_input : bool
    is_default : bool
        Whether programs get it if they ask for no device.
    """

    name: str
    title: str
    is_input: bool
    is_default: bool


@dataclass(frozen=True, kw_only=True)
class SoundServer:
    """The sound server that the desktop uses: its name with version, and its devices."""

    name: str
    devices: tuple[ServerDevice, ...]


def users_server() -> SoundServer | None:
    """Return the user's sound server; None if none runs or libpulse is not installed."""
    try:
        pulse = connected(None, attempted="Could not ask the sound server", next_step="")
    except CannotMeasureError:
        return None
    try:
        info = pulse.server_info()
        named = (
            (pulse.sink_list(), False, info.default_sink_name),
            (pulse.source_list(), True, info.default_source_name),
        )
        devices = tuple(
            ServerDevice(
                name=item.name,
                title=item.description or item.name,
                is_input=is_input,
                is_default=item.name == default,
            )
            for items, is_input, default in named
            for item in items
        )
        # PipeWire calls itself "PulseAudio (on PipeWire 1.0.5)".
        name = info.server_name
        inner = name.partition("(on ")[2].rstrip(")")
        return SoundServer(name=inner or f"PulseAudio {info.server_version}", devices=devices)
    finally:
        pulse.close()
