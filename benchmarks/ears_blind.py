"""What the measures find without an input to compare with: the second half of `make ears`.

Seeded faults on every voice at hand. Thresholds were chosen with the project's own and the neighbouring recordings in
view, so a third set is made on the spot where espeak-ng or flite are installed: voices that no threshold has seen.

    python benchmarks/ears_blind.py
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from diag.dsp import glitches
from diag.dsp.align import locate
from diag.dsp.band import IMAGING_LIMIT, content_edge, imaging
from diag.dsp.clicks import clicks
from diag.dsp.echo import find_echo
from diag.dsp.pcm import best_reading
from diag.dsp.profile import make_profile, speed_against_profile, treble_against_profile
from diag.dsp.spectrum import Sound
from diag.prompts import project_folder
from diag.recordings import read_wav

Samples = NDArray[np.float32]
LONGEST_S = 8.0
SENTENCES = (
    "The quick survey shows that six of the seven ships have left the harbour this morning.",
    "Please press the first switch, then check whether the second light has changed to yellow.",
)


@dataclass(frozen=True)
class Voice:
    """One recording and the set that it belongs to."""

    name: str
    group: str
    sound: Sound


def voices() -> Iterator[Voice]:
    """The project's recordings, those beside the repository, and voices made on the spot."""
    own = project_folder()
    beside = own.parent.parent / "shared" / "speech"
    for group, paths in (
        ("project", [*own.glob("prompts/*.wav"), *own.glob("replies/*.wav")]),
        ("beside", list(beside.glob("*.wav"))),
    ):
        for path in sorted(paths):
            yield from _read(path, group)
    with tempfile.TemporaryDirectory() as folder:
        for path in _made(Path(folder)):
            yield from _read(path, "unseen")


def _read(path: Path, group: str) -> Iterator[Voice]:
    clip = read_wav(path).channel(0)
    if clip.duration_s >= 1.0 and clip.sample_rate_hz >= 16000:
        samples = clip.samples[: round(LONGEST_S * clip.sample_rate_hz)]
        yield Voice(path.stem, group, Sound(np.asarray(samples), float(clip.sample_rate_hz)))


def _made(folder: Path) -> Iterator[Path]:
    commands: list[list[str]] = []
    for index, text in enumerate(SENTENCES):
        for voice in ("en+m5", "en+f4", "de+m7", "fr+f2", "en-gb-scotland"):
            commands.append(["espeak-ng", "-v", voice, "-s", "150", "-w", str(folder / f"{voice}-{index}.wav"), text])
        for voice in ("rms", "awb", "kal16"):
            commands.append(["flite", "-voice", voice, "-t", text, "-o", str(folder / f"flite-{voice}-{index}.wav")])
    for command in commands:
        if shutil.which(command[0]):
            done = subprocess.run(command, capture_output=True, check=False, timeout=60)
            path = next(Path(part) for part in command if part.endswith(".wav"))
            if done.returncode == 0 and path.is_file():
                yield path


class Table:
    """Rows of how many were found, by group of voices."""

    def __init__(self, every: list[Voice]) -> None:
        self.groups = sorted({voice.group for voice in every})
        print(f"{'measure':<22}{'condition':<34}" + "".join(f"{group:>14}" for group in self.groups), flush=True)

    def row(self, measure: str, condition: str, hits: list[tuple[str, float]], *, rate: bool = False) -> None:
        """`hits` are (group, 1 found / 0 not), or a figure per voice where `rate` is given."""
        cells = []
        for group in self.groups:
            values = [value for name, value in hits if name == group]
            if not values:
                cells.append(f"{'-':>14}")
            elif rate:
                cells.append(f"{np.mean(values):>14.2f}")
            else:
                cells.append(f"{f'{sum(values):.0f}/{len(values)}':>14}")
        print(f"{measure:<22}{condition:<34}" + "".join(cells), flush=True)


