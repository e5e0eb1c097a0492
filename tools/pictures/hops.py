"""Pictures of what is measured against a hop's own input."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from benchmarks.time_stretch import stretched
from pictures.frame import (
    BAND,
    FAULTY,
    LENGTH_S,
    MARK,
    PLAYED_HZ,
    QUIET,
    RECEIVED_HZ,
    SECOND,
    SHADE,
    Samples,
    arrow,
    clip,
    curve,
    heard,
    hop,
    panels,
    picture,
    reply,
    shelved,
    spectrogram,
    tell,
    value,
    wave,
)


@picture("rate_ratio", "time_ratio", words="Three spectrograms: the same sentence, slower and deeper, and only slower")
def speed() -> Figure:
    """Rate and time."""
    slow = heard(reply(), RECEIVED_HZ * 2 / 3)
    longer = stretched(heard(reply()), PLAYED_HZ, 1.25)
    said = [
        f"{words}\nrate_ratio {hop('rate_ratio', item):.3f}, time_ratio {hop('time_ratio', item):.3f}"
        for words, item in (
            ("healthy", heard(reply())),
            ("24 kHz played as 16 kHz", slow),
            ("stretched in time only", longer),
        )
    ]
    figure, places = panels(*said, height_in=2.4)
    for place, samples in zip(places, (heard(reply()), slow, longer), strict=True):
        spectrogram(place, samples)
        place.set_xlim(0, LENGTH_S * 1.5)
    return figure


@picture("drift_ppm", words="Delay over time: level where clocks agree, sloping where one is faster")
def drift() -> Figure:
    """Delay over time."""
    figure, places = panels("healthy", "faulty", height_in=2.0)
    long = np.tile(reply(), 3)
    for place, ppm in zip(places, (0, 400), strict=True):
        output = heard(long, RECEIVED_HZ * (1 + ppm * 1e-6))
        found = value("drift_ppm", reference=clip(long, RECEIVED_HZ), estimated=clip(output))
        tell(place, f"{'faulty' if ppm else 'healthy'}: drift_ppm {round(found)}")
        seconds = np.linspace(0, len(long) / RECEIVED_HZ, 30)
        place.plot(seconds, -seconds * found * 1e-3, "o-", ms=3, color=MARK, lw=1)
        place.set_ylim(-4, 1)
        place.set_xlabel("s")
    places[0].set_ylabel("delay, ms")
    return figure


@picture("hop_delay_s", words="Input and output of a hop above each other, with the time from one to the other")
def hop_delay() -> Figure:
    """Two waveforms each."""
    figure, places = panels("healthy", "faulty", height_in=2.0)
    for place, delay_s in zip(places, (0.04, 0.45), strict=True):
        late = np.concatenate([np.zeros(round(delay_s * PLAYED_HZ)), heard(reply())])
        given = {"reference": clip(reply(), RECEIVED_HZ, 0.0), "estimated": clip(late, PLAYED_HZ, 0.0)}
        found = value("hop_delay_s", **given)
        tell(place, f"{'healthy' if delay_s < 0.1 else 'faulty'}: hop_delay_s {found:.3f}")
        peak = np.abs(reply()).max() * 2.2
        wave(place, heard(reply()) / peak + 1.0, 0, 1.2)
        wave(place, late / peak, 0, 1.2, colour=SECOND)
        first = first_sound_s(heard(reply()))
        place.axvline(first, color=QUIET, lw=0.8, ls=":")
        place.axvline(first + found, color=QUIET, lw=0.8, ls=":")
        arrow(place, first, first + found, 0.42, "")
        place.set_yticks([1, 0], ["input", "output"])
        place.set_ylim(-0.6, 1.6)
    return figure


def first_sound_s(samples: Samples) -> float:
    """When it begins."""
    return float(np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max())[0]) / PLAYED_HZ


@picture("dullness_db", "dullness_bands_db", words="Spectra of input and output; the four bands are shaded")
def dullness() -> Figure:
    """Two spectra each, the bands of the measure shaded."""
    dull = shelved(-12)
    figure, places = panels(
        f"healthy: dullness_db {abs(hop('dullness_db', heard(reply()))):.1f}",
        f"faulty: dullness_db {hop('dullness_db', dull):.1f}",
    )
    for place, samples in zip(places, (heard(reply()), dull), strict=True):
        for low, high, lost in zip((3.5, 5, 7, 9), (5, 7, 9, 10.8), hop("dullness_bands_db", samples), strict=True):
            place.axvspan(low + 0.04, high - 0.04, color=SHADE, lw=0)
            place.text(
                (low + high) / 2,
                -1,
                f"{abs(lost) if abs(lost) < 0.05 else lost:.1f}",
                ha="center",
                va="top",
                color=QUIET,
            )
        curve(place, heard(reply()), QUIET, "input", ls="--")
        curve(place, samples, MARK, "output")
    places[1].legend(loc="lower left")
    return figure


@picture(
    "inserted_silence_s",
    "dropout_count",
    "skipped_s",
    "repeated_s",
    words="Four waveforms: unbroken, with silence put in, with a part left out, with a part said twice",
)
def continuity() -> Figure:
    """What is put in, left out and said twice."""
    whole, at, size = heard(reply()), round(0.62 * PLAYED_HZ), round(0.06 * PLAYED_HZ)
    stalled = np.concatenate([whole[:at], np.zeros(size), whole[at:]])
    skipped = np.concatenate([whole[:at], whole[at + size :]])
    repeated = np.concatenate([whole[: at + size], whole[at:]])
    titles = [
        f"healthy: dropout_count {hop('dropout_count', whole):.0f}",
        f"stall: inserted_silence_s {hop('inserted_silence_s', stalled):.3f}, "
        f"dropout_count {hop('dropout_count', stalled):.0f}",
        f"skip: skipped_s {hop('skipped_s', skipped):.3f}",
        f"repeat: repeated_s {hop('repeated_s', repeated):.3f}",
    ]
    figure, places = panels(*titles, columns=2, height_in=1.5)
    marks = (None, (at, at + size), (at, at), (at, at + 2 * size))
    for place, samples, mark in zip(places, (whole, stalled, skipped, repeated), marks, strict=True):
        wave(place, samples, 0.4, 0.95)
        if mark:
            place.axvspan(mark[0] / PLAYED_HZ - 0.002, mark[1] / PLAYED_HZ + 0.002, color=BAND, lw=0, zorder=0)
    return figure


@picture("click_rate_hz", words="Waveforms: smooth, and with impulses at the borders of chunks")
def clicks() -> Figure:
    """Impulses."""
    random, whole = np.random.default_rng(5), heard(reply())
    clicked = whole.copy()
    borders = (np.arange(0.25, 3.0, 0.06) * PLAYED_HZ).astype(int)
    clicked[borders] += 0.5 * np.abs(whole).max() * random.choice([-1, 1], borders.size)
    figure, places = panels(
        f"healthy: click_rate_hz {hop('click_rate_hz', whole):.1f}",
        f"faulty: click_rate_hz {hop('click_rate_hz', clicked):.1f}",
        height_in=1.7,
    )
    for place, samples in zip(places, (whole, clicked), strict=True):
        wave(place, samples, 0.5, 0.8)
    top = 1.05 * np.abs(whole).max()
    places[1].plot(borders / PLAYED_HZ, np.full(borders.size, top), "v", ms=5, color=FAULTY)
    return figure
