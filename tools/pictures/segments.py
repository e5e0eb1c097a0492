"""Pictures of what a segment adds to its input, and of bytes that are read wrongly."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pictures.frame import (
    BAND,
    LENGTH_S,
    MARK,
    PLAYED_HZ,
    QUIET,
    RECEIVED_HZ,
    TOP_HZ,
    Samples,
    alone,
    heard,
    hop,
    panels,
    picture,
    reply,
    spectrogram,
    wave,
)


def frames(seconds: float) -> int:
    """Frames of the device's clip."""
    return round(seconds * PLAYED_HZ)


def loudness() -> float:
    """Root mean square of the reply."""
    return float(np.sqrt(np.mean(np.square(heard(reply())))))


def shade(place: Axes, start_s: float, end_s: float) -> None:
    """Mark the faulty part of a panel."""
    place.axvspan(start_s, end_s, color=BAND, lw=0, zorder=0)


@picture(
    "head_lost_s",
    "tail_lost_s",
    words="Three waveforms of a reply: whole, without its beginning, and without its end",
)
def borders() -> Figure:
    """What is missing at both ends."""
    whole, silence = heard(reply()), np.zeros(frames(0.5))
    lost = frames(0.4)
    end = whole.copy()
    end[-frames(0.7) :] = 0
    beginning = np.concatenate([np.zeros(lost), whole[lost:]])
    clips = [np.concatenate([item, silence]) for item in (whole, beginning, end)]
    figure, places = panels(
        f"healthy: head_lost_s {hop('head_lost_s', clips[0]):.2f},\ntail_lost_s {hop('tail_lost_s', clips[0]):.2f}",
        f"beginning lost:\nhead_lost_s {hop('head_lost_s', clips[1]):.2f}",
        f"end lost:\ntail_lost_s {hop('tail_lost_s', clips[2]):.2f}",
        height_in=1.7,
    )
    for place, samples in zip(places, clips, strict=True):
        wave(place, samples, 0, LENGTH_S)
    shade(places[1], 0, 0.4)
    shade(places[2], LENGTH_S - 0.7, LENGTH_S)
    return figure


@picture(
    "other_sound_s",
    "displaced_s",
    words="Three waveforms: the reply, the reply with a foreign sound after it, and the reply with two parts swapped",
)
def order() -> Figure:
    """Sound that is not the input's, and sound at the wrong place."""
    whole = heard(reply())
    pause = np.zeros(frames(0.3))
    hz = 300 + 200 * np.sin(2 * np.pi * 3 * np.arange(frames(0.6)) / PLAYED_HZ)
    foreign = 0.3 * np.abs(whole).max() * np.sin(2 * np.pi * np.cumsum(hz) / PLAYED_HZ)
    more = np.concatenate([whole, pause, foreign, pause])
    first, middle, last = frames(0.6), frames(1.0), frames(1.4)
    swapped = np.concatenate([whole[:first], whole[middle:last], whole[first:middle], whole[last:]])
    figure, places = panels(
        f"healthy: other_sound_s {hop('other_sound_s', whole):.2f},\ndisplaced_s {hop('displaced_s', whole):.2f}",
        f"another sound:\nother_sound_s {hop('other_sound_s', more):.2f}",
        f"two parts swapped:\ndisplaced_s {hop('displaced_s', swapped):.2f}",
        height_in=1.7,
    )
    for place, samples in zip(places, (whole, more, swapped), strict=True):
        wave(place, samples, 0, samples.size / PLAYED_HZ)
    shade(places[1], LENGTH_S + 0.3, LENGTH_S + 0.9)
    shade(places[2], 0.6, 1.4)
    return figure


