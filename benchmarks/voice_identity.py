"""Rates of SVC016 (another voice) and SVC005 (dull for its voice): replies against profiles, on speakers of two halves.

A profile is made from every second recording of a speaker, resampled to at most 24 kHz. The others give replies of 2 to
4 s of speech with other words. Each is held against the profile of its own speaker, as it is and with treble taken
away, and against the profiles of all other speakers. Limits may be chosen on the development half only.

    DIAG_VOICES=FOLDER python -m benchmarks.voice_identity
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from diag.core.errors import BadInputError
from diag.core.units import LIVE_OUTPUT_RATE_HZ
from diag.dsp.profile import (
    LEAST_IDENTITY_S,
    LEAST_TREBLE_S,
    OTHER_VOICE_DB,
    VoiceProfile,
    speech_s,
    treble_against_profile,
    voice_distance_db,
)
from diag.dsp.spectrum import Sound, sound_of
from diag.files.audio_files import read_wav
from diag.judge.limits import REPLY_TREBLE_WARNING_DB
from diag.measure.voice_making import voice_from_sounds

REPLY_S = 4.0
LEAST_RECORDINGS = 4


@dataclass(frozen=True)
class Reply:
    """A reply to judge: its speaker and its sound."""

    speaker: str
    sound: Sound


def recordings_of(folder: Path) -> dict[str, list[Sound]]:
    """Return the recordings of each speaker in a folder of files `<speaker>__<clip>….wav`."""
    found: dict[str, list[Sound]] = defaultdict(list)
    for path in sorted(folder.glob("*.wav")):
        clip = read_wav(path).channel(0)
        samples, rate_hz = clip.samples, clip.sample_rate_hz
        if rate_hz > LIVE_OUTPUT_RATE_HZ:
            samples = soxr.resample(samples, rate_hz, LIVE_OUTPUT_RATE_HZ)
            rate_hz = LIVE_OUTPUT_RATE_HZ
        found[path.name.split("__")[0]].append(sound_of(samples, rate_hz))
    return dict(found)


def split(recordings: Mapping[str, Sequence[Sound]]) -> tuple[dict[str, VoiceProfile], list[Reply]]:
    """Return a profile of each speaker with enough recordings, and the replies of all speakers."""
    profiles: dict[str, VoiceProfile] = {}
    replies = []
    for speaker, sounds in recordings.items():
        spare = list(sounds)
        profile = _profile_of(speaker, sounds[::2]) if len(sounds) >= LEAST_RECORDINGS else None
        if profile is not None:
            profiles[speaker], spare = profile, list(sounds[1::2])
        cut = (sound.cut(0.0, min(sound.duration_s, REPLY_S)) for sound in spare)
        replies += [Reply(speaker, sound) for sound in cut if speech_s(sound.spectrum) >= LEAST_TREBLE_S]
    return profiles, replies


def _profile_of(speaker: str, sounds: Sequence[Sound]) -> VoiceProfile | None:
    """Return the profile that `diag voice make` would make; None if it refuses the recordings."""
    try:
        return voice_from_sounds({str(number): sound for number, sound in enumerate(sounds)}, speaker).profile
    except BadInputError as error:
        print(f"  no profile: {error}", flush=True)
        return None


def filtered(sound: Sound, gain_db: Callable[[np.ndarray], np.ndarray]) -> Sound:
    """Return a sound with a gain in dB that is a function of the frequency in Hz."""
    hz = np.fft.rfftfreq(sound.samples.size, 1 / sound.rate_hz)
    gain = 10.0 ** (gain_db(np.maximum(hz, 1.0)) / 20)
    return Sound(np.fft.irfft(np.fft.rfft(sound.samples) * gain, sound.samples.size).astype(np.float32), sound.rate_hz)


DULL: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "low-pass 3.5 kHz": lambda hz: -10 * np.log10(1 + (hz / 3500) ** 12),
    "-4 dB/octave above 1 kHz": lambda hz: -4 * np.maximum(np.log2(hz / 1000), 0),
    "-6 dB/octave above 1 kHz": lambda hz: -6 * np.maximum(np.log2(hz / 1000), 0),
    "shelf -10 dB above 2.5 kHz": lambda hz: -10 / (1 + (2500 / hz) ** 4),
}


def is_other(profile: VoiceProfile, sound: Sound) -> bool:
    """Return whether SVC016 would be raised."""
    distance_db = voice_distance_db(profile, sound) if profile.duration_s >= LEAST_IDENTITY_S else None
    return distance_db is not None and distance_db > max(OTHER_VOICE_DB, 2 * (profile.distance_spread_db or 0.0))


def is_dull(profile: VoiceProfile, sound: Sound) -> bool:
    """Return whether SVC005 would be raised."""
    loss = treble_against_profile(profile, sound)
    if loss is None or loss.mean_db is None:
        return False
    most_db = max(band for band in loss.bands_db if band is not None)
    warning_db = max(REPLY_TREBLE_WARNING_DB, 2 * (profile.treble_spread_db or 0.0))
    return loss.mean_db > warning_db or most_db > 2 * warning_db


def rows(folder: Path) -> Iterator[tuple[str, int, int]]:
    """Yield the name, the cases found and the number of trials of each row."""
    profiles, replies = split(recordings_of(folder))
    long = {name: profile for name, profile in profiles.items() if profile.duration_s >= LEAST_IDENTITY_S}
    own = [(profiles[reply.speaker], reply.sound) for reply in replies if reply.speaker in profiles]
    others = [(profile, reply.sound) for reply in replies for name, profile in long.items() if name != reply.speaker]
    of_long = [(long[reply.speaker], reply.sound) for reply in replies if reply.speaker in long]
    yield f"another speaker ({len(long)} profiles, {len(replies)} replies): SVC016", *counted(is_other, others)
    yield "same speaker, other words: SVC016", *counted(is_other, of_long)
    yield "same speaker, other words: SVC005", *counted(is_dull, own)
    for name, gain_db in DULL.items():
        dull = [(profile, filtered(sound, gain_db)) for profile, sound in own]
        yield f"same speaker, {name}: SVC005", *counted(is_dull, dull)
        dull_long = [(profile, filtered(sound, gain_db)) for profile, sound in of_long]
        yield f"same speaker, {name}: SVC016", *counted(is_other, dull_long)


def counted(
    judge: Callable[[VoiceProfile, Sound], bool], trials: Sequence[tuple[VoiceProfile, Sound]]
) -> tuple[int, int]:
    """Return how many trials are judged true, and how many there are."""
    return sum(judge(profile, sound) for profile, sound in trials), len(trials)


def main() -> int:
    """Print the rates of both halves."""
    named = os.environ.get("DIAG_VOICES")
    if not named:
        print("name a folder of voices: DIAG_VOICES=FOLDER (tools/more_voices.sh fills one)", file=sys.stderr)
        return 2
    for half in ("development", "held_out"):
        print(half)
        for name, found, trials in rows(Path(named) / half):
            print(f"  {name:<60} {found:5d} of {trials:5d}  {100 * found / max(trials, 1):5.1f} %", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
