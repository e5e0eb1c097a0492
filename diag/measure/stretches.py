"""A long recording cut into stretches of about a minute that end in pauses, and what is measured of each alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from diag.core.audio_reader import AudioReader
from diag.core.clip import Clip, Samples
from diag.core.results import Measurements
from diag.dsp.pauses import pause_near_end
from diag.dsp.profile import VoiceProfile
from diag.dsp.spectrum import HOP_S
from diag.measure.engine import measure_recording
from diag.measure.metrics.sounds import sound
from diag.measure.pooling import Stretch, moved, without_background
from diag.measure.registry import Metric

STRETCH_S = 60.0
PAUSE_WITHIN_S = 10.0
LEAST_STRETCH_S = 20.0
"""A shorter rest is measured with the stretch before it."""

Progress = Callable[[float, float], None]
"""Told of seconds measured so far, and of all seconds to measure."""


def cut_in_pauses(audio: AudioReader) -> Iterator[tuple[int, Samples]]:
    """First frame and samples of each stretch of a mono recording."""
    first = 0
    while first < audio.frames:
        last = min(first + round(STRETCH_S * audio.sample_rate_hz), audio.frames)
        if audio.frames - last < LEAST_STRETCH_S * audio.sample_rate_hz:
            last = audio.frames
        samples = audio.part(first, last)
        if last < audio.frames:
            samples = samples[: pause_near_end(samples, audio.sample_rate_hz, PAUSE_WITHIN_S)]
        yield first, samples
        first += samples.shape[0]


def clip_at(audio: AudioReader, first: int, samples: Samples) -> Clip:
    """A part of a recording as a clip whose clock is the recording's."""
    return Clip(samples=samples, sample_rate_hz=audio.sample_rate_hz, start_s=first / audio.sample_rate_hz)


def stretch_of(start_s: float, end_s: float, sounding: Clip, measurements: Measurements) -> Stretch:
    """What was measured of a part of a recording; how much it counts is read from the sound of `sounding`."""
    spectrum = sound(sounding).spectrum
    heard = bool(spectrum.active.any())
    return Stretch(
        start_s=start_s,
        end_s=end_s,
        sound_s=float(spectrum.active.sum()) * HOP_S,
        loud_dbfs=float(np.percentile(spectrum.frame_level_dbfs, 95)) if heard else None,
        measurements=measurements,
    )


def measure_alone(
    audio: AudioReader, metrics: Sequence[Metric], voice: VoiceProfile | None = None, progress: Progress | None = None
) -> tuple[Stretch, ...]:
    """Measures of the recording alone, one stretch after the other."""
    found = []
    for first, samples in cut_in_pauses(audio):
        clip = clip_at(audio, first, samples)
        start_s = first / audio.sample_rate_hz
        measured = moved(measure_recording(clip, voice=voice, metrics=metrics), start_s)
        found.append(stretch_of(start_s, start_s + clip.duration_s, clip, measured))
        if progress is not None:
            progress(found[-1].end_s, audio.duration_s)
    return without_background(metrics, found)
