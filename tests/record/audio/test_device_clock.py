"""Steady stamps: the same error throughout, where the server's own wander by twenty milliseconds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diag.record.audio.device_clock import LEARNING_BLOCKS, SETTLING_BLOCKS, WINDOW_BLOCKS, SteadyStamps

RATE_HZ = 24000
BLOCK = 480
LATENCY_S = 0.16


def run(late_s, wrong_s, *, drift_ppm=0.0, step_at=None, step_s=0.0):
    """Feed blocks as a server would; gives the error of each stamp in seconds."""
    errors, _ = run_and_count(late_s, wrong_s, drift_ppm=drift_ppm, step_at=step_at, step_s=step_s)
    return errors


def run_and_count(late_s, wrong_s, *, drift_ppm=0.0, step_at=None, step_s=0.0):
    steady = SteadyStamps(RATE_HZ)
    errors = []
    shift_s = 0.0
    for block, (late, wrong) in enumerate(zip(late_s, wrong_s, strict=True)):
        if block == step_at:
            shift_s = step_s
        clock_s = block * BLOCK / RATE_HZ * (1 + drift_ppm * 1e-6) + shift_s
        leaves_s = clock_s + LATENCY_S
        stamp = steady.stamp(BLOCK, clock_s + late, leaves_s + wrong)
        errors.append(stamp - leaves_s)
    return np.array(errors), steady.shifts


@given(seed=st.integers(0, 1000), drift_ppm=st.floats(-200, 200))
def test_late_callbacks_and_wandering_stamps_do_not_matter(seed, drift_ppm):
    rng = np.random.default_rng(seed)
    late_s = rng.exponential(0.004, 400) * (rng.random(400) < 0.7)
    wrong_s = np.clip(np.cumsum(rng.normal(0, 0.001, 400)), -0.02, 0.02)
    learned = SETTLING_BLOCKS + LEARNING_BLOCKS
    wrong_s[:learned] = 0
    errors = run(late_s, wrong_s, drift_ppm=drift_ppm)[learned:]
    # What was learned from a few late callbacks stays, for the calibration to find; it must not move afterwards.
    assert np.abs(errors).max() < 0.02
    assert np.ptp(errors[WINDOW_BLOCKS:]) < 0.001


def test_a_constant_error_of_the_device_stays_for_the_calibration_to_find():
    errors = run(np.zeros(200), np.full(200, 0.005))
    np.testing.assert_allclose(errors, 0.005, atol=1e-9)


@pytest.mark.parametrize("wrong_s", [-0.0303, 0.0303, 0.05])
def test_a_latency_that_the_server_estimates_anew_moves_nothing_while_callbacks_go_on(wrong_s):
    late_s = np.random.default_rng(5).exponential(0.002, 300)
    errors = run(late_s, np.where(np.arange(300) < 120, 0.0, wrong_s))[SETTLING_BLOCKS + LEARNING_BLOCKS :]
    assert np.ptp(errors[WINDOW_BLOCKS:]) < 0.001


def test_what_an_underrun_shifts_is_followed_within_a_second_and_a_half():
    errors = run(np.zeros(300), np.zeros(300), step_at=150, step_s=0.16)
    np.testing.assert_allclose(errors[:150], 0, atol=1e-9)
    np.testing.assert_allclose(errors[225:], 0, atol=1e-9)


@pytest.mark.parametrize("step_s", [0.02, 0.16, -0.04])
def test_a_shift_is_counted_once_even_if_nothing_else_tells(step_s):
    late_s = np.random.default_rng(3).exponential(0.002, 300)
    assert run_and_count(late_s, np.zeros(300), step_at=150, step_s=step_s)[1] == 1


@given(seed=st.integers(0, 1000), drift_ppm=st.floats(-300, 300))
def test_late_callbacks_are_no_shift(seed, drift_ppm):
    rng = np.random.default_rng(seed)
    late_s = rng.exponential(0.01, 300) * (rng.random(300) < 0.8)
    assert run_and_count(late_s, rng.normal(0, 0.01, 300), drift_ppm=drift_ppm)[1] == 0


def test_a_device_without_stamps_gets_none():
    steady = SteadyStamps(RATE_HZ)
    assert [steady.stamp(BLOCK, 0.02 * block, None) for block in range(60)] == [None] * 60


@pytest.mark.parametrize("block", [0, SETTLING_BLOCKS - 1, SETTLING_BLOCKS + LEARNING_BLOCKS - 1])
def test_until_it_has_learned_the_device_is_believed(block):
    wrong_s = np.random.default_rng(1).normal(0, 0.01, 40)
    assert run(np.zeros(40), wrong_s)[block] == pytest.approx(wrong_s[block])
