"""The common slope of the delays of windows, with some windows matched beside their place."""

import numpy as np
import pytest

from diag.dsp.slope import Line, Points, common_slope


def _points(delay_s: np.ndarray) -> Points:
    return Points(0.25 * np.arange(delay_s.size), delay_s, np.ones(delay_s.size))


def test_windows_matched_beside_their_place_move_neither_delay_nor_slope() -> None:
    delay_s = np.full(34, 0.02)
    delay_s[[8, 20, 29]] += 0.0003

    line = common_slope(_points(delay_s), Line(0.02, 0.0, 1.0))

    assert line.offset_s == pytest.approx(0.02, abs=1e-6)
    assert line.slope == pytest.approx(0.0, abs=1e-7)
    assert line.consensus == 1.0


@pytest.mark.parametrize("ppm", [-150.0, 0.0, 40.0, 400.0])
def test_the_slope_of_scattered_delays_around_a_step_is_found(ppm: float) -> None:
    rng = np.random.default_rng(7)
    time_s = 0.25 * np.arange(40)
    delay_s = 0.1 + 1e-6 * ppm * time_s + 0.05 * (time_s > 4.0) + rng.normal(0.0, 20e-6, time_s.size)

    line = common_slope(Points(time_s, delay_s, np.ones(time_s.size)), Line(0.1, 0.0, 1.0))

    assert 1e6 * line.slope == pytest.approx(ppm, abs=5.0)
