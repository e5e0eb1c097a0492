"""Virtual rigs: microphones and loudspeakers of a private PulseAudio server, which runs only while a farm is open.

Each rig is one null sink with two channels. The mouth plays to the left channel and the speaker to the right one. The
microphone records the left channel of the sink's monitor, and the ear records both. So prompt and reply share one
sample clock. The user's own sound server, its defaults and the user's files are not touched.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from diag.core.chain import PORTS
from diag.core.clip import Clip, Samples
from diag.core.errors import CannotMeasureError
from diag.core.temporary import short_parent, started_at
from diag.files.audio_files import encode_wav
from diag.record.audio.ports import EAR_RATE_HZ, Rig
from diag.record.audio.pulse import NoServerError, connected, loaded, modules_named, set_stream_gain
from diag.record.audio.realtime import make_process_realtime

if TYPE_CHECKING:
    from diag.record.audio.pulse import Server

DIRECTORY_PREFIX = "diag-audio-"
RESAMPLER = "speex-float-10"
EXIT_IDLE_S = 20
"""The server exits this long after its last client has left, in case diag was killed and cannot stop it."""
START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 3.0
RENDERED_AHEAD_S = 0.04
"""A null sink renders 40 ms at a time and passes them to its monitor at once, before they are due. So the stamp of the
ear's newest frame lies 39 ms after the frame was delivered. This time is subtracted from every stamp, so that no
sound is recorded before it was played."""
RIGS_PER_SERVER = 12
"""A server takes 64 connections: four for each rig that records, some for its app, and those that list devices."""
_CONVOLVER = "module-virtual-surround-sink"
_CONVOLVER_HEADROOM = 2.5
NOWHERE = "nowhere"
"""Name of the sink that the speaker plays to when it is not connected; nothing records it."""
_STEREO = "channels=2 channel_map=front-left,front-right remix=no"
_MONO = "channels=1 channel_map=mono remix=no"
_LEFT, _RIGHT = "master_channel_map=front-left", "master_channel_map=front-right"
COOKIE, COOKIE_BYTES = "cookie", 256
_INSTALL = "`sudo apt-get install pulseaudio libasound2-plugins libportaudio2`, or use `--audio wire` without devices"
_SYSTEM_ALSA_CONFIG = Path("/usr/share/alsa/alsa.conf")


@contextmanager
def virtual_rigs(count: int, *, for_programs: bool = False) -> Iterator[tuple[tuple[Rig, ...], dict[str, Any]]]:
    """Start private sound servers with `count` rigs; yield the rigs and facts about the servers (JSON-ready).

    One server holds up to `RIGS_PER_SERVER` rigs. With `for_programs`, the ear is also a device of the sound server,
    and the environment for apps knows all devices of its rig by name. Takes do without: nothing but the ear is to
    listen to a rig.

    Raises
    ------
    CannotMeasureError
        If the server, ALSA's pulse plugin or ALSA's configuration is not installed, or a server does not start.
    """
    _require_parts()
    sweep()
    with ExitStack() as servers:
        rigs: list[Rig] = []
        facts: dict[str, Any] = {}
        for first in range(0, count, RIGS_PER_SERVER):
            indices = range(first, min(first + RIGS_PER_SERVER, count))
            directory, facts = servers.enter_context(_server(indices, for_programs=for_programs))
            rigs += [_rig(directory, index) for index in indices]
        yield tuple(rigs), facts


@contextmanager
def _server(indices: Sequence[int], *, for_programs: bool) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Start a server with the rigs of these numbers; yield its folder and facts about it."""
    directory = Path(tempfile.mkdtemp(prefix=f"{DIRECTORY_PREFIX}{os.getpid()}-", dir=short_parent()))
    server = None
    try:
        _write_owner(directory, daemon=None)
        # Without a cookie, the libraries of PulseAudio look for the user's, or write a warning.
        (directory / COOKIE).write_bytes(os.urandom(COOKIE_BYTES))
        _write_files(directory, indices, for_programs=for_programs)
        server = _start(directory)
        _write_owner(directory, daemon=server.pid)
        with _keeper(directory, server) as facts:
            yield directory, facts
    finally:
        if server is not None:
            _stop(server)
        shutil.rmtree(directory, ignore_errors=True)


