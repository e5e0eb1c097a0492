"""Rooms: impulse responses between mouth, loudspeaker, microphone and ear, and how to find and read them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diag.core.clip import Samples
from diag.core.errors import BadInputError
from diag.core.units import counted
from diag.dsp.resample import rescale
from diag.files.audio_files import read_wav
from diag.files.scenario_folders import ROOMS_TABLE, all_by_name, find_named
from diag.files.toml_text import read_toml
from diag.files.whole_files import read_limited

PATHS = ("speaker_to_microphone", "speaker_to_ear", "mouth_to_microphone", "mouth_to_ear")
"""Channels of a room's file, in this order."""
ROOM_RATE_HZ = 48000
MAX_TABLE_BYTES = 1_000_000
LONGEST_S = 1.0
"""Longest response; the sound server convolves in one piece, which takes the more time the longer it is."""
_FILE = "a WAV file with 4 channels: " + ", ".join(path.replace("_to_", " to ") for path in PATHS)


@dataclass(frozen=True, kw_only=True)
class Room:
    """A room that `--room` names: its file and the level of the noise in it.

    Parameters
    ----------
    name : str
        Name in rooms.toml, or the stem of the user's own file.
    path : Path
        WAV file with one channel per path, in the order of `PATHS`.
    title : str
        What it is; empty for the user's own.
    noise_dbfs : float or None
        RMS level of the background noise at the microphone and at the ear; None for no noise.
    """

    name: str
    path: Path
    title: str = ""
    noise_dbfs: float | None = None


def load_rooms(folder: Path) -> tuple[Room, ...]:
    """Return the rooms of a folder with a rooms.toml, in the order of that file.

    Raises
    ------
    BadInputError
        If rooms.toml is missing or damaged.
    """
    table = folder / ROOMS_TABLE.name
    try:
        entries = read_toml(read_limited(table, MAX_TABLE_BYTES).decode("utf-8"))["room"]
        return tuple(
            Room(
                name=str(entry["name"]),
                path=folder / str(entry["file"]),
                title=str(entry.get("title", "")),
                noise_dbfs=float(entry["noise_dbfs"]) if "noise_dbfs" in entry else None,
            )
            for entry in entries
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise BadInputError(
            f"Could not read the rooms in {table}",
            seen=str(error),
            allowed="[[room]] tables with name, file, title and noise_dbfs",
            next_step="correct the file",
        ) from None


def rooms_by_name() -> dict[str, Room]:
    """Return all rooms by name. The user's own come first and replace built-in ones of the same name.

    Raises
    ------
    BadInputError
        As `load_rooms`.
    """
    return all_by_name(ROOMS_TABLE, load_rooms)


def find_room(name_or_path: str) -> Room:
    """Return a room by its name (see `rooms_by_name`), or a user's own file by its path. The file is not read.

    Raises
    ------
    BadInputError
        If it is neither a known name nor a file.
    """
    found = find_named(name_or_path, "room", rooms_by_name, _FILE)
    return found if isinstance(found, Room) else Room(name=found.stem, path=found.resolve())


def read_responses(path: Path) -> Samples:
    """Return the impulse responses of a room's file, shape (n, 4) at `ROOM_RATE_HZ`, channels in the order of `PATHS`.

    Raises
    ------
    BadInputError
        If the file cannot be read, does not have 4 channels, is silent, or is longer than `LONGEST_S`.
    """
    clip = read_wav(path)
    seen: str | None = None
    if clip.channels != len(PATHS):
        seen = counted(clip.channels, "channel")
    elif clip.duration_s > LONGEST_S:
        seen = f"{clip.duration_s:.2f} s of sound"
    elif not clip.samples.any():
        seen = "only silence"
    if seen is not None:
        raise BadInputError(
            f"Could not use {path} as a room",
            seen=seen,
            allowed=f"{_FILE}; at most {LONGEST_S:.0f} s, in which the responses are",
            next_step="see docs/rooms.md",
        )
    if clip.sample_rate_hz == ROOM_RATE_HZ:
        return clip.samples
    factor = ROOM_RATE_HZ / clip.sample_rate_hz
    # Resampling keeps the amplitude of a signal; that of an impulse response falls as its samples get more.
    columns = [rescale(clip.samples[:, index], factor)[0] / factor for index in range(len(PATHS))]
    return np.stack(columns, axis=1).astype(np.float32)


def path_level_db(responses: Samples, path: str) -> float:
    """Return the level of one path in dB: that of white noise at its end, relative to its beginning; -inf if silent."""
    power = float(np.sum(np.square(responses[:, PATHS.index(path)], dtype=np.float64)))
    return float(10 * np.log10(power)) if power > 0 else -np.inf


def with_echo_level(responses: Samples, echo_db: float) -> Samples:
    """Return the responses with the path from the speaker to the microphone at this level (`path_level_db`)."""
    out = np.array(responses)
    out[:, 0] *= np.float32(10 ** ((echo_db - path_level_db(responses, PATHS[0])) / 20))
    return out
