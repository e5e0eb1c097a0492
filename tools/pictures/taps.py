"""Pictures of what is measured on a recording alone."""

from __future__ import annotations

import numpy as np
import soxr
from matplotlib.figure import Figure

from diag.files.audio_files import read_wav
from diag.files.scenario_folders import built_in_folder
from diag.files.voice_profiles import load_voice, sample_of
from diag.measure.metrics.voice import distance_from_voice
from pictures.frame import (
    MARK,
    PLAYED_HZ,
    QUIET,
    RECEIVED_HZ,
    SECOND,
    alone,
    clip,
    curve,
    heard,
    narrow,
    panels,
    picture,
    reply,
    shelved,
    spectrogram,
    tell,
    wave,
)


@picture("tilt_db_per_octave", "centroid_hz", words="Spectra with the line of their slope and the mark of their centre")
def tilt() -> Figure:
    """Slope and centre of gravity."""
    figure, places = panels("healthy", "faulty")
    for place, samples in zip(places, (heard(reply()), shelved(-15, 2000)), strict=True):
        slope, centre = alone("tilt_db_per_octave", samples), alone("centroid_hz", samples)
        word = "healthy" if place is places[0] else "dull"
        tell(place, f"{word}: tilt_db_per_octave {slope:.1f}, centroid_hz {centre:.0f}")
        kilohertz, levels = curve(place, samples, MARK, "")
        inside = (kilohertz > 0.3) & (kilohertz < 8)
        line = slope * np.log2(kilohertz[inside])
        place.plot(kilohertz[inside], line + np.median(levels[inside] - line), color=SECOND, lw=1.2, ls="--")
        place.axvline(centre / 1000, color=QUIET, lw=1, ls=":")
        place.text(centre / 1000 + 0.1, -70, "centroid", color=QUIET)
    return figure


@picture("voice_distance_db", words="Spectra of the voice of the profile and of two replies: its own and another one's")
def other_voice() -> Figure:
    """A reply of the voice, and one of another voice."""
    folder = built_in_folder() / "replies" / "named"
    voice = load_voice(built_in_folder() / "voices" / "kore.voice.json")
    sample = sample_of(voice)
    assert sample is not None
    figure, places = panels("healthy", "faulty")
    for place, speaker in zip(places, ("high", "low"), strict=True):
        samples = read_wav(folder / f"say_it_again_{speaker}.flac").samples
        distance = distance_from_voice(clip(samples, RECEIVED_HZ), voice)
        word = "healthy" if speaker == "high" else "another voice"
        tell(place, f"{word}: voice_distance_db {distance:.1f}")
        curve(place, soxr.resample(sample.samples, RECEIVED_HZ, PLAYED_HZ), QUIET, "profile", ls="--")
        curve(place, soxr.resample(samples, RECEIVED_HZ, PLAYED_HZ), MARK, "reply")
    places[1].legend(loc="lower left")
    return figure


@picture("bandwidth_hz", words="Spectrograms: content up to 11 kHz, and nothing above 8 kHz")
def bandwidth() -> Figure:
    """Edge of the content."""
    figure, places = panels("healthy", "faulty")
    for place, samples in zip(places, (heard(reply()), narrow(16000)), strict=True):
        edge = alone("bandwidth_hz", samples)
        tell(place, f"{'healthy' if place is places[0] else 'a 16 kHz stage'}: bandwidth_hz {edge:.0f}")
        spectrogram(place, samples)
        place.axhline(edge / 1000, color="white", lw=1, ls="--")
    return figure


@picture("imaging", "image_level_db", words="Spectrograms: no mirror images, and mirror images of 0 to 4 kHz above it")
def imaging() -> Figure:
    """Mirror images of a naive resampler."""
    held = np.repeat(soxr.resample(reply(), RECEIVED_HZ, 8000, quality="VHQ"), 6)
    figure, places = panels(
        f"healthy: imaging {alone('imaging', heard(reply())):.2f}",
        f"8 kHz, samples held: imaging {alone('imaging', held):.2f}",
    )
    for place, samples in zip(places, (heard(reply()), held), strict=True):
        spectrogram(place, samples)
    places[1].axhline(4, color="white", lw=1, ls="--")
    return figure


