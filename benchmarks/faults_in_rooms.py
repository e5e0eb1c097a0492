"""Which faults of speed, treble and continuity are still found through a room.

    python -m benchmarks.faults_in_rooms [--room NAME] [--strengths]

Every fault of the catalogue (`scenarios/faults`) that lies on the microphone or the speaker and is one of these kinds
is planted at the strength stated there, by the same code as in a take. The sound also passes the impulse response of
a room and gets its noise: a prompt on its way to the microphone before the fault, a reply on its way to the ear after
it. The result is judged with the measures and rules of a take. Healthy sound is judged too.

A fault is found (its code is reported), reported under another code of its hop, not measured (its check gave a reason
instead of an answer), or called good. With `--strengths`, each kind of fault is planted in rising strengths, and the
least one is printed from which on it is found in all sounds, under its own code or another one of its hop.
"""

import argparse
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from scipy.signal import fftconvolve

from benchmarks.echo_in_rooms import CAPTURED_HZ, RATE_HZ, noise
from diag.core.chain import Tap
from diag.core.client_config import ClientConfig
from diag.core.clip import Clip
from diag.core.results import Severity, Status, TakeResult
from diag.core.take import Take, Turn
from diag.core.timeline import Event, EventName, Timeline
from diag.files.planted import Planted
from diag.files.rooms import PATHS, read_responses, rooms_by_name
from diag.judge.engine import judge_take
from diag.record.client.impairments import planted_chain

ROOT = Path(__file__).resolve().parents[1]
KINDS = {
    "speed": ("rate", "stretch"),
    "treble": ("squeeze", "imaging", "aliasing"),
    "gaps": ("stall", "skip", "repeat", "swap"),
}
ROOMS = ("dry", "headset", "laptop", "meeting_room")
SOUNDS = {
    "microphone": ("prompts", ("can_you_hear_me", "weather_in_seoul", "table_for_six", "train_with_a_pause")),
    "speaker": ("replies", ("hearing_you_well", "take_the_express", "say_it_again", "sunny_in_seoul")),
}
PLAYED_HZ = 24000
AROUND_S = 0.7
_LENGTHS = ("for_s", (0.05, 0.1, 0.2, 0.4, 0.55, 0.7))
STRENGTHS: dict[str, tuple[str, tuple[float, ...]]] = {
    "rate": ("ratio", (1.001, 1.002, 1.005, 1.02, 1.05, 0.91875)),
    "stretch": ("ratio", (0.98, 0.95, 0.9, 0.85, 0.7)),
    "squeeze": ("through_hz", (12000, 8000, 6000)),
    "imaging": ("factor", (2, 3, 4)),
    "aliasing": ("factor", (2, 3, 4)),
    "stall": _LENGTHS,
    "skip": _LENGTHS,
    "repeat": _LENGTHS,
    "swap": _LENGTHS,
}
"""The key that says how strong a kind of fault is, and values from weak to strong."""


def faults() -> Iterator[tuple[str, str, Planted]]:
    """Yield topic, code and fault of each file of the catalogue."""
    for path in sorted((ROOT / "scenarios" / "faults").glob("*.toml")):
        entry = tomllib.loads(path.read_text(encoding="utf-8"))
        for given in entry.get("faults", {}).get("planted", []):
            for topic, kinds in KINDS.items():
                if given["hop"] in SOUNDS and given["kind"] in kinds:
                    yield topic, path.stem.upper(), Planted(**given)


def impaired(samples: np.ndarray, rate_hz: int, fault: Planted | None) -> np.ndarray:
    """Return samples with a planted fault, or unchanged."""
    if fault is None:
        return samples
    chain = planted_chain([fault], rate_hz)
    return np.concatenate((chain.push(samples.astype(np.float32)), chain.finish()))


def through(samples: np.ndarray, room: str, path: str, generator: np.random.Generator) -> np.ndarray:
    """Return 48 kHz samples after a path of a room, with its noise; unchanged for "dry"."""
    if room == "dry":
        return samples
    found = rooms_by_name()[room]
    response = read_responses(found.path)[:, PATHS.index(path)].astype(float)
    out = fftconvolve(samples, response)[: len(samples)]
    return out if found.noise_dbfs is None else out + noise(len(out), found.noise_dbfs, generator)


