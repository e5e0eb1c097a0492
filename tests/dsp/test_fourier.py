"""Lengths that transforms are fast at."""

import scipy.fft
from hypothesis import given
from hypothesis import strategies as st

from diag.dsp.fourier import next_fast_len


@given(st.integers(1, 10**8))
def test_lengths_are_those_of_scipy(least):
    assert next_fast_len(least) == scipy.fft.next_fast_len(least, real=True)


def test_small_lengths():
    assert [next_fast_len(least) for least in range(1, 14)] == [1, 2, 3, 4, 5, 6, 8, 8, 9, 10, 12, 12, 15]
