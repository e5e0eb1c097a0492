"""Distortion: what happened to single samples because of how large they were.

With a reference, the estimated signal is held against what a linear filter makes of the reference. A codec's error has
nothing to do with the size of the sample it falls on; that of a clipper, an overdriven stage, a wrong table or a
wrapped integer is a function of it. So only what functions of the prediction explain is counted, on frames that the
functions were not fitted to.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diag.dsp import fourier
from diag.dsp.aligned import AlignedPair

Array = NDArray[np.floating[Any]]

DISTORTION_WARN_DB, DISTORTION_FAIL_DB = -32.0, -20.0
"""Power of the distortion against the signal: 2.5 % and 10 % THD. Codecs of 250 clips stay below -40 dB."""
FAINTEST_DB, LEAST_SHARE = -45.0, 0.02
"""Fainter curves, or those that explain less of what the filter leaves, are not reported."""
NOW_AGAINST_LATER = 2.5
"""A distorting stage acts on the present sample. Rests of filters and codecs are locked in phase to the voice, so that
curves of samples 0.5 ms away explain as much of them (at least 0.7 times; of 12 distorted voices at most 0.3 times)."""
LEAST_LEAPS = 2
"""Wrapped samples come and go: one excursion gives two leaps."""
FEW_BITS = 7
"""Fewest bits that are no fault: 8-bit telephony is in use, 7 bits and less are heard as hiss on the voice."""
_FRAME_S = 0.030
_LONGEST_S = 4.0
_KNOTS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.3, 0.45, 0.6, 0.75, 0.9)
_RIDGE = 1e-4
_LIMITS = tuple(0.95 * 0.8**step for step in range(17))
_DRIVES = tuple(3.0 * 0.78**step for step in range(17))
_LEAP, _LEAP_OFF = 1.35, 0.35
_LEAST_SAMPLES = 2000
_LEAST_PEAK = 0.002
_CURVE_RATE_HZ = 8000.0
_LIFT_S = 0.0025
_MARGIN = 8
_LEVEL_MOVES = 0.2
_SHIFTS = (-4, 4)
_FLOOR = 1e-20


class Kind(StrEnum):
    """What made the distortion, where it can be told."""

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
        Its power against the signal's, in loud frames; -100 where there is none.
    kind : Kind
    detail : float or None
        Bits where there are few; level at which it clips or saturates, as a share of the estimated's largest magnitude;
        wrapped samples per second; None otherwise.
    """

    level_db: float
    kind: Kind
    detail: float | None


@dataclass(frozen=True)
class Wrapping:
    """Leaps of twice full scale between neighbouring samples, and the first of them in s."""

    leaps: int
    first_s: float


@dataclass(frozen=True)
class Levels:
    """How many different values the samples take, and the bits that even steps of that size need."""

    count: int
    bits: float
    even: bool


def wrapped_leaps(samples: Array, rate_hz: float) -> Wrapping | None:
    """Return the leaps of samples that left the range of the integer and came back on the other side; None without.

    A leap counts where, with twice the full scale added or taken away, the wave goes on as its neighbours on both sides
    ask for, and not from rail to rail, as in clipped sound. Full scale is 1.
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
    # Clipped sound may leap from rail to rail; wrapped sound lands on a rail by chance only.
    rails = (np.abs(before) > 0.9995) | (np.abs(data[places + 1]) > 0.9995)
    good = smooth & ~rails
    if good.any() and float(np.median(np.abs(behind - before)[good])) > _LEAP_OFF:
        return None
    if good.sum() < max(LEAST_LEAPS, 0.5 * places.size):
        return None
    return Wrapping(int(good.sum()), float(places[good][0] + 1) / rate_hz)


def sample_levels(samples: Array) -> Levels | None:
    """Return how many values the samples take where they are fewer than 300; None otherwise and for quiet sound.

    Even steps are those of a short word length. G.711 takes at most 256 values with steps that grow.
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


