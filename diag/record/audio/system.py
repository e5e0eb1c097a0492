"""Rig made of this machine's own audio devices."""

from __future__ import annotations

from collections.abc import Mapping

from diag.core.chain import PORTS
from diag.core.errors import BadInputError, CannotMeasureError
from diag.record.audio.portaudio import default_devices, find_device, is_named
from diag.record.audio.ports import Rig
from diag.record.audio.streams import INPUTS

EAR_CHANNELS = ("1", "2")
PERSON = "person"
"""In place of the mouth's device: a person speaks into the microphone."""


def system_rig(devices: Mapping[str, str]) -> Rig:
    """Return the rig for these device options; nothing is opened yet.

    Parameters
    ----------
    devices : mapping
        Port name to a device's number, a unique part of its name, or "none" to keep the port closed. Mouth and
        microphone are open or closed together: "none" for one closes the other too unless a device is named for it.
        With "person" for the mouth, only the microphone is open, and a person speaks.
        A port that is left out uses the machine's default input or output.
        `ear_channels` is "2" for a stereo loopback (prompt left, reply right), else "1".

    Raises
    ------
    BadInputError
        If a key or a device is unknown, or only one of mouth and microphone has a device.
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
            next_step="use one of these names, for example `--device speaker=USB`",
        )
    # A sound server only estimates its latency, and its other programs move the clock of a device without a loss.
    options: dict[str, object] = {"ear_channels": int(channels), "steady_stamps": True, "shared": True}
    person = devices.get("mouth") == PERSON
    for port in PORTS:
        if person and port == "mouth":
            continue
        named = devices.get(port, "none" if _follows_a_closed_port(port, devices) else None)
        if named is None:
            options[port] = _default(port)
        elif is_named(named):
            options[port] = find_device(named, port).name
    if person and "microphone" not in options:
        raise BadInputError(
            "Could not choose devices",
            seen="a person is to speak, and the microphone is closed",
            allowed="an open microphone with `--mouth none`",
            next_step="name a microphone, or leave out `--mouth none`",
        )
    if not person and ("mouth" in options) != ("microphone" in options):
        raise BadInputError(
            "Could not choose devices",
            seen="a device for only one of mouth and microphone",
            allowed="a device for both, or none for both",
            next_step="name a device for each; `diag devices` lists them",
        )
    return Rig(kind="system", name="system", options=options)


def _follows_a_closed_port(port: str, devices: Mapping[str, str]) -> bool:
    """Return whether this is the mouth or microphone and the other one is closed; neither is of use alone."""
    other = {"mouth": "microphone", "microphone": "mouth"}.get(port, "")
    return other in devices and not is_named(devices[other])


def _default(port: str) -> str:
    default_input, default_output = default_devices()
    device = default_input if port in INPUTS else default_output
    if device is None:
        raise CannotMeasureError(
            f"Could not choose the {port} device",
            seen=f"this machine has no default {'input' if port in INPUTS else 'output'} device",
            next_step="use `--audio virtual` or `--audio wire`, or name a device (`diag devices` lists them), "
            f"or close the port with `--device {port}=none`",
        )
    return device.name
