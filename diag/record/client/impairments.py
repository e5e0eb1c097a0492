"""Faults that diag plants on a stream of samples, to prove that they are found."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from diag.core.clip import Samples
from diag.files.planted import Planted

PASSES = 0.9
"""End of the pass band of `Squeeze`, as a share of half the lower rate; the stop band begins at half the lower rate."""
STOP_DB = 80.0
"""Attenuation of the stop band of `Squeeze`."""


class Squeeze:
    """Convert a stream to a lower sample rate and back, which removes all frequencies above half the lower rate.

    Without aliases and images this is the same as a linear-phase low-pass. The low-pass has a Kaiser window, whose
    length and shape come from Kaiser's formulas. It delays the stream by only a few milliseconds. A general resampler
    works in blocks of up to a quarter of a second, and the player would run empty while it waits for them.

    Parameters
    ----------
    sample_rate_hz : int
        Rate of the stream.
    through_hz : int
        The lower rate; if it is not below the rate of the stream, nothing changes.
    """

    def __init__(self, sample_rate_hz: int, through_hz: int) -> None:
        self._kernel: NDArray[np.float64] = (
            _low_pass(sample_rate_hz, through_hz) if through_hz < sample_rate_hz else np.ones(1)
        )
        self._half = len(self._kernel) // 2
        self._heard = np.zeros(2 * self._half)
        self._too_early = self._half

    def push(self, samples: Samples) -> Samples:
        """Take samples; return the output samples that are ready."""
        joined = np.concatenate((self._heard, samples.astype(np.float64)))
        self._heard = joined[len(joined) - 2 * self._half :]
        if not len(samples):
            return np.zeros(0, dtype=np.float32)
        out = np.convolve(joined, self._kernel, "valid")
        skipped = min(self._too_early, len(out))
        self._too_early -= skipped
        return out[skipped:].astype(np.float32)

    def finish(self) -> Samples:
        """Return the samples that the filter still holds; the stage cannot be used afterwards."""
        return self.push(np.zeros(self._half, dtype=np.float32))


def _low_pass(sample_rate_hz: int, through_hz: int) -> NDArray[np.float64]:
    edge_hz = through_hz / 2
    width = 2 * math.pi * (1 - PASSES) * edge_hz / sample_rate_hz
    half = math.ceil((STOP_DB - 7.95) / (2.285 * width) / 2)
    cutoff = (1 + PASSES) / 2 * edge_hz / sample_rate_hz
    kernel = np.sinc(2 * cutoff * np.arange(-half, half + 1)) * np.kaiser(2 * half + 1, 0.1102 * (STOP_DB - 8.7))
    return np.asarray(kernel / kernel.sum())


# --- planted faults: at which times they act ----------------------------------------------------------------------

ONSET = 10 ** (-50 / 20)
"""The first sample above this amplitude (-50 dBFS) is the first sound; times of planted faults count from there."""


class Stage(Protocol):
    """One fault on a stream of mono samples, processed block by block."""

    def push(self, samples: Samples) -> Samples:
        """Take samples, shape (n,); return the output samples that are ready, shape (m,)."""

    def finish(self) -> Samples:
        """Return the samples that the stage still holds, at the end of the stream."""


@dataclass(frozen=True)
class Piece:
    """Samples that all lie inside, or all outside, the windows of a fault; `position` is the frame of the first one."""

    samples: Samples
    position: int
    inside: bool
    first: bool
    """Whether the piece begins a window."""
    last: bool
    """Whether the piece ends a window."""


class Windows:
    """The windows in which a fault acts, in frames after the first sound.

    Parameters
    ----------
    sample_rate_hz : int
        Sample rate of the stream.
    at_s : float
        Start of the first window.
    for_s : float or None
        Length of each window; None if it has no end.
    every_s : float or None
        Interval from the start of one window to the start of the next.
    count : int
        Number of windows.
    """

    def __init__(
        self, sample_rate_hz: int, at_s: float, for_s: float | None, every_s: float | None = None, count: int = 1
    ) -> None:
        length = _FOR_EVER if for_s is None else round(for_s * sample_rate_hz)
        starts = (round((at_s + index * (every_s or 0.0)) * sample_rate_hz) for index in range(count))
        self._windows = deque((start, start + length) for start in starts)
        self._position = 0

    def cut(self, samples: Samples) -> Iterator[Piece]:
        """Split a block at the starts and ends of windows."""
        while len(samples):
            start, end = self._windows[0] if self._windows else (_FOR_EVER, _FOR_EVER)
            inside = self._position >= start
            border = end if inside else start
            part, samples = samples[: border - self._position], samples[border - self._position :]
            first = inside and self._position == start
            last = inside and self._position + len(part) == end
            yield Piece(part, self._position, inside, first, last)
            self._position += len(part)
            if last:
                self._windows.popleft()


_FOR_EVER = 1 << 60


class FromFirstSound:
    """Apply a stage to a stream from its first sound on; earlier samples stay as they are."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._begun = False

    def push(self, samples: Samples) -> Samples:
        """Take samples; return the output samples that are ready."""
        if self._begun:
            return self._stage.push(samples)
        loud = np.flatnonzero(np.abs(samples) > ONSET)
        if not len(loud):
            return samples
        self._begun = True
        return np.concatenate((samples[: loud[0]], self._stage.push(samples[loud[0] :])))

    def finish(self) -> Samples:
        """Return the samples that the stage still holds."""
        return self._stage.finish() if self._begun else _NOTHING


