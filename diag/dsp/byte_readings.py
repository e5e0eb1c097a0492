"""Detect audio whose bytes were read in the wrong sample format or from the wrong byte, and find the right reading.

Such audio is noise. If it was not resampled or scaled afterwards, the samples still contain the original bytes. They
are decoded again in every way that programs confuse. The right reading is the one that is smooth like speech:
neighbouring samples of speech are similar (lag-1 autocorrelation of 0.75 and more), those of bytes read wrongly are not
(0.55 at most).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from diag.dsp.align import normalised_cross_correlation
from diag.dsp.arrays import Array, Flags
from diag.dsp.byte_formats import (
    ByteReading,
    Bytes,
    Format,
    ReadingKind,
    Samples,
    codes_of,
    formats,
    integers16,
    law_tables,
    shifted_by_bits,
    wrong_law_tables,
)
from diag.dsp.bytes_inside import compressed, inside, regular_period_s
from diag.dsp.runs import runs

WINDOW_S = 0.010
ROUGH = 0.65
"""A window below this lag-1 autocorrelation may contain bytes that were read wrongly. Most voiced speech is above."""
LOUD_POWER = 0.01
"""Mean square from which on a rough window is suspect. Bytes read wrongly are loud (uniform bytes give 0.33, -5 dBFS),
because any byte may become the high byte of a sample."""
SMOOTH = 0.5
"""Least lag-1 autocorrelation of the right reading, weighted by power; telephony at 8 kHz reaches 0.7."""
GAIN = 2.0
"""Least ratio of the roughness (1 minus the autocorrelation) of the given samples to that of the right reading."""
GAIN_OF_FLOATS = 1.3
"""`GAIN` for the upper halves of 32-bit floats, which are less rough: their signs alone are as smooth as clipped
speech."""
SAME = 0.7
"""Correlation with the reference from which on a reading counts as confirmed."""
LEAST_WINDOWS = 4
PAIRED_SHARE = 0.9
_SWITCH_COST = 1.5
"""Cost of a change of reading from one window to the next. The right reading of speech gains about 2 per window."""
_CLEAR_GAIN = 0.7
_ALL_ZERO = 0.98
_UNSCALED = "Every sample is at full scale: 16-bit integers were taken as floats without dividing by 32768"
_LEVEL_WINDOW_S, _LEVEL_BRIDGED, _LEVEL_LEAST_S = 0.01, 20, 0.5
_LEVEL_TOP, _LEVEL_TOP_SHARE, _LEVEL_SHARE, _LEVEL_WINDOWS = 0.9, 0.005, 0.7, 0.8
"""Full scale, and the least share of samples there; the least share of samples above half of it in a window, and of
such windows in a part. Integers taken as floats have 0.89 such windows or more behind Opus, speech clipped at 24 dB
below its peak 0.5 or less."""
EQUAL_CHANNELS = "Two channels of the same sound are read as one"
"""Description of samples that come in equal pairs. A resampler that repeats samples leaves the same."""
_HALF_SILENT = "32-bit samples, or two channels one of which is silent, are read as 16-bit samples"
_MOST_FULL = 0.25
"""Share of samples at full scale above which a signal counts as clipped. Bytes read wrongly spread over all values."""
_LEAST_JUMPS = 0.05
_MOST = 0.6
_LEAST_EXPLAINED = 0.4
_BOTH_SMOOTH = 0.35
_DOUBLED = 0.3
"""Cost of readings with wider samples: every second sample of a shrill sound may be smoother than all samples."""
_LEAST_LACKING = 8
_LEAST_SPREAD, _LEAST_LOW_BYTES, _MOST_MISSED = 4.0, 32, 0.3
_FEWEST_VALUES = 16
_SHRILL = -0.25
"""Below this autocorrelation neighbouring samples alternate, as in hiss. Bytes read wrongly do not alternate."""
_FLOOR = 0.02
_EXCERPT_WINDOWS = 48
_MOST_CANDIDATES = 8
_LOUDEST_POWER, _FAINTEST_POWER = 4.0, 1e-9
_BORDER_WINDOWS = 5
_FULL_SCALE, _NEXT_TO_ZERO = np.float32(0.9999), np.float32(2.5 / 32768)


@dataclass(frozen=True, eq=False)
class _Windows:
    """Power and lag-1 product of each window, shape (windows,); both 0 in silence and where samples are not sound."""

    power: NDArray[np.float64]
    lagged: NDArray[np.float64]
    insane: Flags

    @property
    def smoothness(self) -> NDArray[np.float64]:
        """Lag-1 autocorrelation of each window, -1 to 1; 0 for silence."""
        ratio = np.divide(self.lagged, self.power, out=np.zeros_like(self.power), where=self.power > 0)
        return np.clip(ratio, -1.0, 1.0)

    @property
    def suspect(self) -> Flags:
        """Windows that may be bytes read wrongly: rough and loud, or with values that no sound has."""
        return np.asarray(self.insane | ((self.smoothness < ROUGH) & (self.power > LOUD_POWER)))

    def overall(self, chosen: Flags | NDArray[np.intp]) -> float:
        """Return the autocorrelation of some windows together."""
        return _overall(self.power[chosen], self.smoothness[chosen])

    def cost(self) -> NDArray[np.float64]:
        """Return the logarithm of the roughness of each window: about 0 for noise and silence, -2 for speech."""
        return np.asarray(np.log(1.0 - self.smoothness + _FLOOR))


@dataclass(frozen=True, eq=False)
class _Reader:
    """How bytes were read: the format, its width in bytes, and the function that recovers the bytes from samples."""

    name: str
    width: int
    recover: Callable[[Samples], Bytes | None]


@dataclass(frozen=True, eq=False)
class _Candidate:
    """One other way to read the bytes: samples of `width` bytes after `offset` bytes."""

    kind: ReadingKind
    right: str
    width: int
    offset: int
    decode: Callable[[Bytes], Samples]

    def read(self, data: Bytes) -> Samples:
        """Return the samples. An incomplete last sample is dropped."""
        return self.decode(data[self.offset : self.offset + (data.size - self.offset) // self.width * self.width])


@dataclass(frozen=True, eq=False)
class _Found:
    """A reading with the sound of its longest part, its mean cost and the share of the suspect windows it explains."""

    reading: ByteReading
    sound: Samples
    cost: float = 0.0
    explained: float = 1.0


@dataclass(frozen=True, eq=False)
class _Part:
    """Samples [first, last) of the given signal, and the right reading of their bytes; None if they are right."""

    candidate: _Candidate | None
    first: int
    last: int


def wrong_reading(
    samples: Array,
    sample_rate_hz: float,
    sample_format: str = "s16le",
    reference: Array | None = None,
) -> ByteReading | None:
    """Return how the bytes of a signal were read wrongly; None if they were not, or if no reading gives speech.

    Parameters
    ----------
    samples : ndarray of float, shape (n,) or (n, 2)
        Full scale 1.0, not resampled or scaled since they were read. Otherwise the bytes are lost.
        Two channels are only checked for one channel read as two.
    sample_rate_hz : float
    sample_format : str
        Format of the file that the samples come from, by its ffmpeg name. It matters for "f32le", "s24le" and "s32le",
        which have bytes that 16-bit values do not have.
    reference : ndarray of float, shape (m,), optional
        The sound that was written as bytes, at its own sample rate. It confirms the reading.
    """
    if samples.ndim == 2:
        return _one_as_two(samples) if samples.shape[1] == 2 else None
    x = np.ascontiguousarray(samples, dtype=np.float32)
    frames = _window_frames(sample_rate_hz)
    own = _windows(x, frames)
    if own.power.size < LEAST_WINDOWS:
        return None
    found = inside(x, sample_rate_hz) or _paired(x, own, frames) or _whole_numbers(x, sample_format)
    if found is not None:
        return found
    reread = _reread(x, sample_rate_hz, sample_format, own, frames)
    saturated = None
    if reread is None or (reread.reading.kind is ReadingKind.BIT_OFFSET and reread.explained < _MOST):
        saturated = _saturated(x, sample_rate_hz, own, frames)
    if saturated is None and reread is None:
        blurred = _two_levels(x, sample_rate_hz)
        return blurred or (compressed(x, sample_rate_hz) if _mostly_suspect(own) else None)
    if saturated is not None or reread is None:
        return saturated
    reading = reread.reading
    if reference is not None and _same(reread.sound, reference):
        reading = replace(reading, confidence=0.99)
    return reading


def _overall(power: NDArray[np.float64], smoothness: NDArray[np.float64]) -> float:
    """Return the mean autocorrelation of windows, weighted by their power, which is limited to its median.

    Without the limit, windows across a border would dominate: they are read wrongly in part, and therefore loud.
    """
    weight = np.minimum(power, np.median(power[power > 0])) if power.any() else power
    total = float(weight.sum())
    return float((weight * smoothness).sum()) / total if total > 0 else 0.0


def _mostly_suspect(own: _Windows) -> bool:
    """Return whether most loud windows are rough, as bytes read wrongly are."""
    loud = own.insane | (own.power > LOUD_POWER)
    return bool(np.count_nonzero(own.suspect) >= max(LEAST_WINDOWS, 0.4 * np.count_nonzero(loud)))


def _window_frames(sample_rate_hz: float) -> int:
    """Return the length of a window in samples, such that its bytes are whole samples of every width from 1 to 8."""
    return max(48, 24 * round(WINDOW_S * sample_rate_hz / 24))


def _windows(samples: Samples, frames: int) -> _Windows:
    cut = samples[: samples.size // frames * frames].reshape(-1, frames)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = cut @ np.full(frames, 1.0 / frames, dtype=np.float32)
        power = np.einsum("ij,ij->i", cut, cut) / np.float32(frames) - mean**2
        lagged = np.einsum("ij,ij->i", cut[:, 1:], cut[:, :-1]) / np.float32(frames - 1) - mean**2
        insane = ~np.isfinite(power) | ~np.isfinite(lagged) | (power > _LOUDEST_POWER)
        # The mean of a constant window has a rounding error of about 1e-6.
        silent = insane | (power < _FAINTEST_POWER + 1e-5 * mean**2)
    return _Windows(
        np.where(silent, 0.0, power).astype(np.float64), np.where(silent, 0.0, lagged).astype(np.float64), insane
    )


def _excerpt(x: Samples, own: _Windows, frames: int) -> tuple[NDArray[np.intp], bool]:
    """Return windows on which to try readings, spread over the signal, and whether they are suspect or only loud."""
    suspect = own.suspect
    if np.count_nonzero(suspect) < LEAST_WINDOWS:
        suspect = _alternating(x, own, frames)
    found = bool(np.count_nonzero(suspect) >= LEAST_WINDOWS)
    if not found:
        suspect = own.power > max(_FAINTEST_POWER, 0.3 * float(own.power.max(initial=0.0)))
    places = np.flatnonzero(suspect)
    return places[np.unique(np.linspace(0, places.size - 1, min(places.size, _EXCERPT_WINDOWS)).astype(int))], found


def _alternating(x: Samples, own: _Windows, frames: int) -> Flags:
    """Return the windows in which every second sample is smooth, but neighbouring samples are not."""
    cut = x[: own.power.size * frames].reshape(-1, frames)
    lag2 = np.einsum("ij,ij->i", cut[:, 2:], cut[:, :-2]) / np.float32(frames - 2)
    level = np.einsum("ij,ij->i", cut, cut) / np.float32(frames)
    return np.asarray((own.power > 1e-6) & (lag2 > 0.5 * level) & (own.smoothness < 0.5) & (own.smoothness > -0.3))


def _reread(x: Samples, rate_hz: float, sample_format: str, own: _Windows, frames: int) -> _Found | None:
    """Return the reading that gives speech, with its sound, if the given samples are much rougher; otherwise None."""
    picked, suspect = _excerpt(x, own, frames)
    if picked.size < LEAST_WINDOWS:
        return None
    excerpt = np.ascontiguousarray(x[: own.power.size * frames].reshape(-1, frames)[picked])
    mistake = _wrong_table(x, excerpt) or _two_in_one(x, own, frames)
    if mistake is not None:
        return _Found(mistake, x)
    best: _Found | None = None
    for reader in _readers(excerpt.reshape(-1), sample_format, suspect):
        candidates = _plausible(reader, excerpt, own.overall(picked))
        found = _tracked(x, rate_hz, reader, own, candidates) if candidates else None
        if found is not None and (best is None or found.cost < best.cost):
            best = found
    return best


def _readers(excerpt: Samples, sample_format: str, suspect: bool) -> Iterator[_Reader]:
    """Yield the formats from which these samples may have been read, the narrowest first."""
    values = integers16(excerpt)
    if values is None:
        if suspect and sample_format in ("f32le", "s24le", "s32le"):
            yield _Reader(sample_format, formats()[sample_format].width, formats()[sample_format].encode)
        return
    if not np.any(values & 255):
        yield _Reader("u8", 1, partial(_upper_bytes, flip=0x80))
        yield _Reader("s8", 1, partial(_upper_bytes, flip=0))
        return
    laws = [name for name, table in law_tables().items() if codes_of(values, table) is not None]
    if laws and np.unique(values).size > _FEWEST_VALUES:
        for name in laws:
            yield _Reader(name, 1, partial(_codes, table=law_tables()[name]))
        return
    if suspect and np.mean(np.abs(excerpt) >= _FULL_SCALE) < _MOST_FULL:
        yield _Reader("s16le", 2, partial(_low_bytes, zeros=0))
    if _two_humps(values):
        yield _Reader("s32le", 4, partial(_low_bytes, zeros=2))


def _wrong_table(x: Samples, excerpt: Samples) -> ByteReading | None:
    """Return the wrong companding table that all samples come from, or None.

    All values of a wrong table may be in the right table too. Then it is recognised because values of the right table
    that are missing in the wrong one do not occur within the range of the signal.
    """
    some = integers16(excerpt)
    for item in wrong_law_tables():
        if some is None or codes_of(some, item.table) is None or (values := integers16(x)) is None:
            continue
        lacking = np.setdiff1d(law_tables()[item.law], item.table)
        in_range = (lacking > np.percentile(values, 5)) & (lacking < np.percentile(values, 95))
        if np.count_nonzero(in_range) >= _LEAST_LACKING and codes_of(values, item.table) is not None:
            return ByteReading(
                kind=ReadingKind.COMPANDING_TABLE, description=f"A wrong table decodes the samples: {item.mistake}",
                read_as=item.law, right=item.law, confidence=0.95,
            )  # fmt: skip
    return None


def _two_in_one(x: Samples, own: _Windows, frames: int) -> ByteReading | None:
    """Return 8-bit samples read as 16-bit ones, if each low byte lies between the two high bytes beside it.

    Such sound is smooth as given, because the high bytes are every second sample of the original.
    """
    loud = np.flatnonzero(own.power > 0.3 * float(own.power.max()))
    some = loud[np.unique(np.linspace(0, loud.size - 1, min(loud.size, _EXCERPT_WINDOWS)).astype(int))]
    values = integers16(np.ascontiguousarray(x[: own.power.size * frames].reshape(-1, frames)[some]))
    if values is None or np.unique(values & 255).size < _LEAST_LOW_BYTES:
        return None
    if any(codes_of(values, table) is not None for table in law_tables().values()):
        return None
    high, low = (values >> 8).astype(np.float32), ((values & 255 ^ 128) - 128).astype(np.float32)
    between = (high[:, :-1] + high[:, 1:]) / 2
    missed = np.square(low[:, 1:] - between).mean()
    if low.std() < _LEAST_SPREAD or missed > _MOST_MISSED * float(np.square(low[:, 1:] - low.mean()).mean()):
        return None
    data = values.astype("<i2").reshape(-1).view(np.uint8)
    costs = {
        name: _windows(formats()[name].read(data), 2 * frames).cost().mean() for name in ("s8", "u8", *law_tables())
    }
    right = min(costs, key=lambda name: costs[name])
    return ByteReading(
        kind=ReadingKind.SAMPLE_FORMAT, description=f"{_NAMES[right]} samples are read as {_NAMES['s16le']} samples",
        read_as="s16le", right=right, confidence=0.9,
    )  # fmt: skip


def _two_humps(values: NDArray[np.int32]) -> bool:
    """Return whether nearly all values are such as the upper halves of 32-bit floats from 2^-24 to 2 have."""
    positive, negative = (values > 0x3380) & (values < 0x4000), (values > -0x4C80) & (values < -0x4000)
    return bool(np.mean(positive | negative | (values == 0)) > 0.97 and positive.any() and negative.any())


def _upper_bytes(samples: Samples, *, flip: int) -> Bytes | None:
    values = integers16(samples)
    return None if values is None or (values & 255).any() else ((values >> 8 & 255) ^ flip).astype(np.uint8)


def _codes(samples: Samples, *, table: NDArray[np.int32]) -> Bytes | None:
    values = integers16(samples)
    return None if values is None else codes_of(values, table)


def _low_bytes(samples: Samples, *, zeros: int) -> Bytes | None:
    """Return 16-bit samples as little-endian bytes, with `zeros` zero bytes before those of each sample."""
    values = integers16(samples)
    if values is None:
        return None
    data = np.zeros((values.size, 2 + zeros), dtype=np.uint8)
    data[:, zeros], data[:, zeros + 1] = values & 255, values >> 8 & 255
    return data.reshape(-1)


@cache
def _candidates(reader: str) -> tuple[_Candidate, ...]:
    """Return every other reading of the bytes of a reader."""
    every: list[_Candidate] = []
    own = formats()[reader]
    for item in formats().values():
        for offset in range(item.width):
            if (item.name, offset) != (reader, 0):
                every.append(_Candidate(_kind(item, own), item.name, item.width, offset, item.decode))
    if reader in law_tables():
        flips = {"mulaw": 0xFF, "alaw": 0x55}[reader]
        for name, change in (("inverted", partial(np.bitwise_xor, flips)), ("reversed", _reversed_bits)):
            decode = partial(_after, change, own.decode)
            every.append(_Candidate(ReadingKind.COMPANDING_TABLE, f"{reader} with its bits {name}", 1, 0, decode))
    if own.width == 2:
        for bits in (2, 4, 6):
            for offset in (0, 1):
                decode = partial(_shifted, bits, own)
                every.append(_Candidate(ReadingKind.BIT_OFFSET, reader, own.width, offset, decode))
    return tuple(every)


def _kind(item: Format, own: Format) -> ReadingKind:
    if item.name == own.name:
        return ReadingKind.FLOAT_MISALIGNED if item.name[0] == "f" else ReadingKind.BYTE_OFFSET
    if item.name[:-2] == own.name[:-2] and item.width == own.width and item.width > 1:
        return ReadingKind.BYTE_ORDER
    return ReadingKind.SAMPLE_FORMAT


def _after(change: Callable[[Bytes], Bytes], decode: Callable[[Bytes], Samples], data: Bytes) -> Samples:
    return decode(change(data))


def _reversed_bits(data: Bytes) -> Bytes:
    return np.packbits(np.unpackbits(data), bitorder="little")


def _shifted(bits: int, own: Format, data: Bytes) -> Samples:
    return own.read(np.append(shifted_by_bits(data, bits), np.uint8(0)))


def _plausible(reader: _Reader, excerpt: Samples, smoothness: float) -> list[_Candidate]:
    """Return the candidates that make an excerpt smoother, best first.

    Parameters
    ----------
    reader : _Reader
    excerpt : ndarray of float32, shape (windows, frames)
    smoothness : float
        Lag-1 autocorrelation of the excerpt as given.
    """
    recovered = reader.recover(excerpt.reshape(-1))
    if recovered is None:
        return []
    data = recovered.reshape(excerpt.shape[0], -1)
    given = _windows(excerpt.reshape(-1), excerpt.shape[1]).cost()
    scored, lowest = [], given
    for item in _candidates(reader.name):
        frames = (data.shape[1] - item.offset) // item.width
        cut = np.ascontiguousarray(data[:, item.offset : item.offset + frames * item.width])
        read = _windows(item.decode(cut.reshape(-1)), frames)
        # Parts of a signal may need different readings, so the better half of the windows decides.
        lowest = np.minimum(lowest, read.cost())
        gain = np.sort(read.cost())[: max(LEAST_WINDOWS, excerpt.shape[0] // 4)].mean()
        codes = reader.width == item.width == 1
        if codes or gain < min(np.log(1 - SMOOTH + _FLOOR), np.log(max(1 - smoothness, 1e-3) + _FLOOR)):
            scored.append((float(gain), item))
    if reader.name == "s16le" and np.mean(given - lowest > _CLEAR_GAIN) < _LEAST_EXPLAINED / 2:
        return []
    return [item for _, item in sorted(scored, key=lambda pair: pair[0])[:_MOST_CANDIDATES]]


def _tracked(x: Samples, rate_hz: float, reader: _Reader, own: _Windows, candidates: list[_Candidate]) -> _Found | None:
    """Return what is read wrongly in the whole signal, part by part."""
    data = reader.recover(x)
    if data is None:
        return None
    frames = _window_frames(rate_hz)
    heard = [x, *(item.read(data) for item in candidates)]
    widths = [reader.width, *(item.width for item in candidates)]
    reads = [
        own,
        *(_windows(y, frames * reader.width // width) for y, width in zip(heard[1:], widths[1:], strict=True)),
    ]
    count = min(read.power.size for read in reads)
    costs = np.stack([read.cost()[:count] for read in reads])
    power, smoothness = (np.stack([getattr(read, name)[:count] for read in reads]) for name in ("power", "smoothness"))
    # Readings with the same high bytes sound alike. The one that is best overall is taken, unless another is clearly
    # better.
    clear = costs[0] - costs[1:].min(axis=0) > _CLEAR_GAIN
    doubled = np.array([_DOUBLED if width > 2 * reader.width else 0.0 for width in widths])
    main = 1 + int(np.argmin(costs[1:, clear].mean(axis=1) + doubled[1:])) if clear.any() else 1
    handicap = np.full(costs.shape[0], _CLEAR_GAIN)
    handicap[[0, main]] = 0.0
    states = _supported(_cheapest(costs + handicap[:, None]), costs)
    wrong = np.flatnonzero(states)
    if wrong.size < LEAST_WINDOWS:
        return None
    smooth = _overall(power[states[wrong], wrong], smoothness[states[wrong], wrong])
    if reader.width == 1 and widths[main] == 1:
        right = _steadier(costs[0], costs[main], (power[0] > 0) & (power[main] > 0))
    else:
        right = _is_clear(
            reader, widths[main], smooth=smooth, rough=own.overall(wrong), power=power[0], wrong=states > 0
        )
    suspect = own.suspect[:count]
    explained = float(np.mean(states[suspect] > 0)) if suspect.any() else 1.0
    if not right or explained < _LEAST_EXPLAINED:
        return None
    parts = _parts(states, costs, [None, *candidates], heard, reader=reader, frames=frames)
    bad = [part for part in parts if part.candidate is not None]
    best = candidates[main - 1]
    longest = max(
        (part for part in bad if part.candidate is best), key=lambda part: part.last - part.first, default=bad[0]
    )
    if reader.width == 1:
        # 8-bit samples are read with one format throughout. Parts of silence cannot show another one.
        parts = bad = [_Part(best, 0, x.size)]
    starts_s = np.array([part.first for part in bad]) / rate_hz
    shifted = [part for part in bad if part.candidate and part.candidate.kind is ReadingKind.BIT_OFFSET]
    if sum(part.last - part.first for part in shifted) > 0.3 * sum(part.last - part.first for part in bad):
        best = shifted[0].candidate or best
    kind, words = _kind_and_sentence(best, reader, x[longest.first : longest.last])
    reading = ByteReading(
        kind=kind, description=words, read_as=reader.name, right=best.right, start_s=float(starts_s[0]),
        end_s=None if parts[-1].candidate is not None else bad[-1].last / rate_hz,
        confidence=0.9 if smooth > SMOOTH + 0.1 else 0.8, count=len(bad), period_s=regular_period_s(starts_s),
    )  # fmt: skip
    first, last = (place * reader.width // best.width for place in (longest.first, longest.last))
    return _Found(reading, heard[main][first:last], float(costs[states[wrong], wrong].mean()), explained)


def _is_clear(
    reader: _Reader, width: int, *, smooth: float, rough: float, power: NDArray[np.float64], wrong: Flags
) -> bool:
    """Return whether the other readings are so much smoother that the given one must be wrong.

    Parameters
    ----------
    reader : _Reader
    width : int
        Bytes per sample of the other reading.
    smooth, rough : float
        Lag-1 autocorrelation of the wrong windows in the other reading and as given.
    power : ndarray, shape (windows,)
        Power of the windows of the signal as given.
    wrong : ndarray of bool, shape (windows,)
    """
    if not wrong.all() and np.percentile(power[wrong], 75) < np.percentile(power[~wrong], 90) / 2:
        return False
    if reader.name == "s16le" and rough < _SHRILL:
        return False
    # A wrong width is wrong from the start. Only a byte offset or a byte order can change in mid-stream.
    if (reader.width == 1 or width != reader.width) and np.mean(wrong[power > 0.1 * power.max()]) < 0.5:
        return False
    gain = GAIN_OF_FLOATS if reader.name == "s32le" else GAIN
    return smooth >= SMOOTH and 1 - rough >= gain * (1 - smooth)


def _steadier(given: NDArray[np.float64], other: NDArray[np.float64], sounding: Flags) -> bool:
    """Return whether another decoding of the same codes is smoother in nearly all windows, by the costs of both.

    Both have similar levels, so that no window is as rough as noise. But the wrong one is not the smoother one for
    long.
    """
    gain = (given - other)[sounding]
    return bool(gain.size >= LEAST_WINDOWS and gain.mean() > 0.25 and np.mean(gain > 0) > 0.65)


def _cheapest(costs: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the cheapest sequence of readings, one per window, by Viterbi; shape (windows,)."""
    states, count = costs.shape
    came = np.zeros((count, states), dtype=np.intp)
    total = costs[:, 0].copy()
    here = np.arange(states)
    for place in range(1, count):
        best = int(np.argmin(total))
        switch = total > total[best] + _SWITCH_COST
        came[place] = np.where(switch, best, here)
        total = np.where(switch, total[best] + _SWITCH_COST, total) + costs[:, place]
    path = np.empty(count, dtype=np.intp)
    path[-1] = int(np.argmin(total))
    for place in range(count - 1, 0, -1):
        path[place - 1] = came[place, path[place]]
    return path


