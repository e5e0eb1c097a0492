"""Runs of true flags."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def runs_of(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the runs of True as rows of (first, last + 1); shape (runs, 2)."""
    padded = np.zeros(flags.size + 2, dtype=bool)
    padded[1:-1] = flags
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    return np.asarray(edges.reshape(-1, 2), dtype=np.int64)


def runs(flags: NDArray[np.bool_], bridged: int = 0) -> list[tuple[int, int]]:
    """Return (first, last + 1) of each run of flags; gaps of up to `bridged` flags are part of a run."""
    found: list[tuple[int, int]] = []
    for first, last in runs_of(flags).tolist():
        if found and first - found[-1][1] <= bridged:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return found