@picture(
    "second_copy_db",
    "reverberation_db",
    words="Three spectrograms: the reply, the reply with a second copy of itself, and the reply in a room",
)
def second_copy() -> Figure:
    """A second copy, and a tail of many."""
    whole = np.concatenate([heard(reply()), np.zeros(frames(0.5))])
    twice = whole.copy()
    twice[frames(0.18) :] += 0.7 * whole[: -frames(0.18)]
    seconds = np.arange(frames(0.5)) / PLAYED_HZ
    tail = 0.02 * np.random.default_rng(11).standard_normal(seconds.size) * 10 ** (-3 * seconds / 0.5)
    tail[: frames(0.005)] = 0
    room = whole + folded(whole, tail)
    figure, places = panels(
        f"healthy: second_copy_db {hop('second_copy_db', whole):.0f},\n"
        f"reverberation_db {hop('reverberation_db', whole):.0f}",
        f"second copy after 180 ms:\nsecond_copy_db {hop('second_copy_db', twice):.0f}",
        f"a room:\nreverberation_db {hop('reverberation_db', room):.0f}",
        height_in=2.2,
    )
    for place, samples in zip(places, (whole, twice, room), strict=True):
        spectrogram(place, samples)
    return figure


def folded(samples: Samples, response: Samples) -> Samples:
    """Convolution, cut to the length of the samples."""
    size = 1 << (samples.size + response.size).bit_length()
    return np.asarray(np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(response, size), size)[: samples.size])


@picture(
    "level_change_db",
    "added_dc_dbfs",
    words="Three waveforms: the reply, the reply with a sudden step of its level, and the reply beside the middle line",
)
def level_change() -> Figure:
    """A step of the level, and direct current."""
    whole = 0.5 * heard(reply()) / np.abs(heard(reply())).max()
    step = whole.copy()
    step[frames(1.5) :] *= 10 ** (-12 / 20)
    off = whole + 0.15
    gain = float(np.abs(heard(reply())).max()) / 0.5
    figure, places = panels(
        f"healthy: level_change_db {abs(hop('level_change_db', gain * whole)):.1f},\n"
        f"added_dc_dbfs {hop('added_dc_dbfs', gain * whole):.0f}",
        f"12 dB less from 1.5 s on:\nlevel_change_db {hop('level_change_db', gain * step):.1f}",
        f"direct current added:\nadded_dc_dbfs {hop('added_dc_dbfs', off):.0f}",
        height_in=1.7,
    )
    for place, samples in zip(places, (whole, step, off), strict=True):
        wave(place, samples, 0, LENGTH_S)
        place.axhline(0, color=QUIET, lw=0.7)
    shade(places[1], 1.5, LENGTH_S)
    return figure


@picture("level_pumping_db", words="The waveform of the reply, and the same with a level that goes up and down")
def pumping() -> Figure:
    """A gain that goes up and down."""
    whole = 0.5 * heard(reply()) / np.abs(heard(reply())).max()
    t_s = np.arange(whole.size) / frames(1.0)
    changed = 0.6 * whole * (1 + 0.6 * np.sin(2 * np.pi * 1.5 * t_s))
    figure, places = panels(
        f"healthy: level_pumping_db {hop('level_pumping_db', whole):.1f}",
        f"gain up and down: {hop('level_pumping_db', changed):.1f}",
        height_in=1.6,
    )
    for place, samples in zip(places, (whole, changed), strict=True):
        wave(place, samples, 0, LENGTH_S)
    return figure


@picture(
    "tone_change_db",
    words="Two spectrograms: the reply, and the reply mixed with itself, which lacks bands at regular distances",
)
def tone() -> Figure:
    """The sound mixed with itself 1 ms later."""
    whole = heard(reply())
    mixed = 0.5 * whole + 0.45 * np.pad(whole, (frames(0.001), 0))[: whole.size]
    figure, places = panels(
        f"healthy: tone_change_db {abs(hop('tone_change_db', whole)):.1f}",
        f"mixed with itself 1 ms later: {hop('tone_change_db', mixed):.1f}",
        height_in=2.2,
    )
    for place, samples in zip(places, (whole, mixed), strict=True):
        spectrogram(place, samples)
    return figure


