"""`diag voice`: makes the profile of a voice from files, folders, saved takes or runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from diag.api.input_files import audio_files, own_tap, sources_of
from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.dsp.spectrum import sound_of
from diag.files.voice_profiles import default_path, load_voice, save_voice
from diag.measure.voice_making import MadeVoice, usual_measures, voice_from_sounds

__all__ = ["default_path", "load_voice", "make_voice", "save_voice"]


def make_voice(paths: Iterable[str | Path], *, name: str | None = None) -> MadeVoice:
    """Make the profile of one voice from recordings of it: files, folders, saved takes or runs.

    Recordings that do not fit the others (another voice, another speed, dull) are left out and named.

    Parameters
    ----------
    paths : iterable of path
        Recordings known to be good. Of saved takes, `received` serves.
    name : str, optional
        Of the voice; by default that of the first recording.

    Raises
    ------
    BadInputError
        If a recording cannot be read, there is too little speech, or the recordings do not agree with each other.
    """
    files = [path for path in audio_files(paths, replies_only=True) if own_tap(path) not in (Tap.PLAYED, Tap.HEARD)]
    clips: dict[str, Clip] = {}
    for path in files:
        part = next((part for part in sources_of(path) if part.reply), None)
        if part is not None:
            clips[part.name if part.name not in clips else str(path)] = part.clip
    return _made(clips, name or files[0].stem)


def _made(clips: Mapping[str, Clip], name: str) -> MadeVoice:
    """Return the profile with what its recordings always show by themselves."""
    sounds = {label: sound_of(clip.samples, clip.sample_rate_hz) for label, clip in clips.items()}
    made = voice_from_sounds(sounds, name)
    usual = usual_measures(clips[label] for label in made.profile.recordings)
    return replace(made, profile=replace(made.profile, usual=usual))
