"""What metrics keep of a clip or a pair."""

import gc

import numpy as np

from diag.core.clip import Clip
from diag.measure.metrics import sounds
from diag.measure.metrics.sounds import of_pair


def clip():
    return Clip(samples=np.zeros(8, np.float32), sample_rate_hz=8000)


def test_results_of_a_pair_are_kept_for_that_pair_alone():
    one, other, estimated = clip(), clip(), clip()
    assert of_pair(one, estimated, "x", lambda: 1) == 1
    assert of_pair(one, estimated, "x", lambda: 2) == 1
    assert of_pair(other, estimated, "x", lambda: 3) == 3
    assert of_pair(one, estimated, "y", lambda: 4) == 4


def test_a_reference_made_where_an_earlier_one_lay_does_not_get_its_results():
    estimated, kept = clip(), len(sounds._pairs)
    for number in range(50):
        # Each reference may lie where the one before lay: what was kept of that is gone with it.
        assert of_pair(clip(), estimated, "x", lambda number=number: number) == number
    gc.collect()
    assert len(sounds._pairs) <= kept
