"""Is one clip a copy of another, at which speed, with which delay: the base of every measure against an input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diag.dsp.align import best_delay, normalised_cross_correlation, parabola_peak
from diag.dsp.pitch_scale import fit_in_time, loudness_curves, spectral_candidates
from diag.dsp.resample import derivative, rescale, shifted
from diag.dsp.spectrum import HOP_S, Sound, Spectrum, short_time_power_at
from diag.dsp.track import DelayTrack, track_delays

Array = NDArray[np.floating[Any]]

WORK_HZ = 8000.0
SHORTEST_S = 0.25
CURVES_FIT = 0.5
"""Least fit of the loudness curves before waveforms are compared; unrelated speech stays below 0.6."""
STRETCH_FIT = 0.86
STRETCH_SHORTEST_S = 2.5
"""Without a waveform that agrees, loudness curves must fit much better and longer: 1 s of other text reaches 0.85."""
SPECTRA_FIT = 0.6
"""Accepted shift of long-term spectra: unrelated speech reaches 0.45, 16 kbit/s Opus keeps 0.80."""
CONSENSUS = 0.5
WINDOW_S = 0.16
WIDE_S = 0.7
"""How far a stall or a skip may have moved the rest; the delay tracker follows several of them."""
SURE = 0.8
_WINDOW_FIT = 0.6
_PIECE_S = 12.0


@dataclass(frozen=True)
class Match:
    """What is known of a pair of clips.

    Parameters
    ----------
    rate_ratio : float or None
        Speed of the estimated clip relative to the reference, by pitch; None where they could not be matched.
    time_ratio : float or None
        The same by time alone.
    confidence : float
        0 to 1: share of the reference that was found again where waveforms agree, else fit of the curves.
    track : DelayTrack or None
        Delays in reference seconds: reference time t stands at (t + delay) / rate_ratio of the estimated clip. None
        where only the spectra and loudness curves could be compared (time stretch, pitch shift).
    precision : float or None
        Standard error of `rate_ratio`, from the scatter of the delays.
    reason : str or None
        Why there is no ratio.
    """

    rate_ratio: float | None
    time_ratio: float | None
    confidence: float
    track: DelayTrack | None
    precision: float | None
    polarity: int = 1
    reason: str | None = None


def no_match(reason: str, confidence: float = 0.0) -> Match:
    """A match that failed."""
    return Match(None, None, confidence, None, None, reason=reason)


def match_clips(reference: Sound, estimated: Sound) -> Match:
    """Find the speed and the delays at which `estimated` is a copy of `reference`.

    Speed 1 is tried first; if the waveforms do not agree there, the long-term spectra give candidates within ±1.8
    octaves. Each candidate must fit in loudness over time, then in waveform; what fits in loudness but not in
    waveform is a change of time without pitch (or the reverse). Other text of the same voice fails in both.

    Parameters
    ----------
    reference, estimated : Sound
        With their rates as declared. The estimated one may hold other sound before and after.
    """
    for name, spectrum in (("input", reference.spectrum), ("output", estimated.spectrum)):
        if not spectrum.active.any():
            return no_match(f"the {name} is silent")
        if spectrum.active.sum() * HOP_S < SHORTEST_S:
            return no_match(f"the {name} has less than {SHORTEST_S:.2f} s of sound")
    pair = _Pair(reference, estimated)
    straight = pair.try_ratio(1.0)
    if straight is not None:
        return straight
    candidates = spectral_candidates(_fine(reference), _fine(estimated))
    fits = sorted(((pair.curves_fit(c.ratio, c.ratio), c) for c in candidates), key=lambda item: -item[0])
    for fit, candidate in fits[:3]:
        if fit >= CURVES_FIT:
            found = pair.try_ratio(candidate.ratio)
            if found is not None:
                return found
    return _stretched(pair, candidates[0].ratio, candidates[0].fit) if candidates else no_match(_UNLIKE)


_UNLIKE = "the output is not a copy of the input (no speed makes their waveforms agree)"


def _fine(sound: Sound) -> Spectrum:
    """Spectrum with windows long enough to resolve the harmonics of a voice."""
    return short_time_power_at(sound.samples, sound.rate_hz, 0.080, 0.040)


class _Pair:
    """One pair of clips under test; keeps what several candidates share."""

    def __init__(self, reference: Sound, estimated: Sound) -> None:
        self.estimated = estimated
        self.spectra = reference.spectrum, estimated.spectrum
        self.top_hz = 0.9 * min(3600.0, reference.rate_hz / 2)
        self.x, factor = rescale(
            reference.samples, WORK_HZ / reference.rate_hz, cut=min(0.45, self.top_hz / 0.9 / WORK_HZ)
        )
        self.x_rate_hz = factor * reference.rate_hz

    def curves_fit(self, pitch_ratio: float, time_ratio: float) -> float:
        """Fit of the loudness curves, -1 to 1."""
        return self._curves(pitch_ratio, time_ratio)[0]

    def _curves(self, pitch_ratio: float, time_ratio: float) -> tuple[float, float]:
        reference, estimated = self.spectra
        top = min(3600.0, 0.95 * reference.nyquist_hz, 0.95 * estimated.nyquist_hz / pitch_ratio)
        frames = round(_PIECE_S / HOP_S)
        x = loudness_curves(reference, 1.0, top)[:frames]
        found = fit_in_time(x, loudness_curves(estimated, pitch_ratio, top), time_ratio)
        return found.fit, found.offset_s

    def try_ratio(self, ratio: float) -> Match | None:
        """Match waveforms near this speed; None where they do not agree."""
        fit, offset_s = self._curves(ratio, ratio)
        if fit < CURVES_FIT:
            anchor_s = self._anchor() if ratio == 1.0 else None
            if anchor_s is None:
                return None
            offset_s = anchor_s
        span_s = self.x.size / self.x_rate_hz
        reach_s = 0.045 + (0.0 if ratio == 1.0 else 0.012 * min(span_s, _PIECE_S))
        refined, precision = ratio, None
        line = _Line(offset_s, 0.0, 1.0)
        for turn in range(4):
            y, tried = self._at(refined)
            line = _common_slope(_window_delays(self.x, y, self.x_rate_hz, line, reach_s), line)
            if line.consensus < CONSENSUS:
                return None
            refined, precision = tried / (1.0 + line.slope), line.slope_error
            if abs(line.slope) * self.x.size < 1.0 and turn > 0:
                break
            reach_s = 0.03
        y, tried = self._at(refined)
        polished = _polish(self.x, y, self.x_rate_hz, line)
        if polished is not None:
            refined, precision = tried / (1.0 + polished[0]), polished[1]
        track = track_delays(self.x, y * np.float32(line.polarity), self.x_rate_hz, line.offset_s)
        if track.explained < CONSENSUS or not track.stretches:
            return None
        return Match(refined, refined, min(1.0, track.explained), track, precision, line.polarity)

    def _anchor(self) -> float | None:
        """Delay of the loudest second, by waveform; None where it does not stand in the estimated clip.

        Long stalls spoil the fit of the whole, never that of every second of it.
        """
        y, _ = self._at(1.0)
        width = min(self.x.size, round(self.x_rate_hz))
        sums = np.concatenate(([0.0], np.cumsum(np.square(self.x, dtype=np.float64))))
        start = int(np.argmax(sums[width:] - sums[:-width]))
        place = best_delay(self.x[start : start + width], y)
        if place is None or place.confidence < SURE:
            return None
        return (place.frame - start) / self.x_rate_hz

    def _at(self, ratio: float) -> tuple[NDArray[np.float32], float]:
        """The estimated clip on the reference's time scale, and the speed that this stands for exactly."""
        factor = self.x_rate_hz * ratio / self.estimated.rate_hz
        y, exact = rescale(self.estimated.samples, factor, cut=min(0.45, self.top_hz / 0.9 / WORK_HZ))
        return y, exact * self.estimated.rate_hz / self.x_rate_hz


