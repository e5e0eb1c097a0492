"""A suspicion of a wrong speed from one recording alone: whether a voice is deeper, duller and slower than voices are.

No single figure tells it: voices differ by an octave in pitch and by a third in tempo, and a narrow band may be a
stage at a lower rate. All together do, as far as 24 kHz played as 16 kHz goes; 44.1 against 48 kHz stays hidden.
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
from diag.dsp.voice_features import Features, speed_features

HEALTHY_RATIOS = (0.75, 1.33)
"""Speeds between these are never called wrong: one recording cannot tell them from another voice."""
_FILE = "blind_rate.json"


@dataclass(frozen=True)
class BlindSpeed:
    """What a recording alone says of its speed.

    Parameters
    ----------
    ratio : float
        Likely speed, 1 healthy; a quarter off either way is usual.
    suspected : bool
        Whether hardly any healthy voice is like that.
    confidence : float
        Probability that the speed is wrong, were it so in half of all recordings, 0 to 1.
    """

    ratio: float
    suspected: bool
    confidence: float


@dataclass(frozen=True)
class Net:
    """One hidden layer: `output @ tanh(features @ hidden + offset) + bias`."""

    hidden: NDArray[np.float64]
    offset: NDArray[np.float64]
    output: NDArray[np.float64]
    bias: float

    def octaves(self, features: Features) -> NDArray[np.float64]:
        """log2 of the speed, for standardised features of shape (..., n)."""
        return np.asarray(np.tanh(features @ self.hidden + self.offset) @ self.output + self.bias)


@dataclass(frozen=True)
class Model:
    """The mean of some small nets over standardised features, and where healthy voices end.

    Parameters
    ----------
    version : int
    mean, spread : ndarray, shape (n,)
        Of the features.
    nets : sequence of Net
    slow_below, fast_above : float
        Octaves beyond which a speed is suspected.
    stretch : float
        What the octaves are multiplied by for a ratio without bias: a mean over doubtful cases lies too near to 1.
    doubt : tuple of float
        Slope and offset of the log odds of a wrong speed over the octaves beyond the limit.
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
        """log2 of the speed, for features of shape (..., n)."""
        standard = (features - self.mean) / self.spread
        return np.asarray(np.mean([net.octaves(standard) for net in self.nets], axis=0))

    def judged(self, octaves: float) -> BlindSpeed:
        """Return a speed in words of the measure."""
        beyond = max(self.slow_below - octaves, octaves - self.fast_above)
        slope, offset = self.doubt
        confidence = 1.0 / (1.0 + np.exp(-(slope * beyond + offset)))
        ratio = 2.0 ** (self.stretch * octaves)
        if beyond > 0.0:
            low, high = HEALTHY_RATIOS
            ratio = min(ratio, low) if octaves < 0.0 else max(ratio, high)
        return BlindSpeed(float(ratio), beyond > 0.0, float(confidence))


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
    """Return the model of the package, which `tools/train_blind_rate.py` makes of the development voices."""
    return model_from(json.loads(resources.files("diag.dsp").joinpath(_FILE).read_text(encoding="utf-8")))


def speed_alone(sound: Sound) -> BlindSpeed | None:
    """What a recording of speech alone says of its speed; None where it has less than 4 s of speech, or no voice."""
    features = speed_features(sound)
    return None if features is None else model().judged(float(model().octaves(features)))
