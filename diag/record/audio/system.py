"""A rig of this machine's own devices."""

from __future__ import annotations

from collections.abc import Mapping

from diag.core.errors import BadInputError, CannotMeasureError
from diag.record.audio.portaudio import default_devices, find_device, is_named
from diag.record.audio.ports import Rig
from diag.record.audio.streams import INPUTS

PORTS = ("mouth", "microphone", "speaker", "ear")
EAR_CHANNELS = ("1", "2")


def system_rig(devices: Mapping[str, str]) -> Rig:
    """Describe the rig that these device options make; nothing is opened yet.

    Parameters
    ----------
    devices : mapping
        Port to a device's number or a unique part of its name, or "none" for a port that stays closed (mouth and
        microphone stay closed together, so one of them closes the other). A port that is left out takes the machine's
        default input or output.
        `ear_channels` is "2" for a stereo loopback (prompt left, reply right), else "1".

    Raises
    ------
    BadInputError
        If a key or a device is not known.
    CannotMeasureError
        If PortAudio is missing, or a port is left out and there is no default device for it.
    """
    unknown = sorted(devices.keys() - {*PORTS, "ear_channels"})
    channels = devices.get("ear_channels", "1")
    if unknown or channels not in EAR_CHANNELS:
        raise BadInputError(
            "Could not choose devices",
            seen=f"port `{unknown[0]}`" if unknown else f"ear_channels `{channels}`",
            allowed=f"{', '.join(PORTS)}, and ear_channels 1 or 2",
            next_step="name a device for one of these, as speaker=USB",
        )
    options: dict[str, object] = {"ear_channels": int(channels)}
    for port in PORTS:
        named = devices.get(port, "none" if _follows_a_closed_port(port, devices) else None)
        if named is None:
            options[port] = _default(port)
        elif is_named(named):
            options[port] = find_device(named, port).name
    if ("mouth" in options) != ("microphone" in options):
        raise BadInputError(
            "Could not choose devices",
            seen="of mouth and microphone one has a device and the other has none",
            allowed="a device for both, or none for both",
            next_step="name a device for each, see `diag devices`",
        )
    return Rig(kind="system", name="system", options=options)


def _follows_a_closed_port(port: str, devices: Mapping[str, str]) -> bool:
    """Whether the prompt's other end is closed: a microphone without a mouth, or the reverse, would hear nothing."""
    other = {"mouth": "microphone", "microphone": "mouth"}.get(port, "")
    return other in devices and not is_named(devices[other])


def _default(port: str) -> str:
    default_input, default_output = default_devices()
    device = default_input if port in INPUTS else default_output
    if device is None:
        raise CannotMeasureError(
            f"Could not choose the {port} device",
            seen=f"this machine has no default {'input' if port in INPUTS else 'output'} device",
            next_step="use `--audio virtual` or `--audio wire`, name one (see `diag devices`), "
            f"or say `--device {port}=none`",
        )
    return device.name
