"""Detect clicks (single discontinuities in a waveform), in one recording or against the original."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from diag.dsp.arrays import Array
from diag.dsp.glitches import Found
from diag.dsp.joins import Stretch
from diag.dsp.level import high_percentile
from diag.dsp.resample import rescale, shifted
from diag.dsp.runs import runs
from diag.dsp.spectrum import Sound
from diag.dsp.track import DelayTrack

CLICK_STRENGTH = 6.0
CLICK_OVER_NEAR, CLICK_OVER_ROW, CLICK_OVER_BLOCKS = 2.0, 1.5, 1.5
CLICK_SHAPE = 0.85
CLICK_FLOOR = 0.8
"""Least size of a click in the fourth difference, relative to the peak: an impulse of 13 % or a step of 27 % of the
peak. Smaller ones cannot be distinguished from plosives."""
ADDED_STRENGTH = 8.0
OWN_SHARE = 0.2
"""A click of the copy must exceed this share of the original's fourth difference there. The original does not cancel
completely if a resampler has cut the frequencies close to Nyquist."""
ADDED_FLOOR = 0.03
"""Least size of a click against an original, relative to the peak. It can be smaller, because the speech cancels."""
CODED_RATE_HZ, _CODED_SHARE = 24000.0, 0.05
"""Rate at which clicks are searched again, where more than this share of the power of the original's fourth differences
is left. Behind Opus at 24 kbit/s, clicks of 40 % of the peak in 44.1 kHz voices were found one time in six at the
original's rate and four times as often at 24 kHz."""
PLAIN_CLICK, MOST_HIDDEN = 0.4, 0.25
"""A click of this share of the peak is plain to hear. Where it would be hidden for more than a quarter of the time, by
what a codec or noise leaves of the subtraction, it is not known whether there are clicks."""
_ONSET, _ONSET_OVER_NEAR = 2.5, 4.0
"""If the sound after a jump is this many times rougher than before it, it is the release burst of a plosive. Then only
a jump of four times the burst is a click (plosives of the development voices reach 2.4)."""
BURST_FLOOR, BURST_LONGEST_S, BURST_OVER = 0.1, 0.005, 4.0
"""A burst of foreign samples of up to 5 ms counts as a click if it exceeds a tenth of the peak, and four times what is
left of the subtraction in the 4 ms before and behind it."""
_BURST_BLOCK_S, _OVER_OWN = 0.0005, 3.0
_NEAR_S, _ROW_S = 0.004, 0.022
_CLOSER = 3
_WHOLE = 0.005
"""A delay this close to a whole number of samples is rounded; the error is far below any click."""
_EDGE_S = 0.03
_GAIN_BLOCK_S, _GAIN_BLOCKS = 0.05, 3
_APART_S = 0.005


def clicks(samples: Array, sample_rate_hz: float) -> Found:
    """Return the clicks of a recording: samples at which the fourth difference is far above its surroundings.

    The fourth difference removes smooth sound. At a click it is six times the RMS and twice the maximum of the 4 ms
    before and after, and has the shape that one wrong sample or one step causes. Bursts and glottal pulses do not have
    this shape. Glottal pulses are also recognised because they follow each other within 22 ms.
    """
    if samples.size < 0.05 * sample_rate_hz:
        return Found(np.zeros(0, dtype=np.int64))
    data = np.asarray(samples, dtype=np.float32)
    change = np.zeros_like(data)
    change[2:-2] = np.diff(data, n=4)
    rough = np.abs(change)
    floor = CLICK_FLOOR * high_percentile(np.abs(data[::4]), 99.9) + 1e-9
    frames = _leaps(rough, sample_rate_hz, CLICK_OVER_BLOCKS, floor)
    far = round(_ROW_S * sample_rate_hz)
    near, own = round(_NEAR_S * sample_rate_hz), _own_reach(sample_rate_hz)
    frames = frames[(frames >= far) & (frames < data.size - far)]
    frames = frames[_click_shape(change, frames) > CLICK_SHAPE]
    if frames.size == 0:
        return Found(frames)
    around = np.lib.stride_tricks.sliding_window_view(rough, 2 * far + 1)[frames - far]
    leap = around[:, far]
    beside = (around[:, far - near : far - own], around[:, far + own + 1 : far + near])
    before, behind = (np.sqrt(np.mean(np.square(side, dtype=np.float64), axis=1)) for side in beside)
    level = np.maximum(before, behind)
    loudest = np.maximum(*(side.max(axis=1) for side in beside))
    burst = (behind > _ONSET * before) & (leap <= _ONSET_OVER_NEAR * loudest)
    in_rows = np.maximum(around[:, : far - near].max(axis=1), around[:, far + near :].max(axis=1))
    kept = (leap > CLICK_STRENGTH * level) & (leap > CLICK_OVER_NEAR * loudest) & (leap > CLICK_OVER_ROW * in_rows)
    return Found(_apart(frames[kept & ~burst], round(_APART_S * sample_rate_hz)))


