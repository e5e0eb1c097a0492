"""A sound server as a user has one: diag did not start it, and its devices have the names that people see."""

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

PORTS = ("mouth", "microphone", "speaker", "ear")
NULL_SINK = "channels=1 channel_map=mono rate=48000 format=float32le"


def set_ups():
    """Every way to lay the four ports on one to four devices: tuples of the number of each port's device."""
    found = [()]
    for _ in PORTS:
        found = [(*places, place) for places in found for place in range(max(places, default=-1) + 2)]
    return found


@contextmanager
def foreign_server(places):
    """Start PulseAudio with a device for each place; yield the environment of its user and the options for diag."""
    folder = Path(tempfile.mkdtemp(prefix="fs-", dir="/tmp"))
    lines = [f"load-module module-native-protocol-unix auth-anonymous=1 auth-cookie-enabled=0 socket={folder}/s"]
    lines += [
        f"load-module module-null-sink sink_name=d{place} {NULL_SINK} sink_properties=device.description=Desk_{place}"
        for place in sorted(set(places))
    ]
    (folder / "user.pa").write_text("\n".join(lines) + "\n")
    own = dict.fromkeys(("PULSE_RUNTIME_PATH", "PULSE_STATE_PATH", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"), str(folder))
    environment = {**os.environ, **own, "PULSE_COOKIE": os.devnull}
    server = subprocess.Popen(
        ["pulseaudio", "-n", "-F", str(folder / "user.pa"), "--daemonize=no", "--use-pid-file=no",
         "--exit-idle-time=60", f"--log-target=file:{folder}/log"],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        end_s = time.monotonic() + 10
        while not (folder / "s").exists():
            assert server.poll() is None, "pulseaudio ended"
            assert time.monotonic() < end_s, "pulseaudio did not start"
            time.sleep(0.05)
        names = [
            f"{port}=Desk_{place}" if port in ("mouth", "speaker") else f"{port}=Monitor of Desk_{place}"
            for port, place in zip(PORTS, places, strict=True)
        ]
        yield (
            {**environment, "PULSE_SERVER": f"unix:{folder}/s"},
            [word for name in names for word in ("--device", name)],
        )
    finally:
        server.terminate()
        server.wait(5)
        shutil.rmtree(folder, ignore_errors=True)
