"""Spectrograms as small pictures. The one importer of matplotlib, and only when a picture is asked for."""

from __future__ import annotations

import base64
import io
import os

import numpy as np
from numpy.typing import NDArray

RANGE_DB = 75.0
"""Depth of the pictures below their strongest point; speech in 16 bits seldom holds more."""


def spectrogram_uri(levels_db: NDArray[np.float64], strongest_db: float) -> str:
    """A picture of a level map as a data URI, time to the right and frequency upwards, without axes.

    Parameters
    ----------
    levels_db : ndarray, shape (columns, bands)
        NaN where the clip's rate holds no such frequency; drawn as the deepest level.
    strongest_db : float
        Level of the brightest colour; pictures that share it can be compared by eye.
    """
    os.environ.setdefault("MPLBACKEND", "Agg")
    from matplotlib.image import imsave  # half a second, paid only by reports with pictures

    shares = np.clip((np.nan_to_num(levels_db, nan=-np.inf) - strongest_db) / RANGE_DB + 1.0, 0.0, 1.0)
    file = io.BytesIO()
    # WebP at this quality takes a fifth of the size of PNG and cannot be told from it at the size shown.
    imsave(file, shares.T, cmap="magma", vmin=0.0, vmax=1.0, origin="lower", format="webp", pil_kwargs={"quality": 70})
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
