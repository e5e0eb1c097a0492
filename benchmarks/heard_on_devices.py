"""How exactly the wait is measured on devices that diag did not start: `python -m benchmarks.heard_on_devices`.

    python -m benchmarks.heard_on_devices --list
    python -m benchmarks.heard_on_devices --takes 20 --at-once 3
    python -m benchmarks.heard_on_devices --takes 20 --server pipewire room-0123-one headset-0123-one

A topology says which of the ports mouth, microphone, speaker and ear are on the same device (`0011`: mouth and
microphone on one, speaker and ear on another), what is heard, and how many clocks there are:

- `room`: the microphone hears the mouth, and the ear hears mouth and speaker. An input or an output of two ports
  hears or plays both, so the microphone may hear the reply too.
- `headset`: the microphone hears only the mouth, and the ear only the speaker.
- `apart`: an input hears only the output of its own device. In most of these something is missing, and what diag
  says of it is printed.
- `own`: each device has a clock of its own, up to 270 ppm from another (PulseAudio only: PipeWire converts all devices
  to one clock). `one`: all have the same.

A witness records what mouth and speaker play into the air. The true wait is read from its recording alone: from the
place of the prompt's end to the place of the reply's first audible sample, as the emulator logged it. What the
devices carry passes the sound server once more before diag sees it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "record" / "audio"))

from foreign_server import PORTS, foreign_server, set_ups, sound_server  # noqa: E402
from own_clocks import air, modules_of_pipes  # noqa: E402

from benchmarks.truth import place_s  # noqa: E402
from diag.api.take_dispatch import TRUTH_FILE  # noqa: E402
from diag.core.take import Take  # noqa: E402
from diag.files.prompts import find_prompt  # noqa: E402
from diag.files.run_folders import read_take  # noqa: E402
from diag.files.scenario_folders import built_in_folder  # noqa: E402

RATE_HZ = 48000
OUTPUTS, INPUTS = ("mouth", "speaker"), ("microphone", "ear")
CLOCKS_PPM = (40.0, -150.0, 120.0, -90.0)
"""How fast the clock of each device is. No two are equal, and none is exact."""
SIDES = tuple(f"channels=1 channel_map=mono master_channel_map=front-{side} remix=no" for side in ("left", "right"))
BOTH = "channels=1 channel_map=mono remix=yes"
SEARCHED_S, REPLY_S, PROMPT_S = 2.5, 0.25, 1.5
"""The reply begins within this time after the prompt. So much of its first sound, and of the end of the prompt, is
searched for."""
LIMITS_MS = {"waveform": 10.0, "events": 20.0}
"""Largest 95th percentile by the way of measuring: one recording of the ear, or the clocks of several devices."""


@dataclass(frozen=True)
class Topology:
    """Which device each port is on, in the order of `PORTS`; what is heard; and whether devices have own clocks."""

    places: tuple[int, ...]
    heard: str
    clocks: str

    @property
    def name(self) -> str:
        """Return its name on the command line."""
        return f"{self.heard}-{''.join(map(str, self.places))}-{self.clocks}"

    def devices_of(self, ports: tuple[str, ...]) -> list[int]:
        """Return the devices that some ports are on, each once."""
        return sorted({self.places[PORTS.index(port)] for port in ports})

    def hears(self) -> dict[int, list[int]]:
        """Return which outputs are heard by each input, by the number of their devices."""
        place = dict(zip(PORTS, self.places, strict=True))
        found: dict[int, set[int]] = {device: set() for device in self.devices_of(INPUTS)}
        if self.heard == "apart":
            return {device: [device] if device in self.devices_of(OUTPUTS) else [] for device in found}
        found[place["microphone"]].add(place["mouth"])
        found[place["ear"]].add(place["speaker"])
        if self.heard == "room":
            found[place["ear"]].add(place["mouth"])
        return {device: sorted(outputs) for device, outputs in found.items()}


def topologies(server: str) -> list[Topology]:
    """Return all topologies that a server can have.

    With one clock, it only matters whether outputs and inputs are shared. So there are fewer of these.
    """
    alone, one_output, one_input = (0, 1, 2, 3), (0, 1, 0, 2), (0, 1, 2, 1)
    with_one_clock = (alone,) if server == "pulseaudio" else (alone, one_output, one_input)
    found = []
    for heard in ("room", "headset", "apart"):
        for places in set_ups():
            mouth, microphone, speaker, ear = places
            if heard == "headset" and (mouth == speaker or microphone == ear):
                continue
            one_clock = heard == "apart" or places == (0, 0, 0, 0)
            if server == "pulseaudio" and not one_clock:
                found.append(Topology(places, heard, "own"))
            if one_clock or places in with_one_clock:
                found.append(Topology(places, heard, "one"))
    return found


def modules_of(topology: Topology) -> list[str]:
    """Return the modules of a sound server for devices with one clock."""
    outputs = topology.devices_of(OUTPUTS)
    lines = [
        f"module-null-sink sink_name=air channels=2 channel_map=front-left,front-right rate={RATE_HZ} format=float32le"
    ]
    for device in outputs:
        how = BOTH if len(outputs) == 1 else SIDES[outputs.index(device)]
        title = f"sink_properties=device.description=Output_{device}"
        lines.append(f"module-remap-sink sink_name=out_{device} master=air {how} {title}")
    for device, heard in topology.hears().items():
        how = BOTH if heard == outputs else SIDES[outputs.index(heard[0])]
        title = f"source_properties=device.description=Input_{device}"
        lines.append(f"module-remap-source source_name=in_{device} master=air.monitor {how} {title}")
    return lines


class Witness:
    """A recording of the air: samples of shape (frames, outputs), and when its first frame was recorded."""

    def __init__(self) -> None:
        self.began_s = time.perf_counter()
        self.samples = np.zeros((0, 2), dtype=np.float32)


@contextmanager
def set_up(topology: Topology, server: str) -> Iterator[tuple[dict[str, str], list[str], Witness]]:
    """Start a server with the devices of a topology; yield its user's environment, the options and the witness."""
    names = [
        f"{port}={'Output' if port in OUTPUTS else 'Input'}_{device}"
        for port, device in zip(PORTS, topology.places, strict=True)
    ]
    options = [word for name in names for word in ("--device", name)]
    witness = Witness()
    if topology.heard == "apart":
        with foreign_server(topology.places, server) as (environment, devices):
            yield environment, devices, witness
    elif topology.clocks == "own":
        outputs = {f"Output_{device}": CLOCKS_PPM[device] for device in topology.devices_of(OUTPUTS)}
        inputs = {f"Input_{device}": CLOCKS_PPM[device] for device in topology.devices_of(INPUTS)}
        hears = {f"Input_{one}": [f"Output_{device}" for device in heard] for one, heard in topology.hears().items()}
        with (
            tempfile.TemporaryDirectory() as pipes,
            sound_server(modules_of_pipes(pipes, outputs, inputs), server) as (environment, _),
            air(Path(pipes), outputs, inputs, hears) as carried,
        ):
            witness.began_s = carried.began_s
            yield environment, options, witness
            witness.samples = carried.samples()
    else:
        with sound_server(modules_of(topology), server) as (environment, folder):
            file = folder / "witness.raw"
            listen = ["parec", "--device=air.monitor", "--format=float32le", "--channels=2", f"--rate={RATE_HZ}"]
            with file.open("wb") as stream:
                witness.began_s = time.perf_counter()
                listener = subprocess.Popen([*listen, "--latency-msec=50"], env=environment, stdout=stream)
                try:
                    yield environment, options, witness
                finally:
                    listener.terminate()
                    listener.wait(5)
            samples = np.fromfile(file, dtype=np.float32)
            witness.samples = samples[: len(samples) // 2 * 2].reshape(-1, 2)


def true_wait_s(take: Take, lines: list[dict[str, Any]], witness: Witness, channels: tuple[int, ...]) -> float:
    """Return the wait in the recording of the witness; `channels` are those of mouth and speaker."""
    prompt = find_prompt(take.turns[0].prompt_name)
    started, end_s = take.timeline.first("take_started"), take.turns[0].end_s
    assert started is not None
    assert prompt.speech_end_s is not None
    assert end_s is not None
    origin_s = started.data["perf_counter_s"]
    first = max(0, round((origin_s - witness.began_s - 1.0) * RATE_HZ))
    part = witness.samples[first : first + round((end_s + 3.0) * RATE_HZ)]
    # The sound of a device may break off for a moment, so only the end of the prompt is searched for.
    from_s = max(0.0, prompt.speech_end_s - PROMPT_S)
    spoken = part[:, channels[0]]
    prompt_end_s = place_s(spoken, RATE_HZ, prompt.path, from_s=from_s, until_s=prompt.speech_end_s)
    prompt_end_s += prompt.speech_end_s - from_s
    # A reply that interrupts itself is followed by others, some with the same words. The first one after the prompt
    # counts, and it is searched for until the next one is chosen.
    spoken_s = witness.began_s + first / RATE_HZ + prompt_end_s
    replies = [line for line in lines if line["event"] == "reply_chosen"]
    place = next((index for index, line in enumerate(replies) if line["t_s"] >= spoken_s), len(replies) - 1)
    reply = replies[place]
    until_s = min([SEARCHED_S, *(line["t_s"] - spoken_s for line in replies[place + 1 :])])
    audible_s = float(reply["first_audible_frame"]) / 24000
    after = part[round(prompt_end_s * RATE_HZ) : round((prompt_end_s + until_s) * RATE_HZ), channels[1]]
    path = built_in_folder() / "replies" / f"{reply['reply']}.wav"
    return place_s(after, RATE_HZ, path, until_s=audible_s + REPLY_S) + audible_s


def drift_errors_ppm(topology: Topology, measurements: list[dict[str, Any]]) -> list[float]:
    """Return measured minus true difference of the clocks, for each hop with devices on which it was measured."""
    place = dict(zip(PORTS, topology.places, strict=True))
    ends = {"microphone": ("mouth", "microphone"), "speaker": ("speaker", "ear")}
    errors = []
    for item in measurements:
        if item["metric"] == "drift_ppm" and item.get("hop") in ends and item["value"] is not None:
            first, last = (CLOCKS_PPM[place[port]] for port in ends[item["hop"]])
            errors.append(item["value"] - (first - last if topology.clocks == "own" else 0.0))
    return errors


def recorded(topology: Topology, server: str, takes: int, kept: Path | None) -> dict[str, Any]:
    """Record takes and return the errors of the wait in ms, how it was measured, and what was found."""
    outputs = topology.devices_of(OUTPUTS)
    channels = tuple(outputs.index(topology.places[PORTS.index(port)]) for port in OUTPUTS)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) if kept is None else kept / f"{server}-{topology.name}"
        with set_up(topology, server) as (environment, options, witness):
            what = ["healthy", "--audio", "system", "--embed", "none", "--rigs", "1", "--takes", str(takes)]
            done = subprocess.run(
                [sys.executable, "-m", "diag", "run", *what, "--json", "--out", str(folder), *options],
                env=environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
        if kept is not None:
            np.save(folder / "witness.npy", witness.samples)
            (folder / "witness.json").write_text(json.dumps(witness.began_s))
        (run,) = json.loads(done.stdout)["runs"]
        counted = [take for take in run["takes"] if take["discarded"] is None]
        result: dict[str, Any] = {
            "takes": len(counted), "discarded": len(run["takes"]) - len(counted), "ways": {}, "findings": {},
            "drift_ppm": [], "load": os.getloadavg()[0],
        }  # fmt: skip
        for take in counted:
            for finding in take["findings"]:
                said = result["findings"].setdefault(f"{finding['severity']} {finding['code']}", [])
                said.append(finding["title"])
            result["drift_ppm"] += drift_errors_ppm(topology, take["measurements"])
            (wait,) = (item for item in take["measurements"] if item["metric"] == "ttfa_heard_s")
            if wait["value"] is None:
                result.setdefault("why", wait["reason"])
                continue
            (path,) = folder.glob(f"runs/*/takes/{take['id']}")
            lines = json.loads((path / TRUTH_FILE).read_text(encoding="utf-8"))["lines"]
            if len(witness.samples):
                true_s = true_wait_s(read_take(path), lines, witness, channels)
                result["ways"].setdefault(wait["tier"], []).append(1000 * (wait["value"] - true_s))
            else:
                result["ways"].setdefault(wait["tier"], []).append(float("nan"))
    return result


def line_of(topology: Topology, result: dict[str, Any]) -> str:
    """Return what is printed of a topology."""
    words = [f"{topology.name:18} {result['takes']:2} takes"]
    if result["discarded"]:
        words.append(f"{result['discarded']} discarded")
    for tier, errors in result["ways"].items():
        way = {"waveform": "one recording", "events": "stamps"}[tier]
        sizes = np.abs(errors)
        if np.isnan(sizes).any():
            words.append(f"measured by {way}")
            continue
        state = "reached" if np.percentile(sizes, 95) <= LIMITS_MS[tier] else "MISSED"
        words.append(
            f"{len(errors)} by {way}: median {np.median(errors):+.2f}, p95 {np.percentile(sizes, 95):.2f},"
            f" worst {sizes.max():.2f} ms, {state}"
        )
    missing = result["takes"] - sum(map(len, result["ways"].values()))
    if missing:
        words.append(f"{missing} not measured: {result.get('why')}")
    if result["drift_ppm"]:
        sizes = np.abs(result["drift_ppm"])
        words.append(f"drift p95 {np.percentile(sizes, 95):.2f}, worst {sizes.max():.2f} ppm off (n {sizes.size})")
    words.append(f"load {result['load']:.1f}")
    lines = [", ".join(words)]
    lines += [f"    {len(titles)} × {code} {titles[0]}" for code, titles in sorted(result["findings"].items())]
    return "\n".join(lines)


def main() -> None:
    """Record takes on topologies and print how far the measured wait is from the true one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("topology", nargs="*", help="names from --list; all without one")
    parser.add_argument("--list", action="store_true", help="print the names of the topologies")
    parser.add_argument("--takes", type=int, default=20, help="of each; 1 of those that are apart")
    parser.add_argument("--server", choices=("pulseaudio", "pipewire"), default="pulseaudio")
    parser.add_argument("--at-once", type=int, default=1, help="topologies recorded at the same time")
    parser.add_argument("--keep", type=Path, help="folder for the takes and the recordings of the witness")
    given = parser.parse_args()
    known = {item.name: item for item in topologies(given.server)}
    if given.list:
        print("\n".join(known))
        return
    chosen = [known[name] for name in given.topology] or list(known.values())
    with ProcessPoolExecutor(given.at_once) as pool:
        jobs = [
            (item, pool.submit(recorded, item, given.server, 1 if item.heard == "apart" else given.takes, given.keep))
            for item in chosen
        ]
        for item, job in jobs:
            print(line_of(item, job.result()), flush=True)


if __name__ == "__main__":
    main()
