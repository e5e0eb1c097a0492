"""What the pictures share: the clip that they show, the panels, and what a measure says of a clip."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
import soxr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from diag.core.clip import Clip
from diag.dsp.level import decibels
from diag.dsp.spectrum import short_time_power, short_time_power_at
from diag.files.audio_files import read_wav
from diag.files.scenario_folders import built_in_folder
from diag.measure.registry import all_metrics

Samples = NDArray[np.floating[Any]]
TEXT, QUIET, LINE, SHADE = "#1a1d21", "#545b66", "#cfd4dc", "#e3e8f0"
GOOD, FAULTY, MARK, SECOND, BAND = "#17683a", "#b3261e", "#0b57b0", "#a82a72", "#f6d5d2"
STAGE_COLOURS = ("#6b4ba8", "#a82a72", "#0b57b0", "#56657a", "#006a73", "#7c4a2d")
"""All colours are those of the report's style sheet."""
WIDTH_IN, DPI = 8.0, 96
RECEIVED_HZ, PLAYED_HZ = 24000, 48000
TOP_HZ, DEPTH_DB = 12000.0, 66.0
REPLY, LENGTH_S = "hearing_you_well.wav", 3.2
STYLE: Any = {
    "font.family": "DejaVu Sans", "font.size": 8.5, "text.color": TEXT, "axes.labelcolor": QUIET,
    "axes.edgecolor": LINE, "axes.titlesize": 9, "axes.titlelocation": "left", "xtick.color": QUIET,
    "ytick.color": QUIET, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
    "figure.facecolor": "white", "axes.facecolor": "white",
}  # fmt: skip


ON_WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}


@dataclass(frozen=True)
class Picture:
    """A drawing, the measures that it stands for, and what it shows to who cannot see it."""

    metrics: tuple[str, ...]
    words: str
    draw: Callable[[], Figure]


PICTURES: dict[str, Picture] = {}


def picture(*metrics: str, words: str) -> Callable[[Callable[[], Figure]], Callable[[], Figure]]:
    """Register a drawing; its function's name is the name of its file."""

    def register(draw: Callable[[], Figure]) -> Callable[[], Figure]:
        PICTURES[draw.__name__] = Picture(metrics, words, draw)
        return draw

    return register


def name_of(metric: str) -> str | None:
    """The picture of a measure."""
    return next((name for name, item in PICTURES.items() if metric in item.metrics), None)


def write(folder: Path) -> None:
    """Draw all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        for name, item in PICTURES.items():
            figure = item.draw()
            file = io.BytesIO()
            figure.savefig(file, format="png", dpi=DPI)
            plt.close(figure)
            file.seek(0)
            small = Image.open(file).convert("RGB").quantize(palette=palette(), dither=Image.Dither.NONE)
            small.save(folder / f"{name}.png", optimize=True)
    for old in folder.glob("*.png"):
        if old.stem not in PICTURES:
            old.unlink()


@cache
def palette() -> Image.Image:
    """Every colour that is used, its paler steps for smooth edges, and the steps of the spectrograms.

    So few colours keep a picture below 40 kB.
    """
    named = [TEXT, QUIET, LINE, SHADE, BAND, GOOD, FAULTY, MARK, SECOND, *STAGE_COLOURS]
    paler = [0.0, 0.35, 0.65]
    flat = [1 - (1 - np.array(mpl.colors.to_rgb(name))) * (1 - share) for name in named for share in paler]
    map_steps = mpl.colormaps["magma"](np.linspace(0, 1, 20))[:, :3]
    colours = np.rint(255 * np.vstack([[[1, 1, 1]], flat, map_steps])).astype(np.uint8)
    image = Image.new("P", (1, 1))
    image.putpalette(colours.tobytes())
    return image


# --- sound


@cache
def reply() -> Samples:
    """A recorded reply at 24 kHz, as received."""
    clip = read_wav(built_in_folder() / "replies" / REPLY).channel(0)
    return clip.samples[: round(LENGTH_S * RECEIVED_HZ)].astype(np.float64)


def heard(samples: Samples, from_hz: float = RECEIVED_HZ) -> Samples:
    """At the 48 kHz of a device."""
    return np.asarray(soxr.resample(samples, from_hz, PLAYED_HZ, quality="VHQ"))


def clip(samples: Samples, rate_hz: int = PLAYED_HZ, start_s: float | None = None) -> Clip:
    """Samples as metrics take them."""
    return Clip(samples=np.asarray(samples, np.float32), sample_rate_hz=rate_hz, start_s=start_s)


def received() -> Clip:
    """What hops are held against."""
    return clip(reply(), RECEIVED_HZ)


def value(name: str, **given: object) -> Any:
    """What a measure says."""
    metric = next(item for item in all_metrics() if item.name == name and set(item.needs) == set(given))
    reading = metric.function(**given)
    if reading.value is None:
        raise ValueError(f"{name}: {reading.missing}")
    return reading.value


def hop(name: str, samples: Samples) -> Any:
    """What a hop's measure says of what became of the reply."""
    return value(name, reference=received(), estimated=clip(samples))


