"""Where a long sound is cut."""

import numpy as np
import pytest

from diag.dsp.pauses import pause_near_end

RATE_HZ = 8000
NOISE = np.random.default_rng(1).standard_normal(20 * RATE_HZ).astype(np.float32)


def with_pause(start_s, length_s):
    samples = NOISE.copy()
    samples[round(start_s * RATE_HZ) : round((start_s + length_s) * RATE_HZ)] *= 0.01
    return samples


def test_the_cut_lies_in_the_pause():
    assert pause_near_end(with_pause(14.0, 0.8), RATE_HZ, 10.0) / RATE_HZ == pytest.approx(14.4, abs=0.16)


def test_a_pause_too_far_from_the_end_is_not_looked_for():
    assert pause_near_end(with_pause(3.0, 0.8), RATE_HZ, 10.0) / RATE_HZ > 10.0


def test_a_short_gap_is_no_pause():
    samples = with_pause(12.0, 0.8)
    samples[18 * RATE_HZ : 18 * RATE_HZ + 400] = 0.0
    assert pause_near_end(samples, RATE_HZ, 10.0) / RATE_HZ == pytest.approx(12.4, abs=0.16)


@pytest.mark.parametrize("size", [0, 1, 100, 4000])
def test_what_is_too_short_is_not_cut(size):
    assert pause_near_end(NOISE[:size], RATE_HZ, 10.0) == size
