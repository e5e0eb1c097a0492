"""How exactly the wait is measured on devices that diag did not start: `python -m benchmarks.heard_on_devices`.

    python -m benchmarks.heard_on_devices headset --takes 20
    python -m benchmarks.heard_on_devices headset --takes 20 --server pipewire

A sound server holds one stereo device: the mouth plays to its left channel and the speaker to its right one. A
witness records both, so the true wait is read from one recording: from the place of the prompt's end on the left to the
place of the first audible sample of the reply on the right, as the emulator logged it. diag sees other devices, whose
sound passes the server once more:

- `one`: one device for all ports. The ear hears mouth and speaker in one recording.
- `headset`: the microphone hears the mouth, and the ear hears the speaker. The wait is measured by the
  clocks of both.
- `four`: four devices. The ear hears mouth and speaker, and the microphone hears the mouth.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "record" / "audio"))

from foreign_server import sound_server  # noqa: E402

from benchmarks.truth import place_s  # noqa: E402
from diag.api.take_dispatch import TRUTH_FILE  # noqa: E402
from diag.files.prompts import find_prompt  # noqa: E402
from diag.files.run_folders import read_take  # noqa: E402
from diag.files.scenario_folders import built_in_folder  # noqa: E402
from diag.judge.engine import judge_take  # noqa: E402

RATE_HZ = 48000
LEFT, RIGHT = (f"channels=1 channel_map=mono master_channel_map=front-{side} remix=no" for side in ("left", "right"))
BOTH = "channels=1 channel_map=mono remix=yes"
SINKS = {
    "one": {"Desk": BOTH},
    "headset": {"Mouth": LEFT, "Speaker": RIGHT},
    "four": {"Mouth": LEFT, "Speaker": RIGHT},
}
SOURCES = {
    "one": {"Room": BOTH},
    "headset": {"Microphone": LEFT, "Ear": RIGHT},
    "four": {"Microphone": LEFT, "Ear": BOTH},
}
PORTS = {
    "one": ("mouth=Desk", "speaker=Desk", "microphone=Room", "ear=Room"),
    "headset": ("mouth=Mouth", "speaker=Speaker", "microphone=Microphone", "ear=Ear"),
    "four": ("mouth=Mouth", "speaker=Speaker", "microphone=Microphone", "ear=Ear"),
}
SEARCHED_S, REPLY_S = 2.5, 0.25
"""The reply begins within this time after the prompt, and so much of its sound is searched for."""
LIMIT_MS = {"one": 10.0, "headset": 20.0, "four": 10.0}


def modules_of(topology: str) -> list[str]:
    """Return the modules of the sound server for the devices of a topology."""
    lines = [
        f"module-null-sink sink_name=air channels=2 channel_map=front-left,front-right rate={RATE_HZ} format=float32le"
    ]
    for name, how in SINKS[topology].items():
        more = f"sink_properties=device.description={name}"
        lines.append(f"module-remap-sink sink_name=out_{name} master=air {how} {more}")
    for name, how in SOURCES[topology].items():
        more = f"source_properties=device.description={name}"
        lines.append(f"module-remap-source source_name=in_{name} master=air.monitor {how} {more}")
    return lines


def error_ms(take_dir: Path, witness: np.ndarray, began_s: float) -> float | None:
    """Return the measured minus the true wait of a take; None if it was not measured."""
    take = read_take(take_dir)
    lines = json.loads((take_dir / TRUTH_FILE).read_text(encoding="utf-8"))["lines"]
    reply: dict[str, Any] = next(line for line in lines if line["event"] == "reply_chosen")
    prompt = find_prompt(take.turns[0].prompt_name)
    started, end_s = take.timeline.first("take_started"), take.turns[0].end_s
    assert started is not None
    assert prompt.speech_end_s is not None
    assert end_s is not None
    first_s = started.data["perf_counter_s"] - began_s
    part = witness[max(0, round((first_s - 1.0) * RATE_HZ)) : round((first_s + end_s + 2.0) * RATE_HZ)]
    prompt_at_s = place_s(part[:, 0], RATE_HZ, prompt.path)
    prompt_end_s, audible_s = prompt_at_s + prompt.speech_end_s, reply["first_audible_frame"] / 24000
    # Where the microphone hears the speaker, the reply is cut off, and others follow.
    after = part[round(prompt_end_s * RATE_HZ) : round((prompt_end_s + SEARCHED_S) * RATE_HZ), -1]
    path = built_in_folder() / "replies" / f"{reply['reply']}.wav"
    true_s = place_s(after, RATE_HZ, path, first_s=audible_s + REPLY_S) + audible_s
    measured_s = judge_take(take).measurements.value("ttfa_heard_s")
    return None if measured_s is None else 1000 * (measured_s - true_s)


def main() -> None:
    """Record takes on one topology and print how far the measured wait is from the true one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("topology", choices=sorted(PORTS))
    parser.add_argument("--takes", type=int, default=20)
    parser.add_argument("--server", choices=("pulseaudio", "pipewire"), default="pulseaudio")
    given = parser.parse_args()
    with sound_server(modules_of(given.topology), given.server) as (environment, folder):
        with (folder / "witness.raw").open("wb") as file:
            listen = ["parec", "--device=air.monitor", "--format=float32le", "--channels=2", f"--rate={RATE_HZ}"]
            began_s = time.perf_counter()
            listener = subprocess.Popen([*listen, "--latency-msec=50"], env=environment, stdout=file)
            ports = [word for port in PORTS[given.topology] for word in ("--device", port)]
            what = ["healthy", "--audio", "system", "--embed", "none", "--rigs", "1"]
            takes = ["--takes", str(given.takes), "--out", str(folder)]
            diag = [sys.executable, "-m", "diag", "run", *what, *takes, *ports]
            try:
                subprocess.run(diag, env=environment, check=False)
            finally:
                listener.terminate()
                listener.wait(5)
        witness = np.fromfile(folder / "witness.raw", dtype=np.float32)
        witness = witness[: len(witness) // 2 * 2].reshape(-1, 2)
        found = [
            error_ms(path.parent, witness, began_s) for path in sorted(folder.glob(f"runs/*/takes/*/{TRUTH_FILE}"))
        ]
        errors = np.array([error for error in found if error is not None])
        print(f"{given.topology}: {len(found)} takes, measured in {len(errors)}")
        if len(errors):
            print(
                f"measured minus true: median {np.median(errors):+.2f} ms, p95 of its size"
                f" {np.percentile(np.abs(errors), 95):.2f} ms, limit {LIMIT_MS[given.topology]:.0f} ms"
            )


if __name__ == "__main__":
    main()
