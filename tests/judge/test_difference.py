"""Tests of differences against answers that are counted, tabulated or follow from their definitions."""

import math
from itertools import product

import numpy as np
import pytest
import scipy.stats

from diag.judge.difference import (
    chance_of,
    chance_of_counts,
    corrected,
    floor_between_equals,
    smallest_shown,
)

# --- the chance of changes


@pytest.mark.parametrize("changes", [[], [3.0], [0.0, 0.0], [0.0] * 12])
def test_without_changes_or_with_one_there_is_no_evidence(changes):
    assert chance_of(changes, tolerance=0.1) == 1.0


@pytest.mark.parametrize(
    ("changes", "tolerance", "chance"),
    [
        # With two pairs t has one degree of freedom, and its tail is known: 1/2 - arctan(t) / pi.
        ([1.0, 3.0], 0.0, 0.5 - math.atan(2.0) / math.pi),
        ([-1.0, -3.0], 0.0, 0.5 - math.atan(2.0) / math.pi),
        ([2.0, 2.0], 4.0, 0.5 - math.atan(2.0 * math.sqrt(2.0)) / math.pi),
        ([1.0, 3.0], 4.0, 0.5 - math.atan(2.0 * math.sqrt(2.0) / math.sqrt(3.0)) / math.pi),
        ([2.0, 2.0], 0.0, 0.0),
        # With three pairs it has two, and its tail is 1/2 - t / (2 sqrt(2 + t^2)).
        ([1.0, 2.0, 3.0], 0.0, 0.5 - math.sqrt(12.0) / (2 * math.sqrt(2.0 + 12.0))),
    ],
)
def test_few_pairs_are_tested_by_t_whose_spread_has_a_floor(changes, tolerance, chance):
    assert chance_of(changes, tolerance=tolerance) == pytest.approx(chance)


def counted(changes):
    """The chance by going through all signs: ranks by size, those above the middle one limited to it."""
    values = np.array([value for value in changes if value])
    ranks = np.minimum(scipy.stats.rankdata(np.abs(values)), len(values) / 2)
    seen = ranks[values > 0].sum()
    sums = [ranks[np.array(signs)].sum() for signs in product((False, True), repeat=len(values))]
    return np.mean([total >= seen for total in sums])


TEN = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]


@pytest.mark.parametrize(
    ("changes", "chance"),
    [
        (TEN, 1 / 1024),
        ([-value for value in TEN], 1 / 1024),
        ([-1.0, *TEN[1:]], 2 / 1024),
        ([1.0, -2.0, *TEN[2:]], 3 / 1024),
        ([*TEN[:9], -10.0], None),
        ([1.0, 1.0, 1.0, 2.0, 2.0, -2.0, 3.0, 3.0, 5.0, 5.0, 5.0], None),
        ([0.0, 0.0, 1.0, 2.0, -3.0, 4.0, 5.0, 6.0, 7.0, 8.0], None),
        ([0.0] * 9 + [5.0], 0.5),
        ([0.0] * 8 + [5.0, 6.0], 0.25),
    ],
)
def test_the_chance_of_ranks_is_that_of_all_signs(changes, chance):
    assert chance_of(changes, tolerance=99.0) == pytest.approx(counted(changes) if chance is None else chance)


def test_the_middle_change_tells_the_direction_and_the_mean_where_it_is_nothing():
    down = [-value for value in TEN]
    # The middle one is above nothing, although two large ones bring the mean below it.
    changes = [*TEN[:8], -900.0, -1000.0]
    assert chance_of(changes, tolerance=0.0) == pytest.approx(counted(changes))
    even = [0.0] * 6 + TEN[:5] + down[:3]
    assert chance_of(even, tolerance=0.0) == pytest.approx(counted(even))
    assert chance_of([-value for value in even], tolerance=0.0) == pytest.approx(counted(even))


def test_nine_pairs_are_tested_by_t_and_ten_by_ranks():
    nine = scipy.stats.ttest_1samp(TEN[:9], 0.0, alternative="greater").pvalue
    assert chance_of(TEN[:9], tolerance=0.0) == pytest.approx(nine)
    assert chance_of(TEN, tolerance=0.0) == pytest.approx(1 / 1024)


