"""Measures a recording of any length in memory that does not grow with it: stretch by stretch, then all together.

Stretches are about a minute long and end in pauses. Against a reference, the place of its beginning in the recording is
looked for once; then each stretch of the reference is held against the part of the recording where it must lie.
"""

from __future__ import annotations

from dataclasses import dataclass

from diag.core.audio_reader import AudioReader
from diag.core.results import Measurements
from diag.dsp.profile import VoiceProfile
from diag.measure.long_reference import measure_against
from diag.measure.pooling import Stretch, pooled
from diag.measure.registry import all_metrics
from diag.measure.stretches import Progress, measure_alone


@dataclass(frozen=True)
class LongMeasured:
    """What was measured of a long recording.

    Parameters
    ----------
    measurements : Measurements
        Of the whole.
    alone, against : tuple of Stretch
        Of each stretch by itself, and against the reference.
    """

    measurements: Measurements
    alone: tuple[Stretch, ...]
    against: tuple[Stretch, ...]


def measure_long(
    audio: AudioReader,
    reference: AudioReader | None = None,
    *,
    voice: VoiceProfile | None = None,
    progress: Progress | None = None,
) -> LongMeasured:
    """Measure a long recording alone, and against a reference or the profile of its voice where there is one.

    Parameters
    ----------
    audio, reference : AudioReader
        Mono.
    voice : VoiceProfile, optional
    progress : callable, optional

    Raises
    ------
    BadInputError
        If a part cannot be read.
    """
    taps = [metric for metric in all_metrics() if metric.taps]
    hops = [metric for metric in all_metrics() if metric.hops]
    total_s = audio.duration_s + (reference.duration_s if reference else 0.0)
    against: tuple[Stretch, ...] = ()
    parts: tuple[Measurements, ...] = ()
    if reference is not None:
        against = measure_against(reference, audio, hops, _shifted(progress, 0.0, total_s))
        parts = (pooled(hops, against),)
    done_s = reference.duration_s if reference else 0.0
    alone = measure_alone(audio, taps, voice, _shifted(progress, done_s, total_s))
    everything = (*parts, pooled(taps, alone))
    return LongMeasured(Measurements(tuple(item for part in everything for item in part)), alone, against)


def edge_of(audio: AudioReader) -> float | None:
    """How far up the content of a recording reaches, in Hz."""
    bandwidth = [metric for metric in all_metrics() if metric.name == "bandwidth_hz" and metric.taps]
    return pooled(bandwidth, measure_alone(audio, bandwidth)).value("bandwidth_hz")


def _shifted(progress: Progress | None, before_s: float, total_s: float) -> Progress | None:
    return None if progress is None else lambda done_s, _: progress(before_s + done_s, total_s)
