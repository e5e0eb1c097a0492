"""Looks at this machine's audio: which devices there are, and how an opened rig behaves."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from diag.core.chain import PORTS
from diag.core.client_config import ClientConfig
from diag.core.messages import msg
from diag.core.states import Check, State
from diag.core.units import counted, format_seconds
from diag.files.scenarios import Faults
from diag.judge.rules.mic006 import LIMIT_DB

if TYPE_CHECKING:
    from diag.record.audio.calibration import Calibration
    from diag.record.audio.portaudio import Device
    from diag.record.audio.ports import Rig
    from diag.record.audio.pulse import SoundServer
    from diag.record.audio.rigs import Farm


@dataclass(frozen=True, kw_only=True)
class Loopback:
    """What opening the audio showed, with the calibration of each path."""

    open_s: float
    rates: str
    xruns: int
    paths: tuple[Calibration, ...]
    devices: Mapping[str, str]


def measure_loopback(kind: str, devices: Mapping[str, str]) -> Loopback:
    """Open one rig as a take does, play the coded bursts, and close it.

    If a path that has to be heard is not, that is done a second time: a machine that was busy for 0.1 s is not a
    missing cable.

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
        first = asyncio.run(_loopback(farm.rigs[0], begin_s))
        if all(item.delay_s is not None or state is State.GOOD for item, state, _ in _judged_paths(first)):
            return first
        return _clearer(first, asyncio.run(_loopback(farm.rigs[0], time.perf_counter())))


def _clearer(first: Loopback, second: Loopback) -> Loopback:
    """Return the first of two looks at the same rig, with each path as it was heard best."""
    paths = tuple(max(pair, key=lambda path: path.confidence) for pair in zip(first.paths, second.paths, strict=True))
    return replace(first, paths=paths, xruns=first.xruns + second.xruns)


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
        found = await calibrate(board.mouth, board.calibration_speaker, board.ear, audio, board.calibration_microphone)
        return Loopback(
            open_s=open_s,
            rates=", ".join(f"{port} {rate} Hz" for port, rate in audio.rates_hz.items()),
            xruns=sum(audio.xruns.values()),
            paths=found,
            devices=dict(audio.devices),
        )
    finally:
        await asyncio.to_thread(audio.close)


def check_audio(kind: str, seen: Loopback) -> tuple[Check, ...]:
    """Judge what opening the audio showed: the streams, then each loopback."""
    lost = msg("audio lost {times} (xruns)", times=counted(seen.xruns, "time")) if seen.xruns else msg("no audio lost")
    streams = Check(
        name="audio",
        state=State.WATCH if seen.xruns else State.GOOD,
        seen=msg(
            "{kind}, opened in {took}; {rates}; {lost}",
            kind=kind,
            took=format_seconds(seen.open_s),
            rates=seen.rates,
            lost=lost,
        ),
        fix=msg("close other programs, or use --rigs 1") if seen.xruns else "",
    )
    return (streams, *_path_checks(seen))


def _judged_paths(seen: Loopback) -> Iterator[tuple[Calibration, State, str]]:
    """Give each path whose two ports are open, with its state and fix."""
    known = {(item.port, item.at) for item in seen.paths if item.delay_s is not None}
    for item in seen.paths:
        if {item.port, item.at} <= set(seen.devices):
            yield item, *_judged_path(item, known)


def _path_checks(seen: Loopback) -> Iterator[Check]:
    for item, state, fix in _judged_paths(seen):
        level = "" if item.level_db is None else f", {item.level_db:+.0f} dB"
        found = (
            msg("not heard")
            if item.delay_s is None
            else msg("heard after {delay_ms:.1f} ms{level}", delay_ms=item.delay_s * 1000, level=level)
        )
        yield Check(
            name=msg("{port} to {at}", port=item.port, at=item.at),
            state=state,
            seen=msg("{found}, confidence {confidence:.2f}", found=found, confidence=item.confidence),
            fix=fix,
        )


