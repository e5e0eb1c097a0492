"""Looks at this machine's audio: which devices there are, and how an opened rig behaves."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from diag.core.chain import PORTS
from diag.core.client_config import ClientConfig
from diag.core.states import Check, State
from diag.core.units import counted, format_seconds
from diag.files.scenarios import Faults

if TYPE_CHECKING:
    from diag.record.audio.portaudio import Device
    from diag.record.audio.ports import Rig
    from diag.record.audio.rigs import Farm


@dataclass(frozen=True, kw_only=True)
class Loopback:
    """What opening the audio showed: `delays` are (port, delay in s or None, confidence 0 to 1)."""

    open_s: float
    rates: str
    xruns: int
    delays: tuple[tuple[str, float | None, float], ...]
    devices: Mapping[str, str]


def measure_loopback(kind: str, devices: Mapping[str, str]) -> Loopback:
    """Open one rig as a take does, play the coded bursts, and close it.

    Raises
    ------
    BadInputError
        If a device is named that is not there.
    CannotMeasureError
        If the audio cannot be opened.
    """
    from diag.record.audio.rigs import open_farm

    begin_s = time.perf_counter()
    with open_farm(kind, rigs=1, devices=devices) as farm:
        return asyncio.run(_loopback(farm.rigs[0], begin_s))


async def _loopback(rig: Rig, begin_s: float) -> Loopback:
    from diag.record.audio.calibration import calibrate
    from diag.record.audio.rigs import open_session
    from diag.record.client.voice_client import VoiceClient
    from diag.record.port_routing import Portboard

    config = ClientConfig()
    client = VoiceClient(config, Faults(), lambda name, data, *, t_s=None: None)
    board = Portboard(config, client, begin_s, Faults())
    audio = await asyncio.to_thread(open_session, rig, board.plan)
    try:
        open_s = time.perf_counter() - begin_s
        found = await calibrate(board.mouth, board.calibration_speaker, board.ear, audio)
        return Loopback(
            open_s=open_s,
            rates=", ".join(f"{port} {rate} Hz" for port, rate in audio.rates_hz.items()),
            xruns=sum(audio.xruns.values()),
            delays=tuple((item.port, item.delay_s, item.confidence) for item in found),
            devices=dict(audio.devices),
        )
    finally:
        await asyncio.to_thread(audio.close)


def check_audio(kind: str, seen: Loopback) -> tuple[Check, ...]:
    """Judge what opening the audio showed: the streams, then each loopback."""
    lost = f"audio lost {counted(seen.xruns, 'time')} (xruns)" if seen.xruns else "no audio lost"
    streams = Check(
        name="audio",
        state=State.WATCH if seen.xruns else State.GOOD,
        seen=f"{kind}, opened in {format_seconds(seen.open_s)}; {seen.rates}; {lost}",
        fix="close other programs, or use --rigs 1" if seen.xruns else "",
    )
    return (streams, *(_loopback_check(*delay) for delay in seen.delays))


def _loopback_check(port: str, delay_s: float | None, confidence: float) -> Check:
    # The calibration gives no delay of which it is not sure.
    sure = delay_s is not None
    told = "no delay found" if delay_s is None else f"heard {delay_s * 1000:.1f} ms after the device's time stamp"
    return Check(
        name=f"loopback of {port}",
        state=State.GOOD if sure else State.WATCH,
        seen=f"{told}, confidence {confidence:.2f}",
        fix=""
        if sure
        else "make sure that the ear hears it (connect the cable, choose the monitor source, turn the level up); "
        "until then, latencies at the ear are not reported",
    )


def found_devices() -> tuple[Device, ...]:
    """Devices of this machine, with the common rates at which each says it opens.

    Raises
    ------
    CannotMeasureError
        If PortAudio is missing.
    """
    from diag.record.audio.portaudio import list_devices

    return list_devices(check_rates=True)


def devices_text(devices: Sequence[Device], width: int) -> str:
    """One device a line: number, channels, name; its rates below it."""
    if not devices:
        return "there are no audio devices on this machine; --audio virtual creates its own, --audio wire needs none"
    lines = ["number  in  out  name"]
    for device in devices:
        rates = ", ".join(str(rate) for rate in device.rates_hz) or "none of the common ones"
        name = f"{device.name} ({device.host_api})"
        lines.append(f"{device.index:>6} {device.input_channels:>3} {device.output_channels:>4}  {name}")
        lines.append(f"{'':17}rates in Hz: {rates}"[:width])
    return "\n".join(lines)


def devices_document(devices: Sequence[Device]) -> dict[str, Any]:
    """The JSON document of `diag devices --json`."""
    return {"schema_version": 1, "devices": [asdict(device) for device in devices]}


def open_virtual_rigs(count: int) -> AbstractContextManager[Farm]:
    """Open virtual rigs that other programs can use; they are closed when the context ends.

    Raises
    ------
    CannotMeasureError
        If the audio server cannot be started.
    """
    from diag.record.audio.rigs import open_farm

    return open_farm("virtual", rigs=count)


def rigs_text(farm: Farm) -> str:
    """How another program uses virtual rigs: environment to set, and the devices of each rig."""
    lines = [
        f"{counted(len(farm.rigs), 'set')} of virtual devices, until Ctrl-C. Set the variables of a set for other"
        " programs:"
    ]
    for rig in farm.rigs:
        environment = rig.options.get("environment", {})
        lines += [f"  export {name}={shlex.quote(value)}" for name, value in environment.items()]
        ports = ", ".join(f"{port} {rig.options[port]}" for port in PORTS)
        played = ", ".join(f"{port} {rig.name}_{port}" for port in ("mouth", "microphone", "speaker"))
        lines.append(f"  {rig.name} in PulseAudio: {played}, ear {rig.name}.monitor")
        lines.append(f"  {rig.name} in ALSA: {ports}")
    return "\n".join(lines)


def rigs_document(farm: Farm) -> dict[str, Any]:
    """The JSON document of `diag devices --hold --json`."""
    return {
        "schema_version": 1,
        "rigs": [{"name": rig.name, **rig.options} for rig in farm.rigs],
        "environment": dict(farm.environment),
    }
