"""Spectra of the taps in one drawing, and spectrograms one above the other with the same axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.units import LIVE_OUTPUT_RATE_HZ, with_minus
from diag.dsp.level import decibels
from diag.dsp.pitch_scale import EDGE_DROP_DB, loud_edge_hz
from diag.dsp.spectrum import short_time_power, short_time_power_at
from diag.report.language import tr
from diag.report.plots import spectrogram_uri
from diag.report.svg import points

TOP_HZ = LIVE_OUTPUT_RATE_HZ / 2
"""Upper edge of every drawing: the Nyquist frequency of what the Live API answers with."""
WIDTH = 1000.0
HEIGHT = 260.0
_BAND_HZ = 100.0
_MATCH_BAND_HZ = (300.0, 3000.0)
_CEILING_DB = 15.0
_FLOOR_DB = -60.0
_PICTURE_COLUMNS = 300
_PICTURE_BANDS = 96
_QUIETEST_BRIGHT_DBFS = -45.0
"""A picture whose strongest point lies below this level is drawn dark."""


@dataclass(frozen=True)
class Curve:
    """One spectrum as an SVG path; `style` names its colour and dash, `words` say where its content ends."""

    name: str
    style: str
    path: str
    words: str


@dataclass(frozen=True)
class Spectra:
    """Curves in one box of WIDTH by HEIGHT, with positions in percent for the labels of both axes."""

    title: str
    curves: tuple[Curve, ...]
    hertz: tuple[tuple[float, str], ...]
    levels: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Picture:
    """A spectrogram with its words."""

    name: str
    uri: str
    words: str
    duration: str
    share: float


def spectra_of(title: str, clips: Sequence[tuple[str, str, Clip]]) -> Spectra | None:
    """Return the average spectra of (name, style, clip) in one drawing; None if no clip has sound."""
    curves = [curve for name, style, clip in clips if (curve := _curve(name, style, clip))]
    if not curves:
        return None
    hertz = tuple((hz / TOP_HZ * 100, f"{hz / 1000:g}") for hz in (0, 2000, 4000, 6000, 8000, 10000, 12000))
    levels = tuple((_y(level) / HEIGHT * 100, with_minus(f"{level:g}")) for level in (0, -20, -40, -60))
    return Spectra(title, tuple(curves), hertz, levels)


def _curve(name: str, style: str, clip: Clip) -> Curve | None:
    spectrum = short_time_power(clip.samples, clip.sample_rate_hz)
    voice = spectrum.ltas_band(*_MATCH_BAND_HZ) * _BAND_HZ / (_MATCH_BAND_HZ[1] - _MATCH_BAND_HZ[0])
    if voice <= 0.0:
        return None
    lows = np.arange(0.0, min(TOP_HZ, spectrum.nyquist_hz), _BAND_HZ)
    power = np.array([spectrum.ltas_band(low, low + _BAND_HZ) for low in lows])
    levels = decibels(np.sqrt(power / voice))
    path = points(
        ((lows + _BAND_HZ / 2) / TOP_HZ * WIDTH).tolist(),
        [_y(level) for level in np.clip(levels, _FLOOR_DB - 5, _CEILING_DB).tolist()],
    )
    words = tr("sound up to {edge_khz:.1f} kHz ({drop_db:g} dB below its peak)").format(
        drop_db=EDGE_DROP_DB, edge_khz=loud_edge_hz(spectrum) / 1000
    )
    return Curve(name, style, path, words)


def _y(level_db: float) -> float:
    return (_CEILING_DB - level_db) / (_CEILING_DB - _FLOOR_DB) * HEIGHT


def pictures_of(clips: Sequence[tuple[str, Clip]]) -> tuple[Picture, ...]:
    """Return spectrograms of (name, clip) on one time axis.

    Each is scaled to its own strongest point, because levels differ by device. Near silence stays dark.
    """
    longest_s = max((clip.duration_s for _, clip in clips), default=0.0)
    return tuple(_picture(name, clip, longest_s) for name, clip in clips if clip.frames)


def _picture(name: str, clip: Clip, longest_s: float) -> Picture:
    hop_s = max(longest_s / _PICTURE_COLUMNS, 0.004)
    spectrum = short_time_power_at(clip.samples, clip.sample_rate_hz, 0.032, hop_s, TOP_HZ)
    lows = np.linspace(0.0, TOP_HZ, _PICTURE_BANDS + 1)[:-1]
    width_hz = TOP_HZ / _PICTURE_BANDS
    held = lows < spectrum.nyquist_hz
    levels = np.full((spectrum.frames, lows.size), np.nan)
    levels[:, held] = np.stack(
        [decibels(np.sqrt(spectrum.band_power(low, low + width_hz))) for low in lows[held]], axis=1
    )
    strongest = max(float(np.nanmax(levels)), _QUIETEST_BRIGHT_DBFS)
    words = tr("Spectrogram of {name}: {seconds:.1f} s, 0 to {top_khz:g} kHz").format(
        name=name, seconds=clip.duration_s, top_khz=TOP_HZ / 1000
    )
    share = round(clip.duration_s / longest_s * 100, 2)
    return Picture(name, spectrogram_uri(levels, strongest), words, f"{clip.duration_s:.1f} s", share)


def style_of(tap: Tap) -> str:
    """Return the name of a tap's colour and dash in the style sheet."""
    return f"tap-{tap.value}"