def sweep() -> None:
    """Remove directories and stop servers of this user's farms whose diag process has ended."""
    for directory in short_parent().glob(f"{DIRECTORY_PREFIX}*"):
        with suppress(OSError, ValueError, KeyError):
            if directory.stat().st_uid != os.getuid():
                continue
            owner = _owner_of(directory)
            if started_at(owner["pid"]) == owner["started"]:
                continue
            if owner["daemon"] is not None and _serves(owner["daemon"], directory):
                os.kill(owner["daemon"], signal.SIGTERM)
            shutil.rmtree(directory, ignore_errors=True)


def _require_parts() -> None:
    missing = [] if shutil.which("pulseaudio") else ["the program pulseaudio"]
    plugins = [*Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")]
    plugins += Path("/usr/lib").glob("alsa-lib/libasound_module_pcm_pulse.so")
    plugins += Path("/usr/lib64").glob("alsa-lib/libasound_module_pcm_pulse.so")
    if not plugins:
        missing.append("ALSA's pulse plugin")
    if not _SYSTEM_ALSA_CONFIG.exists():
        missing.append("ALSA's own configuration")
    if missing:
        raise CannotMeasureError(
            "Could not make virtual audio devices", seen=f"not installed: {', '.join(missing)}", next_step=_INSTALL
        )


def _write_owner(directory: Path, *, daemon: int | None) -> None:
    owner = {"pid": os.getpid(), "started": started_at(os.getpid()), "daemon": daemon}
    (directory / "owner.json").write_text(json.dumps(owner))


def _owner_of(directory: Path) -> dict[str, Any]:
    try:
        owner: dict[str, Any] = json.loads((directory / "owner.json").read_text())
    except FileNotFoundError:
        pid = int(directory.name.removeprefix(DIRECTORY_PREFIX).split("-")[0])
        # The directory may have just been made and have no owner file yet: a running process with this id counts as
        # its owner.
        return {"pid": pid, "started": started_at(pid) or "gone", "daemon": None}
    return owner


def _serves(pid: int, directory: Path) -> bool:
    try:
        return os.fsencode(directory) in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _write_files(directory: Path, indices: Sequence[int], *, for_programs: bool) -> None:
    """Write the server's script, and for each rig the ALSA configuration of its recorder and of its app."""
    socket = directory / "socket"
    null_sink = f"rate={EAR_RATE_HZ} format=float32le norewinds=1"
    lines = [
        f"load-module module-native-protocol-unix auth-anonymous=1 auth-cookie-enabled=0 socket={socket}",
        f"load-module module-null-sink sink_name={NOWHERE} channels=1 channel_map=mono {null_sink}",
    ]
    for rig in map(_name, indices):
        lines += [
            f"load-module module-null-sink sink_name={rig} channels=2 {null_sink}",
            *(f"load-module module-remap-sink {arguments}" for arguments in _outputs(rig, master=rig)),
            f"load-module module-remap-source source_name={rig}_microphone master={rig}.monitor {_MONO} {_LEFT}",
        ]
        if for_programs:
            lines.append(f"load-module module-remap-source source_name={rig}_ear master={rig}.monitor {_STEREO}")
        (directory / f"{rig}.conf").write_text(_own_configuration(socket, rig))
        known = _own_devices(socket, rig) if for_programs else ""
        (directory / f"app-{rig}.conf").write_text(_default_devices(socket, rig, known))
    # Programs that ask the server for its default devices. Those that read the environment get the ones of their rig.
    first = _name(indices[0])
    lines += [f"set-default-sink {first}_speaker", f"set-default-source {first}_microphone"]
    (directory / "farm.pa").write_text("\n".join(lines) + "\n")


def _name(index: int) -> str:
    return f"rig{index}"


def _own_configuration(socket: Path, rig: str, *, noise: bool = False) -> str:
    """Return an ALSA configuration with the devices of one rig alone, and with `noise` one for the noise in its room.

    PortAudio opens every device of the configuration when it starts. With the devices of 22 rigs in one
    configuration, some were refused then, and were missing from its list. The devices of the machine are not in it
    either: that of JACK alone, where it is installed, waits for its memory for a minute if there is little.
    """
    # PortAudio ends the process where a configuration has no device of the name "default".
    return f"{_own_devices(socket, rig, noise=noise)}pcm.default {{ type null }}\n"


def _own_devices(socket: Path, rig: str, *, noise: bool = False) -> str:
    pcms = [_pcm(socket, f"{rig}_{port}", f"{rig}_{port}") for port in ("mouth", "speaker", "microphone")]
    pcms += [_pcm(socket, f"{rig}_ear", f"{rig}.monitor"), _pcm(socket, NOWHERE, NOWHERE)]
    pcms += [_pcm(socket, f"{rig}_noise", rig)] if noise else []
    return "".join(f"{pcm}\n" for pcm in pcms)


def _outputs(rig: str, *, master: str) -> tuple[str, str]:
    """Return the arguments of the modules for mouth and speaker, which play to the channels of `master`."""
    return (
        f"sink_name={rig}_mouth master={master} {_MONO} {_LEFT}",
        f"sink_name={rig}_speaker master={master} {_MONO} {_RIGHT}",
    )


def _default_devices(socket: Path, rig: str, known: str) -> str:
    """Return an ALSA configuration whose default devices are a rig's microphone and speaker, for other programs.

    The devices of the machine are there too, and those of the configuration `known`.
    """
    server = f'server "unix:{socket}"'
    playback = f'{{ type pulse {server} device "{rig}_speaker" handle_underrun 1 }}'
    capture = f'{{ type pulse {server} device "{rig}_microphone" }}'
    return (
        f"<{_SYSTEM_ALSA_CONFIG}>\n{known}"
        f"pcm.!default {{ type asym playback.pcm {playback} capture.pcm {capture} hint {{ show on }} }}\n"
        f"ctl.!default {{ type pulse {server} }}\n"
    )


def _pcm(socket: Path, name: str, device: str) -> str:
    # With handle_underrun, PortAudio flags an underrun in the server on the port on which it happened.
    options = f'server "unix:{socket}" device "{device}" handle_underrun 1'
    return f'pcm.{name} {{ type pulse {options} hint {{ show on description "{name}" }} }}'


def _rig(directory: Path, index: int) -> Rig:
    rig = _name(index)
    options: dict[str, Any] = {port: f"{rig}_{port}" for port in PORTS}
    options |= {
        "nowhere": NOWHERE,
        "ear_channels": 2,
        "steady_stamps": True,
        "stamps_late_s": RENDERED_AHEAD_S,
        "server": f"unix:{directory / 'socket'}",
        "server_log": str(directory / "server.log"),
        "environment": {
            "ALSA_CONFIG_PATH": str(directory / f"{rig}.conf"),
            "PULSE_SERVER": f"unix:{directory / 'socket'}",
            **_private(directory),
        },
        "app_environment": {
            "ALSA_CONFIG_PATH": str(directory / f"app-{rig}.conf"),
            "PULSE_SOURCE": f"{rig}_microphone",
            "PULSE_SINK": f"{rig}_speaker",
        },
    }
    return Rig(kind="virtual", name=rig, options=options)


@contextmanager
def furnished(rig: Rig, responses: Samples, noise_dbfs: float | None) -> Iterator[Rig]:
    """Put a rig into a room until the context ends; yield the rig with the options for it.

    The sound server itself convolves, with its filter for surround sound on headphones: what mouth and speaker play
    goes through the responses and then to the rig's sink, whose left channel is what the microphone hears and whose
    right channel is what the ear hears. So all paths have one clock and exactly the delays of their responses.

    Parameters
    ----------
    rig : Rig
        A virtual rig that no stream is open on.
    responses : ndarray, shape (n, 4)
        Impulse responses at `EAR_RATE_HZ` (`diag.files.rooms.PATHS`).
    noise_dbfs : float or None
        RMS level of the noise at microphone and ear; None for none.

    Raises
    ------
    CannotMeasureError
        If the sound server does not have the filter.
    """
    directory = Path(rig.options["server_log"]).parent
    to_microphone, to_ear = responses[:, (2, 0)], responses[:, (3, 1)]
    files = [directory / f"{rig.name}-{end}.wav" for end in ("microphone", "ear")]
    for file, columns in zip(files, (to_microphone, to_ear), strict=True):
        file.write_bytes(encode_wav(Clip(samples=columns, sample_rate_hz=EAR_RATE_HZ), pcm16=False))
    config = directory / f"room-{rig.name}.conf"
    config.write_text(_own_configuration(directory / "socket", rig.name, noise=True))
    air = (
        f"sink_name={rig.name}_air sink_master={rig.name} format=float32le rate={EAR_RATE_HZ} channels=2 "
        f"channel_map=front-left,front-right use_volume_sharing=no hrir_left={files[0]} hrir_right={files[1]}"
    )
    pulse = connected(rig.options["server"], attempted="Could not make the room", next_step=_INSTALL)
    try:
        filter_module = None
        try:
            _unload_outputs(pulse, rig.name)
            filter_module = loaded(pulse, _CONVOLVER, air)
            # The module scales its responses so that no sum of full-scale samples of one moment passes 1 / 2.5.
            peaks = [float(np.abs(columns).sum(axis=1).max()) for columns in (to_microphone, to_ear)]
            set_stream_gain(pulse, filter_module, _CONVOLVER_HEADROOM * max(peaks))
            for arguments in _outputs(rig.name, master=f"{rig.name}_air"):
                loaded(pulse, "module-remap-sink", arguments)
            environment = {**rig.options["environment"], "ALSA_CONFIG_PATH": str(config)}
            room = {"environment": environment, "ear_channel": 1, "noise_dbfs": noise_dbfs}
            yield replace(rig, options={**rig.options, **room, "noise": f"{rig.name}_noise"})
        finally:
            _unload_outputs(pulse, rig.name)
            if filter_module is not None:
                pulse.module_unload(filter_module)
            for arguments in _outputs(rig.name, master=rig.name):
                loaded(pulse, "module-remap-sink", arguments)
    finally:
        pulse.close()


def _unload_outputs(pulse: Server, rig: str) -> None:
    for port in ("mouth", "speaker"):
        for index in modules_named(pulse, f"sink_name={rig}_{port}"):
            pulse.module_unload(index)


def check_server(rig: Rig) -> None:
    """Check that the server of a rig still runs.

    Raises
    ------
    CannotMeasureError
        If it has ended. What PortAudio says then, that a device does not exist, would mislead.
    """
    path = str(rig.options["environment"]["PULSE_SERVER"]).removeprefix("unix:")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            raise CannotMeasureError(
                "Could not go on recording",
                seen="the private sound server (pulseaudio) has ended",
                next_step="run again with `--resume`, or use `--audio wire`, which needs no sound server",
            ) from None


def underruns(server_log: Path) -> int:
    """Return how often a stream of the server had nothing to play when audio was due; 0 if there is no log."""
    try:
        return server_log.read_text(errors="replace").count("Implicit underrun")
    except OSError:
        return 0


def _private(directory: Path) -> dict[str, str]:
    """Return environment variables that keep PulseAudio's libraries away from the user's files."""
    return {
        "PULSE_RUNTIME_PATH": str(directory),
        "PULSE_STATE_PATH": str(directory),
        "PULSE_COOKIE": str(directory / COOKIE),
    }


def _start(directory: Path) -> subprocess.Popen[bytes]:
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("PULSE_", "DBUS_"))}
    environment = keep | _private(directory) | {"XDG_RUNTIME_DIR": str(directory), "XDG_CONFIG_HOME": str(directory)}
    command = [
        "pulseaudio", "-n", "-F", str(directory / "farm.pa"), "--daemonize=no", f"--exit-idle-time={EXIT_IDLE_S}",
        "--use-pid-file=no", f"--resample-method={RESAMPLER}", "--high-priority=yes", "--realtime=yes",
        f"--log-target=file:{directory / 'server.log'}", "--log-level=debug", "--log-time=yes",
    ]  # fmt: skip
    # The kernel sends this signal when the thread that started the process ends, so only the main thread may set it.
    if shutil.which("setpriv") and threading.current_thread() is threading.main_thread():
        command = ["setpriv", "--pdeathsig", "TERM", "--", *command]
    with (directory / "stderr").open("wb") as stderr:
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr, start_new_session=True
        )


