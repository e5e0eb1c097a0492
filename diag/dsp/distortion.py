"""Measure non-linear distortion: errors that depend on the value of the sample.

The estimated signal is compared with its prediction, the linearly filtered reference. The error of a codec does not
depend on the value of a sample. That of clipping, overdrive, a wrong companding table or integer wrap-around does. So
only the part of the error that is a function (curve) of the prediction counts as distortion. The curve is fitted on
some frames and evaluated on others.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from diag.dsp import fourier
from diag.dsp.aligned import AlignedPair
from diag.dsp.arrays import Array
from diag.dsp.quantised import quantised, quantised_alone, without_gain
from diag.dsp.spectrum import Sound

DISTORTION_WARN_DB, DISTORTION_FAIL_DB = -32.0, -20.0
"""Power of the distortion relative to the signal: 2.5 % and 10 % THD. 250 clips after codecs stay below -40 dB."""
FAINTEST_DB, LEAST_SHARE = -45.0, 0.02
"""Distortion below this level, or with less than this share of the residual of the filter, is not reported."""
NOW_AGAINST_LATER = 2.5
"""Least ratio of what the curve of the current sample explains to what curves of samples 0.5 ms away explain.
Distortion acts on the current sample: the others explained at most 0.3 times as much for 12 distorted voices. Residuals
of filters and codecs are in phase with the voice, so that the others explain at least 0.7 times as much."""
HIDDEN_FROM_DB = -10.0
"""Power of the error relative to the signal from which distortion can hide in it. Voices clipped 6 dB below the peak
and sent over Opus at 24 kbit/s were all found with less error (24 development voices), and with more error some were
not."""
LEAST_LEAPS = 2
"""Least number of jumps. One excursion beyond full scale causes two: one away and one back."""
_LEAPS_HZ = (10.0, 400.0)
"""Jumps per second of a voice that wraps around so often that its waveform is lost (development voices amplified to
9.5 dB beyond full scale had 90 to 200); misread bytes had 800 or more."""
FEW_BITS = 7
"""Longest word length that is a fault: 7 bits or fewer are heard as hiss. 8 bits are usual in telephony."""
_FEWEST_BITS = 1.5
_FRAME_S, _LEAST_FRAMES = 0.030, 8
_LONGEST_S = 4.0
_KNOTS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.3, 0.45, 0.6, 0.75, 0.9)
_RIDGE = 1e-4
_LIMITS = tuple(0.95 * 0.8**step for step in range(17))
_DRIVES = tuple(3.0 * 0.78**step for step in range(17))
_LEAP, _LEAP_OFF = 1.35, 0.35
_LEAST_SAMPLES = 2000
_LEAST_PEAK = 0.002
_LEAST_LOUD, _LOPSIDED, _LEAST_OF_LEVEL = 0.12, 2.0, 100
_CURVE_RATE_HZ = 8000.0
_LIFT_S = 0.0025
_TURNED, _TURNED_SHARE, _TURNED_LEAST = 0.2, 0.5, 8
_TURNED_FROM, _TURNED_STEP = 0.3, 0.1
"""A class of levels is turned over if half of its samples (at least 8) have the opposite sign and a fifth of the
expected size. In copies over Opus at 24 kbit/s none has."""
_MARGIN = 8
_LEVEL_MOVES = 0.2
_SHIFTS = (-4, 4)
_FLOOR = 1e-20


class Kind(StrEnum):
    """Cause of the distortion, if it can be determined."""

    NONE = "none"
    CLIPPED = "clipped"
    OVERDRIVE = "overdrive"
    WRAPPED = "wrapped"
    FEW_BITS = "few bits"
    COMPANDING = "companding"
    OTHER = "other"


@dataclass(frozen=True)
class Distortion:
    """Distortion of a segment.

    Parameters
    ----------
    level_db : float
        Power of the distortion relative to the signal in loud frames; -100 for none.
    kind : Kind
    detail : float or None
        Depends on the kind: the number of bits; the level at which it clips or saturates, as a share of the largest
        magnitude of the estimated signal; the number of wrapped samples per second; None otherwise.
    hidden : bool
        Whether none was found, but another error, as of a codec, is so large that distortion could hide in it.
    """

    level_db: float
    kind: Kind
    detail: float | None
    hidden: bool = False


@dataclass(frozen=True)
class Wrapping:
    """Jumps of twice full scale between neighbouring samples: their number, and the time of the first in s."""

    leaps: int
    first_s: float


@dataclass(frozen=True)
class Levels:
    """The number of different sample values, and the word length if they are evenly spaced."""

    count: int
    bits: float
    even: bool


def wrapped_leaps(samples: Array, rate_hz: float) -> Wrapping | None:
    """Return the jumps of samples that wrapped around beyond full scale; None if there are none.

    A jump counts if the waveform continues smoothly once twice full scale is added or subtracted. Jumps between the two
    full-scale values do not count, because clipped sound has them too. Full scale is 1.0.
    """
    data = np.asarray(samples, dtype=np.float32)
    if data.size < 8 or float(data.max()) - float(data.min()) < _LEAP:
        return None
    step = np.diff(data)
    places = np.flatnonzero(np.abs(step) > _LEAP)
    places = places[(places >= 2) & (places < data.size - 3)]
    if places.size == 0:
        return None
    jump = 2.0 * np.sign(step[places])
    before, behind = data[places], data[places + 1] - jump
    ahead = 2.0 * before - data[places - 1]
    back = 2.0 * behind - (data[places + 2] - jump * (np.abs(data[places + 2] - data[places + 1]) < 1.0))
    smooth = (np.abs(behind - before) < 0.65) & (np.minimum(np.abs(behind - ahead), np.abs(before - back)) < 0.3)
    # Clipped sound may jump from one full-scale value to the other. Wrapped samples have these values only by chance.
    rails = (np.abs(before) > 0.9995) | (np.abs(data[places + 1]) > 0.9995)
    good = smooth & ~rails
    if good.any() and float(np.median(np.abs(behind - before)[good])) > _LEAP_OFF:
        return None
    if good.sum() < max(LEAST_LEAPS, 0.5 * places.size):
        return None
    return Wrapping(int(good.sum()), float(places[good][0] + 1) / rate_hz)


def sample_levels(samples: Array) -> Levels | None:
    """Return the sample values of a signal with fewer than 300 different ones; None otherwise and for quiet sound.

    Evenly spaced values come from a short word length. G.711 has at most 256 values with steps that grow with level.
    """
    data = np.asarray(samples, dtype=np.float32)
    if data.size < _LEAST_SAMPLES:
        return None
    peak = float(np.abs(data).max())
    if peak < 0.02:
        return None
    if np.unique(data[:: max(1, data.size // 4000)]).size > 300:
        return None
    values = np.unique(data)
    if values.size > 300 or values.size < 2:
        return None
    steps = np.diff(values.astype(np.float64))
    step = float(np.min(steps))
    common = float(np.median(steps))
    even = float(np.mean(np.abs(steps / common - np.rint(steps / common)) < 0.05)) > 0.9 and step > 0.7 * common
    return Levels(int(values.size), float(np.log2(2.0 / common)), even)


def few_bits_alone(reference: Sound, recorded: Sound) -> Distortion | None:
    """Return the distortion by a short word length from sample values or rounding errors; None where there is none.

    With 3 or 4 bits, or with 5 bits after a codec, too little of the waveform may be left to align it.

    Parameters
    ----------
    reference, recorded : Sound
        Both at their own sample rates.
    """
    coarse = sample_levels(recorded.samples)
    if coarse is None or not coarse.even:
        found = quantised_alone(reference, recorded)
    elif coarse.bits >= _FEWEST_BITS and sample_levels(reference.samples) is None:
        found = _bits(coarse, recorded.samples)
    else:
        found = None
    return None if found is None else Distortion(found[1], Kind.FEW_BITS, found[0])


def wrapped_alone(reference: Array, recorded: Array, rate_hz: float) -> Distortion | None:
    """Return the distortion by integers that wrapped, from the samples alone; None where there is none.

    Far beyond full scale too little of the waveform is left to align it. Misread bytes jump more often than a voice
    can reach full scale.

    Parameters
    ----------
    reference, recorded : ndarray, shape (n,) and (m,)
        Both at their own sample rates.
    rate_hz : float
        Sample rate of what was recorded.
    """
    leaps = wrapped_leaps(recorded, rate_hz)
    per_s = leaps.leaps / len(recorded) * rate_hz if leaps is not None else 0.0
    if not _LEAPS_HZ[0] <= per_s <= _LEAPS_HZ[1] or wrapped_leaps(reference, rate_hz) is not None:
        return None
    return Distortion(0.0, Kind.WRAPPED, per_s / 2.0)


def distortion(pair: AlignedPair) -> Distortion | None:
    """Return the level and kind of the distortion in the estimated signal; None if there is too little loud speech."""
    drawn = _loud_samples(pair)
    if drawn is None:
        return None
    own, out, raw = drawn
    wrapped = _wrapped(pair, own, out)
    scale = float(np.quantile(np.abs(own), 0.9995))
    if wrapped is not None or scale <= 0.0 or float(np.quantile(np.abs(out), 0.9995)) < _LEAST_PEAK:
        return wrapped
    coarse = sample_levels(pair.estimated)
    even = coarse is not None and coarse.even
    bits = _bits(coarse, out) if coarse is not None and even else quantised(raw, out, pair.rate_hz)
    # Speech has little power above 4 kHz, so every third sample at 24 kHz is enough and takes a third of the time.
    every = max(1, round(pair.rate_hz / _CURVE_RATE_HZ))
    own, out = own[:, ::every] / scale, out[:, ::every] / scale
    explained, error, curve = _explained(own, out)
    level, hidden = _db(explained), _db(error) > HIDDEN_FROM_DB
    if bits is not None:
        return Distortion(max(level, bits[1]), Kind.FEW_BITS, bits[0])
    if even or level < FAINTEST_DB or explained < LEAST_SHARE * error:
        return Distortion(level, Kind.NONE, coarse.bits if coarse is not None and even else None, hidden)
    if explained < NOW_AGAINST_LATER * max(_explained(own, out, shift)[0] for shift in _SHIFTS):
        return Distortion(level, Kind.NONE, None, hidden)
    kind, detail = _kind(own, out, curve)
    return Distortion(level, kind, detail)


def _wrapped(pair: AlignedPair, own: NDArray[np.float64], out: NDArray[np.float64]) -> Distortion | None:
    """Return the distortion by wrapped integers; None if none wrapped."""
    unwrapped, count = _unwrapped(own, out)
    if count:
        power = float(np.mean(np.square(out - unwrapped))) / max(float(np.mean(np.square(unwrapped))), _FLOOR)
        return Distortion(_db(power), Kind.WRAPPED, count / own.size * pair.rate_hz)
    leaps = wrapped_leaps(pair.estimated, pair.rate_hz)
    if leaps is None or wrapped_leaps(pair.reference, pair.rate_hz) is not None:
        return _turned_over(pair, own, out)
    error = out - own * float((own * out).sum()) / max(float((own * own).sum()), _FLOOR)
    power = float(np.mean(np.square(error))) / max(float(np.mean(np.square(out))), _FLOOR)
    return Distortion(_db(power), Kind.WRAPPED, leaps.leaps / 2.0 / pair.estimated.size * pair.rate_hz)


def _turned_over(pair: AlignedPair, own: NDArray[np.float64], out: NDArray[np.float64]) -> Distortion | None:
    """Return the distortion by wrapped integers behind a codec or noise, which blur the jumps; None if none wrapped.

    From some level on, most samples have the opposite sign. No gain, filter, codec or clipping does that, and clicks
    come at any level.
    """
    size = np.abs(own).reshape(-1)
    same = (out * np.sign(own)).reshape(-1)
    most = float(size.max())
    gain = float((size * same)[size < 0.5 * most].sum()) / max(float(np.square(size[size < 0.5 * most]).sum()), _FLOOR)
    turned = same < -_TURNED * gain * size
    edges = np.arange(_TURNED_FROM, 1.0, _TURNED_STEP) * most
    for low in edges:
        inside = (size >= low) & (size < low + _TURNED_STEP * most * 1.01)
        if inside.sum() >= _TURNED_LEAST and gain > 0.0 and float(turned[inside].mean()) > _TURNED_SHARE:
            error = out - gain * own
            power = float(np.mean(np.square(error))) / max(float(np.mean(np.square(out))), _FLOOR)
            return Distortion(_db(power), Kind.WRAPPED, float(turned.sum()) / own.size * pair.rate_hz)
    return None


def _bits(coarse: Levels, out: Array) -> tuple[float, float] | None:
    """Return the bits of evenly spaced sample values and the level of their rounding; None for more than 7 bits."""
    if coarse.bits >= FEW_BITS + 0.5:
        return None
    step = 2.0 / 2.0**coarse.bits
    return coarse.bits, _db(step**2 / 12.0 / max(float(np.mean(np.square(out, dtype=np.float64))), _FLOOR))


def _loud_samples(pair: AlignedPair) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None:
    """Return prediction, estimated and reference in the loudest frames of 30 ms, up to 4 s; shape (frames, n)."""
    if not pair.active.any():
        return None
    width = round(_FRAME_S * pair.rate_hz)
    reach = pair.taps.size // 2
    count = pair.estimated.size // width
    if count < 4:
        return None
    energy = np.square(pair.reference[: count * width], dtype=np.float64).reshape(count, width).sum(axis=1)
    inside = pair.covered[: count * width].reshape(count, width).all(axis=1)
    energy = np.where(inside, energy, 0.0)
    # Frames in which the level changes are left out, because no curve describes them.
    moves = np.abs(np.diff(np.log(pair.smooth_gain), append=0.0)) > _LEVEL_MOVES
    at = np.clip((np.arange(count) * width + width / 2) / pair.hop, 0, moves.size - 1).astype(int)
    # Frames at both ends lack the samples around them.
    edge = -(-reach // width)
    energy[:edge] = 0.0
    energy[count - edge :] = 0.0
    steady = np.where(np.convolve(moves, np.ones(5), mode="same")[at] > 0.0, 0.0, energy)
    # Strong clipping moves the level of nearly every frame. Then all of them are used.
    if (steady > 0.003 * float(steady.max())).sum() >= _LEAST_FRAMES:
        energy = steady
    most = min(round(_LONGEST_S / _FRAME_S), int((energy > 0.003 * float(energy.max())).sum()))
    if most < _LEAST_FRAMES:
        return None
    chosen = np.sort(np.argsort(-energy, kind="stable")[:most])
    wide = np.lib.stride_tricks.sliding_window_view(pair.reference, width + 2 * reach)[chosen * width - reach]
    size = fourier.next_fast_len(width + 4 * reach)
    spectra = fourier.rfft(wide, size, axis=1) * fourier.rfft(pair.taps, size)
    own = fourier.irfft(spectra, size, axis=1)[:, 2 * reach : 2 * reach + width].astype(np.float64)
    out = pair.estimated[: count * width].reshape(count, width)[chosen].astype(np.float64)
    raw = wide[:, reach : reach + width].astype(np.float64)
    return own, out, raw


def _unwrapped(own: NDArray[np.float64], out: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Return the estimated signal with wrapped samples restored, and their number."""
    full = float(np.abs(out).max())
    if full < 0.05:
        return out, 0
    fixed, gain = out, 1.0
    turns = np.zeros(out.shape)
    for _ in range(4):
        turns = np.rint((gain * own - out) / (2.0 * full))
        fixed = out + turns * 2.0 * full
        gain = float((own * fixed).sum() / max(float((own * own).sum()), _FLOOR))
    moved = turns != 0.0
    count = int(moved.sum())
    if count < LEAST_LEAPS or count > 0.4 * out.size:
        return out, 0
    left = float(np.mean(np.square(fixed[moved] - gain * own[moved])))
    was = float(np.mean(np.square(out[moved] - gain * own[moved])))
    return (fixed, count) if left < 0.05 * was else (out, 0)


