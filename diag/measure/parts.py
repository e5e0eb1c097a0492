"""Cut a long recording into parts of about a minute that end in pauses, and measure each part by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from diag.core.audio_reader import AudioReader
from diag.core.chain import Tap
from diag.core.clip import Clip, Samples
from diag.core.results import Measurements
from diag.dsp.pauses import pause_near_end
from diag.dsp.profile import VoiceProfile
from diag.dsp.spectrum import HOP_S
from diag.measure.engine import measure_clip
from diag.measure.metrics.sounds import sound
from diag.measure.pooling import Part, moved, without_background
from diag.measure.registry import Metric

PART_S = 60.0
PAUSE_WITHIN_S = 10.0
LEAST_PART_S = 20.0
"""A last part shorter than this is measured together with the one before it."""

Progress = Callable[[float, float], None]
"""Called with the seconds measured so far and the total number of seconds."""


def cut_in_pauses(audio: AudioReader) -> Iterator[tuple[int, Samples]]:
    """Yield first frame and samples of each part of a mono recording."""
    first = 0
    while first < audio.frames:
        last = min(first + round(PART_S * audio.sample_rate_hz), audio.frames)
        if audio.frames - last < LEAST_PART_S * audio.sample_rate_hz:
            last = audio.frames
        samples = audio.part(first, last)
        if last < audio.frames:
            samples = samples[: pause_near_end(samples, audio.sample_rate_hz, PAUSE_WITHIN_S)]
        yield first, samples
        first += samples.shape[0]


def clip_at(audio: AudioReader, first: int, samples: Samples) -> Clip:
    """Return samples of a recording as a clip whose start time is on the clock of the recording."""
    return Clip(samples=samples, sample_rate_hz=audio.sample_rate_hz, start_s=first / audio.sample_rate_hz)


def part_of(start_s: float, end_s: float, clip: Clip, measurements: Measurements) -> Part:
    """Return a part of a recording with its measurements; its weight follows from the sound in `clip`."""
    spectrum = sound(clip).spectrum
    sounds = bool(spectrum.active.any())
    return Part(
        start_s=start_s,
        end_s=end_s,
        sound_s=float(spectrum.active.sum()) * HOP_S,
        loud_dbfs=float(np.percentile(spectrum.frame_level_dbfs, 95)) if sounds else None,
        measurements=measurements,
    )


def measure_alone(
    audio: AudioReader,
    metrics: Sequence[Metric],
    *,
    tap: Tap | None = None,
    voice: VoiceProfile | None = None,
    progress: Progress | None = None,
) -> tuple[Part, ...]:
    """Return measurements of the recording by itself for each part in turn.

    Parameters
    ----------
    audio : AudioReader
        Mono.
    metrics : sequence of Metric
        Tap metrics that are measured on this tap.
    tap : Tap or None
        Where it was recorded; None if not known.
    voice : VoiceProfile, optional
    progress : callable, optional
    """
    found = []
    for first, samples in cut_in_pauses(audio):
        clip = clip_at(audio, first, samples)
        start_s = first / audio.sample_rate_hz
        measured = moved(measure_clip(clip, tap=tap, voice=voice, metrics=metrics), start_s)
        found.append(part_of(start_s, start_s + clip.duration_s, clip, measured))
        if progress is not None:
            progress(found[-1].end_s, audio.duration_s)
    return without_background(metrics, found)
