#!/usr/bin/env python3
"""Write `scenarios/rooms/`: the impulse responses of rooms and headsets, and the table that describes them.

Each response is that of a box-shaped room by the method of image sources (J. B. Allen and D. A. Berkley, "Image method
for efficiently simulating small-room acoustics", J. Acoust. Soc. Am. 65, 1979), with the walls' reflection from the
reverberation time by Eyring's formula. Images after the first reflections are shifted at random (with a fixed seed), as
otherwise the flat walls of the model give flutter echoes that no furnished room has. Each path is then scaled to the
level in its table.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parents[1] / "scenarios" / "rooms"
RATE_HZ = 48000
SOUND_M_S = 343.0
LONGEST_S = 0.3
QUIET_DB = -60.0
"""A response ends where the rest of it is this far below the whole."""
SHIFT_M = 0.08
"""Standard deviation of the random shift of images beyond the first reflections."""
PATHS = ("speaker_to_microphone", "speaker_to_ear", "mouth_to_microphone", "mouth_to_ear")


@dataclass(frozen=True, kw_only=True)
class Place:
    """One room: its size and reverberation time, where things are in it, and the level of each path.

    Parameters
    ----------
    levels_db : tuple of float
        Level of each of `PATHS`: the level of white noise at the end of the path, relative to its beginning.
    dry : tuple of str
        Paths without the room, as from a cushion that lies on the ear.
    """

    name: str
    title: str
    size_m: tuple[float, float, float]
    reverberation_s: float
    mouth: tuple[float, float, float]
    ear: tuple[float, float, float]
    speaker: tuple[float, float, float]
    microphone: tuple[float, float, float]
    levels_db: tuple[float, float, float, float]
    noise_dbfs: float
    dry: tuple[str, ...] = ()


PLACES = (
    Place(
        name="laptop", title="A laptop without echo cancellation, in a small office",
        size_m=(4.0, 3.2, 2.5), reverberation_s=0.32,
        mouth=(1.9, 1.05, 1.2), ear=(1.9, 0.93, 1.25), speaker=(1.75, 1.5, 0.85), microphone=(1.93, 1.62, 1.0),
        levels_db=(-15.0, -6.0, -3.0, -3.0), noise_dbfs=-62.0,
    ),
    Place(
        name="meeting_room", title="A speakerphone on the table of a meeting room",
        size_m=(6.5, 4.6, 2.8), reverberation_s=0.5,
        mouth=(2.1, 1.4, 1.2), ear=(2.1, 1.28, 1.25), speaker=(3.2, 2.3, 0.78), microphone=(3.3, 2.42, 0.77),
        levels_db=(-10.0, -6.0, -3.0, -3.0), noise_dbfs=-58.0,
    ),
    Place(
        name="phone_on_speaker", title="A phone that lies on a table with its loudspeaker on",
        size_m=(4.4, 3.6, 2.5), reverberation_s=0.38,
        mouth=(2.0, 1.4, 1.15), ear=(2.0, 1.28, 1.2), speaker=(2.0, 1.85, 0.76), microphone=(2.0, 1.99, 0.76),
        levels_db=(-8.0, -8.0, -3.0, -3.0), noise_dbfs=-60.0,
    ),
    Place(
        name="desk", title="Loudspeakers and a USB microphone on a desk",
        size_m=(4.8, 3.9, 2.6), reverberation_s=0.4,
        mouth=(2.4, 1.5, 1.2), ear=(2.4, 1.38, 1.25), speaker=(1.8, 2.3, 1.0), microphone=(2.5, 1.75, 1.05),
        levels_db=(-20.0, -4.0, -3.0, -3.0), noise_dbfs=-62.0,
    ),
    Place(
        name="car", title="The hands-free kit of a parked car",
        size_m=(2.3, 1.45, 1.2), reverberation_s=0.07,
        mouth=(0.9, 0.4, 0.8), ear=(0.8, 0.4, 0.85), speaker=(1.5, 0.1, 0.4), microphone=(1.3, 0.6, 1.1),
        levels_db=(-12.0, -4.0, -3.0, -3.0), noise_dbfs=-55.0,
    ),
    Place(
        name="headset", title="A headset whose cushions leak a little into its microphone",
        size_m=(4.0, 3.2, 2.5), reverberation_s=0.32,
        mouth=(1.9, 1.05, 1.2), ear=(1.9, 0.93, 1.28), speaker=(1.9, 0.95, 1.28), microphone=(1.93, 1.08, 1.19),
        levels_db=(-52.0, -3.0, -3.0, -6.0), noise_dbfs=-68.0, dry=("speaker_to_ear",),
    ),
)  # fmt: skip


def response(place: Place, path: str, seed: int) -> NDArray[np.float64]:
    """Return the impulse response of one path, shape (n,), at `RATE_HZ`."""
    source, target = (np.array(getattr(place, end)) for end in path.split("_to_"))
    out = np.zeros(round(LONGEST_S * RATE_HZ))
    distances_m, gains = _images(place, source, target, np.random.default_rng(seed))
    if path in place.dry:
        distances_m, gains = distances_m[:1], gains[:1]
    _add(out, distances_m / SOUND_M_S * RATE_HZ, gains)
    level_db = place.levels_db[PATHS.index(path)]
    return out * float(10 ** (level_db / 20) / np.sqrt(np.sum(out**2)))


def _images(
    place: Place, source: NDArray[np.float64], target: NDArray[np.float64], generator: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the distance and the gain of every image of the source, the source itself first."""
    size = np.array(place.size_m)
    volume, surface = float(np.prod(size)), 2 * float(size[0] * size[1] + size[1] * size[2] + size[0] * size[2])
    absorption = 1 - np.exp(-0.161 * volume / (surface * place.reverberation_s))
    reflection = np.sqrt(1 - absorption)
    reach_m = LONGEST_S * SOUND_M_S
    along = [_along(size[axis], source[axis], target[axis], reach_m) for axis in range(3)]
    x, y, z = (offset for offset, _ in along)
    orders = along[0][1][:, None, None] + along[1][1][None, :, None] + along[2][1][None, None, :]
    distances = np.sqrt(x[:, None, None] ** 2 + y[None, :, None] ** 2 + z[None, None, :] ** 2)
    near = distances < reach_m
    distances, orders = distances[near], orders[near]
    later = orders > 1
    distances[later] += SHIFT_M * generator.standard_normal(int(later.sum()))
    distances = np.maximum(distances, 0.01)
    gains = reflection**orders / distances
    order = np.argsort(orders, kind="stable")
    return distances[order], gains[order]