class Chain:
    """Several stages in series."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._stages = tuple(stages)

    def __bool__(self) -> bool:
        return bool(self._stages)

    def push(self, samples: Samples) -> Samples:
        """Take samples; return the output samples that are ready."""
        for stage in self._stages:
            samples = stage.push(samples)
        return samples

    def finish(self) -> Samples:
        """Return the samples that the stages still hold, each processed by the stages after it."""
        samples = _NOTHING
        for stage in self._stages:
            samples = np.concatenate((stage.push(samples), stage.finish()))
        return samples


# --- planted faults that change single samples --------------------------------------------------------------------

Change = Callable[[Samples, int], Samples]
"""Function that returns changed samples for some samples and the frame of the first one, counted from first sound."""


class Changed:
    """Replace the samples inside the windows by the same number of changed samples."""

    def __init__(self, windows: Windows, change: Change) -> None:
        self._windows = windows
        self._change = change

    def push(self, samples: Samples) -> Samples:
        """Take samples; return the same number of samples."""
        parts = [
            self._change(piece.samples, piece.position) if piece.inside else piece.samples
            for piece in self._windows.cut(samples)
        ]
        return _joined(parts)

    def finish(self) -> Samples:
        """Return no samples: the stage holds none."""
        return _NOTHING


def changes(fault: Planted, sample_rate_hz: int) -> Change | None:
    """Return the function with which a fault changes single samples; None if the fault works in another way.

    All these functions keep the number of samples. All clip at full scale, as a device or a 16-bit format would.
    """
    gain = 10 ** ((fault.gain_db or 0.0) / 20)
    level = 10 ** ((fault.level_dbfs or 0.0) / 20)
    frequency_hz = fault.frequency_hz or _USUAL_HZ.get(fault.kind, 1000.0)
    rng = np.random.default_rng(fault.seed)

    def tones(position: int, frames: int, harmonics: Sequence[float]) -> Samples:
        at = 2 * np.pi * frequency_hz * np.arange(position, position + frames) / sample_rate_hz
        wave = sum((share * np.sin((index + 1) * at) for index, share in enumerate(harmonics)), np.zeros(frames))
        return np.asarray(wave * math.sqrt(2) * level / math.sqrt(sum(share**2 for share in harmonics)), np.float32)

    table: dict[str, Callable[[Samples, int], NDArray[np.floating]]] = {
        "silent": lambda x, _: np.zeros_like(x),
        "level": lambda x, _: x * gain,
        "clip": lambda x, _: x * gain,
        "noise": lambda x, _: x + level * rng.standard_normal(len(x)),
        "hum": lambda x, at: x + tones(at, len(x), _HUM),
        "tone": lambda x, at: x + tones(at, len(x), (1.0,)),
        "dc": lambda x, _: x + level,
        # Saturated and then attenuated, so that the voice keeps about its level.
        "overdrive": lambda x, _: np.tanh(x * gain) / gain**0.5,
        "wrap": lambda x, _: (x * gain + 1) % 2 - 1,
        "few-bits": lambda x, _: np.round(x * 2 ** (fault.bits or 1) / 2) * 2 / 2 ** (fault.bits or 1),
    }
    change = table.get(fault.kind)
    return None if change is None else lambda x, at: np.clip(change(x, at), -1, _FULL).astype(np.float32)


_FULL = 32767 / 32768
_USUAL_HZ = {"hum": 50.0}
_HUM = (1.0, 0.6, 0.8, 0.3, 0.5)
"""Amplitude of each harmonic of the mains frequency in the hum."""


class Clicks:
    """Replace the samples of each window (one sample, as planted) by `level` or, in every other window, `-level`."""

    def __init__(self, windows: Windows, level: float) -> None:
        self._windows = windows
        self._level = level
        self._sign = 1.0

    def push(self, samples: Samples) -> Samples:
        """Take samples; return the same number of samples."""
        parts = []
        for piece in self._windows.cut(samples):
            part = piece.samples
            if piece.inside:
                part = np.full_like(part, self._sign * self._level)
                self._sign = -self._sign if piece.last else self._sign
            parts.append(part)
        return _joined(parts)

    def finish(self) -> Samples:
        """Return no samples: the stage holds none."""
        return _NOTHING


# --- planted faults that change timing ----------------------------------------------------------------------------


class Stalls:
    """Insert silence at the start of each window; no sample is lost."""

    def __init__(self, windows: Windows, frames: int) -> None:
        self._windows = windows
        self._silence = np.zeros(frames, dtype=np.float32)

    def push(self, samples: Samples) -> Samples:
        """Take samples; return them with the inserted silence."""
        parts = []
        for piece in self._windows.cut(samples):
            parts += [self._silence, piece.samples] if piece.first else [piece.samples]
        return _joined(parts)

    def finish(self) -> Samples:
        """Return no samples: the stage holds none."""
        return _NOTHING


class Skips:
    """Leave out the samples inside the windows."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows

    def push(self, samples: Samples) -> Samples:
        """Take samples; return those outside the windows."""
        return _joined([piece.samples for piece in self._windows.cut(samples) if not piece.inside])

    def finish(self) -> Samples:
        """Return no samples: the stage holds none."""
        return _NOTHING


