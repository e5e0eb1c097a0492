"""Known faults to plant into recordings, each in strengths from barely audible to gross.

A maker takes a reference at a peak of 0.5 and returns what comes out of a faulty segment, with the size of the fault
where it has one that a measure states.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr

from diag.files.planted import Planted
from diag.record.client.impairments import planted_chain

from .faults import Random, Samples, filtered, low_pass, shelf_at

OVERLAP_S = 0.2
BACKGROUNDS = ("clean", "noise at 30 dB", "noise at 20 dB", "Opus 24 kbit/s")


@dataclass(frozen=True)
class Made:
    """What came out of a faulty segment.

    Parameters
    ----------
    samples : ndarray of float64, shape (n,)
    rate_hz : int
    size : float or None
        How large the fault is, in the unit of its measure.
    """

    samples: Samples
    rate_hz: int
    size: float | None = None


Maker = Callable[[Samples, int, float, Random], Made]


@dataclass(frozen=True)
class Size:
    """A measure that states how large a fault is.

    Parameters
    ----------
    metric : str
    share : float
        Largest error as a share of the size, or `least` where that is more.
    least : float
        In the unit of the metric.
    """

    metric: str
    share: float = 0.05
    least: float = 0.0

    def holds(self, size: float, measured: float | None) -> bool:
        """Return whether a measured value is right."""
        return measured is not None and abs(measured - size) <= max(self.share * abs(size), self.least)


@dataclass(frozen=True)
class Fault:
    """A fault that can be planted.

    Parameters
    ----------
    codes : tuple of str
        Findings that name it; empty where nothing can show it in that way.
    strengths : tuple of float
        From weak to gross.
    stated : float
        Weakest strength of which the documentation says that it is found.
    unit : str
    make : callable
    size : Size or None
    reach_hz : callable or None
        From a strength to the frequency up to which a voice must reach for the fault to be audible in it.
    most_hz : float
        Highest sample rate at which the fault is audible.
    not_over : tuple of str
        Backgrounds that remove the fault.
    """

    codes: tuple[str, ...]
    strengths: tuple[float, ...]
    stated: float
    unit: str
    make: Maker
    size: Size | None = None
    reach_hz: Callable[[float], float] | None = None
    most_hz: float = np.inf
    not_over: tuple[str, ...] = ()

    def is_stated(self, strength: float) -> bool:
        """Return whether the documentation says that this strength is found."""
        return self.strengths.index(strength) >= self.strengths.index(self.stated)


# --- places ---------------------------------------------------------------------------------------------------------


def loud_place(x: Samples, hz: int, for_s: float, random: Random) -> int:
    """Return a loud place with at least 0.6 s on either side where the recording is long enough."""
    margin = round(0.6 * hz)
    last = max(margin + 1, x.size - margin - round(for_s * hz))
    places = random.integers(margin, last, 40)
    power = [float(np.square(x[at : at + round(0.1 * hz)]).sum()) for at in places]
    return int(places[int(np.argmax(power))])


def first_sound(x: Samples) -> int:
    """Return the first sample above a tenth of the peak."""
    return int(np.argmax(np.abs(x) > 0.1 * np.abs(x).max()))


def active_rms(x: Samples, hz: float) -> float:
    """Return the root mean square over 20 ms frames within 35 dB of the loud ones above 100 Hz."""
    width = round(0.02 * hz)
    count = x.size // width
    spectra = np.abs(np.fft.rfft(x[: count * width].reshape(count, width) * np.hanning(width), axis=1)) ** 2
    voice = spectra[:, round(100.0 * width / hz) :].sum(axis=1)
    power = np.square(x[: count * width]).reshape(count, width).mean(axis=1)
    loud = np.percentile(voice[voice > voice.max() * 1e-5], 95)
    return float(np.sqrt(power[voice > loud * 10**-3.5].mean()))


def _ratio(change_db: float) -> float:
    return float(10 ** (change_db / 20))


# --- time -----------------------------------------------------------------------------------------------------------


def stall(x: Samples, hz: int, for_s: float, random: Random) -> Made:
    """Silence put in at one place."""
    at = loud_place(x, hz, 0.0, random)
    return Made(np.concatenate([x[:at], np.zeros(round(for_s * hz)), x[at:]]), hz, for_s)


def stalls(x: Samples, hz: int, count: float, random: Random) -> Made:
    """Silence of 90 to 350 ms put in at several places."""
    out, total_s = x, 0.0
    for _ in range(int(count)):
        made = stall(out, hz, float(random.uniform(0.09, 0.35)), random)
        out, total_s = made.samples, total_s + float(made.size or 0.0)
    return Made(out, hz, total_s)


def dropout(x: Samples, hz: int, for_s: float, random: Random) -> Made:
    """Silence in place of sound."""
    at = loud_place(x, hz, for_s, random)
    out = x.copy()
    out[at : at + round(for_s * hz)] = 0.0
    return Made(out, hz, for_s)


def chunk_gaps(x: Samples, hz: int, gap_s: float, random: Random) -> Made:
    """Silence after every chunk of 80 to 250 ms."""
    chunk = round(float(random.uniform(0.08, 0.25)) * hz)
    gap = np.zeros(round(gap_s * hz))
    parts = [part for at in range(0, x.size, chunk) for part in (x[at : at + chunk], gap)]
    begin, end = (int(np.argmax(np.abs(way) > 0.01 * np.abs(x).max())) for way in (x, x[::-1]))
    within = sum(begin < at < x.size - end for at in range(chunk, x.size, chunk))
    return Made(np.concatenate(parts), hz, within * gap.size / hz)


def skip(x: Samples, hz: int, for_s: float, random: Random) -> Made:
    """Sound left out at one place."""
    at = loud_place(x, hz, for_s, random)
    return Made(np.concatenate([x[:at], x[at + round(for_s * hz) :]]), hz, for_s)


def chunks_dropped(x: Samples, hz: int, share: float, random: Random) -> Made:
    """Chunks of 85 ms left out, at least one of them loud."""
    chunk = round(0.085 * hz)
    starts = range(0, x.size, chunk)
    loud = loud_place(x, hz, 0.1, random) // chunk
    kept = [x[at : at + chunk] for at in starts if at == 0 or (at // chunk != loud and random.random() > share)]
    return Made(np.concatenate(kept), hz)


def head_lost(x: Samples, hz: int, for_s: float, _: Random) -> Made:
    """The beginning left out: so much of it from the first loud sound on."""
    return Made(x[first_sound(x) + round(for_s * hz) :], hz)


def tail_lost(x: Samples, hz: int, for_s: float, _: Random) -> Made:
    """The end left out."""
    return Made(x[: x.size - first_sound(x[::-1]) - round(for_s * hz)], hz)


def said_twice(x: Samples, hz: int, for_s: float, random: Random) -> Made:
    """A part repeated at once."""
    count = round(for_s * hz)
    at = loud_place(x, hz, for_s, random) + count
    return Made(np.concatenate([x[:at], x[max(0, at - count) :]]), hz, for_s)


def chunks_swapped(x: Samples, hz: int, count: float, random: Random) -> Made:
    """Neighbouring chunks of 0.2 s in the wrong order."""
    out, chunk = x.copy(), round(0.2 * hz)
    for _ in range(int(count)):
        at = loud_place(out, hz, 0.4, random)
        two = out[at : at + 2 * chunk]
        out[at : at + two.size] = np.concatenate([two[chunk:], two[:chunk]])
    return Made(out, hz)


def chunks_overlap(x: Samples, hz: int, share: float, _: Random) -> Made:
    """Chunks that start before the last one has ended."""
    chunk, step = round(OVERLAP_S * hz), round(OVERLAP_S * (1 - share) * hz)
    count = x.size // chunk
    out = np.zeros(step * count + chunk)
    for index in range(count):
        out[index * step : index * step + chunk] += x[index * chunk : (index + 1) * chunk]
    return Made(out, hz)


def _other(x: Samples, hz: int, for_s: float) -> Samples:
    """Other speech: the recording backwards, from its loud end on."""
    return 0.8 * x[::-1][first_sound(x[::-1]) :][: round(for_s * hz)]


def other_before(x: Samples, hz: int, for_s: float, _: Random) -> Made:
    """Other speech before the reply."""
    return Made(np.concatenate([_other(x, hz, for_s), np.zeros(round(0.2 * hz)), x]), hz)


def other_inside(x: Samples, hz: int, for_s: float, random: Random) -> Made:
    """Other speech put into the reply."""
    at = loud_place(x, hz, 0.0, random)
    return Made(np.concatenate([x[:at], _other(x, hz, for_s), x[at:]]), hz)


def other_after(x: Samples, hz: int, for_s: float, _: Random) -> Made:
    """Other speech after the reply."""
    return Made(np.concatenate([x, np.zeros(round(0.2 * hz)), _other(x, hz, for_s), np.zeros(round(0.1 * hz))]), hz)


def wrong_rate(x: Samples, hz: int, ratio: float, _: Random) -> Made:
    """Played at another sample rate."""
    return Made(np.asarray(soxr.resample(x, hz * ratio, hz, quality="VHQ")), hz, ratio)


def planted(kind: str, key: str, *, size: bool = False, **more: str) -> Maker:
    """Return a maker that plants a fault of `[[faults.planted]]` whose strength is one of its keys."""

    def make(x: Samples, hz: int, strength: float, random: Random) -> Made:
        value: Any = int(strength) if key in ("count", "factor", "bits") else strength
        fault = Planted(hop="player", kind=kind, **{key: value, **more})
        chain = planted_chain([fault], hz)
        out = np.concatenate((chain.push(x.astype(np.float32)), chain.finish()))
        return Made(out.astype(np.float64), hz, strength if size else None)

    return make


# --- treble and level -----------------------------------------------------------------------------------------------


def dull(x: Samples, hz: int, edge_hz: float, _: Random) -> Made:
    """A low-pass."""
    return Made(filtered(x, hz, low_pass(edge_hz)), hz)


def shelf(x: Samples, hz: int, change_db: float, _: Random) -> Made:
    """Treble lowered from 3 kHz on."""
    return Made(filtered(x, hz, shelf_at(3000, change_db)), hz)


def quieter(x: Samples, hz: int, change_db: float, _: Random) -> Made:
    """A gain on the whole."""
    return Made(x * _ratio(change_db), hz, change_db)


def level_step(x: Samples, hz: int, change_db: float, random: Random) -> Made:
    """A gain from a moment in the middle on."""
    out = x.copy()
    out[round(random.uniform(0.35, 0.65) * x.size) :] *= _ratio(change_db)
    return Made(out, hz, change_db)


def level_fade(x: Samples, hz: int, change_db: float, random: Random) -> Made:
    """A gain that takes 0.8 s to come."""
    at = round(random.uniform(0.25, 0.4) * x.size)
    ramp = np.clip((np.arange(x.size) - at) / (0.8 * hz), 0, 1)
    return Made(x * 10 ** (change_db * ramp / 20), hz)


# --- added sound ----------------------------------------------------------------------------------------------------


def white_noise(x: Samples, hz: int, snr_db: float, random: Random) -> Made:
    """White noise below the speech."""
    return Made(x + random.standard_normal(x.size) * active_rms(x, hz) * _ratio(-snr_db), hz, -snr_db)


def pink_noise(x: Samples, hz: int, snr_db: float, random: Random) -> Made:
    """Noise that falls by 3 dB an octave from 50 Hz on."""
    spectrum = np.fft.rfft(random.standard_normal(x.size))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.fft.rfftfreq(x.size, 1 / hz), 50.0)), x.size)
    return Made(x + noise / np.std(noise) * active_rms(x, hz) * _ratio(-snr_db), hz, -snr_db)


def hum(x: Samples, hz: int, level_db: float, random: Random) -> Made:
    """Mains hum of 50 or 60 Hz with some harmonics."""
    time = np.arange(x.size) / hz
    mains = float(random.choice((50.0, 60.0))) * (1 + random.uniform(-0.0005, 0.0005))
    parts = [random.uniform(0.1, 1.0) / k**1.5 * np.sin(2 * np.pi * (k * mains * time + random.uniform()))
             for k in range(1, 6)]  # fmt: skip
    wave = np.sum(parts, axis=0)
    return Made(x + wave / np.std(wave) * active_rms(x, hz) * _ratio(level_db), hz, level_db)


def tone(x: Samples, hz: int, level_db: float, random: Random) -> Made:
    """A tone of 450 to 3500 Hz throughout."""
    time = np.arange(x.size) / hz
    wave = np.sqrt(2) * np.sin(2 * np.pi * random.uniform(450, min(3500, 0.4 * hz)) * time)
    return Made(x + wave * active_rms(x, hz) * _ratio(level_db), hz, level_db)


def late_tone(x: Samples, hz: int, level_db: float, random: Random) -> Made:
    """A tone of 1 to 3 kHz in the last 2 s."""
    count = min(round(2.0 * hz), x.size // 2)
    wave = np.sqrt(2) * np.sin(2 * np.pi * random.uniform(1000, 3000) * np.arange(count) / hz)
    out = x.copy()
    out[-count:] += wave * active_rms(x, hz) * _ratio(level_db)
    return Made(out, hz, level_db)


def direct_current(x: Samples, hz: int, level_dbfs: float, random: Random) -> Made:
    """A constant."""
    return Made(x + random.choice((-1, 1)) * _ratio(level_dbfs), hz, level_dbfs)


def echo(x: Samples, hz: int, level_db: float, random: Random) -> Made:
    """One copy of this level, 30 to 500 ms later."""
    late = round(random.uniform(0.03, 0.5) * hz)
    out = x.copy()
    out[late:] += x[:-late] * _ratio(level_db)
    return Made(0.6 * out, hz, level_db)


def room(x: Samples, hz: int, level_db: float, random: Random) -> Made:
    """Noise that dies away in 0.25 to 0.8 s as a response, of this energy against the direct sound."""
    time = np.arange(round(0.9 * hz)) / hz
    tail = random.standard_normal(time.size) * 10 ** (-3 * time / random.uniform(0.25, 0.8))
    tail[: round(0.005 * hz)] = 0
    tail *= np.sqrt(10 ** (level_db / 10) / np.sum(tail**2))
    size = x.size + tail.size
    wet = np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(tail, size), size)[: x.size]
    return Made(0.6 * (x + wet), hz, level_db)


def click(x: Samples, hz: int, level: float, random: Random) -> Made:
    """Single samples of this level against the peak, two a second."""
    out = x.copy()
    for at in random.integers(hz // 4, x.size - hz // 4, max(2, round(2 * x.size / hz))):
        out[at] += level * float(np.abs(x).max()) * random.choice((-1, 1))
    return Made(out, hz)


# --- damage to samples ----------------------------------------------------------------------------------------------


def hard_clip(x: Samples, hz: int, limit_db: float, random: Random) -> Made:
    """Cut off at a level against the peak, with a gain afterwards."""
    limit = float(np.abs(x).max()) * _ratio(limit_db)
    return Made(np.clip(x, -limit, limit) * random.uniform(0.7, 1.4), hz)


def overdrive(x: Samples, hz: int, drive_db: float, random: Random) -> Made:
    """The hyperbolic tangent, driven by the peak over its knee."""
    peak, drive = float(np.abs(x).max()), 2 * _ratio(drive_db)
    return Made(np.tanh(x * drive) / np.tanh(peak * drive) * peak * random.uniform(0.7, 1.4), hz)


def wrapped(x: Samples, hz: int, over_db: float, _: Random) -> Made:
    """Amplified without a limit so that integers wrap; the peak exceeds full scale by so much."""
    return Made((x / np.abs(x).max() * _ratio(over_db) + 1) % 2 - 1, hz)


def few_bits(x: Samples, hz: int, bits: float, _: Random) -> Made:
    """Rounded to so many bits."""
    step = 2.0 / 2**bits
    return Made(np.round(x / step) * step, hz)


def wrong_table(x: Samples, hz: int, times_db: float, _: Random) -> Made:
    """A-law whose upper segments are decoded by so much too loud, so that the loudest samples are clipped."""
    size = np.abs(x)
    exponent = np.maximum(np.floor(np.log2(np.maximum(size * 128, 1e-9))), 0)
    step = np.where(size * 128 < 1, 1 / 2048, 2**exponent / 2048)
    coded = (np.floor(size / step) + 0.5) * step
    coded = np.where(size * 128 < 1, coded, coded * _ratio(times_db))
    return Made(np.sign(x) * np.minimum(coded, 1.0), hz)


def aliases(x: Samples, hz: int, gain_db: float, _: Random) -> Made:
    """Taken to half the rate by a filter that lets this much of the treble through, and back."""
    good = np.pad(soxr.resample(soxr.resample(x, 2, 1, quality="VHQ"), 1, 2, quality="VHQ"), (0, 8))[: x.size]
    share = _ratio(gain_db)
    taken = ((1 - share) * good + share * x)[::2]
    return Made(np.pad(soxr.resample(taken, 1, 2, quality="VHQ"), (0, 8))[: x.size], hz)


def images(x: Samples, hz: int, gain_db: float, _: Random) -> Made:
    """Taken to twice the rate by repeating samples (0 dB), or with so much of the images left."""
    high, repeated = soxr.resample(x, 1, 2, quality="VHQ"), np.repeat(x, 2)
    size, share = min(high.size, repeated.size), _ratio(gain_db)
    return Made((1 - share) * high[:size] + share * repeated[:size], 2 * hz)


def misread(reading: str) -> Maker:
    """Return a maker that reads bytes in a wrong way from a share of the recording on."""

    def make(x: Samples, hz: int, share: float, random: Random) -> Made:
        at_s = (1.0 - share) * x.size / hz
        return planted("bytes", "at_s", reading=reading)(x, hz, at_s, random)

    return make


def silent(x: Samples, hz: int, _: float, __: Random) -> Made:
    """Nothing but silence."""
    return Made(np.zeros_like(x), hz)


_DB = {"share": 0.0, "least": 1.5}
_TIME = {"share": 0.05, "least": 0.02}
_ADDED, _TWICE, _BENT = ("PLY014",), ("PLY012",), ("PLY015",)


def _edge(strength: float) -> float:
    return 1.3 * strength


FAULTS: Mapping[str, Fault] = {
    "one stall": Fault(("PLY003",), (0.003, 0.01, 0.02, 0.05, 0.1, 0.35, 1.0, 3.0), 0.02, "s", stall,
                       Size("inserted_silence_s", **_TIME)),
    "several stalls": Fault(("PLY003",), (2, 4, 8), 2, "", stalls, Size("inserted_silence_s", **_TIME)),
    "silence in place of sound": Fault(("PLY003",), (0.003, 0.01, 0.02, 0.05, 0.2), 0.02, "s", dropout,
                                       Size("inserted_silence_s", **_TIME)),
    "silence at every chunk": Fault(("PLY003",), (0.002, 0.003, 0.005, 0.008, 0.02), 0.003, "s", chunk_gaps,
                                    Size("inserted_silence_s", share=0.1, least=0.02)),
    "one skip": Fault(("PLY011",), (0.01, 0.02, 0.05, 0.2, 0.5, 1.0), 0.05, "s", skip, Size("skipped_s", **_TIME)),
    "chunks dropped": Fault(("PLY011",), (0.05, 0.1, 0.3), 0.05, "share", chunks_dropped),
    "beginning lost": Fault(("PLY011",), (0.03, 0.1, 0.3, 1.0), 0.1, "s", head_lost),
    "end lost": Fault(("PLY011",), (0.03, 0.1, 0.3, 1.0), 0.1, "s", tail_lost),
    "said twice": Fault(("PLY017",), (0.02, 0.05, 0.1, 0.4, 1.0), 0.1, "s", said_twice, Size("repeated_s", **_TIME)),
    "chunks swapped": Fault(("PLY019",), (1, 3), 1, "", chunks_swapped),
    "chunks overlap": Fault(("PLY019",), (0.05, 0.15, 0.35), 0.15, "share", chunks_overlap),
    "other speech before": Fault(_ADDED, (0.1, 0.3, 0.6, 1.5), 0.3, "s", other_before),
    "other speech inside": Fault(_ADDED, (0.1, 0.3, 0.6, 1.5), 0.3, "s", other_inside),
    "other speech after": Fault(_ADDED, (0.1, 0.3, 0.6, 1.5), 0.3, "s", other_after),
    "wrong rate": Fault(("PLY001",), (1.02, 1.0884, 0.91875, 1.5, 2 / 3, 2.0, 0.5), 1.02, "x", wrong_rate,
                        Size("rate_ratio", 0.01)),
    "stretched in time": Fault(("PLY018",), (1.03, 1.05, 0.92, 1.08, 1.2), 1.05, "x",
                               planted("stretch", "ratio", size=True), Size("time_ratio", 0.05)),
    "low-pass": Fault(("PLY002",), (8000, 6000, 4000, 3400), 6000, "Hz", dull, reach_hz=_edge),
    "treble lowered": Fault(("PLY002",), (-3, -6, -12, -18), -6, "dB", shelf, reach_hz=lambda _: 5000.0),
    "quieter": Fault(("PLY013",), (-3, -6, -8, -12, -20, -30, -40), -8, "dB", quieter,
                     Size("level_change_db", **_DB)),
    "level step": Fault(("PLY013",), (-3, -6, -8, -12, -20), -8, "dB", level_step, Size("level_change_db", **_DB)),
    "level fade": Fault(("PLY013",), (-5, -8, -12, -20), -12, "dB", level_fade),
    "white noise": Fault(_ADDED, (40, 35, 30, 25, 20, 10, 5), 25, "dB", white_noise, Size("added_noise_db", **_DB)),
    "pink noise": Fault(_ADDED, (40, 35, 30, 25, 20, 10, 5), 25, "dB", pink_noise, Size("added_noise_db", **_DB)),
    "hum": Fault(_ADDED, (-50, -40, -35, -25, -12), -35, "dB", hum, Size("added_hum_db", **_DB)),
    "tone": Fault(_ADDED, (-55, -45, -40, -25, -12), -40, "dB", tone, Size("added_tone_db", **_DB)),
    "tone in the last 2 s": Fault(_ADDED, (-45, -35, -25, -10), -35, "dB", late_tone, Size("added_tone_db", **_DB)),
    "direct current": Fault(_ADDED, (-50, -45, -40, -30, -20), -40, "dBFS", direct_current,
                            Size("added_dc_dbfs", **_DB), not_over=BACKGROUNDS[3:]),
    "room": Fault(_ADDED, (-15, -10, -6, -3, 0), -3, "dB", room),
    "echo": Fault(_TWICE, (-30, -22, -18, -15, -10, -6), -15, "dB", echo, Size("second_copy_db", **_DB)),
    "played twice": Fault(_TWICE, (-3, -1, 0), -3, "dB", echo, Size("second_copy_db", **_DB)),
    "clicks": Fault(("PLY004",), (0.1, 0.2, 0.4, 1.0), 0.4, "of the peak", click),
    "clipped": Fault(("PLY008", "PLY015"), (-1, -3, -6, -12, -24), -6, "dB", hard_clip),
    "overdrive": Fault(("PLY015", "PLY008"), (-12, -6, 0, 6, 12, 18), 6, "dB", overdrive),
    "integers wrap": Fault(_BENT, (0.2, 1, 3, 6, 9.5), 1, "dB", wrapped),
    "few bits": Fault(_BENT, (7, 6, 5, 4, 3), 6, "bits", few_bits),
    "wrong companding table": Fault(("PLY015", "PLY008"), (3, 6, 9, 12), 9, "dB", wrong_table),
    "aliasing": Fault(("PLY016",), (-30, -18, -12, -6, 0), -12, "dB", aliases, reach_hz=lambda _: 7000.0,
                      most_hz=25000),
    "images": Fault(("PLY005",), (-30, -18, -12, -6, 0), -6, "dB", images, most_hz=25000),
    "bytes, odd": Fault(("PLY009",), (0.2, 0.5, 1.0), 0.2, "share", misread("odd-byte")),
    "bytes, big-endian": Fault(("PLY009",), (0.2, 0.5, 1.0), 0.2, "share", misread("big-endian")),
    "bytes as mu-law": Fault(("PLY009",), (0.2, 0.5, 1.0), 0.2, "share", misread("mulaw")),
    "bytes as stereo": Fault(("PLY009",), (0.5, 1.0), 0.5, "share", misread("stereo-as-mono")),
    "int16 as float": Fault(("PLY009",), (0.5, 1.0), 0.5, "share", misread("int16-as-float")),
    "silent": Fault(("PLY006",), (1,), 1, "", silent),
}  # fmt: skip
"""Faults that a comparison with the reference must show."""

ALONE: Mapping[str, Fault] = {
    "silent": Fault(("REC001",), (1,), 1, "", silent),
    "near-silent": Fault(("REC002",), (-30, -40, -50), -40, "dB", quieter),
    "clipped": Fault(("REC003",), (-1, -3, -6, -12), -6, "dB", lambda x, hz, limit_db, _: Made(
        np.clip(x / np.abs(x).max(), -_ratio(limit_db), _ratio(limit_db)) * _ratio(-limit_db), hz)),
    "silence in place of sound": Fault(("REC004",), (0.003, 0.01, 0.03, 0.1), 0.01, "s", lambda x, hz, for_s, r: Made(
        dropout(dropout(x, hz, for_s, r).samples, hz, for_s, r).samples, hz)),
    "clicks": Fault(("REC005",), (0.1, 0.3, 1.0), 1.0, "of the peak", click),
    "narrow band": Fault(("REC006",), (16000, 11025, 8000), 11025, "Hz rate", lambda x, hz, rate, _: Made(
        soxr.resample(soxr.resample(x, hz, rate, quality="VHQ"), rate, hz, quality="VHQ"), hz),
        reach_hz=lambda rate: max(0.6 * rate, 8500.0)),
    "images": Fault(("REC007",), (-12, -6, 0), -6, "dB", images, most_hz=25000),
    "bytes, odd": Fault(("REC008",), (0.3, 1.0), 0.3, "share", misread("odd-byte")),
    "bytes, big-endian": Fault(("REC008",), (0.3, 1.0), 0.3, "share", misread("big-endian")),
    "tone": Fault(("REC009",), (-40, -25, -12), -12, "dB", tone),
    "wrong rate": Fault(("REC010",), (1.5, 2 / 3, 2.0, 0.5), 1.5, "x", wrong_rate, Size("rate_ratio", 0.25)),
    "direct current": Fault(("REC011",), (-40, -30, -20), -30, "dBFS", direct_current),
}  # fmt: skip
"""Faults that a recording must show by itself."""

VOICE_FAULTS: Mapping[str, Fault] = {
    "low-pass": Fault(("REC012",), (8000, 6000, 4000, 3400), 6000, "Hz", dull, reach_hz=_edge),
    "treble lowered": Fault(("REC012",), (-6, -12, -18), -12, "dB", shelf, reach_hz=lambda _: 5000.0),
    "wrong rate": Fault(("REC013",), (0.91875, 1.0884, 1.5, 2 / 3), 0.91875, "x", wrong_rate,
                        Size("rate_ratio", 0.05)),
}  # fmt: skip
"""Faults that other words of the same voice must show."""
