"""Voices and faults for the tests of signal processing."""

from functools import cache

import numpy as np
import soundfile

from diag.dsp.spectrum import Sound

KORE = (
    "replies/hearing_you_well",
    "replies/take_the_express",
    "replies/say_it_again",
    "prompts/can_you_hear_me",
    "prompts/train_with_a_pause",
)
"""Recordings of one voice, as scenarios/*/*.toml say."""


def read(path):
    samples, rate_hz = soundfile.read(path, dtype="float32")
    return Sound(samples if samples.ndim == 1 else samples[:, 0].copy(), float(rate_hz))


@cache
def made_voice(seed=1, duration_s=4.0, rate_hz=24000):
    """Pulses through moving resonances, hiss bursts and pauses: nothing recorded, every sample known."""
    random = np.random.default_rng(seed)
    size = round(duration_s * rate_hz)
    time = np.arange(size) / rate_hz
    pitch = 120.0 * 2 ** (0.25 * np.sin(2 * np.pi * 0.7 * time + random.uniform(0, 6)))
    phase = np.cumsum(pitch) / rate_hz
    voiced = np.zeros(size)
    for formant, width in ((500, 90), (1500, 130), (2500, 200), (3500, 300)):
        centre = formant * (1 + 0.25 * np.sin(2 * np.pi * random.uniform(1.5, 3.5) * time + random.uniform(0, 6)))
        for harmonic in range(1, 60):
            frequency = harmonic * 120.0
            gain = np.exp(-0.5 * ((frequency - centre) / (3 * width)) ** 2)
            voiced += gain * np.cos(2 * np.pi * harmonic * phase) / harmonic**0.5
    hiss = np.diff(random.standard_normal(size + 1))
    beat = 0.5 + 0.5 * np.sin(2 * np.pi * 3.1 * time + random.uniform(0, 6))
    other = np.clip(np.sin(2 * np.pi * 1.7 * time + random.uniform(0, 6)), 0, 1) ** 4
    samples = voiced / np.abs(voiced).max() * beat**2 + 0.12 * hiss * other
    samples *= np.clip(np.sin(2 * np.pi * 0.45 * time + 0.4) * 4, 0, 1)
    made = (0.4 * samples / np.abs(samples).max()).astype(np.float32)
    made.flags.writeable = False
    return Sound(made, float(rate_hz))


def padded(sound, before_s=0.3, after_s=0.3):
    gaps = (np.zeros(round(seconds * sound.rate_hz), dtype=np.float32) for seconds in (before_s, after_s))
    first, last = gaps
    return Sound(np.concatenate((first, sound.samples, last)), sound.rate_hz)


def loud_frame(sound, after_s, width_s=0.25):
    """Middle of the loudest stretch of `width_s` in the second that begins at `after_s`."""
    width = round(width_s * sound.rate_hz)
    energy = np.convolve(sound.samples**2, np.ones(width), mode="same")
    first = round(after_s * sound.rate_hz)
    return first + int(np.argmax(energy[first : first + round(sound.rate_hz)]))
