"""Steps in series: a planted one is found at its place, and noise alone makes none."""

import numpy as np
import pytest

from diag.judge.steps import SHORTEST, Step, find_steps


def medians(dice, runs, takes=5, spread=0.15):
    """Medians of skewed latencies around 1 s, as runs of some takes give, and their standard deviation."""
    sd = np.std(np.median(np.exp(spread * np.random.default_rng(0).normal(size=(4000, takes))), axis=1))
    return np.median(np.exp(spread * dice.normal(size=(runs, takes))), axis=1), sd


@pytest.mark.parametrize("size", [6, 8])
def test_a_planted_step_is_found_at_the_right_run(size):
    dice, hits = np.random.default_rng(5), 0
    for _ in range(200):
        values, sd = medians(dice, 60)
        at = int(dice.integers(10, 50))
        values[at:] += size * sd
        hits += [step.index for step in find_steps(values)] == [at]
    assert hits >= 190, f"{hits} of 200"


@pytest.mark.parametrize("runs", [12, 40, 150])
def test_noise_makes_less_than_one_step_in_20_series(runs):
    dice = np.random.default_rng(6)
    false = sum(len(find_steps(medians(dice, runs)[0])) for _ in range(200))
    assert false <= 200 / 20


def test_single_outliers_are_no_step():
    dice = np.random.default_rng(7)
    values, sd = medians(dice, 60)
    values[[10, 30, 31, 55]] += 20 * sd
    assert not find_steps(values)


def test_steps_up_and_down_have_their_levels():
    values = np.r_[np.full(20, 1.0), np.full(20, 1.5), np.full(20, 1.0)] + np.tile([0.01, -0.01], 30)
    up, down = find_steps(values)
    assert (up.index, down.index) == (20, 40)
    assert up.before == pytest.approx(1.0, abs=0.011)
    assert up.after == pytest.approx(1.5, abs=0.011)
    assert down.change == pytest.approx(-0.5, abs=0.021)


def test_a_change_below_the_tolerance_is_no_step():
    values = np.r_[np.zeros(20), np.full(20, 0.03)]
    assert not find_steps(values, tolerance=0.05)
    assert find_steps(values, tolerance=0.01) == (Step(20, 0.0, 0.03),)


def test_a_measure_that_is_mostly_zero_has_no_step():
    values = np.zeros(60)
    values[[3, 4, 20, 33, 35, 50]] = 0.02
    assert not find_steps(values)


@pytest.mark.parametrize("values", [[], [1.0], [1.0] * (2 * SHORTEST - 1), [0.0] * 50, [3.0] * 50])
def test_short_and_constant_series_have_no_step(values):
    assert find_steps(values) == ()


def test_three_outliers_among_five_runs_in_a_row_are_no_step():
    dice = np.random.default_rng(9)
    values = dice.normal(50, 1, 300)
    values[[150, 152, 154]] += 12
    assert not find_steps(values)


def test_outliers_in_one_run_of_20_make_at_most_one_step_in_20_long_series():
    false = 0
    for seed in range(40):
        dice = np.random.default_rng(seed)
        values = dice.normal(50, 1, 300)
        outliers = dice.random(300) < 0.05
        values[outliers] += dice.exponential(8, outliers.sum())
        false += len(find_steps(values))
    assert false <= 40 / 20


def rising(height, before, after, wobble=0.01):
    series = np.r_[np.zeros(before), np.full(after, height)]
    return series + wobble * np.sin(7.0 * np.arange(series.size))


@pytest.mark.parametrize(
    ("values", "tolerance", "found"),
    [
        (rising(1.0, 5, 5), 0.0, [5]),
        (rising(1.0, 4, 5), 0.0, []),
        (rising(1.0, 30, 5), 0.0, [30]),
        (rising(-1.0, 5, 30), 0.0, [5]),
        (rising(0.0499, 30, 30, 0.0), 0.05, []),
        (rising(0.0501, 30, 30, 0.0), 0.05, [30]),
        (np.r_[rising(1.0, 20, 20), rising(-1.0, 0, 20), rising(2.0, 0, 20)], 0.0, [20, 40, 60]),
        (np.r_[np.zeros(30), 1.0, 1.0, 1.0, 0.0, 0.0, np.zeros(30)], 0.0, []),
        (np.r_[np.zeros(30), np.tile([1.0, 1.0, 1.0, 1.0, 0.0], 2)], 0.0, [30]),
    ],
)
def test_steps_of_plain_series_are_where_they_were_made(values, tolerance, found):
    assert [step.index for step in find_steps(values, tolerance=tolerance)] == found