def distortion(pair: AlignedPair, recorded: Array | None = None) -> Distortion | None:
    """Return how much of the estimated is distortion and of which kind; None where there is too little loud speech.

    Parameters
    ----------
    pair : AlignedPair
    recorded : ndarray or None
        The estimated signal at its own rate, where the pair's is resampled; its sample values tell few bits.
    """
    drawn = _loud_samples(pair)
    if drawn is None:
        return None
    own, out, raw = drawn
    heard = pair.estimated if recorded is None else np.asarray(recorded, dtype=np.float32)
    wrapped = _wrapped(pair, heard, own, out)
    scale = float(np.quantile(np.abs(own), 0.9995))
    if wrapped is not None or scale <= 0.0 or float(np.quantile(np.abs(out), 0.9995)) < _LEAST_PEAK:
        return wrapped
    # Speech has little above 4 kHz: every third sample of 24 kHz says as much and takes a third of the time.
    every = max(1, round(pair.rate_hz / _CURVE_RATE_HZ))
    own, out, raw = own[:, ::every] / scale, out[:, ::every] / scale, raw[:, ::every]
    explained, share, curve = _explained(own, out)
    level = _db(explained)
    coarse = sample_levels(heard)
    even = coarse is not None and coarse.even
    bits = _bits(coarse, raw, out * scale)
    if bits is not None:
        return Distortion(max(level, bits[1]), Kind.FEW_BITS, bits[0])
    if even or level < FAINTEST_DB or share < LEAST_SHARE:
        return Distortion(level, Kind.NONE, coarse.bits if coarse is not None and even else None)
    if share < NOW_AGAINST_LATER * max(_explained(own, out, shift)[1] for shift in _SHIFTS):
        return Distortion(level, Kind.NONE, None)
    kind, detail = _kind(own, out, curve)
    return Distortion(level, kind, detail)


def _wrapped(
    pair: AlignedPair, heard: NDArray[np.float32], own: NDArray[np.float64], out: NDArray[np.float64]
) -> Distortion | None:
    """Return the distortion by wrapped integers; None where none wrapped."""
    unwrapped, count = _unwrapped(own, out)
    if count:
        power = float(np.mean(np.square(out - unwrapped))) / max(float(np.mean(np.square(unwrapped))), _FLOOR)
        return Distortion(_db(power), Kind.WRAPPED, count / own.size * pair.rate_hz)
    leaps = wrapped_leaps(heard, pair.rate_hz)
    if leaps is None or wrapped_leaps(pair.reference, pair.rate_hz) is not None:
        return None
    error = out - own * float((own * out).sum()) / max(float((own * own).sum()), _FLOOR)
    power = float(np.mean(np.square(error))) / max(float(np.mean(np.square(out))), _FLOOR)
    return Distortion(_db(power), Kind.WRAPPED, leaps.leaps / 2.0 / heard.size * pair.rate_hz)