@picture("clipping_rate_hz", "peak_dbfs", words="Waveforms: round tops, and tops cut flat")
def clipping() -> Figure:
    """Flat tops."""
    whole = 0.7 * heard(reply()) / np.abs(heard(reply())).max()
    cut = np.clip(whole * 5, -1, 1)
    figure, places = panels("healthy", "faulty", height_in=1.7)
    loudest = float(np.argmax(np.abs(whole))) / PLAYED_HZ
    for place, samples in zip(places, (whole, cut), strict=True):
        word = "healthy" if place is places[0] else "too loud"
        tell(place, f"{word}: clipping_rate_hz {alone('clipping_rate_hz', samples):.1f}, peak_dbfs "
             f"{alone('peak_dbfs', samples):.1f}".replace("-0.0", "0.0"))  # fmt: skip
        wave(place, samples, loudest - 0.02, loudest + 0.02)
        place.axhline(1, color=QUIET, lw=0.7, ls=":")
        place.axhline(-1, color=QUIET, lw=0.7, ls=":")
    return figure


@picture("level_lufs", "dc_dbfs", words="Waveforms: around zero, and faint and off the middle")
def level() -> Figure:
    """Loudness and direct current."""
    whole = 0.5 * heard(reply()) / np.abs(heard(reply())).max()
    off = 0.15 * whole + 0.12
    figure, places = panels("healthy", "faulty", height_in=1.7)
    for place, samples in zip(places, (whole, off), strict=True):
        word = "healthy" if place is places[0] else "faint, with direct current"
        tell(place, f"{word}: level_lufs {alone('level_lufs', samples):.0f}, dc_dbfs {alone('dc_dbfs', samples):.0f}")
        wave(place, samples, 0.1, 3.0)
        place.axhline(0, color=QUIET, lw=0.7)
    return figure


@picture("flatness", words="Spectrograms: speech, and the noise that swapped bytes make of it")
def flatness() -> Figure:
    """Bytes in the wrong order."""
    whole = reply() / np.abs(reply()).max()
    swapped = np.round(whole * 32767).astype("<i2").byteswap() / 32768
    figure, places = panels(
        f"healthy: flatness {alone('flatness', whole, RECEIVED_HZ):.3f}",
        f"bytes swapped: flatness {alone('flatness', swapped, RECEIVED_HZ):.3f}",
    )
    for place, samples in zip(places, (whole, swapped), strict=True):
        spectrogram(place, samples, RECEIVED_HZ)
    return figure


@picture("equal_pairs", words="Single samples: each of its own height, and in pairs of the same height")
def equal_pairs() -> Figure:
    """Two channels read as one."""
    pairs = np.repeat(reply(), 2)
    figure, places = panels(
        f"healthy: equal_pairs {alone('equal_pairs', reply(), RECEIVED_HZ):.2f}",
        f"stereo read as mono: equal_pairs {alone('equal_pairs', pairs, RECEIVED_HZ):.2f}",
        height_in=1.7,
    )
    at = int(np.argmax(np.abs(reply())))
    for place, samples, first in zip(places, (reply(), pairs), (at, 2 * at), strict=True):
        part = samples[first - 14 : first + 14]
        place.vlines(np.arange(part.size), 0, part, color=MARK, lw=1.2)
        place.plot(part, "o", ms=3, color=MARK)
        place.set_yticks([])
        place.set_xlabel("sample")
    return figure


@picture("tonality_db", words="Spectrograms: speech, and a steady tone through it")
def tonality() -> Figure:
    """A stuck tone."""
    whole = heard(reply())
    tone = whole + 0.2 * np.abs(whole).max() * np.sin(2 * np.pi * 3150 * np.arange(whole.size) / PLAYED_HZ)
    figure, places = panels(
        f"healthy: tonality_db {alone('tonality_db', whole):.0f}",
        f"stuck tone: tonality_db {alone('tonality_db', tone):.0f}",
    )
    for place, samples in zip(places, (whole, tone), strict=True):
        spectrogram(place, samples)
    return figure