class Repeats:
    """Repeat the samples of each window once, right after it."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._said: list[Samples] = []

    def push(self, samples: Samples) -> Samples:
        """Take samples; return them, and the repetition of each window that ends."""
        parts = []
        for piece in self._windows.cut(samples):
            parts.append(piece.samples)
            self._said += [piece.samples] if piece.inside else []
            if piece.last:
                parts += self._said
                self._said = []
        return _joined(parts)

    def finish(self) -> Samples:
        """Return no samples: the stage holds none."""
        return _NOTHING


class Displaced:
    """Exchange the two halves of each window, or add them if `overlapping`.

    `frames` is the length of one half.
    """

    def __init__(self, windows: Windows, frames: int, *, overlapping: bool) -> None:
        self._windows = windows
        self._frames = frames
        self._overlapping = overlapping
        self._held: list[Samples] = []

    def push(self, samples: Samples) -> Samples:
        """Take samples; return those outside the windows and, once a window is complete, its changed samples."""
        parts = []
        for piece in self._windows.cut(samples):
            if not piece.inside:
                parts.append(piece.samples)
                continue
            self._held.append(piece.samples)
            if piece.last:
                both = _joined(self._held)
                first, second = both[: self._frames], both[self._frames :]
                parts += [first + second] if self._overlapping else [second, first]
                self._held = []
        return _joined(parts)

    def finish(self) -> Samples:
        """Return the samples of an incomplete window unchanged."""
        held, self._held = _joined(self._held), []
        return held


class Rate:
    """Change the speed and the pitch of a stream: resample it, with `ratio` input samples for each output sample.

    The interpolation kernel is a sinc with a cosine-squared window.
    """

    _HALF, _PHASES = 32, 1024

    def __init__(self, ratio: float) -> None:
        self._ratio = ratio
        edge = 0.95 * min(1.0, 1 / ratio)
        self._taps = np.arange(1 - self._HALF, self._HALF + 1)
        # The kernel at fixed fractions of a sample: working it out for each sample would block the event loop.
        apart = self._taps - np.arange(self._PHASES + 1)[:, np.newaxis] / self._PHASES
        window = np.cos(np.pi * apart / (2 * self._HALF)) ** 2
        self._kernels = edge * np.sinc(edge * apart) * window
        self._held = np.zeros(self._HALF, dtype=np.float64)
        # Place of the next output sample in frames of `_held`, which begins with zeros before the first sample.
        self._next = float(self._HALF)

    def push(self, samples: Samples) -> Samples:
        """Take samples; return the output samples for which all needed input has arrived."""
        self._held = np.concatenate((self._held, samples))
        count = max(0, math.ceil((len(self._held) - self._HALF - self._next) / self._ratio))
        if not count:
            return _NOTHING
        places = self._next + self._ratio * np.arange(count)
        whole = places.astype(np.int64)
        weights = self._kernels[np.rint((places - whole) * self._PHASES).astype(np.int64)]
        out = np.einsum("ij,ij->i", weights, self._held[whole[:, np.newaxis] + self._taps])
        self._next += self._ratio * count
        done = int(self._next) - self._HALF
        self._held = self._held[done:]
        self._next -= done
        return np.asarray(out, dtype=np.float32)

    def finish(self) -> Samples:
        """Return the remaining samples, as if silence followed."""
        return self.push(np.zeros(self._HALF, dtype=np.float32))


class Stretch:
    """Change the speed of a stream but keep its pitch, by waveform similarity overlap-add (WSOLA).

    Source: Verhelst and Roelands, "An overlap-add technique based on waveform similarity" (ICASSP 1993).
    """

    _PIECE_S, _SEARCH_S = 0.03, 0.008

    def __init__(self, sample_rate_hz: int, ratio: float) -> None:
        self._step = round(self._PIECE_S / 2 * sample_rate_hz)
        self._search = round(self._SEARCH_S * sample_rate_hz)
        self._window = np.hanning(2 * self._step + 1)[:-1]
        self._ratio = ratio
        self._held = np.zeros(self._search, dtype=np.float64)
        self._dropped = -self._search
        self._pieces = 0
        self._tail = np.zeros(self._step)
        self._natural = np.zeros(0)

    def push(self, samples: Samples) -> Samples:
        """Take samples; return the output pieces that are complete."""
        self._held = np.concatenate((self._held, samples))
        parts = []
        while True:
            want = round(self._pieces * self._step * self._ratio) - self._dropped
            if want + self._search + 3 * self._step > len(self._held):
                break
            start = want + self._best_shift(want)
            piece = self._held[start : start + 2 * self._step]
            self._natural = self._held[start + self._step : start + 3 * self._step]
            parts.append((self._tail + self._window[: self._step] * piece[: self._step]).astype(np.float32))
            self._tail = self._window[self._step :] * piece[self._step :]
            self._pieces += 1
            self._forget()
        return _joined(parts)

    def _best_shift(self, want: int) -> int:
        if not len(self._natural):
            return 0
        around = self._held[want - self._search : want + self._search + 2 * self._step]
        fits = np.correlate(around, self._natural, "valid")
        energy = np.convolve(around**2, np.ones(2 * self._step), "valid")
        return int(np.argmax(fits / np.sqrt(energy + 1e-9))) - self._search

    def _forget(self) -> None:
        keep = round(self._pieces * self._step * self._ratio) - self._dropped - self._search
        if keep > 0:
            self._held, self._dropped = self._held[keep:], self._dropped + keep

    def finish(self) -> Samples:
        """Return the remaining samples, as if silence followed."""
        return self.push(np.zeros(4 * self._step + self._search, dtype=np.float32))


class Echo:
    """Add a copy of the stream, delayed by `frames` and scaled by `gain`."""

    def __init__(self, frames: int, gain: float) -> None:
        self._past = np.zeros(frames, dtype=np.float32)
        self._gain = np.float32(gain)

    def push(self, samples: Samples) -> Samples:
        """Take samples; return the same number of samples."""
        joined = np.concatenate((self._past, samples))
        self._past = joined[len(samples) :]
        return np.clip(samples + self._gain * joined[: len(samples)], -1, _FULL).astype(np.float32)

    def finish(self) -> Samples:
        """Return the end of the delayed copy."""
        return self.push(np.zeros(len(self._past), dtype=np.float32))


# --- planted faults: filters and poor resamplers ------------------------------------------------------------------


class LowPass:
    """Filter a stream with a fourth-order Butterworth low-pass."""

    def __init__(self, sample_rate_hz: int, cutoff_hz: float) -> None:
        from scipy.signal import butter

        self._sections = butter(4, min(cutoff_hz, 0.49 * sample_rate_hz), fs=sample_rate_hz, output="sos")
        self._state = np.zeros((len(self._sections), 2))

    def push(self, samples: Samples) -> Samples:
        """Take samples; return the same number of samples."""
        from scipy.signal import sosfilt

        if not len(samples):
            return samples
        out, self._state = sosfilt(self._sections, samples, zi=self._state)
        return np.asarray(out, dtype=np.float32)

    def finish(self) -> Samples:
        """Return no samples: the stage holds none."""
        return _NOTHING


class Imaging:
    """Keep every `factor`-th sample and upsample again without a filter, which leaves images in the spectrum.

    The samples between the kept ones are repeated or, if `linear`, interpolated linearly.
    """

    def __init__(self, factor: int, *, linear: bool) -> None:
        self._factor = factor
        self._linear = linear
        self._rest: Samples = _NOTHING

    def push(self, samples: Samples) -> Samples:
        """Take samples; return whole groups of `factor` samples."""
        joined = np.concatenate((self._rest, samples))
        count = max(0, (len(joined) - 1) // self._factor)
        self._rest = joined[count * self._factor :]
        kept = joined[: count * self._factor + 1 : self._factor]
        if not count:
            return _NOTHING
        if not self._linear:
            return np.repeat(kept[:-1], self._factor)
        share = np.arange(self._factor, dtype=np.float32) / self._factor
        return np.asarray((kept[:-1, None] + (kept[1:] - kept[:-1])[:, None] * share).ravel(), dtype=np.float32)

    def finish(self) -> Samples:
        """Return the last, incomplete group unchanged."""
        rest, self._rest = self._rest, _NOTHING
        return rest


class Aliasing:
    """Keep every `factor`-th sample without a filter and upsample again with one, which leaves aliases.

    Frequencies above half the lower rate are mirrored to below it.
    """

    def __init__(self, sample_rate_hz: int, factor: int) -> None:
        self._factor = factor
        self._up = Squeeze(sample_rate_hz, sample_rate_hz // factor)
        self._position = 0

    def push(self, samples: Samples) -> Samples:
        """Take samples; return the output samples that are ready."""
        kept = np.zeros_like(samples)
        first = -self._position % self._factor
        kept[first :: self._factor] = self._factor * samples[first :: self._factor]
        self._position += len(samples)
        return self._up.push(kept)

    def finish(self) -> Samples:
        """Return the samples that the filter still holds."""
        return self._up.finish()


# --- stages of the faults in a configuration ----------------------------------------------------------------------


def planted_stage(fault: Planted, sample_rate_hz: int) -> Stage:
    """Return the stage of one planted fault.

    Parameters
    ----------
    fault : Planted
        Fault of a kind that changes the samples of a stream.
    sample_rate_hz : int
        Sample rate of the stream.

    Raises
    ------
    ValueError
        If its kind does not change samples (`OTHER_SORTS`).
    """
    from diag.record.client.impaired_bytes import Misread

    frames = round((fault.for_s or 0.0) * sample_rate_hz)
    gain = 10 ** ((fault.gain_db or 0.0) / 20)
    ratio, factor = fault.ratio or 1.0, fault.factor or 2

    def windows(for_s: float | None) -> Windows:
        return Windows(sample_rate_hz, fault.at_s or 0.0, for_s, fault.every_s, fault.count)

    change = changes(fault, sample_rate_hz)
    if change is not None:
        return Changed(Windows(sample_rate_hz, fault.at_s or 0.0, fault.for_s), change)
    stages: dict[str, Callable[[], Stage]] = {
        "stall": lambda: Stalls(windows(None if fault.count == 1 else fault.every_s), frames),
        "skip": lambda: Skips(windows(fault.for_s)),
        "repeat": lambda: Repeats(windows(fault.for_s)),
        "swap": lambda: Displaced(windows(2 * (fault.for_s or 0.0)), frames, overlapping=False),
        "overlap": lambda: Displaced(windows(2 * (fault.for_s or 0.0)), frames, overlapping=True),
        "clicks": lambda: Clicks(windows(1 / sample_rate_hz), 10 ** ((fault.level_dbfs or -3.0) / 20)),
        "rate": lambda: Rate(ratio),
        "stretch": lambda: Stretch(sample_rate_hz, ratio),
        "echo": lambda: Echo(round((fault.delay_s or 0.0) * sample_rate_hz), gain),
        "low-pass": lambda: LowPass(sample_rate_hz, fault.cutoff_hz or sample_rate_hz),
        "squeeze": lambda: Squeeze(sample_rate_hz, fault.through_hz or sample_rate_hz),
        "imaging": lambda: Imaging(factor, linear=fault.form == "linear"),
        "aliasing": lambda: Aliasing(sample_rate_hz, factor),
        "bytes": lambda: Misread(fault, sample_rate_hz),
    }
    if fault.kind not in stages:
        raise ValueError(f"a fault of kind `{fault.kind}` does not change samples")
    return stages[fault.kind]()


OTHER_SORTS = ("leak", "pace", "late", "no-flush")
"""Kinds of faults that do not change the samples of one stream, and so have no stage."""


def planted_chain(faults: Sequence[Planted], sample_rate_hz: int) -> Chain:
    """Return the stages of the faults at one place, in the order given; kinds in `OTHER_SORTS` are left out."""
    stages: list[Stage] = []
    for fault in faults:
        if fault.kind in OTHER_SORTS:
            continue
        stage = planted_stage(fault, sample_rate_hz)
        stages.append(stage if fault.at_s is None else FromFirstSound(stage))
    return Chain(stages)


def _joined(parts: Sequence[Samples]) -> Samples:
    return np.concatenate(parts) if parts else _NOTHING


_NOTHING: Samples = np.zeros(0, dtype=np.float32)
