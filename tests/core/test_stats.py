"""Statistics: known values, known intervals, and intervals that keep their word."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diag.core import stats

values = st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=30)


def single(numbers):
    return [[number] for number in numbers]


def test_nothing_has_no_median_and_no_percentile():
    assert stats.median([]) is None
    assert stats.percentile([], 0.5) is None


def test_known_median_and_percentiles():
    assert stats.median([3, 1, 2]) == 2
    assert stats.median([1, 2]) == 1.5
    assert stats.percentile(list(range(101)), 0.95) == pytest.approx(95)


def test_p95_needs_twenty_values():
    assert stats.p95(list(range(19))) is None
    assert stats.p95(list(range(20))) == pytest.approx(18.05)


def test_four_values_have_no_interval():
    assert stats.bootstrap_interval(single([1, 2, 3, 4]), seed=0) is None


def test_five_values_give_their_range_as_the_median_interval():
    assert stats.bootstrap_interval(single([5, 1, 4, 2, 3]), seed=0) == (1, 5)


def test_equal_values_have_an_interval_of_no_width():
    assert stats.bootstrap_interval(single([0.25] * 8), seed=3) == (0.25, 0.25)


def test_shares_use_the_mean():
    low, high = stats.bootstrap_interval(single([1] * 10 + [0] * 10), statistic="mean", seed=1)
    assert low == pytest.approx(0.3, abs=0.05)
    assert high == pytest.approx(0.7, abs=0.05)


@given(values=values, seed=st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_interval_within_the_range(values, seed):
    first = stats.bootstrap_interval(single(values), seed=seed, resamples=200)
    assert first == stats.bootstrap_interval(single(values), seed=seed, resamples=200)
    assert min(values) <= first[0] <= first[1] <= max(values)


def test_repeats_of_few_prompts_do_not_pass_for_new_evidence():
    generator = np.random.default_rng(5)
    prompts = [level + generator.normal(0, 0.01, 20) for level in (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)]
    clustered = stats.bootstrap_interval(prompts, seed=1)
    pooled = stats.bootstrap_interval(single(np.concatenate(prompts)), seed=1)
    assert clustered[1] - clustered[0] > 2 * (pooled[1] - pooled[0])


def test_groups_of_different_size_are_drawn_whole():
    low, high = stats.bootstrap_interval([[0.0], [0.0] * 9, [0.0], [0.0], [100.0]], seed=1)
    assert (low, high) == (0.0, 100.0)
    assert stats.bootstrap_interval([[1.0, 1.0], [1.0], [1.0], [1.0], [1.0]], seed=1) == (1.0, 1.0)


def test_few_groups_fall_back_to_single_values():
    assert stats.bootstrap_interval([[1.0, 2.0, 3.0, 4.0, 5.0]], seed=0) == (1.0, 5.0)


@pytest.mark.parametrize("n", [5, 10, 20])
def test_the_interval_of_the_median_holds_the_truth_as_often_as_it_says(n):
    generator = np.random.default_rng(n)
    held = 0
    for trial in range(300):
        low, high = stats.bootstrap_interval(single(generator.lognormal(0, 1, n)), seed=trial, resamples=400)
        held += low <= 1.0 <= high
    assert held / 300 > 0.88


def test_seeds_differ_by_name_and_stay_the_same():
    assert stats.derived_seed(1, "ttfa_heard_s") == stats.derived_seed(1, "ttfa_heard_s")
    assert len({stats.derived_seed(1, "a", "b"), stats.derived_seed(1, "ab"), stats.derived_seed(2, "a", "b")}) == 3
