"""Decide whether one clip is a copy of another, and find its speed and delays. Measures against an input use this."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from diag.core.messages import msg
from diag.core.missing import Missing, MissingCode
from diag.dsp.align import best_delay, parabola_peak
from diag.dsp.joins import time_stretch
from diag.dsp.pitch_scale import MAX_OCTAVES, Candidate, fit_in_time, loudness_curves, spectral_candidates
from diag.dsp.resample import SAME_SPEED_WITHIN, WORK_HZ, padded, rescale, shifted
from diag.dsp.rumble import alike_below_voice
from diag.dsp.slope import SURE, Line, common_slope, polish, window_delays
from diag.dsp.spectrum import HOP_S, NARROW_CUT, Sound, Spectrum, short_time_power_at
from diag.dsp.track import DelayTrack, track_delays

SHORTEST_S = 0.25
CURVES_FIT = 0.5
"""Least fit of the loudness curves at which waveforms are compared. Unrelated speech stays below 0.6."""
CLEAR_CURVES_FIT = 0.65
"""Fit from which on more speeds are tried by waveform. Other text of the same voice rarely reaches it."""
STRETCH_FIT, SHORT_STRETCH_FIT = 0.86, 0.90
STRETCH_SHORTEST_S, STRETCH_SHORT_S = 1.7, 2.5
"""Limits for a match by loudness curves alone, when no waveform matches. Other text of the same voice reaches a fit of
0.77 over 2 s, a stretched copy 0.93. Single spoken letters reach 0.93 over 1.3 s."""
SPECTRA_FIT = 0.6
"""Least fit of the long-term spectra. Unrelated speech reaches 0.45; a copy after 16 kbit/s Opus has 0.80."""
CONSENSUS = 0.5
"""Least share of the reference that must be found again."""
LITTLE_S, LITTLE_CONSENSUS = 0.7, 0.95
"""With less sound than this, nearly all of it must be found again, because a vowel of 0.4 s matches another vowel at
some speed in up to 0.90 of its windows."""
_PIECE_S = 12.0
_SPECTRA_ERROR = 0.024
"""Largest error of a speed from long-term spectra. Spectra cut at 3.4 kHz in a room had errors up to 2 %."""
_NARROW_HZ = 1700.0
"""What is left below 3.4 kHz of a copy that is played twice as fast; above it, noise spoils the comparison."""
_AROUND = (0.0, 0.002, -0.002, 0.004, -0.004, 0.006, -0.006, 0.009, -0.009, 0.012, -0.012)
_REACH_S = 0.045
_NEAR_S = 2.5
"""Largest delay at which a copy is searched first."""
_CLEAR = 0.9
_NEAR_ONE = 0.01
_ANCHORS = 4
"""Number of loud seconds that are searched. They overlap by at most half."""


@dataclass(frozen=True)
class Match:
    """The match of a pair of clips.

    Parameters
    ----------
    rate_ratio : float or None
        Speed of the estimated clip relative to the reference, by pitch; None if they could not be matched.
    time_ratio : float or None
        Speed by duration; it differs from `rate_ratio` after time stretching or pitch shifting.
    confidence : float
        0 to 1: if waveforms match, the share of the reference that was found again; otherwise the fit of the curves.
    track : DelayTrack or None
        Delays in reference seconds: reference time t is at (t + delay) / rate_ratio of the estimated clip. None if only
        the spectra and loudness curves match (time stretch, pitch shift).
    precision : float or None
        Standard error of `rate_ratio`, from the scatter of the delays.
    missing : Missing or None
        Why there is no ratio.
    """

    rate_ratio: float | None
    time_ratio: float | None
    confidence: float
    track: DelayTrack | None
    precision: float | None
    polarity: int = 1
    missing: Missing | None = None


def no_match(missing: Missing, confidence: float = 0.0) -> Match:
    """Return the result for clips that do not match."""
    return Match(None, None, confidence, None, None, missing=missing)


INPUT, OUTPUT = msg("input"), msg("output")
"""What reasons call the two clips of a comparison."""


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
    for name, spectrum in ((INPUT, reference.spectrum), (OUTPUT, estimated.spectrum)):
        if not spectrum.active.any():
            return no_match(Missing(MissingCode.SILENT, msg("the {name} is silent", name=name)))
        if spectrum.active.sum() * HOP_S < SHORTEST_S:
            text = msg("the {name} has less than {shortest_s:.2f} s of sound", name=name, shortest_s=SHORTEST_S)
            return no_match(Missing(MissingCode.TOO_SHORT, text))
    reference, estimated = alike_below_voice(reference, estimated)
    pair = _Pair(reference, estimated)
    straight = pair.try_ratio(1.0)
    if straight is not None:
        return straight
    candidates = spectral_candidates(_fine(reference), _fine(estimated))
    found = next((tried for tried in _attempts(pair, candidates) if tried is not None), None)
    if found is not None:
        return found
    return _stretched(pair, candidates[0].ratio, candidates[0].fit) if candidates else no_match(_UNLIKE)


def _attempts(pair: _Pair, candidates: Sequence[Candidate]) -> Iterator[Match | None]:
    """Yield the matches at one speed after the other, the most likely speed first."""
    tried = [(pair.curves_fit(candidate.ratio, candidate.ratio), candidate.ratio) for candidate in candidates]
    tried = sorted(tried, reverse=True)[:3]
    for fit, ratio in (*tried, *(pair.nearby(ratio, _SPECTRA_ERROR) for _, ratio in tried)):
        yield pair.try_ratio(ratio) if fit >= CURVES_FIT else None
    best = candidates[0].ratio if candidates else 1.0
    if candidates and pair.curves_fit(best, best) >= CLEAR_CURVES_FIT:
        # For a second of sound the errors of both may be too large for a window, although it is clearly a copy.
        narrow = _Pair(pair.reference, pair.estimated, _NARROW_HZ)
        for share in _AROUND:
            for part in (pair, narrow):
                yield part.try_ratio(best * (1.0 + share))
    for fit, ratio in pair.by_curves()[:3]:
        yield pair.try_ratio(ratio) if fit >= CURVES_FIT else None


_UNLIKE = Missing(
    MissingCode.NO_MATCH, msg("the output is not a copy of the input (no speed makes their waveforms agree)")
)


def _fine(sound: Sound) -> Spectrum:
    """Return the spectrum with windows long enough to resolve the harmonics of a voice."""
    return short_time_power_at(sound.samples, sound.rate_hz, 0.080, 0.040)


class _Pair:
    """One pair of clips under test; keeps what several candidates share."""

    def __init__(self, reference: Sound, estimated: Sound, top_hz: float = 3600.0) -> None:
        self.reference, self.estimated = reference, estimated
        self.spectra = reference.spectrum, estimated.spectrum
        self.top_hz = 0.9 * min(top_hz, reference.rate_hz / 2)
        self.narrow_cut = min(NARROW_CUT, self.top_hz / 0.9 / WORK_HZ)
        self.x, factor = (
            reference.narrow
            if self.narrow_cut == NARROW_CUT
            else rescale(reference.samples, WORK_HZ / reference.rate_hz, cut=self.narrow_cut)
        )
        self.x_rate_hz = factor * reference.rate_hz
        self._own_curves: dict[int, NDArray[np.float64]] = {}
        self._kept: tuple[float, NDArray[np.float32], float] | None = None

    def curves_fit(self, pitch_ratio: float, time_ratio: float) -> float:
        """Return the fit of the loudness curves, -1 to 1."""
        return self._curves(pitch_ratio, time_ratio)[0]

    def nearby(self, ratio: float, share: float) -> tuple[float, float]:
        """Return (fit, speed) for the best speed within a share of this one, by loudness over time."""
        ratios = ratio * np.linspace(1.0 - share, 1.0 + share, 13)
        fits = np.array([self.curves_fit(float(value), float(value)) for value in ratios])
        best = int(np.argmax(fits))
        place = parabola_peak(fits, best)
        return float(fits[best]), float(np.interp(place, np.arange(ratios.size), ratios))

    def by_curves(self) -> list[tuple[float, float]]:
        """Return (fit, speed) for the best speeds by loudness over time, best first, for spectra that are damaged."""
        ratios = 2.0 ** np.arange(-MAX_OCTAVES, MAX_OCTAVES + 0.01, 0.02)
        fits = np.array([self.curves_fit(float(ratio), float(ratio)) for ratio in ratios])
        peaks = np.flatnonzero((fits[1:-1] >= fits[:-2]) & (fits[1:-1] > fits[2:])) + 1
        best = peaks[np.argsort(-fits[peaks])][:3]
        return sorted((self.nearby(float(ratios[peak]), 0.012) for peak in best), reverse=True)

    def _curves(self, pitch_ratio: float, time_ratio: float) -> tuple[float, float]:
        reference, estimated = self.spectra
        top = min(3600.0, 0.95 * reference.nyquist_hz, 0.95 * estimated.nyquist_hz / pitch_ratio)
        frames = round(_PIECE_S / HOP_S)
        bands = round(top)
        if bands not in self._own_curves:
            self._own_curves[bands] = loudness_curves(reference, 1.0, top)[:frames]
        x = self._own_curves[bands]
        found = fit_in_time(x, loudness_curves(estimated, pitch_ratio, top), time_ratio)
        return found.fit, found.offset_s

    def try_ratio(self, ratio: float) -> Match | None:
        """Match waveforms near this speed; None where they do not agree."""
        span_s = self.x.size / self.x_rate_hz
        if ratio == 1.0:
            anchor_s = self._anchor()
            found = None if anchor_s is None else self._follow(ratio, anchor_s, _REACH_S)
            if found is not None:
                return found
        fit, offset_s = self._curves(ratio, ratio)
        if fit < CURVES_FIT:
            return None
        drifting_s = 0.0 if ratio == 1.0 else 0.012 * min(span_s, _PIECE_S)
        return self._follow(ratio, offset_s, _REACH_S + drifting_s)

    def _follow(self, ratio: float, offset_s: float, reach_s: float) -> Match | None:
        """Refine a speed from one delay that holds somewhere; None where the waveforms do not agree."""
        line = Line(offset_s, 0.0, 1.0)
        y, tried = self._at(ratio)
        for turn in range(4):
            line = common_slope(window_delays(self.x, y, self.x_rate_hz, line, reach_s), line)
            if line.consensus < CONSENSUS:
                return None
            refined, precision = tried / (1.0 + line.slope), line.slope_error
            if abs(line.slope) * self.x.size < 1.0 and (turn > 0 or line.consensus > _CLEAR):
                break
            y, line, tried = self._again(refined, line, tried)
            reach_s = 0.03
        for _ in range(3):
            y, line, tried = self._again(refined, line, tried)
            moved = shifted(padded(y, self.x.size + 64), line.offset_s * self.x_rate_hz)[: self.x.size]
            polished = polish(self.x, moved, self.x_rate_hz, line.polarity)
            if polished is None:
                break
            refined, precision = tried / (1.0 + polished[0]), polished[1]
            if abs(polished[0]) * self.x.size < 0.1:
                break
        track = track_delays(
            self.x, y * np.float32(line.polarity), self.x_rate_hz, line.offset_s, moved * np.float32(line.polarity)
        )
        if track.explained < self._least_share(ratio) or not track.stretches:
            return None
        slope = time_stretch(track.stretches, y, self.x_rate_hz)
        if slope is not None:
            return Match(refined, refined / (1.0 + slope), min(1.0, track.explained), None, None, line.polarity)
        return Match(refined, refined, min(1.0, track.explained), track, precision, line.polarity)

    def _least_share(self, ratio: float) -> float:
        """Return the share of the reference that must be found again at this speed."""
        own_s, other_s = (float(spectrum.active.sum()) * HOP_S for spectrum in self.spectra)
        return CONSENSUS if min(own_s, other_s * ratio) >= LITTLE_S else LITTLE_CONSENSUS

    def _again(self, ratio: float, line: Line, tried: float) -> tuple[NDArray[np.float32], Line, float]:
        """Return the estimated clip at another speed, and the line on its time scale."""
        y, exact = self._at(ratio)
        return y, replace(line, offset_s=line.offset_s * exact / tried), exact

    def _anchor(self) -> float | None:
        """Return the delay of a loud second, by waveform; None where none of the loudest stands in the estimated clip.

        Stalls and skips disturb the loudness curves and the seconds in which they are, but never all seconds.
        """
        y, _ = self._at(1.0)
        width = min(self.x.size, round(self.x_rate_hz))
        sums = np.concatenate(([0.0], np.cumsum(np.square(self.x, dtype=np.float64))))
        energy = sums[width:] - sums[:-width]
        for _ in range(_ANCHORS):
            start = int(np.argmax(energy))
            if energy[start] <= 0:
                return None
            for reach_s in (_NEAR_S, np.inf):
                reach = min(float(max(self.x.size, y.size)), reach_s * self.x_rate_hz)
                first = max(0, int(start - reach))
                place = best_delay(self.x[start : start + width], y[first : int(start + width + reach)])
                if place is not None and place.confidence >= SURE:
                    return (first + place.frame - start) / self.x_rate_hz
            energy[max(0, start - width // 2) : start + width // 2] = 0.0
        return None

    def _at(self, ratio: float) -> tuple[NDArray[np.float32], float]:
        """Return the estimated clip on the reference's time scale, and the speed that this stands for exactly.

        Kept for as long as the speed asked for differs by less than a twentieth of a sample over the whole clip.
        """
        if self._kept is None or abs(ratio / self._kept[0] - 1.0) * self._kept[1].size > SAME_SPEED_WITHIN:
            cut, first = self.narrow_cut, 1.0
            if ratio == 1.0 and cut == NARROW_CUT:
                y, second = self.estimated.narrow
            elif abs(ratio - 1.0) < _NEAR_ONE:
                narrow, first = self._narrow
                y, second = rescale(narrow, self.x_rate_hz * ratio / (self.estimated.rate_hz * first), cut=cut)
            else:
                y, second = rescale(self.estimated.samples, self.x_rate_hz * ratio / self.estimated.rate_hz, cut=cut)
            self._kept = ratio, y, first * second * self.estimated.rate_hz / self.x_rate_hz
        return self._kept[1:]

    @cached_property
    def _narrow(self) -> tuple[NDArray[np.float32], float]:
        """The estimated clip at about the working rate, from which small changes of speed are cheap."""
        return rescale(self.estimated.samples, self.x_rate_hz / self.estimated.rate_hz, cut=0.49)


def _stretched(pair: _Pair, pitch_ratio: float, spectra_fit: float) -> Match:
    """Return the match if duration and pitch changed by different factors.

    The pitch comes from the spectra, the duration from the loudness curves over a range of speeds.
    """
    least = min(float(spectrum.active.sum()) * HOP_S for spectrum in pair.spectra)
    if spectra_fit < SPECTRA_FIT or least < STRETCH_SHORTEST_S:
        return no_match(_UNLIKE, max(0.0, spectra_fit))
    ratios = 2.0 ** np.arange(-1.0, 1.0001, 0.015)
    fits = np.array([pair.curves_fit(pitch_ratio, float(ratio)) for ratio in ratios])
    best = int(np.argmax(fits))
    if fits[best] < (STRETCH_FIT if least >= STRETCH_SHORT_S else SHORT_STRETCH_FIT):
        return no_match(_UNLIKE, max(0.0, float(fits[best])))
    fine = ratios[best] * 2.0 ** np.arange(-0.02, 0.0201, 0.002)
    fine_fits = np.array([pair.curves_fit(pitch_ratio, float(ratio)) for ratio in fine])
    place = parabola_peak(fine_fits, int(np.argmax(fine_fits)))
    time_ratio = float(ratios[best] * 2.0 ** (-0.02 + 0.002 * place))
    return Match(pitch_ratio, time_ratio, float(fine_fits.max()), None, None)
