"""Align a reference with an estimated signal, and predict the estimated signal by a linear filter.

Every measure of what a segment adds starts here. The reference is moved, piece by piece, to where it is heard in the
estimated signal. One filter and a gain that changes over time then predict the estimated signal. The residual is what
linear filtering cannot explain: noise, another sound, distortion, aliasing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diag.dsp import fourier
from diag.dsp.arrays import Array
from diag.dsp.rumble import RUMBLE_HZ
from diag.dsp.spectrum import ACTIVE_RANGE_DB, INAUDIBLE_DBFS, WINDOW_S

Complex = NDArray[np.complexfloating[Any]]

LEAST_FRAMES = 20
"""Active frames from which on copies, rooms and mirrored sound can be told from the voice: 0.4 s of sound."""
FILTER_S = 0.005
"""The filter from reference to estimated signal spans this time to both sides of delay 0. Responses of codecs and
resamplers are within 2 ms."""
LOWEST_HZ = 50.0
_LAG_BLOCK_S, _LAG_BLOCKS, _LAG_REACH = 0.34, 8, 160
_LEAST_LAG = 0.04
"""Differences of delay below this many samples are not corrected. At a rate of 24 kHz they leave a residual of -38 dB
at 8 kHz."""
_MOVE_BLOCK = 1024
_SMOOTH_FRAMES = 9
_REFITS, _STEADY_DB = 3, 3.0
_RESPONSE_FRAMES = 800
_FLOOR = 1e-20


@dataclass(frozen=True)
class Piece:
    """A part of the reference that is heard in the estimated signal, in samples of their common rate."""

    reference_start: int
    estimated_start: int
    length: int


@dataclass(frozen=True, eq=False)
class AlignedPair:
    """Reference and estimated signal, sample by sample on the clock of the estimated.

    Parameters
    ----------
    reference : ndarray of float32, shape (n,)
        Zero where no piece of the reference was matched.
    estimated : ndarray of float32, shape (n,)
    covered : ndarray of bool, shape (n,)
        Where a piece was matched.
    rate_hz : float
    """

    reference: NDArray[np.float32]
    estimated: NDArray[np.float32]
    covered: NDArray[np.bool_]
    rate_hz: float

    @cached_property
    def width(self) -> int:
        """Samples of one frame."""
        return max(16, 2 * round(WINDOW_S * self.rate_hz / 2))

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return self.width // 2

    @property
    def bin_hz(self) -> float:
        """Frequency step from one bin of a frame's spectrum to the next."""
        return self.rate_hz / self.width

    @property
    def lowest_voice_bin(self) -> int:
        """First bin above rumble, which is loud in pauses and says nothing about the level of a voice."""
        return round(RUMBLE_HZ[1] / self.bin_hz)

    @cached_property
    def spectra(self) -> tuple[Complex, Complex]:
        """Spectra of the frames of reference and estimated; shape (frames, bins) each."""
        return self._frames(self.reference), self._frames(self.estimated)

    @cached_property
    def long_spectra(self) -> tuple[Complex, Complex]:
        """Transforms of the whole of reference and estimated, zero-padded by at least 0.7 s."""
        return fourier.rfft(self.reference, self.long_size), fourier.rfft(self.estimated, self.long_size)

    @cached_property
    def long_size(self) -> int:
        """Length of the transforms of the whole."""
        return fourier.next_fast_len(self.estimated.size + round(0.7 * self.rate_hz))

    @cached_property
    def power(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Power of the frames of reference and estimated, shape (frames, bins); a frame sums to its mean square."""
        reference, estimated = self.spectra
        return _power(reference), _power(estimated)

    @cached_property
    def covered_frames(self) -> NDArray[np.bool_]:
        """Frames that lie completely in matched pieces; shape (frames,)."""
        if self.covered.all():
            return np.ones(self.spectra[0].shape[0], dtype=bool)
        sums = np.concatenate(([0], np.cumsum(~self.covered)))
        starts = np.arange(self.spectra[0].shape[0]) * self.hop
        return np.asarray(sums[np.minimum(starts + self.width, self.covered.size)] == sums[starts])

    @cached_property
    def reference_db(self) -> NDArray[np.float64]:
        """Level of each frame of the reference above 100 Hz, dBFS; shape (frames,)."""
        voice = self.power[0][:, self.lowest_voice_bin :].sum(axis=1, dtype=np.float64)
        return np.asarray(10.0 * np.log10(np.maximum(voice, 1e-12)))

    @cached_property
    def active(self) -> NDArray[np.bool_]:
        """Covered frames in which the reference carries speech; shape (frames,)."""
        level = np.where(self.covered_frames, self.reference_db, -120.0)
        if level.size == 0:
            return np.zeros(0, dtype=bool)
        loud = loud_level_db(level)
        return level > max(loud - ACTIVE_RANGE_DB, INAUDIBLE_DBFS)

    @cached_property
    def response(self) -> Complex:
        """Response of the filter from reference to estimated; shape (bins,)."""
        reference, estimated = self.spectra
        energy = self.power[0].sum(axis=1, dtype=np.float64)
        if not self.active.any():
            return np.zeros(self.power[0].shape[1], dtype=np.complex64)
        # Loud frames have more energy and so count more. The weight limits this, so that parts whose level was lowered
        # still count.
        weight = np.where(self.active, 1.0 / (energy + 0.3 * float(energy[self.active].mean())), 0.0)
        response = self._fitted(reference, estimated, weight.astype(np.float32))
        # If the level changes over time, each band would get the gain of the moments at which it sounds. So the filter
        # is fitted again with the gain over time taken into account.
        for _ in range(_REFITS):
            gain = self._smooth(self._gain(response))
            if float(np.ptp(20.0 * np.log10(gain[self.active]))) < _STEADY_DB:
                break
            scaled = reference * gain[:, None].astype(np.float32)
            response = self._fitted(scaled, estimated, (weight / gain**2).astype(np.float32))
        return response

    @cached_property
    def frame_gain(self) -> NDArray[np.float64]:
        """Gain of each active frame on top of the filter, as a factor; NaN elsewhere. Shape (frames,).

        It is computed from the part of the estimated frame that is coherent with the filtered reference, so that added
        noise or other sound changes it little.
        """
        return self._gain(self.response)

    @cached_property
    def _cross(self) -> Complex:
        """Cross-spectra of estimated and reference; shape (frames, bins)."""
        reference, estimated = self.spectra
        return np.asarray(estimated * np.conj(reference))

    def _gain(self, response: Complex) -> NDArray[np.float64]:
        first = self.lowest_voice_bin
        energy = (self.power[0][:, first:] @ _power(response[first:])).astype(np.float64)
        shared = (self._cross[:, first:] @ np.conj(response[first:])).real.astype(np.float64)
        return np.where(self.active, np.maximum(shared / np.maximum(energy, _FLOOR), 1e-4), np.nan)

    @cached_property
    def smooth_gain(self) -> NDArray[np.float64]:
        """Smoothed gain over time, interpolated where there is no speech; shape (frames,)."""
        return self._smooth(self.frame_gain)

    def _smooth(self, frame_gain: NDArray[np.float64]) -> NDArray[np.float64]:
        places = np.flatnonzero(self.active)
        if places.size == 0:
            return np.ones(self.active.size)
        values = np.log(frame_gain[places])
        half = _SMOOTH_FRAMES // 2
        around = np.lib.stride_tricks.sliding_window_view(np.pad(values, half, mode="edge"), _SMOOTH_FRAMES)
        return np.asarray(np.exp(np.interp(np.arange(self.active.size), places, np.median(around, axis=1))))

    @cached_property
    def predicted(self) -> Complex:
        """The reference after the filter and the gain: the prediction of the estimated; shape (frames, bins)."""
        return np.asarray(self.spectra[0] * (self.smooth_gain[:, None].astype(np.float32) * self.response[None, :]))

    @cached_property
    def predicted_power(self) -> NDArray[np.float32]:
        """Power of the prediction; shape (frames, bins)."""
        return _power(self.predicted)

    @cached_property
    def residual(self) -> Complex:
        """Estimated minus predicted spectra; shape (frames, bins)."""
        return np.asarray(self.spectra[1] - self.predicted)

    @cached_property
    def residual_power(self) -> NDArray[np.float32]:
        """Power of the residual; shape (frames, bins)."""
        return _power(self.residual)

    @cached_property
    def speech_dbfs(self) -> float | None:
        """Level of the predicted speech over the active frames; None if there are none."""
        if not self.active.any():
            return None
        return float(
            10.0 * np.log10(max(float(self.predicted_power.sum(axis=1, dtype=np.float64)[self.active].mean()), 1e-12))
        )

    @cached_property
    def taps(self) -> NDArray[np.float32]:
        """Impulse response of the filter; odd length, with delay 0 in the middle.

        Taps that are not clearly above the estimation noise are zero.
        """
        reach = round(FILTER_S * self.rate_hz)
        impulse = fourier.irfft(self.response, self.width)
        taps = np.concatenate((impulse[-reach:], impulse[: reach + 1]))
        outer = np.concatenate((taps[: reach // 3], taps[-(reach // 3) :]))
        return np.where(np.abs(taps) > 4.5 * np.median(np.abs(outer)), taps, 0.0).astype(np.float32)

    def _frames(self, samples: NDArray[np.float32]) -> Complex:
        count = max(1, (samples.size - self.width) // self.hop + 1)
        wide = samples if samples.size >= self.width else np.pad(samples, (0, self.width - samples.size))
        frames = np.lib.stride_tricks.sliding_window_view(wide, self.width)[:: self.hop][:count]
        window = _hann(self.width)
        # Scaled so that the sum of the squared magnitudes of a frame is its mean square.
        window = window * np.float32(np.sqrt(2.0 / (self.width * float(np.sum(window.astype(np.float64) ** 2)))))
        spectra = fourier.rfft(frames * window, axis=1)
        # DC offset and its leakage are not sound here; they are measured elsewhere.
        spectra[:, : max(1, round(LOWEST_HZ / self.bin_hz))] = 0.0
        return spectra

    def _fitted(self, reference: Complex, estimated: Complex, weight: NDArray[np.float32]) -> Complex:
        # About 800 frames, spread evenly, are enough for the response of a long signal.
        frames = np.flatnonzero(weight)
        frames = frames[:: max(1, frames.size // _RESPONSE_FRAMES)]
        reference, estimated = reference[frames], estimated[frames]
        weighted = reference * weight[frames, None]
        both = np.einsum("ij,ij->j", estimated, np.conj(weighted)).astype(np.complex128)
        alone = np.einsum("ij,ij->j", reference, np.conj(weighted)).real.astype(np.float64)
        raw = both / np.maximum(alone, 1e-7 * float(alone.max(initial=0.0)) + _FLOOR)
        # Below the lowest frequency the response is unknown; a jump there would cause ringing when it is truncated.
        first = max(1, round(LOWEST_HZ / self.bin_hz))
        raw[:first] = raw[first : first + 3].mean().real
        impulse = fourier.irfft(raw, self.width)
        reach = round(FILTER_S * self.rate_hz)
        lags = np.minimum(np.arange(self.width), self.width - np.arange(self.width))
        keep = np.clip((1.25 * reach - lags) / (0.25 * reach + 1e-9), 0.0, 1.0)
        return np.asarray(fourier.rfft(impulse * keep), dtype=np.complex64)


def align_pair(reference: Array, estimated: Array, pieces: Sequence[Piece], rate_hz: float) -> AlignedPair:
    """Return both signals on the clock of the estimated.

    Fractional delays that differ between pieces, and a steady drift within a piece, are corrected, because both would
    be measured as noise. A fractional delay that is common to all pieces is left to the filter.

    Parameters
    ----------
    reference, estimated : ndarray, shape (n,) and (m,)
    pieces : sequence of Piece
        Where the reference is heard. Pieces may overlap in the reference, but not in the estimated signal.
    rate_hz : float
        Sample rate of both.
    """
    own = np.asarray(reference, dtype=np.float32)
    other = np.asarray(estimated, dtype=np.float32)
    moved = np.zeros(other.size, dtype=np.float32)
    covered = np.zeros(other.size, dtype=bool)
    cut = [inside for piece in pieces if (inside := _inside(piece, own.size, other.size)).length > 0]
    lags = [_lag_line(own, other, piece, rate_hz) for piece in cut]
    common = _common([line[0] for line in lags], [piece.length for piece in cut])
    for piece, (lag, slope) in zip(cut, lags, strict=True):
        part = own[piece.reference_start : piece.reference_start + piece.length]
        place = np.arange(piece.length) - piece.length / 2.0
        if max(abs(lag - common + slope * place[0]), abs(lag - common + slope * place[-1])) > _LEAST_LAG:
            part = _moved(part, lag - common, slope)
        moved[piece.estimated_start : piece.estimated_start + piece.length] = part
        covered[piece.estimated_start : piece.estimated_start + piece.length] = True
    return AlignedPair(moved, other, covered, float(rate_hz))


def shifted_pair(reference: Array, estimated: Array, delay: int, rate_hz: float) -> AlignedPair:
    """Return both signals aligned by one delay of whole samples.

    Parameters
    ----------
    reference, estimated : ndarray, shape (n,) and (m,)
    delay : int
        Sample n of the reference is at n + delay in the estimated signal.
    rate_hz : float
        Sample rate of both.
    """
    other = np.asarray(estimated, dtype=np.float32)
    moved = np.zeros(other.size, dtype=np.float32)
    first, last = max(0, delay), min(other.size, delay + len(reference))
    if last > first:
        moved[first:last] = reference[first - delay : last - delay]
    return AlignedPair(moved, other, np.ones(other.size, dtype=bool), float(rate_hz))


def loud_level_db(levels_db: Array) -> float:
    """Return the level of the loud frames: the 95th percentile of those within 50 dB of the loudest."""
    return float(np.percentile(levels_db[levels_db > levels_db.max() - 50.0], 95))


def _common(lags: list[float], lengths: list[int]) -> float:
    """Return the lag of the middle sample of all pieces."""
    if not lags:
        return 0.0
    order = np.argsort(lags)
    share = np.cumsum(np.asarray(lengths)[order])
    return float(np.asarray(lags)[order][int(np.searchsorted(share, share[-1] / 2.0))])


def _inside(piece: Piece, reference_size: int, estimated_size: int) -> Piece:
    """Return the part of a piece that lies within both signals."""
    early = max(0, -piece.reference_start, -piece.estimated_start)
    first, there = piece.reference_start + early, piece.estimated_start + early
    return Piece(first, there, max(0, min(piece.length - early, reference_size - first, estimated_size - there)))


def _lag_line(own: Array, other: Array, piece: Piece, rate_hz: float) -> tuple[float, float]:
    """Return the delay of the estimated signal in the middle of a piece, in samples, and its growth per sample.

    They come from a line through the cross-correlation lags of some loud blocks. If the line does not fit within a
    quarter of a sample, the median lag and a slope of 0 are returned.
    """
    width = min(round(_LAG_BLOCK_S * rate_hz), piece.length)
    if width < 4 * _LAG_REACH:
        return 0.0, 0.0
    x = own[piece.reference_start : piece.reference_start + piece.length]
    y = other[piece.estimated_start : piece.estimated_start + piece.length]
    starts = _loud_blocks(x, width, _LAG_BLOCKS)
    size = fourier.next_fast_len(2 * width)
    taper = _hann(width)
    near = fourier.rfft(np.stack([x[s : s + width] * taper for s in starts]), size, axis=1)
    far = fourier.rfft(np.stack([y[s : s + width] * taper for s in starts]), size, axis=1)
    cross = far * np.conj(near)
    magnitude = np.abs(cross)
    # Partial whitening gives a sharper peak than plain correlation, and less noise than the phase transform.
    cross = cross / np.sqrt(magnitude + 1e-3 * magnitude.max(axis=1, keepdims=True) + np.float32(_FLOOR))
    finer = 4
    padded = np.zeros((cross.shape[0], size * finer // 2 + 1), dtype=np.complex64)
    padded[:, : cross.shape[1]] = cross
    correlation = np.abs(fourier.irfft(padded, size * finer, axis=1))
    reach = _LAG_REACH * finer
    around = np.concatenate((correlation[:, -reach:], correlation[:, : reach + 1]), axis=1)
    peak = np.clip(np.argmax(around, axis=1), 1, 2 * reach - 1)
    row = np.arange(peak.size)
    left, top, right = around[row, peak - 1], around[row, peak], around[row, peak + 1]
    bend = np.maximum(2.0 * top - left - right, _FLOOR)
    lag = (peak + 0.5 * (right - left) / bend - reach) / finer
    place = np.asarray(starts) + width / 2.0 - piece.length / 2.0
    # The median slope over all pairs of blocks is robust against a few wrong lags (Theil-Sen estimator).
    first, second = np.triu_indices(lag.size, 1)
    rough = float(np.median((lag[second] - lag[first]) / (place[second] - place[first]))) if first.size else 0.0
    straight = lag - rough * place
    kept = np.abs(straight - np.median(straight)) < 1.0
    if kept.sum() < 3 or float(np.ptp(place[kept])) < 2.0 * width:
        return float(np.median(lag)), 0.0
    slope, middle = np.polyfit(place[kept], lag[kept], 1)
    apart = lag[kept] - (slope * place[kept] + middle)
    if float(np.median(np.abs(apart))) > 0.25 or abs(slope) > 300e-6:
        return float(np.median(lag)), 0.0
    if abs(slope) * piece.length < _LEAST_LAG:
        slope = 0.0
    return float(middle), float(slope)


def _loud_blocks(samples: Array, width: int, count: int) -> list[int]:
    """Return the starts of up to `count` blocks: the loudest block in each of `count` equal parts of the signal."""
    energy = np.concatenate(([0.0], np.cumsum(np.square(samples, dtype=np.float64))))
    last = samples.size - width
    edges = np.linspace(0, last + 1, count + 1).astype(int)
    step = max(1, width // 8)
    starts = []
    for low, high in pairwise(edges):
        tried = np.arange(low, max(high, low + 1), step)
        tried = tried[tried <= last]
        if tried.size:
            loud = energy[tried + width] - energy[tried]
            starts.append((int(tried[int(np.argmax(loud))]), float(loud.max())))
    loudest = max(value for _, value in starts)
    return sorted({start for start, value in starts if value > 1e-2 * loudest}) or [0]


def _moved(samples: Array, lag: float, slope: float) -> NDArray[np.float32]:
    """Return the samples delayed by `lag` in the middle and by `slope` more per sample, in overlapping windows."""
    width, hop = _MOVE_BLOCK, _MOVE_BLOCK // 2
    blocks = samples.size // hop + 2
    start = np.arange(blocks) * hop
    late = lag + slope * (start + width / 2.0 - hop - samples.size / 2.0)
    whole = np.rint(late).astype(int)
    spare = int(np.abs(whole).max())
    wide = np.zeros((blocks + 1) * hop + 2 * spare, dtype=np.float32)
    wide[hop + spare : hop + spare + samples.size] = samples
    frames = np.lib.stride_tricks.sliding_window_view(wide, width)[start - whole + spare]
    spectra = fourier.rfft(frames * _hann(width), axis=1)
    turns = (-2j * np.pi / width * (late - whole))[:, None] * np.arange(width // 2 + 1)[None, :]
    parts = fourier.irfft(spectra * np.exp(turns).astype(np.complex64), width, axis=1)
    halves = np.zeros((blocks + 1, hop), dtype=np.float32)
    halves[:-1] += parts[:, :hop]
    halves[1:] += parts[:, hop:]
    return halves.reshape(-1)[hop : hop + samples.size]


def _hann(width: int) -> NDArray[np.float32]:
    return np.asarray(0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(width) / width), dtype=np.float32)


def _power(spectra: Complex) -> NDArray[np.float32]:
    magnitude = np.abs(spectra)
    return np.asarray(np.square(magnitude, out=magnitude), dtype=np.float32)
