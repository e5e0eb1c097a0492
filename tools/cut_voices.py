"""Cuts the recorded speech in unpacked Debian packages into clips, two halves of speakers, and a table of them.

    .venv/bin/python tools/cut_voices.py UNPACKED FOLDER

`tools/more_voices.sh` downloads and unpacks before it calls this; `tools/more_voices.toml` lists the speakers. UNPACKED
has one subfolder for each package. A clip is one recording where there are long enough ones, else short ones of the
same speaker joined with pauses. Nothing is resampled or filtered, and levels are kept except where a peak comes near
full scale: what the recordings are is the point.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

CLIPS_MOST = 12
FILES_MOST = 150
"""Recordings of one speaker that are looked at, spread over all there are."""
ALONE_S = (2.5, 12.0)
"""A recording of such length, silence at its ends cut off, is a clip by itself."""
PART_LEAST_S = 0.25
JOINED_S = 5.0
JOINED_LEAST_S = 4.0
PAUSE_S = 0.25
FADE_S = 0.01
MARGIN_S = 0.08
SPEECH_BELOW_LOUDEST_DB = 40.0
RATE_LEAST_HZ = 16000
RATE_MOST_HZ = 48000
DEPTH_LEAST_DB = 25.0
"""95th less 5th percentile of 10 ms levels of a recording: noisier ones are left out."""
PEAK_MOST = 0.95
CLIPPED_MOST = 1e-4
"""Share of samples within 2 % of full scale, or beyond."""
PITCH_BOUNDS_HZ = (65.0, 450.0)
PITCH_SPREAD = 1.4
"""Recordings further than this factor from the speaker's median pitch may be somebody else's."""
LSB = 2.0**-15
SEED = 20261122

Samples = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Part:
    """One recording, mono, cut to its speech."""

    samples: Samples
    rate_hz: int
    channels: int
    coding: str
    pitch_hz: float

    @property
    def duration_s(self) -> float:
        """Length."""
        return self.samples.size / self.rate_hz


def decoded(path: Path) -> tuple[Samples, int, int] | None:
    """Samples (mean of the channels), rate and channels of one file; None for what is no sound."""
    if path.suffix == ".g722":
        command = ["ffmpeg", "-v", "error", "-f", "g722", "-i", str(path), "-f", "s16le", "-ac", "1", "-"]
        raw = subprocess.run(command, capture_output=True, check=True).stdout
        return np.frombuffer(raw, "<i2") / 32768.0, 16000, 1
    try:
        samples, rate_hz = soundfile.read(path, always_2d=True, dtype="float64")
    except soundfile.LibsndfileError:
        return None
    return samples.mean(axis=1), rate_hz, samples.shape[1]


def frames_db(samples: Samples, rate_hz: int) -> NDArray[np.float64]:
    """Level of each 10 ms."""
    length = rate_hz // 100
    frames = samples[: samples.size // length * length].reshape(-1, length)
    return np.asarray(10 * np.log10(np.mean(frames**2, axis=1) + 1e-12))


def depth_db(samples: Samples, rate_hz: int) -> float:
    """How far the quiet moments lie below the loud ones."""
    quiet, loud = np.percentile(frames_db(samples, rate_hz), [5, 95])
    return float(loud - quiet)


def trimmed(samples: Samples, rate_hz: int) -> Samples:
    """From a little before the first speech to a little after the last."""
    levels = frames_db(samples, rate_hz)
    if not levels.size:
        return samples[:0]
    loud = np.flatnonzero(levels > levels.max() - SPEECH_BELOW_LOUDEST_DB)
    margin, length = round(MARGIN_S * rate_hz), rate_hz // 100
    return samples[max(0, loud[0] * length - margin) : (loud[-1] + 1) * length + margin]


def pitch_of(samples: Samples, rate_hz: int) -> float:
    """Median pitch of the voiced frames by autocorrelation; NaN where hardly anything is voiced."""
    step = max(1, rate_hz // 8000)
    coarse = samples[: samples.size // step * step].reshape(-1, step).mean(axis=1)
    rate = rate_hz / step
    length = round(0.08 * rate)
    window = np.hanning(length)
    own = np.fft.irfft(np.abs(np.fft.rfft(window, 2 * length)) ** 2)
    low, high = (round(rate / bound) for bound in reversed(PITCH_BOUNDS_HZ))
    found = []
    for start in range(0, coarse.size - length, length // 4):
        frame = coarse[start : start + length]
        if frame.std() > 0.25 * coarse.std():
            spectrum = np.fft.rfft((frame - frame.mean()) * window, 2 * length)
            likeness = np.fft.irfft(np.abs(spectrum) ** 2)[:high] / own[:high]
            best = likeness[low:].max()
            if best > 0.6 * likeness[0]:
                # Two and three periods fit as well as one: the first lag near the best, and from there up to its peak.
                lag = low + int(np.flatnonzero(likeness[low:] > 0.9 * best)[0])
                lag += int(np.argmax(likeness[lag : lag + lag // 4 + 1]))
                found.append(rate / lag)
    return float(np.median(found)) if len(found) > 3 else float("nan")


def parts_of(folder: Path, wanted: dict[str, Any]) -> list[Part]:
    """What one speaker recorded, without what is clipped, too short, unvoiced, a copy, or perhaps another's."""
    parts, seen = [], set()
    paths = sorted(path for path in (folder / wanted["package"]).glob(wanted["files"]) if path.is_file())
    for path in paths[:: -(-len(paths) // FILES_MOST) or 1]:
        sound = decoded(path)
        if sound is None or not RATE_LEAST_HZ <= sound[1] <= RATE_MOST_HZ:
            continue
        samples, rate_hz, channels = sound
        digest = hashlib.sha256(samples.tobytes()).digest()
        if digest in seen or np.mean(np.abs(samples) >= 0.98) > CLIPPED_MOST:
            continue
        seen.add(digest)
        speech = trimmed(samples, rate_hz)
        if speech.size >= PART_LEAST_S * rate_hz and depth_db(speech, rate_hz) >= DEPTH_LEAST_DB:
            coding = path.suffix.lstrip(".")
            parts.append(Part(speech, rate_hz, channels, coding, pitch_of(speech, rate_hz)))
    if not parts:
        return []
    rate_hz = Counter(part.rate_hz for part in parts).most_common(1)[0][0]
    parts = [
        part for part in parts if part.rate_hz == rate_hz and part.channels == wanted.get("channels", part.channels)
    ]
    middle = float(np.nanmedian([part.pitch_hz for part in parts]))
    low, high = wanted.get("pitch_hz", (middle / PITCH_SPREAD, middle * PITCH_SPREAD))
    return [part for part in parts if low <= part.pitch_hz <= high]


def room_tone(samples: Samples, rate_hz: int, random: np.random.Generator) -> Samples:
    """Noise with the spectrum of the quietest 30 ms, so that a pause is neither digital silence nor a repetition."""
    size, length = round(PAUSE_S * rate_hz), round(0.03 * rate_hz)
    starts = range(0, samples.size - length, max(1, length // 8))
    quietest = min(starts, key=lambda start: float(np.sum(samples[start : start + length] ** 2)))
    stretch = samples[quietest : quietest + length] * np.hanning(length)
    magnitude = np.abs(np.fft.rfft(stretch)) * np.sqrt(8 / 3)
    spread = np.interp(np.linspace(0, 1, size // 2 + 1), np.linspace(0, 1, magnitude.size), magnitude)
    turned = spread * np.exp(2j * np.pi * random.random(spread.size)) * np.sqrt(size / length)
    tone = np.asarray(np.fft.irfft(turned, size))
    return tone if np.abs(tone).max() > LSB else random.triangular(-LSB, 0, LSB, size)


def joined(parts: list[Part], random: np.random.Generator) -> Samples:
    """Recordings one after another, each faded into a pause of its own room tone."""
    rate_hz = parts[0].rate_hz
    fade = round(FADE_S * rate_hz)
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / fade)
    pieces = []
    for part in parts:
        tone = room_tone(part.samples, rate_hz, random)
        speech = part.samples.copy()
        speech[:fade] *= ramp
        speech[-fade:] = speech[-fade:] * ramp[::-1] + tone[:fade] * ramp
        tone[-fade:] *= ramp[::-1]
        pieces += [speech, tone[fade:]]
    return np.concatenate(pieces)


def clips_of(parts: list[Part]) -> list[tuple[Samples, bool]]:
    """Clips of one speaker, none peaking at full scale, and whether they are joined from several recordings."""
    return [(samples * min(1.0, PEAK_MOST / np.abs(samples).max()), several) for samples, several in _clips_of(parts)]


def _clips_of(parts: list[Part]) -> Iterator[tuple[Samples, bool]]:
    random = np.random.default_rng(SEED)
    order = [parts[index] for index in random.permutation(len(parts))]
    alone = [part for part in order if ALONE_S[0] <= part.duration_s <= ALONE_S[1]][:CLIPS_MOST]
    yield from ((part.samples, False) for part in alone)
    group: list[Part] = []
    made = len(alone)
    for part in (part for part in order if part.duration_s < ALONE_S[0]):
        if made == CLIPS_MOST:
            return
        group.append(part)
        if sum(part.duration_s + PAUSE_S for part in group) >= JOINED_S:
            yield joined(group, random), True
            made, group = made + 1, []
    if group and sum(part.duration_s + PAUSE_S for part in group) >= JOINED_LEAST_S:
        yield joined(group, random), True


def band_edge_hz(samples: Samples, rate_hz: int) -> float:
    """Highest frequency at which the loudest moments come within 60 dB of their strongest frequency."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 2048)[::1024] * np.hanning(2048)
    power = np.sort(np.abs(np.fft.rfft(frames)) ** 2, axis=0)[-max(2, len(frames) // 20) :].mean(axis=0)
    smooth = np.convolve(power, np.ones(9) / 9, "same")
    return float(np.flatnonzero(smooth > smooth.max() * 1e-6)[-1] * rate_hz / 2048)


def row_of(speaker: str, package: str, licence: str, clips: list[tuple[Samples, bool]], parts: list[Part]) -> str:
    """One line of the table."""
    rate_hz = parts[0].rate_hz
    edges = [band_edge_hz(samples, rate_hz) / 1000 for samples, _ in clips]
    whole = np.concatenate([samples for samples, _ in clips])
    cells = (
        speaker,
        len(clips),
        sum(is_joined for _, is_joined in clips),
        f"{whole.size / rate_hz:.0f} s",
        f"{rate_hz / 1000:g} kHz",
        f"{np.median([part.pitch_hz for part in parts]):.0f} Hz",
        f"{np.median(edges):.1f} kHz ({min(edges):.1f} to {max(edges):.1f})",
        f"{depth_db(whole, rate_hz):.0f} dB",
        f"{100 * np.mean(whole == 0):.0f} %",
        parts[0].coding,
        package,
        licence,
    )
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


HEADING = """# Recorded speech, cut from Debian packages by tools/more_voices.sh

Not for redistribution with the project. Rates are the recordings' own. `joined`: clips made of several short
recordings. Pitch: median. Band edge: the loudest moments, 60 dB below their strongest frequency (median, and lowest
to highest of the clips: far apart where a speaker was recorded or encoded in different ways). Depth: 95th less 5th
percentile of 10 ms levels. Zeros: share of samples that are exactly zero (gated or padded recordings); a depth of 70 dB
and more shows a noise gate too. ogg, opus and g722 are lossy.

| speaker | clips | joined | length | rate | pitch | band edge | depth | zeros | format | package | licence |
|---|---|---|---|---|---|---|---|---|---|---|---|
"""


def main(unpacked: Path, folder: Path, table: Path) -> None:
    """Write `development/`, `held_out/` and `README.md` into the folder."""
    voices = tomllib.loads(table.read_text(encoding="utf-8"))
    licences = voices.pop("licence")
    lines = [HEADING]
    for half, speakers in voices.items():
        (folder / half).mkdir(parents=True, exist_ok=True)
        written = 0
        lines.append(f"| **{half}** |" + " |" * 11 + "\n")
        for speaker, wanted in speakers.items():
            parts = parts_of(unpacked, wanted)
            clips = clips_of(parts)
            for index, (samples, _) in enumerate(clips):
                name = f"{speaker}__{index:02d}_{parts[0].rate_hz // 1000}k.wav"
                soundfile.write(folder / half / name, samples, parts[0].rate_hz, subtype="FLOAT")
            if clips:
                lines.append(row_of(speaker, wanted["package"], licences[wanted["package"]], clips, parts) + "\n")
            else:
                print(f"{speaker}: nothing usable", file=sys.stderr)
            written += len(clips)
        print(f"{half}: {written} clips")
    (folder / "README.md").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(__file__).with_name("more_voices.toml"))
