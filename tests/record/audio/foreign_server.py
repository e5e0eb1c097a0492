"""A sound server as a user has one: diag did not start it, and its devices have the names that people see."""

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

PORTS = ("mouth", "microphone", "speaker", "ear")
WITHOUT_A_BUS = {
    "main.lua.d": (
        "alsa_monitor.enabled = false\nv4l2_monitor.enabled = false\nlibcamera_monitor.enabled = false\n"
        'alsa_monitor.properties["alsa.reserve"] = false\n'
        'default_access.properties["enable-flatpak-portal"] = false\n'
    ),
    "bluetooth.lua.d": "bluez_monitor.enabled = false\n",
}
"""What the session manager of PipeWire must leave alone where there is no session bus."""
NULL_SINK = "channels=1 channel_map=mono rate=48000 format=float32le"


def set_ups():
    """Every way to lay the four ports on one to four devices: tuples of the number of each port's device."""
    found = [()]
    for _ in PORTS:
        found = [(*places, place) for places in found for place in range(max(places, default=-1) + 2)]
    return found


@contextmanager
def foreign_server(places, kind="pulseaudio"):
    """Start a sound server with a device for each place; yield the environment of its user and the options for diag."""
    modules = [
        f"module-null-sink sink_name=d{place} {NULL_SINK} sink_properties=device.description=Desk_{place}"
        for place in sorted(set(places))
    ]
    names = [
        f"{port}=Desk_{place}" if port in ("mouth", "speaker") else f"{port}=Monitor of Desk_{place}"
        for port, place in zip(PORTS, places, strict=True)
    ]
    with sound_server(modules, kind) as (environment, _):
        yield environment, [word for name in names for word in ("--device", name)]


@contextmanager
def sound_server(modules, kind="pulseaudio"):
    """Start a sound server with these modules of PulseAudio; yield the environment of its user and its folder."""
    folder = Path(tempfile.mkdtemp(prefix="fs-", dir="/tmp"))
    own = dict.fromkeys(("PULSE_RUNTIME_PATH", "PULSE_STATE_PATH", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"), str(folder))
    (folder / "cookie").write_bytes(bytes(256))
    environment = {
        **{name: value for name, value in os.environ.items() if name != "DBUS_SESSION_BUS_ADDRESS"},
        **own,
        "XDG_STATE_HOME": str(folder),
        "PULSE_COOKIE": str(folder / "cookie"),
    }
    started = []
    try:
        start = {"pulseaudio": _start_pulseaudio, "pipewire": _start_pipewire}[kind]
        environment["PULSE_SERVER"] = start(folder, environment, modules, started)
        yield environment, folder
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(5)
        shutil.rmtree(folder, ignore_errors=True)


def _start_pulseaudio(folder, environment, modules, started):
    lines = [f"load-module module-native-protocol-unix auth-anonymous=1 auth-cookie-enabled=0 socket={folder}/s"]
    lines += [f"load-module {module}" for module in modules]
    (folder / "user.pa").write_text("\n".join(lines) + "\n")
    started_server(
        ["pulseaudio", "-n", "-F", str(folder / "user.pa"), "--daemonize=no", "--use-pid-file=no",
         "--exit-idle-time=60", f"--log-target=file:{folder}/log"],
        environment, folder / "s", started,
    )  # fmt: skip
    return f"unix:{folder}/s"


def _start_pipewire(folder, environment, modules, started):
    """Start PipeWire, its session manager and its PulseAudio face, without a session bus and without hardware."""
    for part, lines in WITHOUT_A_BUS.items():
        (folder / "wireplumber" / part).mkdir(parents=True)
        (folder / "wireplumber" / part / "80-no-bus.lua").write_text(lines)
    started_server(["pipewire"], environment, folder / "pipewire-0", started)
    started_server(["wireplumber"], environment, folder / "pipewire-0", started)
    started_server(["pipewire-pulse"], environment, folder / "native", started)
    server = f"unix:{folder}/native"
    for module in modules:
        command = ["pactl", "load-module", *module.split()]
        subprocess.run(
            command, env={**environment, "PULSE_SERVER": server}, check=True, stdout=subprocess.DEVNULL, timeout=10
        )
    return server


def started_server(command, environment, appears, started):
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    started.append(server)
    end_s = time.monotonic() + 10
    while not appears.exists():
        assert server.poll() is None, f"{command[0]} ended"
        assert time.monotonic() < end_s, f"{command[0]} did not start"
        time.sleep(0.05)
