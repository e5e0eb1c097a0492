"""Speed and treble against the profile of a voice: other words of the same voice, healthy and with known faults.

Recordings that `diag voice make` would leave out take no part: they are named and refused before a profile is made.
A trial takes some recordings of a voice away until they hold 4 s of speech, makes a profile of the others (at most 40 s
of speech) and holds what was taken against it. Only voices with enough recordings of one sample rate take part; voices
that are made on the spot say more sentences than elsewhere.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import soxr

from diag.core.errors import BadInputError
from diag.dsp.dullness import TrebleLoss
from diag.dsp.profile import (
    LEAST_SPEED_S,
    MOST_APART_DB,
    VoiceProfile,
    make_profile,
    speech_s,
    speed_against_profile,
    treble_against_profile,
)
from diag.dsp.spectrum import Sound
from diag.files.audio_files import read_wav
from diag.judge.limits import (
    VOICE_RATE_ERROR,
    VOICE_TREBLE_ERROR_DB,
    VOICE_TREBLE_WARNING_DB,
)
from diag.measure.voice_making import voice_from_sounds

from .board import Board
from .faults import Random, Samples, filtered, low_pass, shelf_at, with_noise
from .voices import DEVELOPMENT, ESPEAK_VOICES, FLITE_VOICES, HALVES, HELD_OUT, Voice

SPEEDS = (0.5, 2 / 3, 0.919, 1.088, 1.5, 2.0)
LOSSES = {
    "shelf -6 dB at 3 kHz": (shelf_at(3000, -6), 16000, 0.97),
    "shelf -12 dB at 3 kHz": (shelf_at(3000, -12), 16000, 0.99),
    "low-pass 3.4 kHz": (low_pass(3400), 16000, 0.99),
    "low-pass 4 kHz": (low_pass(4000), 16000, 0.99),
    "low-pass 6 kHz": (low_pass(6000), 22050, 0.99),
    "low-pass 8 kHz": (low_pass(8000), 24000, 0.99),
}
"""Gain, the lowest sample rate at which it takes something that is measured, and the area that must be reached."""
NOISES_DB = (None, 55.0)
HEALTHY_TRIALS = {DEVELOPMENT: 60, HELD_OUT: 500}
FAULT_TRIALS = 1
"""Of each voice."""
PROFILE_S, SPARE, FEWEST, LEAST_S = 40.0, 1.1, 4, 18.0
SENTENCES = (
    "She sells sea shells by the shore, and the shells that she sells are surely sea shells.",
    "A large size in stockings is hard to sell, although the price has fallen since Sunday.",
    "The boy was there when the sun rose, and watched the fishing boats go out to sea.",
    "Take the winding path to reach the lake, and wait for us beside the wooden bridge.",
    "Four hours of steady work faced us before the last of the boxes was on the cart.",
    "The swan dive was far short of perfect, yet everybody who saw it clapped and cheered.",
    "It snowed, rained and hailed the same morning, which is nothing new in this valley.",
    "Mesh wire keeps chicks inside, but the fox has found a hole under the garden fence.",
    "Glue the sheet to the dark blue background, then press it flat with a heavy book.",
    "The juice of lemons makes fine punch, and a slice of orange gives it a better colour.",
)


_SPREADS: dict[str, float] = {}
"""How much the recordings of each voice differ in speed among themselves."""


@dataclass(frozen=True)
class Trial:
    """What was taken away, and the profile of the rest."""

    voice: Voice
    sound: Sound
    rest: tuple[Voice, ...]

    @cached_property
    def profile(self) -> VoiceProfile | None:
        """Of the recordings that were left."""
        return make_profile(self.voice.speaker, [item.sound for item in self.rest])


def run(board: Board, every: Sequence[Voice], random: Random) -> None:
    """All rows."""
    sets = _one_voice_sets(every)
    for half in HALVES:
        real = [name for name, voices in sets[half].items() if voices[0].real]
        print(f"profile, {half}: {len(sets[half])} voices, {len(real)} of them real or neural", flush=True)
    losses = _healthy(board, (trial for half in HALVES for trial in _trials(sets[half], HEALTHY_TRIALS[half], random)))
    few = [trial for half in HALVES for trial in _trials(sets[half], FAULT_TRIALS * len(sets[half]), random)]
    _speeds(board, few)
    _dull(board, few, losses, random)


def _one_voice_sets(every: Sequence[Voice]) -> dict[str, dict[str, list[Voice]]]:
    half_of = {voice.speaker: voice.half for voice in every}
    by_speaker: dict[str, list[Voice]] = defaultdict(list)
    for voice in [*every, *_made(half_of)]:
        by_speaker[voice.speaker].append(voice)
    sets: dict[str, dict[str, list[Voice]]] = {half: {} for half in HALVES}
    for speaker, voices in sorted(by_speaker.items()):
        usual_hz = Counter(voice.rate_hz for voice in voices).most_common(1)[0][0]
        same = [voice for voice in voices if voice.rate_hz == usual_hz]
        enough = len(same) >= FEWEST and sum(speech_s(voice.sound.spectrum) for voice in same) >= LEAST_S
        if enough and usual_hz >= 16000:
            try:
                made = voice_from_sounds({voice.name: voice.sound for voice in same}, speaker)
            except BadInputError as error:
                print(f"profile: {error}", flush=True)
                continue
            left_out = {item.name for item in made.left_out}
            print(f"profile: {speaker}, {100 * (made.profile.speed_spread or 0):.1f} % apart in speed", flush=True)
            fitting = [voice for voice in same if voice.name not in left_out]
            if len(fitting) >= FEWEST:
                sets[same[0].half][speaker] = fitting
                _SPREADS[speaker] = made.profile.speed_spread or 0.0
    return sets


def _made(half_of: dict[str, str]) -> Iterator[Voice]:
    """More sentences of the voices that are made on the spot."""
    with tempfile.TemporaryDirectory() as folder:
        for index, text in enumerate(SENTENCES):
            for name in (*(f"espeak-ng:{item}" for item in ESPEAK_VOICES), *(f"flite:{item}" for item in FLITE_VOICES)):
                program, _, voice = name.partition(":")
                path = Path(folder) / f"{program}-{voice}-more-{index}.wav"
                espeak = ["espeak-ng", "-v", voice, "-s", "150", "-w", str(path), text]
                command = espeak if program == "espeak-ng" else ["flite", "-voice", voice, "-t", text, "-o", str(path)]
                if name not in half_of or shutil.which(program) is None:
                    continue
                if subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0:
                    clip = read_wav(path).channel(0)
                    yield Voice(path.stem, name, half_of[name], False, clip.samples, clip.sample_rate_hz)


def _trials(sets: dict[str, list[Voice]], count: int, random: Random) -> Iterator[Trial]:
    """Trials of the voices in turn."""
    names = list(sets)
    for index in range(count):
        voices = sets[names[index % len(names)]]
        order = [voices[place] for place in random.permutation(len(voices))]
        seconds = np.cumsum([speech_s(voice.sound.spectrum) for voice in order])
        taken = int(np.searchsorted(seconds, SPARE * LEAST_SPEED_S)) + 1
        rest = [voice for voice, end_s in zip(order[taken:], seconds[taken:], strict=True)
                if end_s - seconds[taken - 1] <= PROFILE_S]  # fmt: skip
        samples = np.concatenate([voice.samples for voice in order[:taken]])
        trial = Trial(order[0], Sound(samples, float(order[0].rate_hz)), tuple(rest))
        if rest and trial.profile is not None:
            yield trial


def _healthy(board: Board, trials: Iterator[Trial]) -> list[tuple[Voice, TrebleLoss | None]]:
    """Rows of healthy recordings; what each seems to have lost."""
    speeds, losses = [], []
    for trial in trials:
        speeds.append((trial.voice, _speed_error(trial, trial.sound, 1.0)))
        losses.append((trial.voice, treble_against_profile(trial.profile, trial.sound) if trial.profile else None))
    words = "other words, 4 s of speech and more"
    board.errors("rate_ratio", "profile", f"{words}, healthy", speeds, unit="%", limit=5.0, share=0.95)
    wrong = [(voice, error is not None and abs(error) > 100 * VOICE_RATE_ERROR) for voice, error in speeds]
    board.found("rate_ratio", "profile", f"{words}, beyond 6 %", wrong, at_most=0.0)
    told = [(voice, hit and abs(error or 0.0) > 300 * _SPREADS[voice.speaker])
            for (voice, hit), (_, error) in zip(wrong, speeds, strict=True)]  # fmt: skip
    board.found("rate_ratio", "profile", f"{words}, called wrong (6 %, three spreads)", told, at_most=0.0)
    board.found("dullness_db", "profile", f"{words}, called dull (6 dB)",
                [(voice, _mean(loss) > VOICE_TREBLE_ERROR_DB) for voice, loss in losses])  # fmt: skip
    board.found("dullness_db", "profile", f"{words}, a warning (4 dB, 8 dB in a band)",
                [(voice, _warned(loss)) for voice, loss in losses])  # fmt: skip
    return losses


def _speeds(board: Board, trials: Sequence[Trial]) -> None:
    for ratio in SPEEDS:
        errors = []
        for trial in trials:
            samples = soxr.resample(trial.sound.samples, trial.sound.rate_hz, trial.sound.rate_hz / ratio)
            out = Sound(np.asarray(samples, np.float32), trial.sound.rate_hz)
            if speech_s(out.spectrum) >= LEAST_SPEED_S:
                errors.append((trial.voice, _speed_error(trial, out, ratio)))
        board.errors("rate_ratio", "profile", f"other words, played {ratio:.3g} times as fast", errors,
                     unit="%", limit=5.0, share=0.95)  # fmt: skip


def _dull(
    board: Board, trials: Sequence[Trial], healthy: Sequence[tuple[Voice, TrebleLoss | None]], random: Random
) -> None:
    for noise_db in NOISES_DB:
        words = "" if noise_db is None else f", noise at -{noise_db:.0f} dB"
        well = (
            healthy if noise_db is None else [(trial.voice, _lost(trial, None, noise_db, random)) for trial in trials]
        )
        for name, (gain, least_hz, goal) in LOSSES.items():
            found = [
                (trial, _lost(trial, gain, noise_db, random)) for trial in trials if trial.voice.rate_hz >= least_hz
            ]
            fit = [(voice, loss) for voice, loss in well if voice.rate_hz >= least_hz]
            for half in HALVES:
                dull = [_mean(loss) for trial, loss in found if trial.voice.half == half]
                whole = [_mean(loss) for voice, loss in fit if voice.half == half]
                if dull and whole:
                    area = float(np.mean(np.array(dull)[:, None] > np.array(whole)))
                    usual = f"{np.mean(whole):.1f} ± {np.std(whole):.1f}"
                    seen = f"AUC {area:.3f} (healthy {usual} dB, dull {np.mean(dull):.1f} dB)"
                    board.figure("dullness_db", "profile", f"{name}{words}", half=half, trials=len(dull), found=seen,
                                 goal=f"AUC at least {goal:g}", reached=area >= goal)  # fmt: skip
            board.found("dullness_db", "profile", f"{name}{words}, told",
                        [(trial.voice, _warned(loss)) for trial, loss in found])  # fmt: skip


def _lost(
    trial: Trial, gain: Callable[[Samples], Samples] | None, noise_db: float | None, random: Random
) -> TrebleLoss | None:
    samples = trial.sound.samples if gain is None else filtered(trial.sound.samples, trial.sound.rate_hz, gain)
    samples = samples if noise_db is None else with_noise(samples, noise_db, random)
    assert trial.profile is not None
    return treble_against_profile(trial.profile, Sound(np.asarray(samples, np.float32), trial.sound.rate_hz))


def _speed_error(trial: Trial, sound: Sound, ratio: float) -> float | None:
    """Percent off; None without a figure."""
    found = speed_against_profile(trial.profile, sound) if trial.profile else None
    return None if found is None or found.apart_db > MOST_APART_DB else 100 * (found.ratio / ratio - 1)


def _mean(loss: TrebleLoss | None) -> float:
    return 0.0 if loss is None or loss.mean_db is None else loss.mean_db


def _warned(loss: TrebleLoss | None) -> bool:
    """Whether the verdict of a recording would tell of it."""
    most = max((value for value in loss.bands_db if value is not None), default=0.0) if loss is not None else 0.0
    return _mean(loss) > VOICE_TREBLE_WARNING_DB or most > 2 * VOICE_TREBLE_WARNING_DB
