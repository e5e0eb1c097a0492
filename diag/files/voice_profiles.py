"""Read and write voice profiles, which are small JSON files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from diag.core.clip import Clip
from diag.core.errors import BadInputError
from diag.dsp.profile import VoiceProfile
from diag.dsp.voice_text import PROFILE_VERSION, profile_from_json, profile_to_json
from diag.files.audio_files import decode_audio, encode_flac
from diag.files.whole_files import read_limited, write_whole

SUFFIX = ".voice.json"
RUN_FILE = f"profile{SUFFIX}"
"""File in a run folder: the profile that the run's replies are compared with."""
LARGEST_BYTES = 2_000_000
"""Larger files are not read. A profile has less than 700 kB, with its sample."""
_MAKE_ONE = f"make one with `diag voice make WAV... -o NAME{SUFFIX}`"
SAMPLE_S = 8.0
"""Length of the sample that a profile keeps for listening."""


def load_voice(path: str | Path) -> VoiceProfile:
    """Read a profile.

    Raises
    ------
    BadInputError
        If there is no such file, or it is not a profile, is damaged, or was written by a newer version of diag.
    """
    path = Path(path)
    attempted = f"Could not read the voice profile {path}"
    try:
        data = read_limited(path, LARGEST_BYTES)
    except FileNotFoundError:
        raise BadInputError(attempted, seen="no such file", next_step=f"check the path, or {_MAKE_ONE}") from None
    except OSError as error:
        raise BadInputError(
            attempted, seen=error.strerror or str(error), next_step="check the path and its permissions"
        ) from None
    except ValueError as error:
        raise BadInputError(attempted, seen=str(error), allowed="one file", next_step=_MAKE_ONE) from None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise _no_profile(attempted, "it is not text") from None
    try:
        return profile_from_json(text)
    except ValueError as error:
        raise _no_profile(attempted, str(error)) from None


def voice_of_run(folder: str | Path) -> VoiceProfile | None:
    """Return the profile that the replies of a saved run are compared with; None if it has none.

    Raises
    ------
    BadInputError
        If the run's copy of the profile is damaged.
    """
    path = Path(folder) / RUN_FILE
    return load_voice(path) if path.is_file() else None


def with_sample(profile: VoiceProfile, clips: Sequence[Clip]) -> VoiceProfile:
    """Return a profile with a sample to listen to: its recordings one after another, up to `SAMPLE_S`.

    Only mono clips with the sample rate of the first one are used.
    """
    rate_hz = clips[0].sample_rate_hz
    joined = np.concatenate([clip.samples for clip in clips if clip.sample_rate_hz == rate_hz])
    clip = Clip(samples=joined[: round(SAMPLE_S * rate_hz)], sample_rate_hz=rate_hz)
    return replace(profile, sample=encode_flac(clip))


def sample_of(profile: VoiceProfile) -> Clip | None:
    """Return the sample of a profile; None if it has none, or it cannot be decoded."""
    return decode_audio(profile.sample) if profile.sample else None


def default_path(name: str) -> Path:
    """Return the default path of a profile: a file in the working directory, named after the voice."""
    plain = re.sub(r"[^\w.\-]+", "-", name.lower()).strip("-.") or "voice"
    return Path(f"{plain}{SUFFIX}")


def _no_profile(attempted: str, seen: str) -> BadInputError:
    allowed = f"a profile of version {PROFILE_VERSION} or older, as `diag voice make` writes it"
    return BadInputError(attempted, seen=seen, allowed=allowed, next_step=_MAKE_ONE)


def save_voice(profile: VoiceProfile, path: str | Path) -> Path:
    """Write a profile, replacing an earlier file, and return its path.

    Raises
    ------
    BadInputError
        If it cannot be written. An earlier file is then left unchanged.
    """
    path = Path(path)
    attempted = f"Could not save the voice profile {path}"
    if path.is_dir():
        raise BadInputError(attempted, seen="it is a folder", next_step=f"name a file, as {path / f'NAME{SUFFIX}'}")
    try:
        write_whole(path, (profile_to_json(profile) + "\n").encode())
    except OSError as error:
        raise BadInputError(
            attempted, seen=error.strerror or str(error), next_step="check that the folder is there and can be written"
        ) from None
    return path
