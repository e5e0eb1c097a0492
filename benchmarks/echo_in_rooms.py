"""How exactly the echo of a reply is measured in rooms: its level and its delay against known impulse responses.

    python benchmarks/echo_in_rooms.py [--talker DB]

Signals are made, not recorded: each of 8 replies passes the path from speaker to microphone of each of the 6 rooms that
come with diag, at 3 levels, and the noise of the room is added. `--talker` adds somebody who talks at the same time, at
this level relative to the echo. `tests/record/audio/test_rooms.py` shows that virtual devices have exactly the delays
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

from diag.dsp.echo import find_echo
from diag.files.rooms import read_responses, rooms_by_name

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


def main() -> None:
    """Print one line for each room, and the worst errors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--talker", type=float, default=None, metavar="DB")
    given = parser.parse_args()
    replies, generator = sounds(), np.random.default_rng(0)
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
