"""How exactly the echo of a reply is measured in rooms: its level and its delay against known impulse responses.

    python benchmarks/echo_in_rooms.py [--talker DB | --interruptions]

Signals are made, not recorded: each of 8 replies passes the path from speaker to microphone of each of the 6 rooms that
come with diag, at 3 levels, and the noise of the room is added. `--talker` adds somebody who talks at the same time, at
this level relative to the echo. `--interruptions` judges takes made of the same signals, in which the service
interrupts its reply 0.35 to 0.9 s after it began to play: because of the echo, of the user, or of a noise.
`tests/record/audio/test_rooms.py` shows that virtual devices have exactly the delays
and levels of such responses in real time.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from scipy.signal import fftconvolve

from diag.core.chain import Tap
from diag.core.client_config import ClientConfig
from diag.core.clip import Clip
from diag.core.results import Severity
from diag.core.take import Take, Turn
from diag.core.timeline import Event, Timeline
from diag.dsp.echo import find_echo
from diag.files.rooms import read_responses, rooms_by_name
from diag.judge.engine import judge_take
from diag.judge.registry import all_rules
from diag.measure.registry import all_metrics

ROOT = Path(__file__).resolve().parents[1]
LEVELS_DB = (-6.0, -16.0, -26.0)
RATE_HZ = 48000
CAPTURED_HZ = 16000
LEAD_S, TAIL_S = 0.035, 1.0
"""Latency of the microphone, and what is recorded after the reply."""


def sounds() -> dict[str, Any]:
    """Return 8 replies at 48 kHz, at the level at which they are played."""
    paths = sorted((ROOT / "scenarios" / "replies").glob("*.wav"))[:8]
    return {path.stem: soxr.resample(soundfile.read(path)[0], soundfile.read(path)[1], RATE_HZ) for path in paths}


def noise(frames: int, level_dbfs: float, generator: np.random.Generator) -> np.ndarray:
    """Return noise that falls by 6 dB per octave."""
    frequencies = np.fft.rfftfreq(frames, 1 / RATE_HZ)
    spectrum = np.exp(1j * generator.uniform(0, 2 * np.pi, len(frequencies))) / np.maximum(frequencies, 100)
    spectrum[frequencies < 40] = 0
    out = np.fft.irfft(spectrum, frames)
    return out * 10 ** (level_dbfs / 20) / np.sqrt(np.mean(out**2))


def clip_of(samples: np.ndarray, to_hz: int, start_s: float) -> Clip:
    """Return 48 kHz samples as a clip at another rate."""
    return Clip(samples=soxr.resample(samples, RATE_HZ, to_hz), sample_rate_hz=to_hz, start_s=start_s)


def take_of(
    reply: np.ndarray, words: np.ndarray, room: tuple[np.ndarray, float], cause: str, generator: np.random.Generator
) -> Take:
    """Return a take whose reply is interrupted: by its echo, by the user's next words, or by a bang."""
    path, noise_dbfs = room
    begin_s, after_s = 4.0, float(generator.uniform(0.35, 0.9))
    cut_s = begin_s + after_s
    total = round(7.0 * RATE_HZ)
    prompt, played = np.zeros(total), np.zeros(total)
    first = round(1.0 * RATE_HZ)
    words = words[: round(2.0 * RATE_HZ)]
    prompt[first : first + len(words)] += words
    reply = reply[np.flatnonzero(np.abs(reply) > 0.01)[0] :]
    part = reply[: round((after_s + 0.05) * RATE_HZ)]
    start = round(begin_s * RATE_HZ)
    played[start : start + len(part)] += part
    captured = np.zeros(total)
    if cause == "user":
        again = round((cut_s - 0.5) * RATE_HZ)
        prompt[again : again + len(words)] += words[: total - again]
    if cause == "noise":
        bang = round((cut_s - 0.35) * RATE_HZ)
        captured[bang : bang + 12000] += 0.3 * generator.standard_normal(12000)
    captured += 0.7 * prompt + fftconvolve(played, path)[:total] + noise(total, noise_dbfs, generator)
    captured = np.concatenate((np.zeros(round(LEAD_S * RATE_HZ)), captured))[:total]
    batch = CAPTURED_HZ // 20
    data = {"turn": 0, "mime_type": "audio/pcm;rate=16000"}
    events = [
        Event(t_s=0.05 * (index + 1), name="batch_sent", source="client",
              data={**data, "start_frame": index * batch, "frames": batch, "captured_end_frame": (index + 1) * batch})
        for index in range(round(7.0 / 0.05))
    ]  # fmt: skip
    for t_s, name, more in (
        (begin_s - 0.05, "chunk_received", {"start_frame": 0, "frames": len(part) // 2}),
        (begin_s, "playout_started", {"frame": round(begin_s * 24000)}),
        (cut_s, "interrupted", {}),
    ):
        events.append(Event(t_s=t_s, name=name, source="service", data={"turn": 0, **more}))
    sent = soxr.resample(captured, RATE_HZ, CAPTURED_HZ)
    turn = Turn(
        index=0, prompt_name="x", start_s=1.0, end_s=cut_s + 0.1,
        speech_start_s=1.0, speech_end_s=1.0 + len(words) / RATE_HZ,
        prompt_spans={Tap.PROMPT: (first, first + len(words)), Tap.SENT: (12800, 54400), Tap.CAPTURED: (12800, 54400)},
        reply_spans={Tap.PLAYED: (round(begin_s * 24000), round((begin_s + len(part) / RATE_HZ) * 24000)),
                     Tap.RECEIVED: (0, len(part) // 2)},
    )  # fmt: skip
    clips = {
        Tap.PROMPT: Clip(samples=prompt, sample_rate_hz=RATE_HZ, start_s=0.0),
        Tap.CAPTURED: Clip(samples=sent, sample_rate_hz=CAPTURED_HZ, start_s=0.0),
        Tap.SENT: Clip(samples=sent, sample_rate_hz=CAPTURED_HZ, start_s=0.05),
        Tap.RECEIVED: clip_of(part, 24000, begin_s - 0.05),
        Tap.PLAYED: clip_of(played, 24000, 0.0),
    }
    return Take(
        id="0001", scenario="x", config=ClientConfig(), environment={}, seed=0, clips=clips,
        timeline=Timeline(tuple(events)), turns=(turn,),
    )  # fmt: skip


def attribute(replies: dict[str, Any], generator: np.random.Generator) -> None:
    """Print how often the echo is named as the root cause, for each cause of the interruption."""
    names = list(replies)
    metrics = [item for item in all_metrics() if item.name.startswith(("echo_", "interruption_"))]
    rules = [item for item in all_rules() if item.code == "MIC006"]
    for cause in ("echo", "user", "noise"):
        for room in rooms_by_name().values():
            response = read_responses(room.path)[:, 0].astype(float)
            named = total = 0
            for level_db in LEVELS_DB:
                path = response * 10 ** (level_db / 20) / np.sqrt(np.sum(response**2))
                for index, name in enumerate(names):
                    words = replies[names[(index + 3) % len(names)]]
                    take = take_of(replies[name], words, (path, room.noise_dbfs or -60.0), cause, generator)
                    findings = judge_take(take, metrics=metrics, rules=rules).findings
                    named += any(item.severity is Severity.ERROR for item in findings)
                    total += 1
            print(f"interrupted by {cause:5}  {room.name:17} named as its own echo: {named} of {total}", flush=True)


def main() -> None:
    """Print one line for each room, and the worst errors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--talker", type=float, default=None, metavar="DB")
    parser.add_argument("--interruptions", action="store_true")
    given = parser.parse_args()
    replies, generator = sounds(), np.random.default_rng(0)
    if given.interruptions:
        attribute(replies, generator)
        return
    names = list(replies)
    worst = []
    for room in rooms_by_name().values():
        response = read_responses(room.path)[:, 0].astype(float)
        errors = []
        for level_db in LEVELS_DB:
            path = response * 10 ** (level_db / 20) / np.sqrt(np.sum(response**2))
            for index, name in enumerate(names):
                known = replies[name]
                echo = fftconvolve(known, path)
                recording = np.zeros(len(known) + round((LEAD_S + TAIL_S) * RATE_HZ))
                start = round(LEAD_S * RATE_HZ)
                echo = echo[: len(recording) - start]
                recording[start : start + len(echo)] += echo
                truth_db = 10 * np.log10(np.sum(echo**2) / np.sum(known**2))
                recording += noise(len(recording), room.noise_dbfs, generator)
                if given.talker is not None:
                    other = np.resize(replies[names[(index + 3) % len(names)]], len(recording))
                    recording += other * np.std(echo) / np.std(other) * 10 ** (given.talker / 20)
                played = soxr.resample(known, RATE_HZ, 24000).astype(np.float32)
                captured = soxr.resample(recording, RATE_HZ, CAPTURED_HZ).astype(np.float32)
                found = find_echo(played, 24000, captured, CAPTURED_HZ)
                truth_s = LEAD_S + np.argmax(np.abs(response)) / RATE_HZ
                errors.append((found.level_db - truth_db, found.delay_s - truth_s, found.distinct, level_db, name))
        level = np.array([error[0] for error in errors])
        delay = np.array([error[1] for error in errors]) * 1000
        found = sum(error[2] for error in errors)
        within = sum(abs(error[0]) <= 1.5 and abs(error[1]) <= 0.001 and error[2] for error in errors)
        print(
            f"{room.name:17} n {len(errors)}  found {found}  level error dB median {np.median(level):+.2f}, worst "
            f"{level[np.argmax(np.abs(level))]:+.2f}  delay error ms worst {delay[np.argmax(np.abs(delay))]:+.2f}  "
            f"within 1.5 dB and 1 ms: {within}"
        )
        worst += [(abs(error[0]), room.name, *error[1:]) for error in errors]
    for line in sorted(worst, reverse=True)[:5]:
        print("  worst", *line)


if __name__ == "__main__":
    sys.exit(main())
