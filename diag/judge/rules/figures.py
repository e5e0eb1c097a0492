"""What several rules read from measurements, and how they say it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from diag.core.chain import Hop, Tap
from diag.core.results import Evidence, Measurement, Measurements
from diag.core.take import Turn
from diag.core.timeline import Timeline
from diag.core.units import playable_rate_hz

RATE_WARNING, RATE_ERROR = 0.005, 0.01
"""Speed limits of a hop against its own input (metrics.md F): half a percent, one percent."""
DULL_WARNING_DB, DULL_ERROR_DB = 3.0, 5.0
"""Treble limits of a hop against its own input; listeners tell 5 dB in the 8 kHz octave (Monson)."""
EDGE_WARNING_HZ, EDGE_ERROR_HZ = 10000, 8200
"""Bandwidth limits of a 24 kHz reply (metrics.md F)."""
LIMIT_SHARE = 0.95
"""Share of half the sample rate up to which a resampler passes sound."""
IMAGING_LIMIT = 0.22
"""Clean audio stays below 0.147, naive resampling begins at 0.28 (86 clips, metrics.md B4)."""
TONE_DB = 45.0
"""A frequency that stands out by this much through a whole reply is a tone; speech stays below 30 dB."""
SILENT_DBFS = -60.0
"""A tap whose loudest sample is below this carries no speech."""
LIVE_API_OUTPUT_HZ = 24000
STANDARD_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000)
_SNAP = 0.005
_WHOLE_DB, _GONE_DB = 2.0, 15.0
_SAMPLING_OF_BAND_HZ = (8000, 12000, 16000, 22050)
"""The common sample rate whose limit lies in each band."""
BANDS_HZ = ((3500, 5000), (5000, 7000), (7000, 9000), (9000, 10800))
_INTERVALS = {12: "an octave", 7: "a fifth", 19: "an octave and a fifth", 24: "two octaves", 5: "a fourth"}


def number(item: Measurement) -> float | None:
    """The value, where it is a single number."""
    return None if isinstance(item.value, tuple) else item.value


def numbers(items: Iterable[Measurement]) -> list[tuple[float, Measurement]]:
    """The measured ones with their values."""
    return [(value, item) for item in items if (value := number(item)) is not None]


def worst(items: Iterable[Measurement], badness: Callable[[float], float]) -> tuple[float, Measurement] | None:
    """The measured one that is furthest from healthy; None where nothing was measured."""
    return max(numbers(items), key=lambda pair: badness(pair[0]), default=None)


def why_not(items: Iterable[Measurement], metric: str) -> str:
    """Why a metric has no value anywhere in the take."""
    reason = next((item.reason for item in items if item.reason), None)
    return f"{metric}: {reason}" if reason else f"{metric} was not measured"


@dataclass(frozen=True)
class WrongRate:
    """A hop whose output runs at the wrong speed: output per input, as measured, and where."""

    ratio: float
    evidence: Evidence

    @property
    def error(self) -> bool:
        """Beyond 1 %, which is a wrong rate and not a drifting clock."""
        return abs(self.ratio - 1) > RATE_ERROR


def wrong_rate(measurements: Measurements, hop: Hop) -> WrongRate | str | None:
    """A hop's wrong rate; None where it is right; a sentence where that is not known.

    Pitch and time must agree: a stretch of time alone is a jitter buffer's doing, not a sample rate.
    """
    items = measurements.find("rate_ratio", hop=hop)
    found = worst(items, lambda ratio: abs(math.log(max(ratio, 1e-6))))
    if found is None:
        return why_not(items, "rate_ratio")
    ratio, item = found
    if abs(ratio - 1) <= RATE_WARNING:
        return None
    by_time = measurements.value("time_ratio", hop=hop, turn=item.turn)
    if by_time is not None and abs(by_time / ratio - 1) > RATE_ERROR:
        return None
    sure = "" if item.confidence is None else f" (match {item.confidence:.2f})"
    text = f"speed of `{hop.ends[1]}` against `{hop.ends[0]}` is {ratio:.4f}{sure}; 1 is right"
    return WrongRate(ratio, Evidence(text=text, metric="rate_ratio", turn=item.turn, spots=item.spots))


def snapped_hz(rate_hz: float) -> int:
    """The nearest common sample rate where it lies within 0.5 %, else the rounded rate itself."""
    nearest = min(STANDARD_RATES_HZ, key=lambda standard: abs(standard / rate_hz - 1))
    return nearest if abs(nearest / rate_hz - 1) <= _SNAP else round(rate_hz)


def changed_sound(ratio: float) -> str:
    """How a wrong rate sounds: '1.5 times longer and a fifth deeper'."""
    semitones = 12 * math.log2(ratio)
    amount = round(abs(semitones))
    name = _INTERVALS.get(amount) if abs(abs(semitones) - amount) < 0.1 else None
    interval = name or f"{abs(semitones):.1f} semitones"
    times = f"{max(ratio, 1 / ratio):.3g} times"
    return f"{times} longer and {interval} deeper" if ratio < 1 else f"{times} shorter and {interval} higher"


def received_rate_hz(timeline: Timeline) -> int:
    """Rate that the service declared for its audio, 24000 where it declared none that can be played."""
    chunk = timeline.first("chunk_received")
    return playable_rate_hz(str(chunk.data.get("mime_type", "")) if chunk else "", LIVE_API_OUTPUT_HZ)


def lost_treble(measurements: Measurements, hop: Hop) -> tuple[float, Evidence, str] | str | None:
    """Treble lost on a hop: dB, evidence, and the bands in words; None where it is whole, a sentence if not known."""
    items = measurements.find("dullness_db", hop=hop)
    found = worst(items, lambda value: value)
    if found is None:
        return why_not(items, "dullness_db")
    loss_db, item = found
    if loss_db < DULL_WARNING_DB:
        return None
    bands = next((other.value for other in measurements.find("dullness_bands_db", hop=hop, turn=item.turn)), None)
    lost = [
        f"{low / 1000:g} to {high / 1000:g} kHz {value:.0f} dB"
        for (low, high), value in zip(BANDS_HZ, bands if isinstance(bands, tuple) else (), strict=False)
        if value is not None and value >= DULL_WARNING_DB
    ]
    words = ", ".join(lost) or f"above 3.5 kHz {loss_db:.0f} dB"
    text = f"`{hop.ends[1]}` has {loss_db:.1f} dB less treble than `{hop.ends[0]}`: {words}"
    return loss_db, Evidence(text=text, metric="dullness_db", turn=item.turn, spots=item.spots), words


def sampling_that_would_do_it(measurements: Measurements, hop: Hop) -> int | None:
    """Sample rate whose limit explains the bands that a hop lost."""
    bands = (item.value for item in measurements.find("dullness_bands_db", hop=hop))
    found = (sampling_of_bands(value) for value in bands if isinstance(value, tuple))
    return next((rate_hz for rate_hz in found if rate_hz), None)


def sampling_of_bands(bands_db: Sequence[float | None]) -> int | None:
    """Sample rate whose limit explains lost bands: all whole below one band, all gone above it.

    The band in which the limit lies may be lost in part.
    """
    values = [value for value in bands_db if value is not None]
    touched = next((index for index, value in enumerate(values) if value > _WHOLE_DB), None)
    if touched is None or values[-1] < _GONE_DB or bands_db[touched] is None:
        return None
    return _SAMPLING_OF_BAND_HZ[touched] if all(value > _GONE_DB for value in values[touched + 1 :]) else None


def silence_put_in(measurements: Measurements, hop: Hop) -> tuple[float, Measurement] | str:
    """The longest silence that a hop put in, or why that is not known."""
    return _broken(measurements, hop, "inserted_silence_s")


def sound_left_out(measurements: Measurements, hop: Hop) -> tuple[float, Measurement] | str:
    """The most sound that a hop left out, or why that is not known."""
    return _broken(measurements, hop, "skipped_s")


def _broken(measurements: Measurements, hop: Hop, metric: str) -> tuple[float, Measurement] | str:
    """The worst break of a kind; where treble is lost too, hisses that fell silent pass for breaks: nothing is said."""
    items = measurements.find(metric, hop=hop)
    whole = []
    for item in items:
        loss_db = measurements.value("dullness_db", hop=hop, turn=item.turn)
        if loss_db is not None and loss_db < DULL_WARNING_DB:
            whole.append(item)
    found = worst(whole, lambda value: value)
    if found is None:
        return "treble is lost too, or was not measured" if numbers(items) else why_not(items, metric)
    return found


def peak(measurements: Measurements, tap: Tap, turn: Turn) -> float | None:
    """Level of the loudest sample of a turn on a tap."""
    return measurements.value("peak_dbfs", tap=tap, turn=turn.index)


def silent_speaker(measurements: Measurements, turns: Iterable[Turn]) -> list[tuple[Turn, float, float]]:
    """Turns whose reply was played and not heard, with the loudest samples of both taps in dBFS."""
    found = []
    for turn in turns:
        played, heard = peak(measurements, Tap.PLAYED, turn), peak(measurements, Tap.HEARD, turn)
        if played is not None and heard is not None and played > SILENT_DBFS >= heard:
            found.append((turn, played, heard))
    return found


def carries_sound(measurements: Measurements, tap: Tap, turn: Turn) -> bool:
    """Whether a turn's reply or prompt can be heard on a tap."""
    level = peak(measurements, tap, turn)
    return level is not None and level > SILENT_DBFS
