"""Makes diag/dsp/blind_rate.json: the model behind the suspicion of a wrong speed.

    DIAG_VOICES=FOLDER .venv/bin/python tools/train_blind_rate.py [--check]

Learns from the development half of the voices of the accuracy table (`tools/more_voices.sh` fills FOLDER), each joined
to pieces of some 8 s and played at several speeds: as it is, through stages of 8 and 16 kHz, and with noise. Limits are
set where few healthy pieces lie when their own speakers are left out of the learning. Slow and fast speakers and rooms
are among the healthy ones. Seeded: the same voices give the same file. `--check` only prints what leaving speakers out
shows. Needs ffmpeg.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import numpy as np  # noqa: E402 (threads are limited before it loads)
import scipy.optimize  # noqa: E402
import soxr  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from small_net import fitted, rounded  # noqa: E402

from benchmarks.accuracy.processing import at_tempo, far_field  # noqa: E402
from benchmarks.accuracy.voices import DEVELOPMENT, Voice, voices  # noqa: E402
from diag.dsp.blind_rate import Model, model_from  # noqa: E402
from diag.dsp.spectrum import Sound  # noqa: E402
from diag.dsp.voice_features import speed_features  # noqa: E402

Array = NDArray[np.float64]

VERSION = 1
RATIOS = (0.5, 0.57, 2 / 3, 0.75, 0.83, 0.919, 1.0, 1.0, 1.088, 1.2, 1.5, 2.0)
STAGES_HZ = (8000, 16000)
PIECE_S, LONGEST_S, PIECES_MOST = 8.0, 12.0, 4
UNITS, NETS, FOLDS = 8, 4, 8
PENALTY = 0.003
LETTERS = "klettres_"
"""Speakers with this prefix say single letters, one after the other: no running speech, so it has no tempo."""
TEMPOS = (0.85, 1.18)
"""Slow and fast speakers: the tempo changes and the pitch stays, so the speed is right."""
SLOW_SHARE, FAST_SHARE = 0.02, 0.004
"""Healthy pieces that may be called slow and fast."""
CURVE = (0.005, 0.01, 0.02, 0.03, 0.05)


class Table(NamedTuple):
    """Features of shape (n, m), octaves of speed, speakers and whether the speed is healthy, each of shape (n,)."""

    features: Array
    octaves: Array
    speakers: NDArray[np.str_]


def pieces(every: Sequence[Voice]) -> Iterator[tuple[str, Array, int]]:
    """Speaker, samples and rate: recordings of one speaker joined, each at one peak."""
    by_speaker: dict[tuple[str, int], list[Voice]] = {}
    for voice in every:
        by_speaker.setdefault((voice.speaker, voice.rate_hz), []).append(voice)
    for (speaker, rate_hz), own in by_speaker.items():
        joined: list[Array] = []
        made = 0
        for voice in own:
            joined.append(np.asarray(voice.samples / (np.abs(voice.samples).max() + 1e-9), dtype=np.float64))
            last = voice is own[-1]
            long_enough = sum(part.size for part in joined) >= PIECE_S * rate_hz
            if (long_enough or last) and made < PIECES_MOST:
                yield speaker, np.concatenate(joined)[: round(LONGEST_S * rate_hz)], rate_hz
                joined, made = [], made + 1


def variants(samples: Array, rate_hz: int, random: np.random.Generator) -> Iterator[tuple[Array, int]]:
    """The piece as it is, with noise, and through narrow stages."""
    yield samples, rate_hz
    level = float(np.std(samples)) * 10 ** (-random.uniform(30, 45) / 20)
    yield samples + level * random.standard_normal(samples.size), rate_hz
    for stage_hz in STAGES_HZ:
        if rate_hz > 1.05 * stage_hz:
            yield soxr.resample(samples, rate_hz, stage_hz, quality="HQ"), stage_hz


def unhurried(samples: Array, rate_hz: int, random: np.random.Generator) -> Iterator[NDArray[np.float32]]:
    """Yield the piece by a slow and a fast speaker, and in a room."""
    x = samples.astype(np.float32)
    for tempo in TEMPOS:
        yield at_tempo(tempo)(x, rate_hz, random)[0]
    yield far_field(x, rate_hz, random)[0]


def table(every: Sequence[Voice]) -> Table:
    """What there is to learn from."""
    random = np.random.default_rng(1)
    features, octaves, speakers = [], [], []
    for speaker, samples, rate_hz in pieces(every):
        for varied, own_hz in variants(samples, rate_hz, random):
            for ratio in sorted(set(RATIOS)):
                found = speed_features(Sound(varied.astype(np.float32), own_hz * ratio))
                if found is not None:
                    features.append(found)
                    octaves.append(np.log2(ratio))
                    speakers.append(speaker)
        for slower in unhurried(samples, rate_hz, random):
            found = speed_features(Sound(slower.astype(np.float32), rate_hz))
            if found is not None:
                features.append(found)
                octaves.append(0.0)
                speakers.append(speaker)
    return Table(np.array(features), np.array(octaves), np.array(speakers))


def learnt(data: Table) -> dict[str, Any]:
    """Standardisation and nets, as the file holds them; speakers weigh by the root of their pieces."""
    mean, spread = data.features.mean(axis=0), data.features.std(axis=0) + 1e-6
    _, place, count = np.unique(data.speakers, return_inverse=True, return_counts=True)
    weight = 1.0 / np.sqrt(count[place])
    standard = (data.features - mean) / spread
    share = weight / weight.sum()

    def squared(outputs: Array) -> tuple[float, Array]:
        error = outputs - data.octaves
        return float(share @ error**2), 2 * share * error

    nets = [fitted(standard, squared, units=UNITS, penalty=PENALTY, seed=seed, iterations=250) for seed in range(NETS)]
    return {"mean": rounded(mean), "spread": rounded(spread), "nets": nets}


def as_model(data: dict[str, Any], **limits: object) -> Model:
    """A model, complete or before its limits are known."""
    open_ends = {"slow_below": -9.0, "fast_above": 9.0, "stretch": 1.0, "doubt": [1.0, 0.0]}
    return model_from({"version": VERSION, **data, **open_ends, **limits})


def left_out(data: Table) -> Array:
    """Octaves of every row by a model that has not heard its speaker."""
    names = np.unique(data.speakers)
    fold_of = dict(zip(names.tolist(), np.random.default_rng(0).permutation(names.size) % FOLDS, strict=True))
    folds = np.array([fold_of[name] for name in data.speakers.tolist()])
    found = np.zeros(folds.size)
    for fold in range(FOLDS):
        kept = folds != fold
        mine = as_model(learnt(Table(data.features[kept], data.octaves[kept], data.speakers[kept])))
        found[~kept] = mine.octaves(data.features[~kept])
    return found


def limits(data: Table, found: Array) -> dict[str, Any]:
    """Where healthy pieces end, the scale of the octaves, and the odds of a wrong speed beyond."""
    healthy = found[data.octaves == 0]
    slow, fast = np.quantile(healthy, SLOW_SHARE), np.quantile(healthy, 1 - FAST_SHARE)
    stretch = float(data.octaves @ data.octaves / (data.octaves @ found))
    beyond = np.maximum(slow - found, found - fast)
    wrong = np.abs(data.octaves) > 0.5
    counted = wrong | (data.octaves == 0)
    weight = np.where(wrong, 0.5 / wrong.sum(), 0.5 / (data.octaves == 0).sum())[counted]
    sign = np.where(wrong, 1.0, -1.0)[counted]

    def loss(line: Array) -> float:
        return float(weight @ np.logaddexp(0.0, -sign * (line[0] * beyond[counted] + line[1])))

    doubt = scipy.optimize.minimize(loss, np.array([1.0, 0.0])).x
    return {
        "slow_below": round(float(slow), 3),
        "fast_above": round(float(fast), 3),
        "stretch": round(stretch, 3),
        "doubt": rounded(doubt),
    }


def told(data: Table, found: Array, ends: dict[str, Any]) -> None:
    """Share of pieces that are suspected, by speed."""
    print(f"{data.octaves.size} pieces of {np.unique(data.speakers).size} speakers, speakers left out; {ends}")
    healthy = found[data.octaves == 0]
    for octaves in np.unique(data.octaves):
        mine = found[data.octaves == octaves]
        slow, fast = (mine < ends["slow_below"]).mean(), (mine > ends["fast_above"]).mean()
        median = 2 ** np.median(mine)
        curve = ", ".join(f"{100 * (mine < np.quantile(healthy, share)).mean():.0f}" for share in CURVE)
        print(f"    {2**octaves:5.3f}: {100 * slow:5.1f} % slow, {100 * fast:5.1f} % fast, median {median:.2f}; "
              f"slow at {CURVE} false alarms: {curve} %")  # fmt: skip


def main() -> int:
    """Write the file, unless only a check was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="print, write nothing")
    chosen = parser.parse_args()
    data = table([v for v in voices() if v.half == DEVELOPMENT and not v.speaker.startswith(LETTERS)])
    found = left_out(data)
    ends = limits(data, found)
    told(data, found, ends)
    if not chosen.check:
        path = ROOT / "diag" / "dsp" / "blind_rate.json"
        whole = {"version": VERSION, "speakers": int(np.unique(data.speakers).size), **ends, **learnt(data)}
        path.write_text(json.dumps(whole).replace('], "', '],\n"').replace("]], ", "]],\n") + "\n", encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
