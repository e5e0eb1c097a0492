"""What is analysed of what was given: files, folders, saved takes and runs, arrays, and the channels of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from diag.core.audio_reader import AudioReader, reader_of
from diag.core.chain import HEARD_PROMPT_CHANNEL, HEARD_REPLY_CHANNEL, Tap
from diag.core.clip import Clip
from diag.core.errors import BadInputError
from diag.files.audio_files import open_raw, open_wav
from diag.files.run_folders import finished_takes

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

AUDIO_SUFFIXES = (
    ".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".au", ".caf", ".w64", ".webm", ".m4a", ".mp4",
    ".mka", ".aac", ".amr",
)  # fmt: skip
REPLY_TAPS = (Tap.RECEIVED, Tap.PLAYED, Tap.HEARD)
_SAME_SHARE = 10 ** (-40 / 20)
"""Channels whose difference stays 40 dB below them hold the same sound: dither and rounding differ by less."""
_SILENT_PEAK = 10 ** (-60 / 20)
SHORTEST_RECORDING_S = 0.02
"""A pitch period of a deep voice lasts 20 ms: nothing shorter can be judged as sound."""
LONGEST_WHOLE_S = 120.0
"""A longer recording is read and measured in stretches, so that memory does not grow with its length."""
_LOOK_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Source:
    """One mono signal to analyse.

    Parameters
    ----------
    name : str
        Of the recording.
    audio : AudioReader
        Mono.
    channels : int
        Of the recording that it was taken from.
    channel : int or None
        Which of them, counted from 1; None where all hold the same.
    note : str
        Which channel it is and why; empty for a mono recording.
    reply : bool
        False where it is known to be the user's side of a take, whose voice no profile is of.
    tap : Tap or None
        The tap that it is of a saved take; None for any other recording.
    path : str or None
        The file that it is read from.
    """

    name: str
    audio: AudioReader
    channels: int
    channel: int | None = None
    note: str = ""
    reply: bool = True
    tap: Tap | None = None
    path: str | None = None

    @cached_property
    def clip(self) -> Clip:
        """The whole of it in memory."""
        return Clip(samples=self.audio.part(0, self.audio.frames), sample_rate_hz=self.audio.sample_rate_hz)

    @property
    def long(self) -> bool:
        """Whether it is measured in stretches."""
        return self.audio.duration_s > LONGEST_WHOLE_S


def sources_of(
    given: str | Path | Clip | ArrayLike, sample_rate_hz: int | None = None, *, what: str = "the recording",
    raw: str | None = None, channel: int | None = None,
) -> tuple[Source, ...]:  # fmt: skip
    """The signals that a recording holds: one, or one for each channel that differs from the others, loudest first.

    Parameters
    ----------
    given : path, Clip or array
    sample_rate_hz : int, optional
        Of arrays.
    what : str
        How to call what has no file name.
    raw : str, optional
        Format of a headerless file, as "s16le:24000".
    channel : int, optional
        Only this one, counted from 1.

    Raises
    ------
    BadInputError
        If it cannot be used, or has no such channel.
    """
    parts = _parts(given, sample_rate_hz, what=what, raw=raw, channel=channel)
    path = str(given) if isinstance(given, str | Path) else None
    return tuple(replace(part, path=path) for part in parts)


def _parts(
    given: str | Path | Clip | ArrayLike, sample_rate_hz: int | None, *, what: str, raw: str | None,
    channel: int | None,
) -> tuple[Source, ...]:  # fmt: skip
    audio, name = _opened(given, sample_rate_hz, what, raw)
    _check_length(audio, name)
    if channel is not None and not 1 <= channel <= audio.channels:
        raise BadInputError(
            f"Could not take channel {channel} of {name}",
            seen=f"it has {audio.channels} channel{'s' if audio.channels > 1 else ''}",
            next_step=f"name one from 1 to {audio.channels}" if audio.channels > 1 else "leave the channel out",
        )
    tap = own_tap(Path(given)) if isinstance(given, str | Path) else None
    if audio.channels == 1:
        reply = tap is None or tap in REPLY_TAPS
        return (Source(name=name, audio=audio, channels=1, note=audio.note, reply=reply, tap=tap),)
    if channel is not None:
        only = Source(name=name, audio=_channel(audio, channel - 1), channels=audio.channels, channel=channel, tap=tap)
        return (replace(only, note=f"channel {channel} of {audio.channels}, as asked for"),)
    if tap is Tap.HEARD and audio.channels == 2:
        return _own_ear(name, audio)
    sources = _distinct(name, audio)
    if not audio.note:
        return sources
    return tuple(replace(source, note=f"{source.note}; {audio.note}") for source in sources)


def _check_length(audio: AudioReader, name: str) -> None:
    if audio.duration_s < SHORTEST_RECORDING_S:
        frames = f"{audio.frames} sample{'s' if audio.frames > 1 else ''}"
        raise BadInputError(
            f"Could not analyse {name}",
            seen=f"{frames} ({1000 * audio.duration_s:.2g} ms) are too short to judge",
            allowed=f"at least {1000 * SHORTEST_RECORDING_S:g} ms",
            next_step="record it again, with speech in it",
        )


def own_tap(path: Path) -> Tap | None:
    """The tap that a file of a saved take holds; None for any other file."""
    if path.stem not in set(Tap) or not (path.parent / "take.json").is_file():
        return None
    return Tap(path.stem)


def _own_ear(name: str, audio: AudioReader) -> tuple[Source, ...]:
    """The ear of a saved take: the prompt on one channel, the reply on the other."""
    reply, prompt = HEARD_REPLY_CHANNEL, HEARD_PROMPT_CHANNEL
    return (
        Source(name=name, audio=_channel(audio, reply), channels=2, channel=reply + 1,
               note=f"channel {reply + 1} of 2, the one with the reply in a saved take", tap=Tap.HEARD),
        Source(name=name, audio=_channel(audio, prompt), channels=2, channel=prompt + 1, reply=False,
               note=f"channel {prompt + 1} of 2, the one with the prompt in a saved take"),
    )  # fmt: skip


@dataclass(frozen=True)
class _Channels:
    """What tells the channels of a recording apart: peak and energy of each, largest difference of each two."""

    peaks: list[float]
    energies: list[float]
    differences: dict[tuple[int, int], float]

    def same(self, one: int, other: int) -> bool:
        """Whether two channels are the same sound."""
        return self.differences[min(one, other), max(one, other)] <= _SAME_SHARE * self.peaks[one]


def _channels_of(audio: AudioReader) -> _Channels:
    count = audio.channels
    peaks, energies = [0.0] * count, [0.0] * count
    differences = dict.fromkeys(combinations(range(count), 2), 0.0)
    step = max(1, round(_LOOK_S * audio.sample_rate_hz))
    for first in range(0, audio.frames, step):
        part = audio.part(first, min(first + step, audio.frames)).T
        for index in range(count):
            peaks[index] = max(peaks[index], float(np.abs(part[index]).max()))
            energies[index] += float(np.square(part[index], dtype=np.float64).sum())
        for one, other in differences:
            differences[one, other] = max(differences[one, other], float(np.abs(part[one] - part[other]).max()))
    return _Channels(peaks, energies, differences)


def _distinct(name: str, audio: AudioReader) -> tuple[Source, ...]:
    count, facts = audio.channels, _channels_of(audio)
    sounding = [index for index in range(count) if facts.peaks[index] > _SILENT_PEAK]
    different: list[int] = []
    for index in sounding:
        if not any(facts.same(index, kept) for kept in different):
            different.append(index)
    silent = [str(index + 1) for index in range(count) if index not in sounding]
    if not different:
        note = f"channel 1 of {count}; all are silent"
        return (Source(name=name, audio=_channel(audio, 0), channels=count, channel=1, note=note),)
    if len(different) == 1:
        if not silent:
            note = f"all {count} channels are the same" if count > 2 else "both channels are the same"
            return (Source(name=name, audio=_channel(audio, different[0]), channels=count, note=note),)
        place = different[0] + 1
        note = f"channel {place} of {count}; silent: {', '.join(silent)}"
        return (Source(name=name, audio=_channel(audio, place - 1), channels=count, channel=place, note=note),)
    different.sort(key=lambda index: -facts.energies[index])
    return tuple(
        Source(name=name, audio=_channel(audio, index), channels=count, channel=index + 1,
               note=f"channel {index + 1} of {count}, which differ")
        for index in different
    )  # fmt: skip


def _channel(audio: AudioReader, index: int) -> AudioReader:
    """One channel of a recording by itself."""
    return replace(audio, channels=1, part=lambda first, last: audio.part(first, last)[:, index])


def audio_files(paths: Iterable[str | Path], *, replies_only: bool = False) -> tuple[Path, ...]:
    """The files that these paths stand for: a folder for the audio files in it, a saved run for those of its takes.

    Parameters
    ----------
    paths : iterable of path
    replies_only : bool
        Of saved takes and runs, only the taps that hold the service's voice.

    Raises
    ------
    BadInputError
        If a folder holds no audio file.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        if not path.is_dir():
            files.append(path)
            continue
        takes = [path] if (path / "take.json").is_file() else [path / "takes" / name for name in finished_takes(path)]
        taps = REPLY_TAPS if replies_only else tuple(Tap)
        inside = [take / f"{tap.value}.wav" for take in takes for tap in taps]
        inside = [item for item in inside if item.is_file()]
        inside = inside or sorted(item for item in path.iterdir() if item.suffix.lower() in AUDIO_SUFFIXES)
        if not inside:
            raise BadInputError(
                f"Could not analyse the folder {path}",
                seen="no audio file in it",
                allowed=", ".join(AUDIO_SUFFIXES),
                next_step="name a file, or a folder with recordings",
            )
        files.extend(inside)
    return tuple(files)