def _supported(states: NDArray[np.intp], costs: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the sequence without parts that have too little evidence.

    A part with another reading must be clearly smoother in some windows than as given. A part that is right as given
    between two wrong parts (often silence) must be clearly smoother than in their reading.
    """
    kept = states.copy()
    for first, last, state in _runs(states):
        gain = costs[0, first:last] - costs[state, first:last]
        if state and np.count_nonzero(gain > _CLEAR_GAIN) < min(LEAST_WINDOWS, max(1, (last - first) // 2)):
            kept[first:last] = 0
    for first, last, state in _runs(kept):
        beside = kept[first - 1] if first else kept[last] if last < kept.size else 0
        gain = costs[beside, first:last] - costs[0, first:last]
        if not state and beside and not np.any(gain > _CLEAR_GAIN):
            kept[first:last] = beside
    return kept


def _runs(states: NDArray[np.intp]) -> list[tuple[int, int, int]]:
    """Return first, one past the last and state of every run of equal states."""
    edges = np.concatenate(([0], np.flatnonzero(np.diff(states)) + 1, [states.size]))
    return [(int(a), int(b), int(states[a])) for a, b in pairwise(edges)]


def _parts(
    states: NDArray[np.intp],
    costs: NDArray[np.float64],
    candidates: list[_Candidate | None],
    heard: list[Samples],
    *,
    reader: _Reader,
    frames: int,
) -> list[_Part]:
    """Return the parts of the signal with borders exact to the sample. The first of `heard` is the signal as given."""
    runs, size = _runs(states), heard[0].size
    borders = [0]
    for (_, end, before), (_, _, after) in pairwise(runs):
        # In a pause neither reading is smooth, so the border may be anywhere between the nearest clear windows.
        gain = costs[before] - costs[after]
        told = np.flatnonzero(gain[:end] < -_CLEAR_GAIN), np.flatnonzero(gain[end:] > _CLEAR_GAIN)
        low = int(told[0][-1]) if told[0].size else 0
        high = end + int(told[1][0]) + 1 if told[1].size else states.size
        lowest = max(borders[-1], min(low, end - _BORDER_WINDOWS) * frames)
        highest = min(size, max(high, end + _BORDER_WINDOWS) * frames)
        leaps = [
            _sample_costs(heard[state], candidates[state], reader.width, lowest, highest) for state in (before, after)
        ]
        total = np.concatenate(([0.0], np.cumsum(leaps[0] - leaps[1])))
        borders.append(lowest + int(np.argmin(total)))
    return [
        _Part(candidates[state], first, last)
        for (_, _, state), (first, last) in zip(runs, pairwise([*borders, size]), strict=True)
    ]


def _sample_costs(
    heard: Samples, candidate: _Candidate | None, reader_width: int, first: int, last: int
) -> NDArray[np.float64]:
    """Return the logarithm of the jump at each given sample [first, last) under a reading."""
    width, offset = (reader_width, 0) if candidate is None else (candidate.width, candidate.offset)
    places = np.clip((np.arange(first, last) * reader_width - offset) // width, 1, heard.size - 1)
    with np.errstate(over="ignore", invalid="ignore"):
        leaps = np.abs(heard[places] - heard[places - 1])
    leaps = np.where(np.isfinite(leaps), leaps, 1.0)
    return np.log(np.minimum(leaps, 1.0).astype(np.float64) + 2.0**-11)


_NAMES = {
    "s16le": "16-bit little-endian", "s16be": "16-bit big-endian", "s24le": "24-bit little-endian",
    "s24be": "24-bit big-endian", "s32le": "32-bit little-endian", "s32be": "32-bit big-endian",
    "f32le": "32-bit float", "f32be": "32-bit float, big-endian", "f64le": "64-bit float",
    "f64be": "64-bit float, big-endian", "u8": "unsigned 8-bit", "s8": "signed 8-bit", "mulaw": "mu-law",
    "alaw": "A-law",
}  # fmt: skip


def _kind_and_sentence(main: _Candidate, reader: _Reader, given: Samples) -> tuple[ReadingKind, str]:
    """Return the kind of a reading and its sentence."""
    read_as = _NAMES[reader.name]
    off = f", {main.offset} byte{'s' if main.offset > 1 else ''} off" if main.offset else ""
    if main.kind is ReadingKind.BYTE_OFFSET or main.kind is ReadingKind.FLOAT_MISALIGNED:
        return main.kind, f"{read_as} samples are read {main.offset} byte{'s' if main.offset > 1 else ''} off"
    if main.kind is ReadingKind.BIT_OFFSET:
        return main.kind, f"{read_as} samples are read with their bits shifted, as base64 text gives that lost letters"
    if {main.right, reader.name} == {"u8", "s8"}:
        return main.kind, "Signed and unsigned 8-bit samples are taken for each other"
    if main.right == "s32le" and reader.name == "s16le":
        halves = _windows(given[::2], 96), _windows(given[1::2], 96)
        if min(half.overall(half.power > 0) for half in halves) > _BOTH_SMOOTH:
            return ReadingKind.STEREO_AS_MONO, f"Two channels of {read_as} samples are read as one"
        if not all(half.power.any() for half in halves):
            return ReadingKind.SAMPLE_FORMAT, _HALF_SILENT
    return main.kind, f"{_NAMES.get(main.right, main.right)} samples are read as {read_as} samples{off}"


def _paired(x: Samples, own: _Windows, frames: int) -> ByteReading | None:
    """Return two channels read as one, if they are equal or one is silent, by sample pairs of the loud windows."""
    loud = np.flatnonzero(own.power > 0.1 * float(own.power.max(initial=0.0)))
    if loud.size < LEAST_WINDOWS or not own.power.any():
        return None
    cut = x[: own.power.size * frames].reshape(-1, frames)
    some = cut[loud[np.unique(np.linspace(0, loud.size - 1, min(loud.size, 24)).astype(int))]]
    for phase in (0, 1):
        pairs = some[:, phase : phase + (frames - phase) // 2 * 2].reshape(some.shape[0], -1, 2)
        silent = (pairs == 0).mean(axis=(0, 1))
        if max(silent) > _ALL_ZERO and min(silent) < 0.5:
            return ByteReading(
                kind=ReadingKind.SAMPLE_FORMAT, description=_HALF_SILENT, read_as="s16le", right="s32le", confidence=0.9
            )  # fmt: skip
        # Clipped samples are equal in pairs too.
        moving = np.abs(pairs[..., 0]) < _FULL_SCALE
        equal = (pairs[..., 0] == pairs[..., 1]) & moving
        if moving.any() and equal.sum() > PAIRED_SHARE * moving.sum() and np.unique(some).size > 16:
            return ByteReading(
                kind=ReadingKind.STEREO_AS_MONO, description=EQUAL_CHANNELS, confidence=0.95,
            )  # fmt: skip
    return None


def _one_as_two(samples: Array) -> ByteReading | None:
    """Return one channel read as two: interleaving the two channels gives a smooth signal."""
    left, right = (np.asarray(samples[:, index], dtype=np.float64) for index in (0, 1))
    left, right = left - left.mean(), right - right.mean()
    power = np.sqrt(float(left @ left) * float(right @ right))
    if samples.shape[0] < 200 or power <= 0 or np.array_equal(left, right):
        return None
    here, next_ = float(left @ right) / power, float(left[1:] @ right[:-1]) / power
    own = float(left[1:] @ left[:-1]) / float(left @ left)
    if min(here, next_) < max(SMOOTH, own) or abs(here - next_) > 0.1 * (1 - min(here, next_)) or here > 0.9999:
        return None
    return ByteReading(
        kind=ReadingKind.MONO_AS_STEREO, description="One channel is read as two: its samples go to them in turn",
        confidence=0.9,
    )  # fmt: skip


def _whole_numbers(x: Samples, sample_format: str) -> ByteReading | None:
    """Return 16-bit integers in a float file that were not scaled to full scale 1.0."""
    if sample_format not in ("f32le", "f64le"):
        return None
    peak = float(np.abs(x).max())
    if not 8 < peak <= 32768 or np.any(x != np.rint(x)):
        return None
    words = "The float file holds 16-bit integers that were not divided by 32768"
    return ByteReading(kind=ReadingKind.INTEGERS_AS_FLOAT, description=words, read_as="f32le", right="s16le",
                       confidence=0.95)  # fmt: skip


def _saturated(x: Samples, rate_hz: float, own: _Windows, frames: int) -> ByteReading | None:
    """Return the mistake behind samples at full scale or zero: integers read as floats, or floats at a wrong offset."""
    full = np.abs(x) >= _FULL_SCALE
    if np.count_nonzero(full) < LEAST_WINDOWS * frames // 10:
        return None
    shape = own.power.size, frames
    full = full[: own.power.size * frames]
    zero = np.abs(x[: full.size]) < _NEXT_TO_ZERO
    high, low = (np.mean(flags.reshape(shape), axis=1) for flags in (full, zero))
    between = 1 - high - low
    two_valued = (high > 0.05) & (between < 0.01)
    # Clipped sound passes through intermediate values. Random bytes jump between zero and full scale.
    cut_full, cut_zero = full.reshape(shape), zero.reshape(shape)
    jumps = np.mean((cut_full[:, 1:] & cut_zero[:, :-1]) | (cut_zero[:, 1:] & cut_full[:, :-1]), axis=1)
    misread = (high > 0.08) & (low > 0.08) & (between > 0.01) & (own.smoothness < 0.5) & (jumps > _LEAST_JUMPS)
    reached = np.count_nonzero(high > 0.05)
    integers = np.count_nonzero(two_valued) > 0.8 * reached
    chosen = two_valued if integers else (misread | two_valued) & (own.smoothness < 0.5)
    if np.count_nonzero(chosen) < LEAST_WINDOWS or np.count_nonzero(chosen) < 0.3 * reached:
        return None
    # Parts closer than five windows are merged, because quiet moments of speech may separate them.
    places = np.flatnonzero(chosen)
    groups = np.split(places, np.flatnonzero(np.diff(places) > 5) + 1)
    starts = np.array([int(group[0]) * frames + int(np.argmax(full.reshape(shape)[group[0]])) for group in groups])
    sounding = np.flatnonzero(high + between > 0.02)
    last = int(places[-1])
    end_s = None if last >= int(sounding[-1]) - 5 else (last + 1) * frames / rate_hz
    if integers:
        return ByteReading(
            kind=ReadingKind.INTEGERS_AS_FLOAT, description=_UNSCALED, read_as="f32le", right="s16le",
            start_s=int(starts[0]) / rate_hz, end_s=end_s, confidence=0.9,
        )  # fmt: skip
    words = "Samples are zero or at full scale at random: bytes of 32-bit floats are read at the wrong byte"
    return ByteReading(
        kind=ReadingKind.FLOAT_MISALIGNED, description=words, read_as="f32le", start_s=int(starts[0]) / rate_hz,
        end_s=end_s, count=len(groups), period_s=regular_period_s(starts / rate_hz),
    )  # fmt: skip


def _two_levels(x: Samples, rate_hz: float) -> ByteReading | None:
    """Return integers taken as floats whose two levels, plus and minus full scale, noise or a codec has blurred.

    Loud and quiet moments are equally loud then. Clipped or overdriven speech keeps its quiet moments.
    """
    width = round(_LEVEL_WINDOW_S * rate_hz)
    size = np.abs(x[: x.size // width * width])
    if np.count_nonzero(size >= _LEVEL_TOP) <= _LEVEL_TOP_SHARE * size.size:
        return None
    full = (size > _LEVEL_TOP / 2).reshape(-1, width).mean(axis=1) > _LEVEL_SHARE
    parts = runs(full, _LEVEL_BRIDGED)
    first, last = max(parts, key=lambda part: part[1] - part[0], default=(0, 0))
    if (last - first) * _LEVEL_WINDOW_S < _LEVEL_LEAST_S or float(full[first:last].mean()) < _LEVEL_WINDOWS:
        return None
    end_s = last * width / rate_hz
    return ByteReading(
        kind=ReadingKind.INTEGERS_AS_FLOAT, description=_UNSCALED, read_as="f32le", right="s16le",
        start_s=first * width / rate_hz, end_s=end_s if end_s < x.size / rate_hz - 0.5 else None, confidence=0.8,
    )  # fmt: skip


def _same(sound: Samples, reference: Array) -> bool:
    """Return whether the loudest second of a sound is in the reference, with the same waveform."""
    size = min(sound.size, 24000)
    if size < 200 or not np.isfinite(sound).all():
        return False
    level = np.concatenate(([0.0], np.cumsum(np.square(sound, dtype=np.float64))))
    first = int(np.argmax(level[size:] - level[:-size]))
    part = sound[first : first + size]
    correlation = normalised_cross_correlation(part, np.asarray(reference, dtype=np.float32))
    return bool(correlation.size and np.abs(correlation).max() > SAME)
