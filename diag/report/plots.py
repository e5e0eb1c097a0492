"""Spectrograms as small pictures. This is the only module that imports matplotlib, and only when it draws."""

from __future__ import annotations

import base64
import io
import os

import numpy as np
from numpy.typing import NDArray

RANGE_DB = 75.0
"""Depth of the pictures below their strongest point; speech in 16 bits seldom holds more."""


def spectrogram_uri(levels_db: NDArray[np.float64], strongest_db: float) -> str:
    """Return a picture of a level map as a data URI, with time to the right, frequency upwards and no axes.

    Parameters
    ----------
    levels_db : ndarray, shape (columns, bands)
        In dB. NaN if the sample rate of the clip does not reach that frequency; drawn as the lowest level.
    strongest_db : float
        Level of the brightest colour. Use the same value for pictures that are compared by eye.
    """
    os.environ.setdefault("MPLBACKEND", "Agg")
    from matplotlib.image import imsave  # takes half a second, so only reports with pictures import it

    shares = np.clip((np.nan_to_num(levels_db, nan=-np.inf) - strongest_db) / RANGE_DB + 1.0, 0.0, 1.0)
    file = io.BytesIO()
    # WebP at this quality is a fifth of the size of PNG and looks the same at the size shown.
    imsave(file, shares.T, cmap="magma", vmin=0.0, vmax=1.0, origin="lower", format="webp", pil_kwargs={"quality": 70})
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
