"""`diag voice`: makes the profile of a voice from files, folders, saved takes or runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from diag.api.input_files import audio_files, own_tap, sources_of
from diag.core.chain import Tap
from diag.dsp.spectrum import Sound, sound_of
from diag.files.voice_profiles import default_path, load_voice, save_voice
from diag.measure.voice_making import MadeVoice, voice_from_sounds

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
    sounds: dict[str, Sound] = {}
    for path in files:
        part = next((part for part in sources_of(path) if part.reply), None)
        if part is not None:
            label = part.name if part.name not in sounds else str(path)
            sounds[label] = sound_of(part.clip.samples, part.clip.sample_rate_hz)
    return voice_from_sounds(sounds, name or files[0].stem)
