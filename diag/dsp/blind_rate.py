"""Estimate the playing speed of a voice from one recording without a reference.

No single feature is enough: voices differ by an octave in pitch and by a third in tempo, and a low bandwidth may come
from a lower sample rate somewhere in the chain. All features together detect 24 kHz played as 16 kHz, but not 44.1 kHz
played as 48 kHz.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diag.dsp.spectrum import Sound
from diag.dsp.voice_features import MEDIAN_PITCH, Features, speed_features

HEALTHY_RATIOS = (0.75, 1.33)
"""Speeds between these are never suspected, because they cannot be distinguished from another voice."""
PLAUSIBLE_OCTAVES = 0.15
"""Largest estimate of a speed that is plausible, to either side of the right one. Of 22 development speakers, each
estimated by models that had not heard it, half of the healthy recordings lie within, and 3 % (5 of 148) of those that
play 1.5 times too fast or too slow."""
_FILE = "blind_rate.json"


@dataclass(frozen=True)
class BlindSpeed:
    """Estimated speed of a recording without a reference.

    Parameters
    ----------
    ratio : float
        Estimated speed; 1 is correct. Errors of 25 % are usual.
    suspected : bool
        Whether hardly any healthy voice has such features.
    plausible : bool
        Whether hardly any voice that plays 1.5 times too fast or too slow has such features.
    confidence : float
        Probability that the speed is wrong, 0 to 1, with a prior probability of one half.
    pitch_hz : float
        Median pitch of the voice as it is recorded.
    """

    ratio: float
    suspected: bool
    plausible: bool
    confidence: float
    pitch_hz: float

    @property
    def pitch_at_right_speed_hz(self) -> float:
        """Median pitch of the voice if its estimated speed is corrected."""
        return self.pitch_hz / self.ratio


@dataclass(frozen=True)
class Net:
    """One hidden layer: `output @ tanh(features @ hidden + offset) + bias`."""

    hidden: NDArray[np.float64]
    offset: NDArray[np.float64]
    output: NDArray[np.float64]
    bias: float

    def octaves(self, features: Features) -> NDArray[np.float64]:
        """Return log2 of the speed, shape (...,), for standardised features of shape (..., n)."""
        return np.asarray(np.tanh(features @ self.hidden + self.offset) @ self.output + self.bias)


@dataclass(frozen=True)
class Model:
    """The mean of some small neural networks over standardised features, and the limits of healthy voices.

    Parameters
    ----------
    version : int
    mean, spread : ndarray, shape (n,)
        Mean and standard deviation of the features.
    nets : sequence of Net
    slow_below, fast_above : float
        Limits in octaves beyond which a speed is suspected.
    stretch : float
        Factor on the octaves that corrects the bias of the networks towards speed 1.
    doubt : tuple of float
        Slope and offset of the log odds of a wrong speed, as a function of the octaves beyond the limit.
    """

    version: int
    mean: Features
    spread: Features
    nets: Sequence[Net]
    slow_below: float
    fast_above: float
    stretch: float
    doubt: tuple[float, float]

    def octaves(self, features: Features) -> NDArray[np.float64]:
        """Return log2 of the speed, shape (...,), for features of shape (..., n)."""
        standard = (features - self.mean) / self.spread
        return np.asarray(np.mean([net.octaves(standard) for net in self.nets], axis=0))

    def judged(self, octaves: float, pitch_hz: float) -> BlindSpeed:
        """Return the estimate for a speed in octaves and a median pitch."""
        beyond = max(self.slow_below - octaves, octaves - self.fast_above)
        slope, offset = self.doubt
        confidence = 1.0 / (1.0 + np.exp(-(slope * beyond + offset)))
        ratio = 2.0 ** (self.stretch * octaves)
        if beyond > 0.0:
            low, high = HEALTHY_RATIOS
            ratio = min(ratio, low) if octaves < 0.0 else max(ratio, high)
        plausible = abs(octaves) <= PLAUSIBLE_OCTAVES
        return BlindSpeed(float(ratio), beyond > 0.0, plausible, float(confidence), pitch_hz)


def model_from(data: dict[str, Any]) -> Model:
    """Return the model that a JSON object holds."""
    nets = [
        Net(np.array(net["hidden"]), np.array(net["offset"]), np.array(net["output"]), net["bias"])
        for net in data["nets"]
    ]
    mean, spread = np.array(data["mean"]), np.array(data["spread"])
    slope, offset = data["doubt"]
    return Model(
        data["version"], mean, spread, nets, data["slow_below"], data["fast_above"], data["stretch"], (slope, offset)
    )


@cache
def model() -> Model:
    """Return the model in the package, trained by `tools/train_blind_rate.py` on the development voices."""
    return model_from(json.loads(resources.files("diag.dsp").joinpath(_FILE).read_text(encoding="utf-8")))


def speed_alone(sound: Sound) -> BlindSpeed | None:
    """Return the speed of a recording without a reference; None for less than 2 s of speech, or no voice."""
    features = speed_features(sound)
    if features is None:
        return None
    return model().judged(float(model().octaves(features)), float(2.0 ** features[MEDIAN_PITCH]))