@contextmanager
def _keeper(directory: Path, server: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    """Wait for the server and stay connected, so that it does not exit between takes; yield facts about it."""
    end_s = time.perf_counter() + START_TIMEOUT_S
    address = f"unix:{directory / 'socket'}"
    while True:
        try:
            pulse = connected(address, attempted="Could not talk to the private sound server", next_step=_INSTALL)
            break
        except NoServerError:
            if server.poll() is not None or time.perf_counter() > end_s:
                raise _did_not_start(directory, server) from None
        time.sleep(0.02)
    try:
        info = pulse.server_info()
        yield {
            "server": f"{info.server_name} {info.server_version}",
            "resampler": RESAMPLER,
            "realtime": make_process_realtime(server.pid),
        }
    finally:
        pulse.close()


def _did_not_start(directory: Path, server: subprocess.Popen[bytes]) -> CannotMeasureError:
    said = [line for line in _tail(directory / "server.log") + _tail(directory / "stderr") if " E: " in line]
    state = f"ended with code {server.returncode}" if server.poll() is not None else "does not answer"
    return CannotMeasureError(
        "Could not start the private sound server",
        seen=f"pulseaudio {state}" + (f": {said[-1].strip()}" if said else ""),
        next_step="use `--audio wire`, which needs no sound server",
    )


def _tail(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()[-50:]
    except OSError:
        return []


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