@dataclass(frozen=True)
class _Line:
    offset_s: float
    slope: float
    consensus: float
    slope_error: float | None = None
    polarity: int = 1


@dataclass(frozen=True)
class _Points:
    time_s: NDArray[np.float64]
    delay_s: NDArray[np.float64]
    fit: NDArray[np.float64]


def _window_delays(x: Array, y: Array, rate_hz: float, line: _Line, reach_s: float) -> _Points:
    """Delay of up to 64 windows of the reference that carry sound, side by side, each searched near the line."""
    width, reach = round(WINDOW_S * rate_hz), round(reach_s * rate_hz)
    count = max(1, x.size // width)
    starts = (np.arange(count) * width).astype(int)
    energy = np.array([float(np.dot(x[s : s + width], x[s : s + width])) for s in starts])
    loud = starts[energy > 0.003 * np.percentile(energy, 95)]
    if loud.size > 64:
        loud = loud[np.linspace(0, loud.size - 1, 64).astype(int)]
    times, delays, fits = [], [], []
    delay = line.offset_s * rate_hz
    for start in loud:
        template = x[start : start + width]
        found, fit = _near(template, y, int(start + delay), reach)
        if abs(fit) < SURE:
            wide, wide_fit = _near(template, y, int(start + delay), max(reach, round(WIDE_S * rate_hz)))
            found, fit = (wide, wide_fit) if abs(wide_fit) > abs(fit) + 0.1 else (found, fit)
        times.append((start + width / 2) / rate_hz)
        delays.append((found - start) / rate_hz)
        fits.append(fit)
        if abs(fit) >= SURE:
            delay = found - start
    return _Points(np.array(times), np.array(delays), np.array(fits))


def _polish(x: Array, y: Array, rate_hz: float, line: _Line) -> tuple[float, float] | None:
    """Slope that is left where one delay holds for most windows, and its standard error; None where none does.

    The peak of a correlation leans towards rising loudness. With the copy moved to within a fraction of a sample, least
    squares on the waveforms (difference against slope) has no such bias.
    """
    moved = shifted(np.concatenate((y, np.zeros(x.size + 64, dtype=np.float32))), line.offset_s * rate_hz)[: x.size]
    width = round(WINDOW_S * rate_hz)
    count = x.size // width
    if count < 6:
        return None
    a = np.asarray(x[: count * width], dtype=np.float64)
    b = np.asarray(moved[: count * width], dtype=np.float64) * line.polarity
    slope_of = derivative(0.5 * (a + b * np.sqrt(max(float(a @ a), 1e-12) / max(float(b @ b), 1e-12))))
    a, b, rise = (part.reshape(count, width) for part in (a, b, slope_of))
    own, other = (a * a).sum(axis=1), (b * b).sum(axis=1)
    agreement = (a * b).sum(axis=1) / np.sqrt(np.maximum(own * other, 1e-18))
    fits = (agreement > SURE) & (own > 0.003 * np.percentile(own, 95))
    if fits.sum() < max(6, 0.5 * (own > 0.003 * np.percentile(own, 95)).sum()):
        return None
    gain = np.sqrt(own / np.maximum(other, 1e-18))[:, None]
    weight = (rise**2).sum(axis=1)
    delay = ((a - b * gain) * rise).sum(axis=1) / np.maximum(weight, 1e-18)
    t, d, w = np.arange(count)[fits] * width, delay[fits], np.sqrt(weight[fits])
    near = np.abs(d - np.median(d)) < max(0.05, 4.0 * float(np.median(np.abs(d - np.median(d)))))
    t, d, w = t[near], d[near], w[near]
    t = t - np.average(t, weights=w)
    spread = float(w @ t**2)
    if t.size < 6 or spread <= 0.0:
        return None
    slope = float(w @ (t * d)) / spread
    residual = d - np.average(d, weights=w) - slope * t
    return slope, float(np.sqrt(w**2 @ (t * residual) ** 2)) / spread


def _near(template: Array, y: Array, expected: int, reach: int) -> tuple[float, float]:
    """Place and signed correlation of the best fit within `reach` samples of the expected place; NaN, 0 for none."""
    begin, end = max(0, expected - reach), min(y.size, expected + reach + template.size)
    correlation = normalised_cross_correlation(template, y[begin : max(begin, end)])
    if correlation.size < 3:
        return float("nan"), 0.0
    peak = int(np.argmax(np.abs(correlation)))
    return begin + parabola_peak(np.abs(correlation), peak), float(correlation[peak])


def _common_slope(points: _Points, line: _Line) -> _Line:
    """One slope through delays that may step (stalls, skips): fitted within the stretches between the steps."""
    polarity = 1 if float(np.sum(points.fit)) >= 0 else -1
    good = (points.fit * polarity > _WINDOW_FIT) & np.isfinite(points.delay_s)
    t, d = points.time_s[good], points.delay_s[good]
    if t.size < 2:
        return _Line(line.offset_s, 0.0, 0.0)
    steps = np.abs(np.diff(d)) > np.maximum(0.0015, 0.012 * np.diff(t))
    if (~steps).sum() == 0:
        return _Line(line.offset_s, 0.0, 0.0)
    slope = float(np.median((np.diff(d) / np.diff(t))[~steps]))
    for _ in range(2):
        rest = d - slope * t
        group = np.concatenate(([0], np.cumsum(np.abs(np.diff(rest)) > 0.0006)))
        sizes = np.bincount(group)
        kept = sizes[group] >= 2
        if kept.sum() < 2:
            return _Line(line.offset_s, 0.0, 0.0)
        counts = np.bincount(group[kept], minlength=sizes.size)
        means_t = np.bincount(group[kept], t[kept], sizes.size) / np.maximum(counts, 1)
        means_d = np.bincount(group[kept], d[kept], sizes.size) / np.maximum(counts, 1)
        ct, cd = t[kept] - means_t[group[kept]], d[kept] - means_d[group[kept]]
        spread = float(ct @ ct)
        slope = float(ct @ cd) / spread if spread > 0 else slope
    residual = cd - slope * ct
    error = float(np.sqrt(np.sum(residual**2) / max(1, kept.sum() - 2) / max(spread, 1e-9)))
    biggest = int(np.argmax(counts))
    offset = float(means_d[biggest] - slope * means_t[biggest])
    return _Line(offset, slope, float(kept.sum()) / points.time_s.size, error, polarity)


def _stretched(pair: _Pair, pitch_ratio: float, spectra_fit: float) -> Match:
    """Time and pitch changed apart: pitch from the spectra, time from the loudness curves over a range of speeds."""
    least = min(float(spectrum.active.sum()) * HOP_S for spectrum in pair.spectra)
    if spectra_fit < SPECTRA_FIT or least < STRETCH_SHORTEST_S:
        return no_match(_UNLIKE, max(0.0, spectra_fit))
    ratios = 2.0 ** np.arange(-1.0, 1.0001, 0.015)
    fits = np.array([pair.curves_fit(pitch_ratio, float(ratio)) for ratio in ratios])
    best = int(np.argmax(fits))
    if fits[best] < STRETCH_FIT:
        return no_match(_UNLIKE, max(0.0, float(fits[best])))
    fine = ratios[best] * 2.0 ** np.arange(-0.02, 0.0201, 0.002)
    fine_fits = np.array([pair.curves_fit(pitch_ratio, float(ratio)) for ratio in fine])
    place = parabola_peak(fine_fits, int(np.argmax(fine_fits)))
    time_ratio = float(ratios[best] * 2.0 ** (-0.02 + 0.002 * place))
    return Match(pitch_ratio, time_ratio, float(fine_fits.max()), None, None)