def _click_shape(change: NDArray[np.float32], frames: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the share of nine fourth differences around each frame that one impulse or step explains, 0 to 1."""
    if frames.size == 0:
        return np.zeros(0)
    around = change[frames[:, None] + np.arange(-4, 5)].astype(np.float64)
    power = np.square(around).sum(axis=1)
    best = np.zeros(frames.size)
    for shape in (np.array([1.0, -4.0, 6.0, -4.0, 1.0]), np.array([1.0, -3.0, 3.0, -1.0])):
        fits = np.abs(np.lib.stride_tricks.sliding_window_view(around, shape.size, axis=1) @ shape).max(axis=1)
        best = np.maximum(best, fits**2 / (shape @ shape * np.maximum(power, 1e-30)))
    return best


@dataclass(frozen=True)
class AddedClicks(Found):
    """Clicks that a copy adds.

    Parameters
    ----------
    hidden_share : float
        Share of the time in which a click of `PLAIN_CLICK` of the peak could not be found, 0 to 1.
    """

    hidden_share: float


def added_clicks(original: Sound, copy: Sound, track: DelayTrack, speed: float = 1.0) -> AddedClicks:
    """Return the clicks of a copy that its original does not have, as samples of the copy.

    Along each stretch of the delay track, the original is brought to the rate, position and level of the copy, and
    subtracted in fourth differences, so that the speech cancels. The ends of stretches at breaks are left out. Where
    the speech does not cancel because a codec has replaced the treble, clicks are searched below 12 kHz too: a codec
    keeps the waveform there, and blurs a click above.
    """
    top_hz = min(original.rate_hz, copy.rate_hz)
    found, uncancelled, hidden = _added_at(original, copy, track, speed, top_hz)
    if top_hz > 1.01 * CODED_RATE_HZ and uncancelled > _CODED_SHARE:
        narrow, factor = rescale(original.samples, CODED_RATE_HZ / original.rate_hz)
        own = Sound(narrow, original.rate_hz * factor)
        more, _, hidden_below = _added_at(own, copy, track, speed, own.rate_hz)
        found, hidden = np.concatenate((found, more)), min(hidden, hidden_below)
    return AddedClicks(_apart(np.unique(found), round(_APART_S * copy.rate_hz)), hidden)


def _added_at(
    original: Sound, copy: Sound, track: DelayTrack, speed: float, rate_hz: float
) -> tuple[NDArray[np.int64], float, float]:
    """Return the clicks as samples of the copy, searched at one rate.

    Second is the share of the original's power that remains, third the share of the time that hides a plain click.
    """
    if copy.rate_hz > 1.01 * rate_hz:
        # A click rings after upsampling. At the lower rate it is one sample again.
        narrow, factor = rescale(copy.samples, rate_hz / copy.rate_hz)
        inside, *shares = _added_at(original, Sound(narrow, copy.rate_hz * factor), track, speed, rate_hz)
        return np.rint(inside / factor).astype(np.int64), shares[0], shares[1]
    x, exact = rescale(original.samples, copy.rate_hz / (original.rate_hz * speed))
    per_second = exact * original.rate_hz
    peak = high_percentile(np.abs(copy.samples[::4]), 99.9) if copy.samples.size else 0.0
    found: list[int] = []
    left, whole = 0.0, 0.0
    hidden: list[NDArray[np.bool_]] = []
    width = round(_NEAR_S * copy.rate_hz)
    for stretch in track.stretches:
        margin_s = _EDGE_S if len(track.stretches) > 1 else 0.0
        first, last = round((stretch.start_s + margin_s) * per_second), round((stretch.end_s - margin_s) * per_second)
        rest, own, loud, start = _rest(x[max(0, first) : max(0, last)], copy, stretch, max(0, first), per_second)
        left, whole = left + float(np.dot(rest, rest)), whole + float(np.dot(own, own))
        blocks = np.square(rest[: rest.size // width * width]).reshape(-1, width).mean(axis=1)
        hidden.append(np.sqrt(blocks) * ADDED_STRENGTH > PLAIN_CLICK * peak)
        if rest.size >= 0.05 * copy.rate_hz:
            places = _isolated(rest, copy.rate_hz, ADDED_STRENGTH, ADDED_FLOOR * peak + 1e-9).frames.tolist()
            found.extend(at + start for at in places if rest[at] > OWN_SHARE * own[max(0, at - 4) : at + 5].max())
            found.extend(at + start for at in _bursts(rest, loud, copy.rate_hz, BURST_FLOOR * peak + 1e-9))
    hides = np.concatenate(hidden) if hidden else np.zeros(0, dtype=bool)
    share = float(hides.mean()) if hides.size else 1.0
    return np.array(sorted(found), dtype=np.int64), left / max(whole, 1e-20), share


def _rest(
    x: Array, copy: Sound, stretch: Stretch, first: int, per_second: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], int]:
    """Return the magnitudes of the copy's fourth difference minus the original's, and of the original's.

    Third are the original's at the level of the copy: where a codec made up the sound, little of it is subtracted. Last
    is the sample of the copy at which all begin.
    """
    place = first + stretch.delay_s * per_second
    if abs(place - round(place)) < _WHOLE:
        place = float(round(place))
    start = int(np.floor(place))
    if start < 0:
        x, start, place = x[-start:], 0, place - start
    there = np.asarray(copy.samples[start : start + x.size + 1], dtype=np.float32)
    part = place - np.floor(place)
    own, other = _pair_of_leaps(x, shifted(there, part))
    for _ in range(_CLOSER):
        # The delay track is exact to some microseconds. Fourth differences need a hundredth of a sample.
        late = _lateness(own, other)
        if abs(late) < _WHOLE or abs(part + late - place % 1.0) > 1.0:
            break
        part += late
        own, other = _pair_of_leaps(x, shifted(there, part))
    size = own.size + 6
    if size < 16:
        nothing = np.zeros(0, dtype=np.float32)
        return nothing, nothing, nothing, start
    rest, expected, loud = (np.zeros(size, dtype=np.float32) for _ in range(3))
    expected[3:-3] = _gain(own, other, copy.rate_hz) * own
    rest[3:-3] = other - expected[3:-3]
    # The median of each, because bursts of foreign samples are rare and loud.
    usual, mine = (float(np.median(np.abs(side[::4]))) for side in (other, own))
    loud[3:-3] = own * np.float32(usual / max(mine, 1e-20))
    return np.abs(rest), np.abs(expected), np.abs(loud), start


def _gain(own: NDArray[np.float32], other: NDArray[np.float32], sample_rate_hz: float) -> NDArray[np.float32]:
    """Return the gain from one signal to the other over time, by least squares over 0.15 s; shape (n,).

    With one gain for the whole, jumps of the original remain wherever the level goes up and down.
    """
    power = float(np.dot(own, own))
    whole = float(np.dot(own, other)) / power if power > 0 else 0.0
    width = round(_GAIN_BLOCK_S * sample_rate_hz)
    count = own.size // width
    if count < _GAIN_BLOCKS:
        return np.full(own.size, whole, dtype=np.float32)
    mine, theirs = (side[: count * width].reshape(count, width) for side in (own, other))
    shared, energy = (np.einsum("ij,ij->i", mine, side, dtype=np.float64) for side in (theirs, mine))
    # Quiet blocks say little of their gain: the gain of the whole weighs as much as a block of a tenth of the mean.
    little = 0.1 * float(energy.mean()) + 1e-20
    around = np.ones(_GAIN_BLOCKS)
    gain = (np.convolve(shared, around, "same") + little * whole) / (np.convolve(energy, around, "same") + little)
    # Straight lines from the middle of each block to that of the next, and constant at both ends.
    middle = width // 2
    result = np.empty(own.size, dtype=np.float32)
    result[:middle], result[middle + (count - 1) * width :] = gain[0], gain[-1]
    lines = result[middle : middle + (count - 1) * width].reshape(count - 1, width)
    np.multiply(np.diff(gain)[:, None], np.arange(width) / width, out=lines, casting="same_kind")
    lines += gain[:-1, None].astype(np.float32)
    return result


def _pair_of_leaps(x: Array, y: Array) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    size = min(x.size, y.size)
    return _rough(x[:size]), _rough(y[:size])


def _lateness(own: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return the delay of the other signal in samples (less than one), by least squares on the slope."""
    slope = 0.5 * (own[2:] - own[:-2])
    steepness = float(np.dot(slope, slope)) * float(np.sqrt(np.dot(other, other)))
    if steepness <= 0.0:
        return 0.0
    level = float(np.sqrt(np.dot(own, own)))
    return -float(np.dot(other[1:-1], slope)) * level / steepness


def _rough(samples: Array) -> NDArray[np.float32]:
    """Return the fourth difference without frequencies close to Nyquist, which a resampler may cut; shape (n - 6,).

    It is scaled so that an impulse of one sample keeps its height.
    """
    steep = np.diff(np.asarray(samples, dtype=np.float32), n=4)
    return np.asarray(0.25 * (steep[:-2] + steep[2:]) + 0.5 * steep[1:-1], dtype=np.float32)


def _isolated(rough: NDArray[np.float32], sample_rate_hz: float, strength: float, floor: float) -> Found:
    """Return the jumps above the floor that are isolated from their surroundings."""
    frames = _leaps(rough, sample_rate_hz, 2.5, floor).tolist()
    kept = [frame for frame in frames if _stands_alone(rough, frame, sample_rate_hz, strength)]
    return Found(_apart(np.array(kept, dtype=np.int64), round(_APART_S * sample_rate_hz)))


def _leaps(rough: NDArray[np.float32], sample_rate_hz: float, over: float, floor: float) -> NDArray[np.int64]:
    """Return the largest sample of each half millisecond that is above the floor and above the milliseconds around."""
    block = max(4, round(0.0005 * sample_rate_hz))
    count = rough.size // block
    part = rough[: count * block].reshape(count, block)
    # One pass per column: numpy is four times slower along so short an axis.
    top = reduce(np.maximum, part.T)
    high = np.flatnonzero(top > floor)
    neighbour = np.maximum(_moving_max(top, -6, -2), _moving_max(top, 2, 6))[high]
    hit = high[top[high] > over * neighbour]
    return np.asarray(hit * block + part[hit].argmax(axis=1), dtype=np.int64)


def _bursts(rest: NDArray[np.float32], own: NDArray[np.float32], sample_rate_hz: float, floor: float) -> list[int]:
    """Return the loudest sample of each short burst of foreign samples, as of a header between two chunks.

    What a codec leaves of a plosive is not louder than the plosive, and where sound is missing, what is left is as loud
    as the original. A burst is louder than the original around it.
    """
    block = max(4, round(_BURST_BLOCK_S * sample_rate_hz))
    count = rest.size // block
    top, loud = (reduce(np.maximum, side[: count * block].reshape(count, block).T) for side in (rest, own))
    around = round(_NEAR_S / _BURST_BLOCK_S)
    places = []
    for first, last in runs(top > floor, 1):
        before, behind = top[max(0, first - 1 - around) : max(0, first - 1)], top[last + 1 : last + 1 + around]
        if (last - first) * _BURST_BLOCK_S > BURST_LONGEST_S or min(before.size, behind.size) < around:
            continue
        height = float(top[first:last].max())
        original = float(loud[first - around : last + around].max())
        if height > BURST_OVER * max(float(before.max()), float(behind.max())) and height > _OVER_OWN * original:
            places.append(first * block + int(np.argmax(rest[first * block : last * block])))
    return places


def _own_reach(sample_rate_hz: float) -> int:
    """Return how many samples on either side belong to a click: 4 of the fourth difference, plus one at 24 kHz."""
    return 4 + round(sample_rate_hz / 24000.0)


def _stands_alone(rough: NDArray[np.float32], frame: int, sample_rate_hz: float, strength: float) -> bool:
    """Return whether the jump ends within a few samples. The burst of a plosive lasts for milliseconds."""
    own = _own_reach(sample_rate_hz)
    reach = round(0.004 * sample_rate_hz)
    before, behind = rough[max(0, frame - reach) : max(0, frame - own)], rough[frame + own + 1 : frame + reach]
    if min(before.size, behind.size) < own:
        return False
    loudest = max(
        float(np.sqrt(np.mean(np.square(before, dtype=np.float64)))),
        float(np.sqrt(np.mean(np.square(behind, dtype=np.float64)))),
    )
    return bool(rough[frame] > strength * loudest and rough[frame] > 4.0 * max(before.max(), behind.max()))


def _moving_max(values: NDArray[np.float32], first: int, last: int) -> NDArray[np.float32]:
    """Return for each position the largest value at offsets `first` to `last` from it."""
    padded = np.pad(values, (max(0, -first), max(0, last)))
    start = max(0, -first) + first
    # One pass per offset: numpy is much slower along so short an axis.
    return reduce(np.maximum, (padded[start + at : start + at + values.size] for at in range(last - first + 1)))


def _apart(frames: NDArray[np.int64], least: int) -> NDArray[np.int64]:
    kept: list[int] = []
    for frame in frames:
        if not kept or frame - kept[-1] >= least:
            kept.append(int(frame))
    return np.array(kept, dtype=np.int64)
