"""The voices that the measures are held against, in two halves: thresholds may be chosen on one, not on the other.

Halves are of speakers, never of recordings of one speaker. Sources: the project's prompts and replies, real recordings
beside the repository where there are any, voices that espeak-ng and flite make on the spot where they are installed,
and a folder named by the variable `DIAG_VOICES` (`../voices` by default) with the subfolders `development` and
`held_out`, whose files are called `<speaker>__<clip>….wav` (`tools/more_voices.sh` fills one).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diag.core.clip import Clip
from diag.dsp.spectrum import Sound
from diag.files.audio_files import read_wav
from diag.files.scenario_folders import built_in_folder

DEVELOPMENT, HELD_OUT = "development", "held-out"
HALVES = (DEVELOPMENT, HELD_OUT)
LONGEST_S = 8.0
SHORTEST_S = 1.0
SENTENCES = (
    "The quick survey shows that six of the seven ships have left the harbour this morning.",
    "Please press the first switch, then check whether the second light has changed to yellow.",
    "Nobody could say whether the weather or the wind had pushed the boat on to the shore.",
)
ESPEAK_VOICES = ("de+m7", "en+f4", "en+m5", "en-gb-scotland", "es+f1", "fr+f2", "it+m3", "ko+m1", "pl+f3", "ru+m2")
FLITE_VOICES = ("awb", "kal16", "rms", "slt")
FAULTY = {
    "klettres_english": "one wrong sample every 2048, as a sound card lost it",
    "klettres_low_german": "direct current at -28 to -34 dBFS",
    "ktuberling_walloon": "single leaps of up to 100 times the differences around them",
    "lyra_sample1": "nothing above 8 kHz at 48 kHz: through a speech codec of 16 kHz",
    "lyra_sample2": "nothing above 8 kHz at 48 kHz: through a speech codec of 16 kHz",
    "neural_tts_turn": "made at 16 kHz and brought to 24 kHz with images of -35 to -45 dB",
}
"""Speakers whose recordings have a fault to begin with, and how it shows in their samples: they are not healthy."""


@dataclass(frozen=True, eq=False)
class Voice:
    """One recording, mono.

    Parameters
    ----------
    name, speaker : str
    half : str
        `development` or `held-out`.
    real : bool
        Recorded from a person or made by a neural voice; not a synthesiser of rules or diphones.
    samples : ndarray of float32, shape (n,)
    rate_hz : int
    """

    name: str
    speaker: str
    half: str
    real: bool
    samples: NDArray[np.float32]
    rate_hz: int

    @property
    def duration_s(self) -> float:
        """Length."""
        return self.samples.size / self.rate_hz

    @cached_property
    def clip(self) -> Clip:
        """The recording as metrics take it."""
        return Clip(samples=self.samples, sample_rate_hz=self.rate_hz)

    @cached_property
    def sound(self) -> Sound:
        """The recording as functions of `diag.dsp` take it."""
        return Sound(self.samples, float(self.rate_hz))


@cache
def voices() -> tuple[Voice, ...]:
    """Every recording of 1 s or more at hand, at most 8 s of each, in order of half, speaker and name."""
    with tempfile.TemporaryDirectory() as folder:
        unsplit = [*_of_the_project(), *_beside(), *_made(Path(folder))]
        recordings = Counter((real, speaker) for speaker, real, _ in unsplit)
        # Speakers with many recordings are dealt out first, so that both halves have some.
        order = sorted(recordings, key=lambda item: (item[0], -recordings[item], item[1]))
        half_of = {speaker: HALVES[place % 2] for place, (_, speaker) in enumerate(order)}
        split = [(half_of[speaker], speaker, real, path) for speaker, real, path in unsplit]
        read = [voice for source in (*split, *_more()) for voice in _read(*source)]
    return tuple(sorted(read, key=lambda voice: (voice.half, voice.speaker, voice.name)))


def _read(half: str, speaker: str, real: bool, path: Path) -> Iterator[Voice]:
    clip = read_wav(path).channel(0)
    if clip.duration_s >= SHORTEST_S:
        samples = np.ascontiguousarray(clip.samples[: round(LONGEST_S * clip.sample_rate_hz)], dtype=np.float32)
        yield Voice(path.stem, speaker, half, real, samples, clip.sample_rate_hz)


_Source = tuple[str, bool, Path]


def _of_the_project() -> Iterator[_Source]:
    folder = built_in_folder()
    for kind, key in (("prompts", "prompt"), ("replies", "reply")):
        table = tomllib.loads((folder / kind / f"{kind}.toml").read_text(encoding="utf-8"))
        for entry in table[key]:
            yield entry["voice"], False, folder / kind / entry["file"]


def _beside() -> Iterator[_Source]:
    for path in sorted((built_in_folder().parent.parent / "shared" / "speech").glob("*.wav")):
        speaker = re.sub(r"(_\d+k)$", "", path.stem)
        for family in ("ljspeech", "neural_tts_turn"):
            speaker = family if speaker.startswith(family) else speaker
        yield speaker, True, path


def _made(folder: Path) -> Iterator[_Source]:
    for index, text in enumerate(SENTENCES):
        for speaker in ESPEAK_VOICES:
            path = folder / f"espeak-{speaker}-{index}.wav"
            yield from _spoken(["espeak-ng", "-v", speaker, "-s", "150", "-w", str(path), text], speaker, path)
        for speaker in FLITE_VOICES:
            path = folder / f"flite-{speaker}-{index}.wav"
            yield from _spoken(["flite", "-voice", speaker, "-t", text, "-o", str(path)], speaker, path)


def _spoken(command: list[str], speaker: str, path: Path) -> Iterator[_Source]:
    if shutil.which(command[0]):
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
        if done.returncode == 0 and path.is_file():
            yield f"{command[0]}:{speaker}", False, path


def _more() -> Iterator[tuple[str, str, bool, Path]]:
    beside = built_in_folder().parent.parent / "voices"
    folder = Path(os.environ.get("DIAG_VOICES") or beside)
    for half in HALVES:
        for path in sorted((folder / half.replace("-", "_")).glob("*__*.wav")):
            yield half, path.stem.split("__")[0], True, path