def sixteen_bit(samples: NDArray[np.floating]) -> Samples:
    """Rounded as a recorder would."""
    return (np.round(np.clip(samples, -1, 1) * 32767) / 32768).astype(np.float32)


def noise(samples: Samples, level_db: float, random: np.random.Generator) -> Samples:
    """White noise against the signal's RMS."""
    level = float(np.std(samples)) * 10 ** (level_db / 20)
    return (samples + level * random.standard_normal(samples.size)).astype(np.float32)


def to_rate(sound: Sound, rate_hz: float) -> Samples:
    """At another rate, by a good resampler."""
    return sound.samples if rate_hz == sound.rate_hz else soxr.resample(sound.samples, sound.rate_hz, rate_hz, "HQ")


def loud_places(sound: Sound, count: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Samples in the midst of sound."""
    width = round(0.02 * sound.rate_hz)
    level = np.convolve(np.abs(sound.samples), np.ones(width) / width, mode="same")
    level[: round(0.15 * sound.rate_hz)] = 0
    level[-round(0.3 * sound.rate_hz) :] = 0
    return random.choice(np.flatnonzero(level > 0.12 * np.abs(sound.samples).max()), count)


def bandwidth(table: Table, every: list[Voice], random: np.random.Generator) -> None:
    """Edges of narrow stages within 6 %, with and without noise."""
    edges = {voice.name: content_edge(voice.sound.spectrum) or 0.0 for voice in every}
    for container in (24000, 48000):
        for level_db in (None, -45.0):
            for stage in (8000, 11025, 12000, 16000):
                hits = []
                for voice in every:
                    if edges[voice.name] < 0.97 * stage / 2 or stage >= 0.97 * container:
                        continue
                    wide = soxr.resample(to_rate(voice.sound, stage), stage, container, "HQ")
                    wide = sixteen_bit(wide if level_db is None else noise(wide, level_db, random))
                    found = content_edge(Sound(wide, container).spectrum)
                    hits.append((voice.group, float(found is not None and abs(found / (stage / 2) - 1) < 0.06)))
                table.row("bandwidth_hz ±6 %", f"{stage} in {container} Hz, noise {level_db or 'none'}", hits)


def images(table: Table, every: list[Voice]) -> None:
    """Images of naive resamplers found, and none in what was resampled well."""
    clean = [(v, imaging(v.sound.spectrum)) for v in every]
    born = {v.name for v, found in clean if found and found.correlation > IMAGING_LIMIT}
    table.row("imaging", "born with images (left out below)", [(v.group, float(v.name in born)) for v in every])
    for start, container in ((8000, 24000), (16000, 24000), (16000, 48000)):
        kinds: dict[str, Callable[[Samples], Samples]] = {
            "hold": lambda x, a=start, b=container: x[(np.arange(int(x.size * b / a)) * a / b).astype(int)],
            "linear": lambda x, a=start, b=container: np.interp(
                np.arange(int(x.size * b / a) - 8) * a / b, np.arange(x.size), x
            ).astype(np.float32),
            "proper (false alarms)": lambda x, a=start, b=container: soxr.resample(x, a, b, "HQ"),
        }
        for kind, change in kinds.items():
            hits = []
            for voice in every:
                if voice.name in born:
                    continue
                found = imaging(Sound(sixteen_bit(change(to_rate(voice.sound, start))), container).spectrum)
                hits.append((voice.group, float(found is not None and found.correlation > IMAGING_LIMIT)))
            table.row("imaging > 0.22", f"{kind}, {start} to {container} Hz", hits)


def broken_samples(table: Table, every: list[Voice], random: np.random.Generator) -> None:
    """Clipping, gaps, clicks, bytes, channels."""
    minutes = {group: sum(v.sound.duration_s for v in every if v.group == group) / 60 for group in table.groups}
    for gain_db in (3, 6, 12):
        tops = [(v, float(np.abs(v.sound.samples).max())) for v in every]
        clipped = [(v, np.clip(v.sound.samples * 10 ** (gain_db / 20), -peak, peak)) for v, peak in tops]
        table.row("clipping", f"+{gain_db} dB, digital", [
            (v.group, float(glitches.flat_tops(sixteen_bit(x)).count > 0)) for v, x in clipped])  # fmt: skip
        table.row("clipping", f"+{gain_db} dB, resampled", [
            (v.group, float(glitches.piled_tops(soxr.resample(x, v.sound.rate_hz, 48000), 48000).count > 0))
            for v, x in clipped])  # fmt: skip
    table.row("clipping", "clean, false alarms", [
        (v.group, float(glitches.flat_tops(v.sound.samples).count + glitches.piled_tops(
            v.sound.samples, v.sound.rate_hz).count > 0)) for v in every])  # fmt: skip
    for length_ms in (3, 10, 30):
        hits, holes = [], []
        for voice in every:
            for place in loud_places(voice.sound, 4, random):
                cut = voice.sound.samples.copy()
                cut[place : place + round(length_ms / 1000 * voice.sound.rate_hz)] = 0
                near = 0.004 * voice.sound.rate_hz
                hits.append(
                    (
                        voice.group,
                        float(
                            any(
                                abs(first - place) < near
                                for first, _ in glitches.digital_gaps(sixteen_bit(cut), voice.sound.rate_hz)
                            )
                        ),
                    )
                )
                holes.append((voice.group, float(any(abs(first - place) < near for first, _ in glitches.noisy_gaps(
                    noise(cut, -50, random), voice.sound.rate_hz)))))  # fmt: skip
        table.row("gaps, digital", f"{length_ms} ms", hits)
        table.row("gaps over noise -50 dB", f"{length_ms} ms", holes)
    for name, count in (
        ("gaps, digital", lambda s: len(glitches.digital_gaps(s.samples, s.rate_hz))),
        ("gaps over noise -50 dB", lambda s: len(glitches.noisy_gaps(noise(s.samples, -50, random), s.rate_hz))),
        ("clicks", lambda s: clicks(s.samples, s.rate_hz).count),
    ):
        found = {group: sum(count(v.sound) for v in every if v.group == group) for group in table.groups}
        table.row(name, "false alarms per minute", [(g, found[g] / minutes[g]) for g in table.groups], rate=True)
    for share in (0.05, 0.1, 0.2, 0.4):
        hits = []
        for voice in every:
            for place in loud_places(voice.sound, 4, random):
                hurt = voice.sound.samples.copy()
                hurt[place] += share * np.abs(hurt).max() * random.choice([-1, 1])
                frames = clicks(hurt, voice.sound.rate_hz).frames
                hits.append((voice.group, float(np.any(np.abs(frames - place) < 0.002 * voice.sound.rate_hz))))
        table.row("clicks", f"impulse of {share:.0%} of the peak", hits)
    good = [(v, (v.sound.samples * 32767).astype("<i2")) for v in every]
    table.row("bytes named", "big endian", [
        (v.group, float(best_reading(x.byteswap().tobytes())[:2] == ("big", 0))) for v, x in good])  # fmt: skip
    table.row("bytes named", "odd offset", [
        (v.group, float(best_reading(b"\0" + x.tobytes())[:2] == ("little", 1))) for v, x in good])  # fmt: skip
    table.row("flatness > 0.2", "big endian, as heard", [
        (v.group, float((glitches.flatness(
            Sound(x.byteswap().astype(np.float32) / 32768, v.sound.rate_hz).spectrum) or 0) > 0.2))
        for v, x in good])  # fmt: skip
    table.row("flatness > 0.2", "clean, false alarms", [
        (v.group, float((glitches.flatness(v.sound.spectrum) or 0) > 0.2)) for v in every])  # fmt: skip
    table.row("equal_pairs > 0.5", "stereo read as mono", [
        (v.group, float(glitches.equal_pairs(np.repeat(v.sound.samples, 2)) > 0.5)) for v in every])  # fmt: skip


def onset_and_echo(table: Table, every: list[Voice], random: np.random.Generator) -> None:
    """Place of a known second in a recording, and level of an echo."""
    for snr_db in (60, 40, 20):
        hits = []
        for voice in every:
            rate, x = voice.sound.rate_hz, voice.sound.samples
            late = int(random.integers(2000, 20000))
            recording = noise(np.concatenate((np.zeros(late, np.float32), x)), -snr_db, random)
            tail = round(0.02 * rate)
            recording[tail:] += 0.2 * recording[:-tail]
            place = locate(x[: round(rate)], recording, rate)
            hits.append((voice.group, float(place is not None and abs(place.frame - late) / rate <= 1e-4)))
        table.row("onset ±0.1 ms", f"known second, {snr_db} dB, one echo", hits)
    for level_db in (-10, -30, -50):
        hits = []
        for voice in every:
            rate, x = voice.sound.rate_hz, voice.sound.samples
            late = int(random.integers(500, 4000))
            recording = np.zeros(x.size + round(rate), np.float32)
            recording[late : late + x.size] += np.float32(10 ** (level_db / 20)) * x
            found = find_echo(x, rate, noise(recording, -25, random), rate)
            right = (
                found is not None and abs(found.level_db - level_db) <= 1 and abs(found.delay_s - late / rate) < 2e-4
            )
            hits.append((voice.group, float(right)))
        table.row("echo ±1 dB", f"{level_db} dB, single talk", hits)


def profiles(table: Table, every: list[Voice]) -> None:
    """Leave-one-out against a profile of the same voice: how often a fault ranks above a healthy recording."""
    for prefix in ("ljspeech", "neural_tts_turn"):
        own = [voice for voice in every if voice.name.startswith(prefix)]
        healthy, dull, speeds = [], [], []
        for voice in own:
            profile = make_profile(prefix, [other.sound for other in own if other is not voice])
            if profile is None:
                continue
            spectrum = np.fft.rfft(voice.sound.samples)
            hz = np.maximum(np.fft.rfftfreq(voice.sound.samples.size, 1 / voice.sound.rate_hz), 1)
            shelf = 10 ** (-6 / 20 * np.clip(np.log2(hz / 3000) + 0.5, 0, 1))
            muffled = np.fft.irfft(spectrum * shelf, voice.sound.samples.size).astype(np.float32)
            for sink, samples in ((healthy, voice.sound.samples), (dull, muffled)):
                loss = treble_against_profile(profile, Sound(samples, voice.sound.rate_hz))
                if loss is not None and loss.mean_db is not None:
                    sink.append(loss.mean_db)
            for ratio in (2 / 3, 1.0, 1.5):
                out = to_rate(voice.sound, voice.sound.rate_hz / ratio)
                found = speed_against_profile(profile, Sound(out, voice.sound.rate_hz))
                if found is not None:
                    speeds.append(abs(found.ratio / ratio - 1))
        if dull and speeds:
            auc = float(np.mean(np.array(dull)[:, None] > np.array(healthy)[None, :]))
            print(
                f"{'profile':<22}{prefix}: -6 dB shelf AUC {auc:.3f}, "
                f"healthy {np.mean(healthy):.1f} ± {np.std(healthy):.1f} dB; "
                f"speed p95 {100 * np.percentile(speeds, 95):.1f} % of {len(speeds)}"
            )


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    random = np.random.default_rng(parser.parse_args().seed)
    every = list(voices())
    for group in sorted({voice.group for voice in every}):
        print(f"{group}: {sum(voice.group == group for voice in every)} recordings")
    table = Table(every)
    bandwidth(table, every, random)
    images(table, every)
    broken_samples(table, every, random)
    onset_and_echo(table, every, random)
    profiles(table, every)
    return 0


if __name__ == "__main__":
    sys.exit(main())
