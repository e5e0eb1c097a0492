"""Training of the small neural nets of `diag/dsp`: one hidden layer, L-BFGS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

Array = NDArray[np.float64]


def fitted(
    x: Array, loss: Callable[[Array], tuple[float, Array]], *, units: int, penalty: float, seed: int, iterations: int
) -> dict[str, Any]:
    """Return one net as the files in `diag/dsp` hold it.

    Parameters
    ----------
    x : ndarray of float, shape (n, m)
        Standardised features.
    loss : callable
        Loss and its derivative for the outputs of the net, shape (n,).
    units : int
        Size of the hidden layer.
    penalty : float
        Weight of the squared weights in the loss.
    seed : int
        Of the start.
    iterations : int
    """
    random = np.random.default_rng(seed)
    features = x.shape[1]
    sizes = np.cumsum((features * units, units, units))

    def parts(flat: Array) -> tuple[Array, Array, Array, float]:
        hidden, offset, output, bias = np.split(flat, sizes)
        return hidden.reshape(features, units), offset, output, float(bias[0])

    def whole_loss(flat: Array) -> tuple[float, Array]:
        hidden, offset, output, bias = parts(flat)
        inside = np.tanh(x @ hidden + offset)
        value, slope = loss(inside @ output + bias)
        inner = np.outer(slope, output) * (1 - inside**2)
        gradient = ((x.T @ inner + 2 * penalty * hidden).ravel(), inner.sum(axis=0),
                    inside.T @ slope + 2 * penalty * output, [slope.sum()])  # fmt: skip
        return value + float(penalty * ((hidden**2).sum() + (output**2).sum())), np.concatenate(gradient)

    start = np.concatenate((0.2 * random.standard_normal(features * units), np.zeros(units),
                            0.2 * random.standard_normal(units), [0.0]))  # fmt: skip
    found = scipy.optimize.minimize(whole_loss, start, jac=True, method="L-BFGS-B", options={"maxiter": iterations})
    hidden, offset, output, bias = parts(found.x)
    return {"hidden": rounded(hidden), "offset": rounded(offset), "output": rounded(output), "bias": round(bias, 4)}


def rounded(values: Array) -> list[Any]:
    """Return the values with three digits each, as the files hold them."""
    return [rounded(row) for row in values] if values.ndim > 1 else [float(f"{value:.3g}") for value in values]