def _bits(coarse: Levels | None, raw: NDArray[np.float64], out: NDArray[np.float64]) -> tuple[float, float] | None:
    """Return the bits of even quantisation and the level of its noise; None where there are more than 7."""
    if coarse is None or not coarse.even:
        return _quantised(raw, out)
    if coarse.bits >= FEW_BITS + 0.5:
        return None
    step = 2.0 / 2.0**coarse.bits
    return coarse.bits, _db(step**2 / 12.0 / max(float(np.mean(np.square(out))), _FLOOR))


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
    # A frame in which the level changes is explained by no curve.
    moves = np.abs(np.diff(np.log(pair.smooth_gain), append=0.0)) > _LEVEL_MOVES
    at = np.clip((np.arange(count) * width + width / 2) / pair.hop, 0, moves.size - 1).astype(int)
    energy = np.where(np.convolve(moves, np.ones(5), mode="same")[at] > 0.0, 0.0, energy)
    # Frames at both ends lack the samples around them.
    edge = -(-reach // width)
    energy[:edge] = 0.0
    energy[count - edge :] = 0.0
    most = min(round(_LONGEST_S / _FRAME_S), int((energy > 0.003 * float(energy.max())).sum()))
    if most < 8:
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
    """Return the estimated with wrapped samples put back, and how many there were (0 where it did not wrap)."""
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


def _without_gain(frames: NDArray[np.float64], own: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return frames less what each frame's own gain and offset explain.

    A limiter, a slow gain control and direct current are no distortion.
    """
    centred = own - own.mean(axis=1, keepdims=True)
    rest = frames - frames.mean(axis=1, keepdims=True)
    gain = (rest * centred).sum(axis=1) / np.maximum((centred * centred).sum(axis=1), _FLOOR)
    return np.asarray(rest - gain[:, None] * centred)


def _basis(own: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return hinges of the magnitude with the sign (symmetric curves) and without it (unsymmetrical ones)."""
    size, sign = np.abs(own), np.sign(own)
    hinges = [np.maximum(size - knot, 0.0) for knot in _KNOTS]
    return [*(sign * hinge for hinge in hinges), *hinges[2::2], size]


def _lifted(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return frames less their mean over 2.5 ms: what lies below 200 Hz is gone.

    A high-pass on the way leaves a rest at the lowest harmonics that is locked in phase to the others, so that curves
    explain some of it.
    """
    around = round(_LIFT_S * _CURVE_RATE_HZ)
    wide = np.pad(frames, ((0, 0), (around // 2 + 1, around - around // 2 - 1)), mode="edge")
    sums = np.cumsum(wide, axis=1)
    return np.asarray(frames - (sums[:, around:] - sums[:, :-around]) / around)


def _explained(
    own: NDArray[np.float64], out: NDArray[np.float64], shift: int = 0
) -> tuple[float, float, NDArray[np.float64]]:
    """Return the share of the estimated's power that the curve explains beyond a gain per frame.

    Then its share of all that the gain does not explain, and the curve. Fitted to every other frame and judged on the
    rest, both ways. The curve is of the prediction `shift` samples earlier.
    """
    lifted = _lifted(own)
    inside = slice(_MARGIN, -_MARGIN)
    target = _without_gain(_lifted(out), lifted)[:, inside]
    moved = np.roll(own, shift, axis=1)
    functions = np.stack([_without_gain(_lifted(values), lifted)[:, inside] for values in _basis(moved)], axis=2)
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
    return max(gained, 0.0) / max(total, _FLOOR), max(gained, 0.0) / max(left, _FLOOR), np.mean(weights, axis=0)


def _quantised(raw: NDArray[np.float64], out: NDArray[np.float64]) -> tuple[float, float] | None:
    """Return bits and level of even quantisation that a later stage has blurred; None where it was not found.

    Tried for 4 to 7 bits, rounded to and between whole steps, where reference and estimated are at one gain.
    """
    gain = float((raw * out).sum()) / max(float((raw * raw).sum()), _FLOOR)
    error = _without_gain(out, raw)
    power = float(np.square(error).sum())
    if not 0.5 < gain < 2.0:
        return None
    best: tuple[float, float] | None = None
    found = 0.6
    for bits in range(4, FEW_BITS + 1):
        step = 2.0 / 2.0**bits
        for shift in (0.0, 0.5):
            model = _without_gain((np.rint(raw / step - shift) + shift) * step - raw, raw)
            own = float(np.square(model).sum())
            share = float((model * error).sum()) / np.sqrt(max(own * power, _FLOOR))
            if share > found:
                found = share
                best = (float(bits), _db(own * gain**2 / max(float(np.square(out).sum()), _FLOOR)))
    return best


def _kind(own: NDArray[np.float64], out: NDArray[np.float64], curve: NDArray[np.float64]) -> tuple[Kind, float | None]:
    """Return which of the known curves fits best, and where it bends as a share of the estimated's peak."""
    target = _without_gain(out, own)
    power = float(np.square(target).sum())
    gain = _gain_at_levels(own, out)
    # A stage that is overdriven takes the more away the louder it is. Gain that rises with the level, or jumps, comes
    # from a table or a gate.
    rise = float(np.max(gain - np.minimum.accumulate(gain))) if gain.size else 0.0
    drop = float(gain[0] - gain[-1]) if gain.size else 0.0
    if rise > 2.5 and rise > drop:
        return Kind.COMPANDING, None

    def left(shape: NDArray[np.float64]) -> float:
        other = _without_gain(shape, own)
        share = float((other * target).sum()) / max(float(np.square(other).sum()), _FLOOR)
        return float(np.square(target - share * other).sum())

    hard = min((left(np.clip(own, -limit, limit)), limit) for limit in _LIMITS)
    soft = min((left(np.tanh(own / drive) * drive), drive) for drive in _DRIVES)
    # Half of what the free curve explains must come from the named one.
    named = min(hard, soft)
    if named[0] > 0.6 * power and np.abs(curve).max() > 0.0 and rise > 1.0:
        return Kind.OTHER, None
    return (Kind.CLIPPED, hard[1]) if hard[0] < soft[0] else (Kind.OVERDRIVE, soft[1])


def _gain_at_levels(own: NDArray[np.float64], out: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the gain in dB of samples of the same size, from small to large."""
    edges = np.array((0.004, 0.008, 0.016, 0.03, 0.06, 0.12, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0))
    size = np.abs(own).reshape(-1)
    same = (out * np.sign(own)).reshape(-1)
    which = np.digitize(size, edges)
    ratios = [
        float(same[which == number].mean()) / float(size[which == number].mean())
        for number in range(1, edges.size)
        if (which == number).sum() >= 100
    ]
    return np.asarray(20.0 * np.log10(np.maximum(ratios, 1e-3)))


def _db(power: float) -> float:
    return float(10.0 * np.log10(max(power, 1e-10)))