@picture(
    "added_noise_db",
    "added_hum_db",
    "added_tone_db",
    words="Four spectrograms: the reply, and the reply with noise, with hum of the mains, and with a tone",
)
def additions() -> Figure:
    """Noise, hum and a tone."""
    whole, rms = heard(reply()), loudness()
    seconds = np.arange(whole.size) / PLAYED_HZ
    noise = whole + rms * 10 ** (-20 / 20) * np.random.default_rng(13).standard_normal(whole.size)
    hum = whole + rms * 0.15 * sum(np.sin(2 * np.pi * 50 * n * seconds) / n for n in range(1, 8))
    tone = whole + rms * 0.3 * np.sin(2 * np.pi * 3000 * seconds) * ((seconds > 1.0) & (seconds < 2.2))
    figure, places = panels(
        f"healthy: added_noise_db {hop('added_noise_db', whole):.0f}, added_hum_db {hop('added_hum_db', whole):.0f},\n"
        f"added_tone_db {hop('added_tone_db', whole):.0f}",
        f"noise: added_noise_db {hop('added_noise_db', noise):.0f}",
        f"hum of 50 Hz: added_hum_db {hop('added_hum_db', hum):.0f}",
        f"a tone of 3 kHz: added_tone_db {hop('added_tone_db', tone):.0f}",
        columns=2,
        height_in=1.6,
    )
    for place, samples in zip(places, (whole, noise, hum, tone), strict=True):
        spectrogram(place, samples)
    return figure


@picture(
    "distortion_db",
    words="Output sample over input sample: a straight line, and a line that bends at loud samples",
)
def distortion() -> Figure:
    """The curve from input to output."""
    whole = 0.5 * heard(reply()) / np.abs(heard(reply())).max()
    driven = np.tanh(4 * whole) / 4
    figure, places = panels(
        f"healthy: distortion_db {hop('distortion_db', whole):.0f}",
        f"overdriven: distortion_db {hop('distortion_db', driven):.0f}",
        height_in=2.0,
    )
    for place, samples in zip(places, (whole, driven), strict=True):
        place.plot(whole[::40], samples[::40], ".", ms=2, color=MARK)
        place.set_xlabel("input sample")
    places[0].set_ylabel("output sample")
    return figure


@picture(
    "aliasing_db",
    words="Two spectrograms: the reply, and the reply whose treble came back mirrored below 4 kHz",
)
def aliasing() -> Figure:
    """Every third sample taken, without a filter before."""
    whole = reply()
    size = whole.size
    kept = np.zeros(size)
    kept[::3] = 3 * whole[::3]
    spectrum = np.fft.rfft(kept)
    spectrum[round(4000 / RECEIVED_HZ * size) :] = 0
    mirrored = heard(np.fft.irfft(spectrum, size))
    figure, places = panels(
        f"healthy: aliasing_db {hop('aliasing_db', heard(whole)):.0f}",
        f"8 kHz without a filter: aliasing_db {hop('aliasing_db', mirrored):.0f}",
    )
    for place, samples in zip(places, (heard(whole), mirrored), strict=True):
        spectrogram(place, samples)
        place.set_ylim(0, TOP_HZ / 1000)
    return figure


@picture("misread_s", words="Two waveforms: the reply, and the reply of which one byte was lost in the middle")
def misread() -> Figure:
    """A byte lost: from there on, every sample is made of halves of two."""
    whole = np.round(20000 * reply() / np.abs(reply()).max()).astype("<i2")
    at = round(1.5 * RECEIVED_HZ)
    data = whole.tobytes()
    broken = np.frombuffer(data[: 2 * at] + data[2 * at + 1 :] + b"\0", "<i2")
    good, bad = whole / 32768, broken / 32768
    figure, places = panels(
        f"healthy: misread_s {alone('misread_s', good, RECEIVED_HZ):.2f}",
        f"one byte lost at 1.5 s: misread_s {alone('misread_s', bad, RECEIVED_HZ):.2f}",
        height_in=1.7,
    )
    for place, samples in zip(places, (good, bad), strict=True):
        wave(place, heard(samples), 0, LENGTH_S)
    shade(places[1], 1.5, LENGTH_S)
    return figure
