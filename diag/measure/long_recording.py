"""Measure a recording of any length in parts, with constant memory, and combine the results.

Parts are about a minute long and end in pauses. If there is a reference, its beginning is searched for once in the
recording. Then each part of the reference is compared with the part of the recording where it is expected.
"""

from __future__ import annotations

from dataclasses import dataclass

from diag.core.audio_reader import AudioReader
from diag.core.chain import Segment, Tap
from diag.core.results import Measurements
from diag.dsp.profile import VoiceProfile
from diag.measure.engine import RECEIVED_TO_HEARD
from diag.measure.long_reference import measure_against
from diag.measure.parts import Progress, measure_alone
from diag.measure.pooling import Part, pooled
from diag.measure.registry import MetricKind, all_metrics


@dataclass(frozen=True)
class LongMeasured:
    """What was measured of a long recording.

    Parameters
    ----------
    measurements : Measurements
        Measurements of the whole, as from `measure_clip` and `measure_pair`.
    alone, against : tuple of Part
        Measurements of each part by itself, and against the reference.
    """

    measurements: Measurements
    alone: tuple[Part, ...]
    against: tuple[Part, ...]


def measure_long(
    audio: AudioReader,
    reference: AudioReader | None = None,
    *,
    tap: Tap | None = None,
    segment: Segment = RECEIVED_TO_HEARD,
    voice: VoiceProfile | None = None,
    progress: Progress | None = None,
) -> LongMeasured:
    """Measure a long recording by itself, and against a reference or the profile of its voice if given.

    Parameters
    ----------
    audio, reference : AudioReader
        Mono.
    tap : Tap or None
        Where it was recorded, if there is no reference; None if not known.
    segment : Segment
        The part of the chain between reference and recording.
    voice : VoiceProfile, optional
    progress : callable, optional

    Raises
    ------
    BadInputError
        If a part cannot be read.
    """
    if reference is None:
        own = [item for item in all_metrics() if item.kind is MetricKind.TAP and (tap is None or tap in item.taps)]
        alone = measure_alone(audio, own, tap=tap, voice=voice, progress=progress)
        return LongMeasured(pooled(own, alone), alone, ())
    of_segment = [item for item in all_metrics() if item.kind is MetricKind.SEGMENT]
    of_input = [item for item in all_metrics() if item.compared and segment.first in item.taps]
    of_output = [item for item in all_metrics() if item.kind is MetricKind.TAP and segment.last in item.taps]
    total_s = audio.duration_s + 2 * reference.duration_s

    def from_s(before_s: float) -> Progress | None:
        return None if progress is None else lambda done_s, _: progress(before_s + done_s, total_s)

    against = measure_against(reference, audio, of_segment, segment=segment, progress=from_s(0.0))
    before = measure_alone(reference, of_input, tap=segment.first, voice=voice, progress=from_s(reference.duration_s))
    alone = measure_alone(audio, of_output, tap=segment.last, voice=voice, progress=from_s(2 * reference.duration_s))
    every = (pooled(of_segment, against), pooled(of_output, alone), pooled(of_input, before))
    return LongMeasured(Measurements(tuple(item for items in every for item in items)), alone, against)
