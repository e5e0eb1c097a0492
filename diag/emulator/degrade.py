"""Faults of sound: changes of a reply's samples. Pure functions of a voice, faults and their seeds."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diag.emulator.faults import Clipped, ContentRate, Dull, Glitch, LeadSilence, Quiet, RateLabel, Tone
from diag.emulator.replies import REPLY_RATE_HZ
from diag.emulator.speaking import Voice

SOUND_FAULTS = (Dull, Tone, Glitch, Clipped, Quiet, LeadSilence, RateLabel, ContentRate)

TILT_FROM_HZ = 1000.0
"""Frequency above which the tilt of `Dull` begins."""
EDGE_SHARE = 0.06
"""Half the width of the low-pass edge of `Dull`, as a share of its cutoff; steep, but with little ringing."""

Wave = NDArray[np.float64]


@functools.lru_cache(maxsize=32)
def spoiled(voice: Voice, sound: tuple[tuple[Any, float], ...]) -> Voice:
    """Return a voice with the faults applied in order.

    Parameters
    ----------
    sound : tuple of (fault, lot)
        `lot`, in [0, 1), is the seed of the fault's random choices.
    """
    for fault, lot in sound:
        voice = _SPOIL[type(fault)](voice, fault, lot)
    return voice


def _samples(voice: Voice) -> Wave:
    return voice.pcm.astype(np.float64) / 32768.0


def _with_samples(voice: Voice, wave: Wave) -> Voice:
    pcm = np.clip(np.rint(wave * 32768.0), -32768, 32767).astype(np.int16)
    return replace(voice, pcm=pcm)


def _dull(voice: Voice, fault: Dull, _: float) -> Voice:
    wave = _samples(voice)
    size = 1 << (len(wave) + REPLY_RATE_HZ // 10).bit_length()
    spectrum = np.fft.rfft(wave, size)
    frequency_hz = np.fft.rfftfreq(size, 1 / REPLY_RATE_HZ)
    if fault.cutoff_hz is not None:
        edge_hz = EDGE_SHARE * fault.cutoff_hz
        into = np.clip((frequency_hz - fault.cutoff_hz + edge_hz) / (2 * edge_hz), 0.0, 1.0)
        spectrum *= 0.5 + 0.5 * np.cos(np.pi * into)
    octaves = np.log2(np.maximum(frequency_hz, TILT_FROM_HZ) / TILT_FROM_HZ)
    spectrum *= 10 ** (fault.tilt_db_per_octave * octaves / 20)
    return _with_samples(voice, np.fft.irfft(spectrum, size)[: len(wave)])


def _tone(voice: Voice, fault: Tone, _: float) -> Voice:
    wave = _samples(voice)
    start = min(round(fault.at_s * REPLY_RATE_HZ), len(wave))
    phase = 2 * np.pi * fault.frequency_hz / REPLY_RATE_HZ * np.arange(len(wave) - start)
    # `level_dbfs` is an RMS level.
    wave[start:] = np.sqrt(2) * 10 ** (fault.level_dbfs / 20) * np.sin(phase)
    first = min(voice.first_audible_frame, start)
    return replace(_with_samples(voice, wave), first_audible_frame=first, speech_end_frame=len(wave))


def _glitch(voice: Voice, fault: Glitch, lot: float) -> Voice:
    wave = _samples(voice)
    rng = random.Random(lot)
    length = max(1, round(fault.length_ms * REPLY_RATE_HZ / 1000))
    first, last = voice.first_audible_frame, max(voice.speech_end_frame, voice.first_audible_frame + 1)
    for _ in range(fault.count):
        start = rng.randrange(first, last)
        if fault.form == "gap":
            wave[start : start + length] = 0.0
        else:
            wave[start : start + 2] = rng.choice((-0.9, 0.9))
    return _with_samples(voice, wave)


def _clipped(voice: Voice, fault: Clipped, _: float) -> Voice:
    return _with_samples(voice, _samples(voice) * 10 ** (fault.gain_db / 20))


def _quiet(voice: Voice, fault: Quiet, _: float) -> Voice:
    return _with_samples(voice, _samples(voice) * 10 ** (fault.gain_db / 20))


def _lead_silence(voice: Voice, fault: LeadSilence, _: float) -> Voice:
    frames = round(fault.silence_s * REPLY_RATE_HZ)
    return replace(
        voice,
        pcm=np.concatenate((np.zeros(frames, dtype=np.int16), voice.pcm)),
        first_audible_frame=voice.first_audible_frame + frames,
        speech_end_frame=voice.speech_end_frame + frames,
    )


def _rate_label(voice: Voice, fault: RateLabel, _: float) -> Voice:
    mime_type = f"audio/pcm;rate={fault.declared_hz}" if fault.declared_hz else "audio/pcm"
    return replace(voice, mime_type=mime_type)


def _content_rate(voice: Voice, fault: ContentRate, _: float) -> Voice:
    import soxr

    ratio = fault.content_hz / REPLY_RATE_HZ
    pcm = soxr.resample(voice.pcm, REPLY_RATE_HZ, fault.content_hz, quality="HQ").astype(np.int16)
    return replace(
        voice,
        pcm=pcm,
        first_audible_frame=round(voice.first_audible_frame * ratio),
        speech_end_frame=round(voice.speech_end_frame * ratio),
    )


_SPOIL: dict[type, Callable[[Voice, Any, float], Voice]] = {
    Dull: _dull,
    Tone: _tone,
    Glitch: _glitch,
    Clipped: _clipped,
    Quiet: _quiet,
    LeadSilence: _lead_silence,
    RateLabel: _rate_label,
    ContentRate: _content_rate,
}
