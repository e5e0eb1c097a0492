"""Makes diag/dsp/speech_likeness.json: the classifier that tells speech from other sound.

    DIAG_VOICES=FOLDER DIAG_NONSPEECH=FOLDER .venv/bin/python tools/train_speech_likeness.py [--check]

Learns from the development half of the voices of the accuracy table and of the sounds of
`benchmarks/accuracy/non_speech.py`: as they are, through narrow stages, with noise, in a room, and played at half to
double speed, since a voice at a wrong speed must still be taken for one. Seeded: the same files give the same result.
`--check` prints how it does on sources that are left out of the learning, and writes nothing.
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
import soxr  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from small_net import fitted, rounded  # noqa: E402

from benchmarks.accuracy.non_speech import recorded, synthesised  # noqa: E402
from benchmarks.accuracy.processing import far_field  # noqa: E402
from benchmarks.accuracy.voices import DEVELOPMENT, Voice, voices  # noqa: E402
from diag.dsp.spectrum import Sound  # noqa: E402
from diag.dsp.speech_likeness import block_features  # noqa: E402

Array = NDArray[np.float64]

RATIOS = (0.5, 0.67, 0.85, 1.0, 1.0, 1.25, 1.5, 2.0)
UNITS, NETS, FOLDS = 8, 3, 4
PENALTY = 0.0006
PER_SPEAKER, PIECE_S, MOST_BLOCKS = 3, 10.0, 5


class Table(NamedTuple):
    """Features of shape (n, m); whether it is speech, the source and the recording of each of n blocks."""

    features: Array
    speech: NDArray[np.bool_]
    sources: NDArray[np.str_]
    recordings: NDArray[np.int64]


def joined(every: Sequence[Voice]) -> Iterator[Voice]:
    """Yield recordings of one speaker, short ones joined to some 10 s."""
    by_speaker: dict[tuple[str, int], list[Voice]] = {}
    for voice in every:
        by_speaker.setdefault((voice.speaker, voice.rate_hz), []).append(voice)
    for own in by_speaker.values():
        parts: list[Voice] = []
        made = 0
        for voice in own:
            parts.append(voice)
            if (sum(part.duration_s for part in parts) >= PIECE_S or voice is own[-1]) and made < PER_SPEAKER:
                samples = np.concatenate([part.samples / (np.abs(part.samples).max() + 1e-9) for part in parts])
                yield Voice(
                    voice.name, voice.speaker, voice.half, voice.real, (0.5 * samples).astype(np.float32), voice.rate_hz
                )
                parts, made = [], made + 1


def variants(voice: Voice, random: np.random.Generator) -> list[tuple[NDArray[np.float32], int]]:
    """Return the recording as it is, with noise, in a room, and through a narrow stage."""
    x, hz = voice.samples, voice.rate_hz
    level = float(np.std(x)) * 10 ** (-random.uniform(15, 40) / 20)
    noisy = (x + level * random.standard_normal(x.size)).astype(np.float32)
    made = [(x, hz), (noisy, hz), far_field(x, hz, random)]
    stage_hz = int(random.choice([8000, 16000]))
    if hz > 1.05 * stage_hz:
        made.append((soxr.resample(x, hz, stage_hz, quality="HQ").astype(np.float32), stage_hz))
    return made


def table(speech: Sequence[Voice], other: Sequence[Voice]) -> Table:
    """Return what there is to learn from."""
    random = np.random.default_rng(1)
    features, labels, sources, recordings = [], [], [], []
    for place, (voice, is_speech) in enumerate([*((v, True) for v in speech), *((v, False) for v in other)]):
        made = variants(voice, random)
        for ratio in RATIOS:
            samples, rate_hz = made[int(random.integers(len(made)))]
            blocks = block_features(Sound(samples, rate_hz * ratio).spectrum)
            if blocks.shape[0] > MOST_BLOCKS:
                blocks = blocks[np.sort(random.choice(blocks.shape[0], MOST_BLOCKS, replace=False))]
            features.append(blocks)
            labels += [is_speech] * blocks.shape[0]
            sources += [voice.speaker] * blocks.shape[0]
            recordings += [place] * blocks.shape[0]
    return Table(np.concatenate(features), np.array(labels), np.array(sources), np.array(recordings))


def learnt(data: Table) -> dict[str, Any]:
    """Return standardisation and nets as the file holds them; both classes weigh the same."""
    mean, spread = data.features.mean(axis=0), data.features.std(axis=0) + 1e-6
    standard = np.clip((data.features - mean) / spread, -5, 5)
    _, place, count = np.unique(data.sources, return_inverse=True, return_counts=True)
    weight = 1.0 / np.sqrt(count[place])
    for label in (True, False):
        weight[data.speech == label] /= weight[data.speech == label].sum()
    sign, half = np.where(data.speech, 1.0, -1.0), 0.5 * weight

    def logistic(outputs: Array) -> tuple[float, Array]:
        margin = sign * outputs
        value = float(half @ np.logaddexp(0.0, -margin))
        return value, -half * sign / (1.0 + np.exp(np.clip(margin, -50, 50)))

    nets = [fitted(standard, logistic, units=UNITS, penalty=PENALTY, seed=seed, iterations=200) for seed in range(NETS)]
    return {"mean": rounded(mean), "spread": rounded(spread), "nets": nets}


def odds_of(data: dict[str, Any], features: Array) -> Array:
    """Return log odds for speech by what was learnt."""
    standard = np.clip((features - np.array(data["mean"])) / np.array(data["spread"]), -5, 5)
    votes = [
        np.tanh(standard @ np.array(net["hidden"]) + np.array(net["offset"])) @ np.array(net["output"]) + net["bias"]
        for net in data["nets"]
    ]
    return np.asarray(np.mean(votes, axis=0))


def check(data: Table) -> None:
    """Print the share of blocks and recordings taken for speech, by a classifier that has not heard their source."""
    names = np.unique(data.sources)
    fold_of = dict(zip(names.tolist(), np.random.default_rng(0).permutation(names.size) % FOLDS, strict=True))
    folds = np.array([fold_of[name] for name in data.sources.tolist()])
    odds = np.zeros(folds.size)
    for fold in range(FOLDS):
        kept = folds != fold
        own = Table(data.features[kept], data.speech[kept], data.sources[kept], data.recordings[kept])
        odds[~kept] = odds_of(learnt(own), data.features[~kept])
    for label, word in ((True, "speech"), (False, "other sound")):
        mine = data.speech == label
        scores = np.array([odds[data.recordings == r].mean() for r in np.unique(data.recordings[mine])])
        taken = np.mean(odds[mine] > 0)
        print(f"{word}: {mine.sum()} blocks, {100 * taken:.1f} % taken for speech; of {scores.size} recordings "
              f"{100 * np.mean(scores > 0):.1f} %; 5th and 95th percentile of the score "
              f"{np.percentile(scores, 5):.1f} {np.percentile(scores, 95):.1f}")  # fmt: skip


def main() -> int:
    """Write the file, unless only a check was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="print, write nothing")
    chosen = parser.parse_args()
    speech = list(joined([voice for voice in voices() if voice.half == DEVELOPMENT]))
    data = table(speech, [*synthesised(DEVELOPMENT), *recorded(DEVELOPMENT)])
    check(data)
    if not chosen.check:
        path = ROOT / "diag" / "dsp" / "speech_likeness.json"
        whole = {"version": 1, "sources": int(np.unique(data.sources).size), **learnt(data)}
        path.write_text(json.dumps(whole).replace('], "', '],\n"').replace("]], ", "]],\n") + "\n", encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