def _basis(own: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return hinge functions of the magnitude, with the sign (for odd curves) and without it (for even curves)."""
    size, sign = np.abs(own), np.sign(own)
    hinges = [np.maximum(size - knot, 0.0) for knot in _KNOTS]
    return [*(sign * hinge for hinge in hinges), *hinges[2::2], size]


def _lifted(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return frames minus their moving mean over 2.5 ms, which removes frequencies below 200 Hz.

    A high-pass leaves a residual at the lowest harmonics. It is in phase with the other harmonics, so that a curve
    would explain a part of it.
    """
    around = round(_LIFT_S * _CURVE_RATE_HZ)
    wide = np.pad(frames, ((0, 0), (around // 2 + 1, around - around // 2 - 1)), mode="edge")
    sums = np.cumsum(wide, axis=1)
    return np.asarray(frames - (sums[:, around:] - sums[:, :-around]) / around)


def _explained(
    own: NDArray[np.float64], out: NDArray[np.float64], shift: int = 0
) -> tuple[float, float, NDArray[np.float64]]:
    """Return how much of the estimated signal a curve of the prediction explains.

    The results are the power that it explains and the power that a gain per frame does not explain, both relative to
    the estimated signal, and the curve. The curve is fitted on every second frame and evaluated on the others, both
    ways. It is a function of the prediction `shift` samples earlier.
    """
    lifted = _lifted(own)
    inside = slice(_MARGIN, -_MARGIN)
    target = without_gain(_lifted(out), lifted)[:, inside]
    moved = np.roll(own, shift, axis=1)
    functions = np.stack([without_gain(_lifted(values), lifted)[:, inside] for values in _basis(moved)], axis=2)
    total = float(np.square(lifted[:, inside]).sum())
    gained, weights = 0.0, []
    for first in (0, 1):
        fit, test = functions[first::2], functions[1 - first :: 2]
        flat = fit.reshape(-1, fit.shape[2])
        gram = flat.T @ flat
        gram += np.eye(gram.shape[0]) * _RIDGE * float(np.trace(gram)) / gram.shape[0]
        weight = np.linalg.solve(gram, flat.T @ target[first::2].reshape(-1))
        weights.append(weight)
        guess = test.reshape(-1, test.shape[2]) @ weight
        aim = target[1 - first :: 2].reshape(-1)
        gained += float(aim @ aim) - float(np.square(aim - guess).sum())
    left = float(np.square(target).sum())
    return max(gained, 0.0) / max(total, _FLOOR), left / max(total, _FLOOR), np.mean(weights, axis=0)


def _kind(own: NDArray[np.float64], out: NDArray[np.float64], curve: NDArray[np.float64]) -> tuple[Kind, float | None]:
    """Return the known curve that fits best, and the level at which it bends, relative to the peak of the estimated."""
    target = without_gain(out, own)
    power = float(np.square(target).sum())
    gain = _gain_at_levels(own, out)
    # In overdrive the gain falls with the level. A gain that rises with the level, or jumps, comes from a wrong table
    # or a gate.
    rise = float(np.max(gain - np.minimum.accumulate(gain))) if gain.size else 0.0
    drop = float(gain[0] - gain[-1]) if gain.size else 0.0

    def left(shape: NDArray[np.float64]) -> float:
        other = without_gain(shape, own)
        share = float((other * target).sum()) / max(float(np.square(other).sum()), _FLOOR)
        return float(np.square(target - share * other).sum())

    hard = min((left(np.clip(own, -limit, limit)), limit) for limit in _LIMITS)
    soft = min((left(np.tanh(own / drive) * drive), drive) for drive in _DRIVES)
    # The named curve must explain at least half of what the free curve explains.
    named = min(hard, soft)
    if rise > 2.5 and rise > drop and named[0] > 0.5 * power:
        return (Kind.OTHER if _lopsided(own, out) else Kind.COMPANDING), None
    if named[0] > 0.6 * power and np.abs(curve).max() > 0.0 and rise > 1.0:
        return Kind.OTHER, None
    return (Kind.CLIPPED, hard[1]) if hard[0] < soft[0] else (Kind.OVERDRIVE, soft[1])


def _lopsided(own: NDArray[np.float64], out: NDArray[np.float64]) -> bool:
    """Return whether positive and negative samples are amplified unlike, as by a rectifier; tables are symmetric."""
    sides = (own > _LEAST_LOUD, own < -_LEAST_LOUD)
    slopes = [abs(float(out[side].mean() / own[side].mean())) for side in sides if side.sum() >= _LEAST_OF_LEVEL]
    return len(slopes) == 2 and max(slopes) > _LOPSIDED * min(slopes)


def _gain_at_levels(own: NDArray[np.float64], out: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the gain in dB for groups of samples of similar magnitude, from small to large."""
    edges = np.array((0.004, 0.008, 0.016, 0.03, 0.06, 0.12, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0))
    size = np.abs(own).reshape(-1)
    same = (out * np.sign(own)).reshape(-1)
    which = np.digitize(size, edges)
    ratios = [
        float(same[which == number].mean()) / float(size[which == number].mean())
        for number in range(1, edges.size)
        if (which == number).sum() >= _LEAST_OF_LEVEL
    ]
    return np.asarray(20.0 * np.log10(np.maximum(ratios, 1e-3)))


def _db(power: float) -> float:
    return float(10.0 * np.log10(max(power, 1e-10)))