def _judged_path(item: Calibration, known: set[tuple[str, str]]) -> tuple[State, str]:
    heard = item.delay_s is not None
    if (item.port, item.at) == ("speaker", "microphone"):
        echo = heard and item.level_db is not None and item.level_db > LIMIT_DB
        fix = msg(
            "use a headset or echo cancellation, or send silence while a reply plays: the service hears its own reply"
        )
        return (State.WATCH, fix) if echo else (State.GOOD, "")
    if heard:
        return State.GOOD, ""
    if item.at == "microphone":
        return State.WATCH, "choose the right microphone, unmute it, or turn the mouth up: it captures no prompt"
    if item.port == "mouth" and {("speaker", "ear"), ("mouth", "microphone")} <= known:
        return State.GOOD, ""
    return State.WATCH, msg(
        "make sure that the ear hears it (connect the cable, choose the monitor source, turn the level up); "
        "until then, latencies at the ear are not reported"
    )


def server_check() -> Check:
    """Name the sound server of this machine, and the devices that programs get by default."""
    server = found_server()
    if server is None:
        return Check(
            name="sound server", state=State.UNKNOWN, seen=msg("none answers; ALSA's devices are used directly")
        )
    chosen = {device.is_input: device.title for device in server.devices if device.is_default}
    seen = msg(
        "{name}; default output {output}, default input {input}",
        name=server.name,
        output=chosen.get(False, msg("none")),
        input=chosen.get(True, msg("none")),
    )
    return Check(name="sound server", state=State.GOOD, seen=seen)


def found_devices() -> tuple[Device, ...]:
    """Devices of this machine, with the common rates at which each says it opens.

    Raises
    ------
    CannotMeasureError
        If PortAudio is missing.
    """
    from diag.record.audio.portaudio import list_devices

    return list_devices(check_rates=True)


def devices_text(devices: Sequence[Device], width: int, server: SoundServer | None = None) -> str:
    """One device a line: number, channels, name; its rates below it. Then the devices of the sound server."""
    if not devices:
        return "there are no audio devices on this machine; --audio virtual creates its own, --audio wire needs none"
    lines = ["number  in  out  name"]
    for device in devices:
        rates = ", ".join(str(rate) for rate in device.rates_hz) or "none of the common ones"
        name = f"{device.name} ({device.host_api})"
        lines.append(f"{device.index:>6} {device.input_channels:>3} {device.output_channels:>4}  {name}")
        lines.append(f"{'':17}rates in Hz: {rates}"[:width])
    if server is not None:
        lines += ["", f"devices of {server.name}, to be chosen by these names:"]
        lines += [
            f"  {'input ' if item.is_input else 'output'} {item.title}{' (default)' if item.is_default else ''}"
            for item in server.devices
        ]
    return "\n".join(lines)


def devices_document(devices: Sequence[Device], server: SoundServer | None = None) -> dict[str, Any]:
    """The JSON document of `diag devices --json`."""
    found = None if server is None else asdict(server)
    return {"schema_version": 1, "devices": [asdict(device) for device in devices], "sound_server": found}


def found_server() -> SoundServer | None:
    """Return the user's sound server with its devices; None if there is none."""
    from diag.record.audio.pulse import users_server

    return users_server()


def open_virtual_rigs(count: int) -> AbstractContextManager[Farm]:
    """Open virtual rigs that other programs can use; they are closed when the context ends.

    Raises
    ------
    CannotMeasureError
        If the audio server cannot be started.
    """
    from diag.record.audio.rigs import open_farm

    return open_farm("virtual", rigs=count, for_programs=True)


def rigs_text(farm: Farm) -> str:
    """How another program uses virtual rigs: environment to set, and the devices of each rig."""
    first, *others = farm.rigs
    shared = _exports(first)
    lines = [
        f"{counted(len(farm.rigs), 'set')} of virtual devices, until Ctrl-C. With these variables, the microphone and "
        f"the speaker of {first.name} are the default devices of a program:",
        *(f"  export {item}" for item in shared),
        "Names of the devices, in PulseAudio and ALSA alike:",
        *(f"  {', '.join(str(rig.options[port]) for port in PORTS)}" for rig in farm.rigs),
    ]
    for rig in others:
        own = " ".join(item for item in _exports(rig) if item not in shared)
        lines += [f"For the devices of {rig.name} instead, in addition:", f"  export {own}"]
    return "\n".join(lines)


def _exports(rig: Rig) -> list[str]:
    return [f"{name}={shlex.quote(value)}" for name, value in rig.program_environment.items()]


def rigs_document(farm: Farm) -> dict[str, Any]:
    """The JSON document of `diag devices --hold --json`."""
    return {
        "schema_version": 1,
        "rigs": [{"name": rig.name, **rig.options} for rig in farm.rigs],
        "environment": dict(farm.environment),
    }
