"""Spectrograms as small pictures. This is the only module that imports Pillow, and only when it draws."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray

RANGE_DB = 75.0
"""Depth of the pictures below their strongest point; speech in 16 bits seldom holds more."""
COLOURS = (
    (0, 0, 4), (10, 8, 34), (29, 17, 71), (54, 16, 107), (81, 18, 124), (106, 28, 129), (131, 38, 129), (156, 46, 127),
    (183, 55, 121), (207, 64, 112), (229, 80, 100), (244, 105, 92), (251, 135, 97), (254, 165, 113), (254, 194, 135),
    (253, 224, 161), (252, 253, 191),
)  # fmt: skip
"""Red, green and blue from the weakest to the strongest level, in equal steps: every 16th colour of "magma" by S. van
der Walt and N. Smith (CC0), whose brightness rises evenly. Colours interpolated in between are off by at most 2 of 255.
"""


def spectrogram_uri(levels_db: NDArray[np.float64], strongest_db: float) -> str:
    """Return a picture of a level map as a data URI, with time to the right, frequency upwards and no axes.

    Parameters
    ----------
    levels_db : ndarray, shape (columns, bands)
        In dB. NaN if the sample rate of the clip does not reach that frequency; drawn as the lowest level.
    strongest_db : float
        Level of the brightest colour. Use the same value for pictures that are compared by eye.
    """
    from PIL import Image, WebPImagePlugin  # with the plugin, Pillow does not load those of all other formats

    shares = np.clip((np.nan_to_num(levels_db, nan=-np.inf) - strongest_db) / RANGE_DB + 1.0, 0.0, 1.0)
    steps = np.linspace(0.0, 1.0, len(COLOURS))
    pixels = np.stack([np.interp(shares.T[::-1], steps, channel) for channel in zip(*COLOURS, strict=True)], axis=-1)
    file = io.BytesIO()
    # WebP at this quality is a fifth of the size of PNG and looks the same at the size shown.
    Image.fromarray(np.rint(pixels).astype(np.uint8)).save(file, WebPImagePlugin.WebPImageFile.format, quality=70)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