def take_of(hop: str, name: str, room: str, fault: Planted | None, generator: np.random.Generator) -> Take:
    """Return a take of one sound at both ends of a hop."""
    samples, rate_hz = soundfile.read(ROOT / "scenarios" / SOUNDS[hop][0] / f"{name}.wav")
    around = np.zeros(round(AROUND_S * rate_hz))
    samples = np.concatenate((around, samples, around))
    wide = soxr.resample(samples, rate_hz, RATE_HZ)
    if hop == "microphone":
        captured = soxr.resample(through(wide, room, "mouth_to_microphone", generator), RATE_HZ, CAPTURED_HZ)
        ends = {Tap.PROMPT: (wide, RATE_HZ), Tap.CAPTURED: (impaired(captured, CAPTURED_HZ, fault), CAPTURED_HZ)}
    else:
        played = soxr.resample(samples, rate_hz, PLAYED_HZ)
        out = soxr.resample(impaired(played, PLAYED_HZ, fault), PLAYED_HZ, RATE_HZ)
        ends = {Tap.PLAYED: (played, PLAYED_HZ), Tap.HEARD: (through(out, room, "speaker_to_ear", generator), RATE_HZ)}
    clips = {
        tap: Clip(samples=values.astype(np.float32), sample_rate_hz=hz, start_s=0.0)
        for tap, (values, hz) in ends.items()
    }
    spans = {tap: (0, len(clip.samples)) for tap, clip in clips.items()}
    seconds = len(wide) / RATE_HZ
    turn = Turn(
        index=0, prompt_name=name, start_s=0.0, end_s=seconds,
        speech_start_s=AROUND_S, speech_end_s=seconds - AROUND_S,
        prompt_spans=spans if hop == "microphone" else {}, reply_spans=spans if hop == "speaker" else {},
    )  # fmt: skip
    # Through the air, one ear hears the prompt and the reply.
    opened: dict[str, Any] = {"devices": {}, "rates_hz": {}, "latency_s": {}, "ear_channels": 2 if room == "dry" else 1}
    return Take(
        id="0001", scenario="x", config=ClientConfig(), environment={"audio": "system"}, seed=0, clips=clips,
        timeline=Timeline((Event(t_s=0.0, name=EventName.STREAMS_OPENED, source="audio", data=opened),)), turns=(turn,),
    )  # fmt: skip


def outcome(result: TakeResult, code: str) -> str:
    """Return what became of a fault."""
    codes = {finding.code for finding in result.findings if finding.severity is not Severity.INFO}
    if code in codes:
        return "found"
    if any(other.startswith(code[:3]) for other in codes):
        return "another code"
    (check,) = (item for item in result.outcomes if item.code == code)
    return "good" if check.status is Status.CLEAR else "not measured"


def print_strengths(rooms: Sequence[str]) -> None:
    """Print for each room and kind of fault what became of it at each strength."""
    kinds: dict[tuple[str, str], list[tuple[str, Planted]]] = {}
    for _, code, fault in faults():
        kinds.setdefault((fault.hop, fault.kind), []).append((code, fault))
    for room in rooms:
        for (hop, kind), planted in kinds.items():
            generator = np.random.default_rng(0)
            key, values = STRENGTHS[kind]
            all_found, words = [], []
            for value in values:
                fault = Planted.model_validate(planted[0][1].model_dump() | {key: value})
                count: Counter[str] = Counter()
                for name in SOUNDS[hop][1]:
                    result = judge_take(take_of(hop, name, room, fault, generator))
                    said = [outcome(result, code) for code, _ in planted]
                    count["found" if {"found", "another code"} & set(said) else said[0]] += 1
                all_found.append(count["found"] == len(SOUNDS[hop][1]))
                words.append(f"{value:g}: {dict(count)}")
            missed = max((place for place, found in enumerate(all_found) if not found), default=-1)
            least = f"found from {values[missed + 1]:g} on" if missed + 1 < len(values) else "not always found"
            print(f"{room:13} {hop:10} {kind:9} {least} ({key}); {', '.join(words)}", flush=True)


def main() -> None:
    """Print one line for each fault and room, and what was said of healthy sound."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--room", action="append", choices=ROOMS, help="only this room; may be repeated")
    parser.add_argument("--strengths", action="store_true", help="from which strength on each kind is found")
    given = parser.parse_args()
    if given.strengths:
        print_strengths(given.room or ROOMS)
        return
    totals: dict[tuple[str, str], Counter[str]] = {}
    for room in given.room or ROOMS:
        generator = np.random.default_rng(0)
        for hop, (_, names) in SOUNDS.items():
            said: Counter[Any] = Counter()
            for name in names:
                result = judge_take(take_of(hop, name, room, None, generator))
                said.update(
                    finding.code
                    for finding in result.findings
                    if finding.severity is not Severity.INFO and finding.hop is not None and finding.hop.value == hop
                )
            print(f"{room:13} healthy {hop:10} {len(names)} sounds, warnings and errors: {dict(said)}", flush=True)
        for topic, code, fault in faults():
            count: Counter[str] = Counter()
            for name in SOUNDS[fault.hop][1]:
                count[outcome(judge_take(take_of(fault.hop, name, room, fault, generator)), code)] += 1
            totals.setdefault((room, topic), Counter()).update(count)
            print(f"{room:13} {topic:7} {code} {fault.kind:9} {dict(count)}", flush=True)
    for (room, topic), count in totals.items():
        print(f"{room:13} {topic:7} {dict(count)}")


if __name__ == "__main__":
    main()