@pytest.mark.parametrize(("count", "exact"), [(200, True), (201, False)])
def test_up_to_two_hundred_pairs_are_counted_and_more_are_taken_as_normal(count, exact):
    changes = np.arange(1.0, count + 1)
    changes[::4] *= -1.0
    scores = np.minimum(np.arange(1.0, count + 1), count / 2)
    positive = scores[changes > 0].sum()
    if exact:
        chances = np.array([1.0])
        for score in scores:
            chances = np.convolve(chances, np.r_[0.5, np.zeros(round(2 * score) - 1), 0.5])
        expected = chances[round(2 * positive) :].sum()
    else:
        expected = scipy.stats.norm.sf((positive - scores.sum() / 2) / np.sqrt((scores**2).sum() / 4))
    assert chance_of(changes, tolerance=0.0) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("counts", "chance"),
    [
        ((0, 4, 4, 4), 1 / 70),
        ((4, 4, 0, 4), 1 / 70),
        ((1, 4, 3, 4), 17 / 70),
        ((2, 4, 2, 4), 53 / 70),
        ((0, 5, 1, 5), 0.5),
        ((1, 2, 1, 4), 0.6),
        ((0, 0, 4, 4), 1.0),
        ((4, 4, 0, 0), 1.0),
    ],
)
def test_the_chance_of_counts_is_that_of_drawing_as_many(counts, chance):
    assert chance_of_counts(*counts) == pytest.approx(chance)


@pytest.mark.parametrize(
    ("chances", "expected"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.2], [0.2]),
        ([0.5, 0.6], [1.0, 1.0]),
        ([0.04, 0.001], [0.04, 0.002]),
        ([0.01, 0.01], [0.02, 0.02]),
        ([], []),
    ],
)
def test_chances_are_corrected_for_their_number(chances, expected):
    assert corrected(chances) == pytest.approx(expected)


# --- what could be shown


def reach(count, level=0.02):
    return scipy.stats.t.isf(level, count - 1) + scipy.stats.t.ppf(0.8, count - 1)


def test_less_than_two_pairs_show_nothing():
    assert smallest_shown([1.0], tolerance=0.1, tested=1) is None


@pytest.mark.parametrize(
    ("changes", "tolerance", "tested", "expected"),
    [
        ([1.0, 3.0], 0.0, 1, reach(2) * math.sqrt(2.0) / math.sqrt(2)),
        ([2.0, 2.0, 2.0, 2.0], 4.0, 1, 4.0),
        ([2.0, 2.0, 2.0, 2.0], 0.0, 1, 0.0),
        ([1.0, 3.0], 0.0, 4, reach(2, 0.005) * math.sqrt(2.0) / math.sqrt(2)),
        ([1.0, 3.0], 0.0, 0, reach(2)),
        ([1.0, 3.0], 1e6, 1, 0.25e6 * reach(2) / math.sqrt(2)),
        (TEN, 0.0, 1, reach(10) * 1.4826 * 2.5 / math.sqrt(10 * 0.83)),
        (TEN, 99.0, 1, 99.0),
        ([0.0] * 9 + [10.0], 0.0, 1, reach(10) * math.sqrt(10.0) / math.sqrt(10 * 0.83)),
        (TEN[:9], 0.0, 1, reach(9) * math.sqrt(7.5) / 3),
    ],
)
def test_the_smallest_difference_shown_follows_from_the_spread_and_the_number(changes, tolerance, tested, expected):
    assert smallest_shown(changes, tolerance=tolerance, tested=tested) == pytest.approx(expected, rel=1e-6)


def test_the_level_is_that_of_all_metrics_together():
    assert smallest_shown([1.0, 3.0], tolerance=0.0, tested=2, level=0.1) == pytest.approx(reach(2, 0.05))


def test_equal_series_differ_by_the_rest_within_prompts():
    two = [np.array([10.0, 12.0]), np.array([3.0])]
    # Each value is one beside the mean of its prompt, which is sqrt(2) for the mean is of two.
    assert floor_between_equals(two, 1, seed=1) == pytest.approx(2 * math.sqrt(2))
    assert floor_between_equals([np.array([5.0, 5.0, 5.0])], 9, seed=1) == 0.0
    assert floor_between_equals([np.array([3.0])], 9, seed=1) is None
    assert floor_between_equals([], 9, seed=1) is None
    assert floor_between_equals(two, 0, seed=1) is None


def test_the_floor_is_the_95th_percentile_of_the_median_of_changes():
    normal = np.random.default_rng(3).standard_normal(4000)
    one, nine = (floor_between_equals([normal], pairs, seed=1, resamples=4000) for pairs in (1, 9))
    assert one == pytest.approx(1.96 * math.sqrt(2), rel=0.05)
    # The median of nine normal values has 0.408 of the spread of one.
    assert nine == pytest.approx(one * 0.408, rel=0.06)
    assert floor_between_equals([normal], 9, seed=1, resamples=4000) == nine
    assert floor_between_equals([normal], 9, seed=2, resamples=4000) != nine