def _along(size: float, source: float, target: float, reach_m: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the offsets of the images along one axis, and how many walls each of them has met."""
    count = int(np.ceil(reach_m / (2 * size))) + 1
    number = np.arange(-count, count + 1)
    straight, mirrored = 2 * number * size + source - target, 2 * number * size - source - target
    return np.concatenate((straight, mirrored)), np.concatenate((np.abs(2 * number), np.abs(2 * number - 1)))


def _add(out: NDArray[np.float64], frames: NDArray[np.float64], gains: NDArray[np.float64]) -> None:
    """Add impulses at fractional frames (linear interpolation; the first one at a whole frame)."""
    frames = np.concatenate(([round(frames[0])], frames[1:]))
    whole = np.floor(frames).astype(int)
    part = frames - whole
    for shift, share in ((0, 1 - part), (1, part)):
        at = whole + shift
        inside = (at >= 0) & (at < len(out))
        np.add.at(out, at[inside], (gains * share)[inside])


def _ended(responses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the responses up to where all of them have faded, with a short fade at the end."""
    left = np.cumsum(responses[::-1] ** 2, axis=0)[::-1]
    last = int(np.flatnonzero((left > left[0] * 10 ** (QUIET_DB / 10)).any(axis=1))[-1]) + 1
    fade = min(480, last)
    out = responses[:last].copy()
    out[last - fade :] *= np.linspace(1, 0, fade)[:, None]
    return out


def main() -> None:
    """Write the responses and the table."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    lines = ["# Written by tools/make_rooms.py: change the table there, not this file.\n"]
    for seed, place in enumerate(PLACES):
        responses = _ended(np.stack([response(place, path, 10 * seed + i) for i, path in enumerate(PATHS)], axis=1))
        soundfile.write(FOLDER / f"{place.name}.wav", responses.astype(np.float32), RATE_HZ, subtype="PCM_24")
        lines += [
            "[[room]]", f'name = "{place.name}"', f'file = "{place.name}.wav"', f'title = "{place.title}"',
            f"noise_dbfs = {place.noise_dbfs}", "",
        ]  # fmt: skip
    (FOLDER / "rooms.toml").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
