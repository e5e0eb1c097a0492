"""How right the measures are on known faults: `make ears`.

Every voice at hand (the project's prompts and replies, and real recordings beside the repository where there are any)
goes through seeded faults whose size is known; the table says how far off the measures are. Exit code 1 where a limit
is missed.

    python benchmarks/ears.py
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from diag.clip import Clip
from diag.metrics.continuity import dropout_count, inserted_silence
from diag.metrics.dullness import dullness
from diag.metrics.speed import drift_ppm, rate_ratio
from diag.prompts import project_folder
from diag.recordings import read_wav
from diag.results import Reading

RATIOS = (0.5, 2 / 3, 0.919, 1.0, 1.088, 1.5, 2.0)
PLAYED_RATE_HZ = 48000
LONGEST_S = 6.0
Samples = NDArray[np.float64]
Disturb = Callable[[Samples, np.random.Generator], Samples]


@dataclass(frozen=True)
class Voice:
    """One recording, mono."""

    name: str
    samples: Samples
    rate_hz: int

    @property
    def clip(self) -> Clip:
        """The recording as the measures take it."""
        return Clip(samples=self.samples.astype(np.float32), sample_rate_hz=self.rate_hz)


def voices() -> Iterator[Voice]:
    """The voices at hand, at least 1 s and at most 6 s of each."""
    own = project_folder()
    beside = own.parent.parent / "shared" / "speech"
    for path in sorted([*own.glob("prompts/*.wav"), *own.glob("replies/*.wav"), *beside.glob("*.wav")]):
        clip = read_wav(path).channel(0)
        if clip.duration_s >= 1.0:
            samples = clip.samples[: round(LONGEST_S * clip.sample_rate_hz)].astype(np.float64)
            yield Voice(path.stem, samples, clip.sample_rate_hz)


def played(voice: Voice, speed: float = 1.0) -> Samples:
    """The recording as it comes out of a player that takes its rate for `speed` times what it is. 48 kHz."""
    out = soxr.resample(voice.samples, voice.rate_hz * speed, PLAYED_RATE_HZ, quality="VHQ")
    return np.concatenate([np.zeros(PLAYED_RATE_HZ // 7), out, np.zeros(PLAYED_RATE_HZ // 5)])


def as_clip(samples: Samples, rate_hz: int = PLAYED_RATE_HZ) -> Clip:
    """Samples as a clip."""
    return Clip(samples=np.asarray(samples, dtype=np.float32), sample_rate_hz=rate_hz)


def noise_at(samples: Samples, snr_db: float, random: np.random.Generator) -> Samples:
    """White noise `snr_db` below the signal's power."""
    level = np.sqrt((samples**2).mean()) * 10 ** (-snr_db / 20)
    return np.asarray(random.standard_normal(len(samples)) * level)


def filtered(samples: Samples, rate_hz: float, gain_of: Callable[[Samples], Samples]) -> Samples:
    """Linear phase, with the gain that a function of frequency in Hz gives. No delay."""
    size = 1 << (len(samples) * 2 - 1).bit_length()
    hz = np.fft.rfftfreq(size, 1 / rate_hz)
    return np.asarray(np.fft.irfft(np.fft.rfft(samples, size) * gain_of(hz.astype(np.float64)), size)[: len(samples)])


def above(edge_hz: float, gain_db: float) -> Callable[[Samples], Samples]:
    """0 dB up to 10 % below the edge, `gain_db` from the edge on."""
    return lambda hz: 10 ** (gain_db / 20 * np.clip((hz - 0.9 * edge_hz) / (0.1 * edge_hz), 0, 1))


def clean(samples: Samples, _random: np.random.Generator) -> Samples:
    """Nothing happens."""
    return samples


def noisy(samples: Samples, random: np.random.Generator) -> Samples:
    """White noise at 30 dB."""
    return samples + noise_at(samples, 30, random)


def telephone_in_a_room(samples: Samples, random: np.random.Generator) -> Samples:
    """3.4 kHz low-pass, two echoes at -8 and -12 dB, white noise at 25 dB."""
    dull = filtered(samples, PLAYED_RATE_HZ, above(3400, -80))
    for delay_s, gain_db in ((0.023, -8), (0.061, -12)):
        delay = round(delay_s * PLAYED_RATE_HZ)
        dull = dull + 10 ** (gain_db / 20) * np.concatenate([np.zeros(delay), dull[:-delay]])
    return dull + noise_at(dull, 25, random)


DISTURBANCES: dict[str, Disturb] = {
    "clean": clean,
    "30 dB noise": noisy,
    "3.4 kHz, echoes, 25 dB": telephone_in_a_room,
}


