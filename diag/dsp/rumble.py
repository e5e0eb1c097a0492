"""Remove rumble and direct current where one of two sounds has none, as behind codecs and microphones."""

from __future__ import annotations

import numpy as np

from diag.dsp import fourier
from diag.dsp.resample import WORK_HZ
from diag.dsp.spectrum import Sound

RUMBLE_HZ = (60.0, 100.0)
"""Below the first frequency there is no voice, from the second on there is."""
_LEAST_SHARE, _KEPT_SHARE, _PAD_S = 10**-3.5, 0.3, 0.2


def alike_below_voice(reference: Sound, estimated: Sound) -> tuple[Sound, Sound]:
    """Return both without rumble and direct current where only one of them has any.

    Codecs and microphones remove them. They are no part of the voice, but can hold most of the energy of a waveform.
    """
    own, other = (_share(sound) for sound in (reference, estimated))
    if max(own, other) < _LEAST_SHARE or min(own, other) > _KEPT_SHARE * max(own, other):
        return reference, estimated
    return without_rumble(reference), without_rumble(estimated)


def _share(sound: Sound) -> float:
    """Return the power of the rumble divided by the power of the voice."""
    spectrum = sound.spectrum
    return spectrum.ltas_band(0.0, RUMBLE_HZ[0]) / max(spectrum.ltas_band(RUMBLE_HZ[1], WORK_HZ / 2), 1e-20)


def without_rumble(sound: Sound) -> Sound:
    """Return the sound without its content below 60 Hz, with a slope up to 100 Hz."""
    size = fourier.next_fast_len(sound.samples.size + round(_PAD_S * sound.rate_hz))
    spectrum = fourier.rfft(sound.samples, size)
    hz = np.arange(spectrum.size) * sound.rate_hz / size
    kept = np.clip((hz - RUMBLE_HZ[0]) / (RUMBLE_HZ[1] - RUMBLE_HZ[0]), 0.0, 1.0).astype(np.float32)
    lifted = fourier.irfft(spectrum * kept, size)[: sound.samples.size]
    return Sound(np.asarray(lifted, dtype=np.float32), sound.rate_hz)