def alone(name: str, samples: Samples, rate_hz: int = PLAYED_HZ) -> Any:
    """What a measure says of a recording alone."""
    return value(name, clip=clip(samples, rate_hz))


# --- drawing


def panels(*titles: str, height_in: float = 2.3, columns: int | None = None) -> tuple[Figure, list[Axes]]:
    """A row of axes; titles that begin with "healthy" are green, others red."""
    columns = columns or len(titles)
    rows = -(-len(titles) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(WIDTH_IN, height_in * rows), sharey=True, layout="constrained",
        squeeze=False,
    )  # fmt: skip
    for place, title in zip(axes.flat, titles, strict=True):
        tell(place, title)
    return figure, list(axes.flat)


def tell(place: Axes, title: str) -> None:
    """The title of a panel: whether it is the healthy one is said in words and in colour."""
    place.set_title(title, color=GOOD if title.startswith("healthy") else FAULTY, fontweight="bold")


def spectrogram(place: Axes, samples: Samples, rate_hz: int = PLAYED_HZ) -> None:
    """Time to the right, frequency upwards."""
    spectrum = short_time_power_at(samples, rate_hz, 0.020, 0.010, TOP_HZ)
    levels = decibels(np.sqrt(spectrum.power.T))
    extent = (0.0, len(samples) / rate_hz, 0.0, spectrum.power.shape[1] * spectrum.bin_hz / 1000)
    strongest = float(levels.max()) - 4
    place.imshow(
        levels, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=strongest - DEPTH_DB, vmax=strongest,
        interpolation="bilinear",
    )  # fmt: skip
    place.set_ylim(0, TOP_HZ / 1000)
    place.set_facecolor("black")
    place.set_xlabel("s")
    place.set_yticks([0, 4, 8, 12], ["0", "4", "8", "12 kHz"])


def curve(place: Axes, samples: Samples, colour: str, label: str, **more: Any) -> tuple[Samples, Samples]:
    """Average spectrum in dB over kHz, and what was drawn."""
    spectrum = short_time_power(samples, PLAYED_HZ)
    lows = np.arange(0.0, TOP_HZ, 100.0)
    power = np.array([spectrum.ltas_band(low, low + 100.0) for low in lows])
    levels = decibels(np.sqrt(power))
    levels = levels - levels.max()
    place.plot((lows + 50) / 1000, levels, color=colour, label=label, lw=1.4, **more)
    place.set_ylim(-75, 3)
    place.set_xlabel("kHz")
    place.set_ylabel("dB")
    return (lows + 50) / 1000, levels


def wave(place: Axes, samples: Samples, start_s: float, end_s: float, *, colour: str = MARK) -> None:
    """The waveform between two times."""
    first, last = round(start_s * PLAYED_HZ), round(end_s * PLAYED_HZ)
    place.plot(np.arange(first, last) / PLAYED_HZ, samples[first:last], color=colour, lw=0.7)
    place.set_xlim(start_s, end_s)
    place.set_yticks([])
    place.spines["left"].set_visible(False)
    place.set_xlabel("s")


def arrow(place: Axes, start: float, end: float, level: float, words: str) -> None:
    """From – to, with its name above."""
    style = {"arrowstyle": "<->", "color": TEXT, "lw": 1.3, "shrinkA": 0, "shrinkB": 0}
    place.annotate("", (end, level), (start, level), arrowprops=style)
    place.text((start + end) / 2, level + 0.12, words, ha="center", va="bottom", bbox=ON_WHITE)


def shelved(gain_db: float, corner_hz: float = 3500.0) -> Samples:
    """The reply with less treble."""
    samples = heard(reply())
    size = 1 << (samples.size * 2 - 1).bit_length()
    hz = np.fft.rfftfreq(size, 1 / PLAYED_HZ)
    gain = 10 ** (gain_db / 20 * np.clip((hz - 0.9 * corner_hz) / (0.1 * corner_hz), 0, 1))
    return np.asarray(np.fft.irfft(np.fft.rfft(samples, size) * gain, size)[: samples.size])


def narrow(rate_hz: int) -> Samples:
    """The reply through a stage of a lower sample rate."""
    return heard(np.asarray(soxr.resample(reply(), RECEIVED_HZ, rate_hz, quality="VHQ")), rate_hz)