class Table:
    """Rows of figures against limits."""

    def __init__(self) -> None:
        self.missed = False
        print(f"{'measure':<20}{'condition':<26}{'n':>5}{'median':>10}{'p95':>10}{'worst':>10}  within")

    def add(
        self,
        measure: str,
        condition: str,
        errors: dict[str, float | None],
        *,
        unit: str,
        limit: float,
        share: float = 1.0,
    ) -> None:
        """One row of absolute errors, by trial, of which a share must lie within a limit.

        None is a trial that was not measured; it lies outside of any limit.
        """
        seen = [abs(error) for error in errors.values() if error is not None]
        outside = [trial for trial, error in errors.items() if error is None or abs(error) > limit]
        within = 1 - len(outside) / len(errors)
        good = within >= share
        self.missed |= not good
        print(
            f"{measure:<20}{condition:<26}{len(errors):>5}{np.median(seen):>10.3g}{np.percentile(seen, 95):>10.3g}"
            f"{max(seen):>10.3g}  {100 * within:.1f} % within {limit:g} {unit}, goal {100 * share:g} %  "
            f"{'reached' if good else 'MISSED'}",
            flush=True,
        )
        if outside:
            print(f"{'':<20}outside: {', '.join(outside[:6])}{' and more' if len(outside) > 6 else ''}")

    def count(self, measure: str, condition: str, found: int, wanted: int, of: int) -> None:
        """One row of a count that must be exact."""
        self.missed |= found != wanted
        state = "reached" if found == wanted else "MISSED"
        print(f"{measure:<20}{condition:<26}{of:>5}  {found} of {of}, must be {wanted}  {state}", flush=True)


def value(reading: Reading) -> float | None:
    """The number of a reading."""
    return reading.value if isinstance(reading.value, float) else None


def off(reading: Reading, truth: float, scale: float = 1.0) -> float | None:
    """How far a reading is from the truth."""
    found = value(reading)
    return None if found is None else (found - truth) * scale


def speeds(table: Table, every: list[Voice], random: np.random.Generator) -> None:
    """Sample-rate ratio, refusal of other speech, drift."""
    for condition, disturb in DISTURBANCES.items():
        errors = {
            f"{voice.name} x {ratio:.3g}": off(
                rate_ratio(voice.clip, as_clip(disturb(played(voice, ratio), random))), ratio, 100 / ratio
            )
            for voice in every
            for ratio in RATIOS
        }
        table.add("rate_ratio", condition, errors, unit="%", limit=0.5)
    pairs = [(a, b) for a in every for b in every if a is not b]
    picked = [pairs[i] for i in random.permutation(len(pairs))[:200]]
    accepted = sum(value(rate_ratio(a.clip, as_clip(played(b)))) is not None for a, b in picked)
    table.count("rate_ratio", "other speech accepted", accepted, 0, len(picked))
    long_enough = [voice for voice in every if len(voice.samples) / voice.rate_hz >= 3]
    errors = {
        f"{voice.name} {ppm} ppm": off(drift_ppm(voice.clip, as_clip(played(voice, 1 + ppm * 1e-6))), ppm)
        for voice in long_enough
        for ppm in (-200, 20, 1000)
    }
    table.add("drift_ppm", "3 to 6 s of speech", errors, unit="ppm", limit=5)


def treble(table: Table, every: list[Voice]) -> None:
    """Dullness of voices that have treble, against shelves of known size and against nothing."""
    wide = [voice for voice in every if voice.rate_hz >= 22050]
    for gain_db in (-3.0, -6.0, -12.0, -18.0):
        shelf = above(3500, gain_db)
        errors = {
            voice.name: off(dullness(voice.clip, as_clip(filtered(played(voice), PLAYED_RATE_HZ, shelf))), -gain_db)
            for voice in wide
        }
        table.add("dullness_db", f"{gain_db:g} dB above 3.5 kHz", errors, unit="dB", limit=1)
    errors = {voice.name: off(dullness(voice.clip, as_clip(played(voice) * 10 ** (-17 / 20))), 0) for voice in wide}
    table.add("dullness_db", "healthy, 17 dB quieter", errors, unit="dB", limit=0.3)


def gaps(table: Table, every: list[Voice], random: np.random.Generator) -> None:
    """Silence inserted in mid-speech, and none where there is none."""
    for gap_ms in (5, 20, 100):
        errors: dict[str, float | None] = {}
        for voice in every:
            stream = played(voice)
            place = loud_place(stream, random)
            gap = np.zeros(round(gap_ms / 1000 * PLAYED_RATE_HZ))
            broken = np.concatenate([stream[:place], gap, stream[place:]])
            errors[voice.name] = off(inserted_silence(voice.clip, as_clip(broken)), gap_ms / 1000, 1000)
        table.add("inserted_silence_s", f"{gap_ms} ms in mid-speech", errors, unit="ms", limit=1, share=0.99)
    counts = [value(dropout_count(voice.clip, as_clip(played(voice)))) for voice in every]
    table.count("dropout_count", "healthy", sum(count != 0 for count in counts), 0, len(counts))


def loud_place(samples: Samples, random: np.random.Generator) -> int:
    """A frame in the loudest tenth of 20 ms windows."""
    size = PLAYED_RATE_HZ // 50
    power = (samples[: len(samples) // size * size].reshape(-1, size) ** 2).mean(axis=1)
    loud = np.flatnonzero(power >= np.quantile(power, 0.9))
    return int(random.choice(loud)) * size + size // 2


def main() -> int:
    """Print the table; 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    random = np.random.default_rng(parser.parse_args().seed)
    start_s = time.perf_counter()
    every = list(voices())
    outside = sum(Path(project_folder().parent.parent / "shared/speech" / f"{v.name}.wav").is_file() for v in every)
    print(f"{len(every)} voices, {outside} of them from outside of the project\n")
    table = Table()
    speeds(table, every, random)
    treble(table, every)
    gaps(table, every, random)
    print(f"\n{time.perf_counter() - start_s:.0f} s")
    return int(table.missed)


if __name__ == "__main__":
    sys.exit(main())
