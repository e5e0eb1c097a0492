"""`diag voice`: makes the profile of a voice from recordings, or from what a speech service speaks."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from diag.api.input_files import audio_files, own_tap, sources_of
from diag.api.options import Progress, Quiet
from diag.api.speech_defaults import SENTENCES, SPEECH_MODEL
from diag.core.chain import Tap
from diag.core.clip import Clip, clip_from_pcm16
from diag.core.errors import BadInputError, CannotMeasureError
from diag.core.units import LIVE_OUTPUT_RATE_HZ, playable_rate_hz
from diag.dsp.profile import VoiceSource
from diag.dsp.spectrum import sound_of
from diag.files.audio_files import decode_audio
from diag.files.voice_profiles import default_path, load_voice, save_voice, with_sample
from diag.files.whole_files import read_limited
from diag.measure.voice_making import MadeVoice, usual_measures, voice_from_sounds

if TYPE_CHECKING:
    from diag.record.live.genai import Endpoint

__all__ = ["MadeVoice", "default_path", "load_voice", "make_voice", "read_sentences", "save_voice", "speak_voice"]

MOST_SENTENCES = 40
MAX_SENTENCES_BYTES = 1_000_000
"""Most sentences that a speech service is asked for. More hardly improves a profile, and each may cost money."""
_RIFF = b"RIFF"


def make_voice(paths: Iterable[str | Path], *, name: str | None = None) -> MadeVoice:
    """Make the profile of one voice from recordings of it: files, folders, saved takes or runs.

    Recordings that do not fit the others (another voice, another speed, dull) are left out and named.

    Parameters
    ----------
    paths : iterable of path
        Recordings known to be good. Of saved takes, `received` is used.
    name : str, optional
        Name of the voice; by default that of the first recording.

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


def speak_voice(
    voice: str,
    *,
    endpoint: str = "emulator",
    model: str = SPEECH_MODEL,
    sentences: Sequence[str] = SENTENCES,
    name: str | None = None,
    progress: Progress | None = None,
) -> MadeVoice:
    """Make the profile of a prebuilt voice from sentences that a speech service speaks.

    Parameters
    ----------
    voice : str
        Name of the voice, for example "Kore".
    endpoint : str
        "emulator", "gemini" or a URL.
    model : str
        Name of the speech model.
    sentences : sequence of str
        One request each.
    name : str, optional
        Name of the profile; by default that of the voice.

    Raises
    ------
    BadInputError
        If the endpoint is not allowed, there are too many sentences, too little was spoken, or the answers do not
        agree with each other.
    CannotMeasureError
        If there is no key, or the service cannot be reached, refuses, or does not answer with audio.
    """
    from diag.record.live.genai import speak

    progress = progress or Quiet()
    clips: dict[str, Clip] = {}
    with ExitStack() as stack:
        there = _endpoint(endpoint, stack)
        for number, text in enumerate(sentences, start=1):
            progress.note(f"{number} of {len(sentences)}: {voice} speaks “{text}”")
            spoken = speak(there, model=model, voice=voice, text=text)
            clips[f"sentence {number}"] = clip_of_speech(spoken.data, spoken.mime_type, voice)
    made = _made(clips, name or voice)
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    source = VoiceSource(voice=voice, model=model, endpoint=endpoint, made=now)
    return replace(made, profile=replace(made.profile, source=source))


def _endpoint(name: str, stack: ExitStack) -> Endpoint:
    from diag.record.live.genai import Endpoint, endpoint_from_name

    if name != "emulator":
        return endpoint_from_name(name)
    from diag.emulator.embedded import EmbeddedEmulator

    emulator = stack.enter_context(EmbeddedEmulator())
    return Endpoint(kind="emulator", base_url=emulator.register({}), ca_file=str(emulator.ca_file))


def clip_of_speech(data: bytes, mime_type: str, voice: str) -> Clip:
    """Return the audio of a speech model, mono: raw 16-bit PCM at the declared rate, or a whole WAV file.

    Some models answer with a whole WAV file, some of them under the MIME type of raw PCM. So the header decides, and
    is not part of the sound.

    Raises
    ------
    CannotMeasureError
        If a WAV file cannot be decoded.
    """
    if data[: len(_RIFF)] != _RIFF:
        return clip_from_pcm16(data, playable_rate_hz(mime_type, LIVE_OUTPUT_RATE_HZ))
    clip = decode_audio(data)
    if clip is None:
        raise CannotMeasureError(
            f"Could not read what the voice {voice} spoke",
            seen=f"{len(data)} bytes that begin like a WAV file and are none ({mime_type or 'no MIME type'})",
            next_step="try again, or name another speech model with --model",
        )
    return clip.channel(0)


def read_sentences(path: Path) -> tuple[str, ...]:
    """Return the sentences of a text file, one a line; empty lines are left out.

    Raises
    ------
    BadInputError
        If the file cannot be read, or holds no sentence or too many.
    """
    attempted = f"Could not use the sentences in {path}"
    try:
        lines = read_limited(path, MAX_SENTENCES_BYTES).decode("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise BadInputError(
            attempted,
            seen=getattr(error, "strerror", None) or "it is not UTF-8 text",
            allowed="a text file with one sentence a line",
            next_step="check the path",
        ) from None
    sentences = tuple(line.strip() for line in lines if line.strip())
    if not 1 <= len(sentences) <= MOST_SENTENCES:
        raise BadInputError(
            attempted,
            seen=f"{len(sentences)} sentences",
            allowed=f"1 to {MOST_SENTENCES}, one a line",
            next_step="six to ten sentences are enough",
        )
    return sentences


def _made(clips: dict[str, Clip], name: str) -> MadeVoice:
    """Return the profile of clips of one voice, with a sample of those that were used, and what they always show."""
    made = voice_from_sounds(
        {label: sound_of(clip.samples, clip.sample_rate_hz) for label, clip in clips.items()}, name
    )
    used = [clips[label].channel(0) for label in made.profile.recordings]
    profile = replace(made.profile, usual=usual_measures(used))
    return replace(made, profile=with_sample(profile, used))