def name_of(path: Path) -> str:
    """How to call a file: by its name, and a file of a saved take by the take too."""
    return f"{path.parent.name}/{path.name}" if own_tap(path) and path.parent.parent.name == "takes" else path.name


def _opened(
    source: str | Path | Clip | ArrayLike, sample_rate_hz: int | None, what: str, raw: str | None
) -> tuple[AudioReader, str]:
    if isinstance(source, Clip):
        return reader_of(source), what
    if isinstance(source, str | Path):
        audio = open_raw(source, raw) if raw else open_wav(source)
        # Channels are looked at more than once: what is measured whole is read once.
        return (audio if audio.duration_s > LONGEST_WHOLE_S else _in_memory(audio)), name_of(Path(source))
    if sample_rate_hz is None:
        raise BadInputError(
            f"Could not analyse {what}",
            seen="an array without a sample rate",
            next_step="give sample_rate_hz",
        )
    try:
        clip = Clip(samples=np.asarray(source, dtype=np.float32), sample_rate_hz=sample_rate_hz)
    except (ValueError, TypeError) as error:
        raise BadInputError(
            f"Could not analyse {what}",
            seen=str(error),
            allowed="finite numbers of shape (n,) or (n, channels), full scale 1.0",
            next_step="check how the array was made",
        ) from None
    if not clip.frames:
        raise BadInputError(f"Could not analyse {what}", seen="an array without samples", next_step="record it again")
    return reader_of(clip), what


def _in_memory(audio: AudioReader) -> AudioReader:
    samples = audio.part(0, audio.frames)
    return replace(audio, part=lambda first, last: samples[first:last])
