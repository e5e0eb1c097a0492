import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from diag.dsp.runs import runs_of


def test_runs_are_given_with_the_place_after_their_last_flag():
    assert runs_of(np.array([True, False, True, True])).tolist() == [[0, 1], [2, 4]]
    assert runs_of(np.zeros(0, dtype=bool)).shape == (0, 2)


@given(st.lists(st.booleans(), max_size=40))
def test_runs_tell_the_flags_apart_again(flags):
    runs = runs_of(np.array(flags, dtype=bool))
    back = np.zeros(len(flags), dtype=bool)
    for first, last in runs.tolist():
        back[first:last] = True
    assert back.tolist() == flags
    assert (runs[1:, 0] > runs[:-1, 1]).all()
