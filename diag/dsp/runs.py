"""Runs of true flags."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def runs_of(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the runs of True as rows of (first, last + 1); shape (runs, 2)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return np.asarray(edges.reshape(-1, 2), dtype=np.int64)
