from dataclasses import replace

import numpy as np
import pytest
from builders import Story, build

from diag.core.chain import Tap
from diag.measure.metrics.chunks import TOO_FEW, repeated_chunks


def measured(**changes):
    take = build(replace(Story(), **changes))
    return repeated_chunks(take.turns[0], take.timeline, take.clips[Tap.RECEIVED])


@pytest.mark.parametrize("chunk_s", [0.02, 0.1, 0.4])
def test_a_voice_never_repeats_itself(chunk_s):
    assert measured(chunk_s=chunk_s).value == 0


@pytest.mark.parametrize("twice", [(5,), (2, 9), (3, 4, 5)])
def test_chunks_that_come_twice_are_counted_and_can_be_heard(twice):
    found = measured(twice=twice)
    assert found.value == len(twice)
    starts = [chunk + 1 + number for number, chunk in enumerate(twice)]
    assert [spot.start_s for spot in found.spots] == pytest.approx([0.1 * start for start in starts])


def test_silence_that_repeats_itself_is_no_repeated_chunk():
    assert measured(service=lambda samples: samples * 0).value == 0


def test_one_chunk_cannot_repeat_another():
    found = measured(chunk_s=5.0)
    assert (found.value, found.missing) == (None, TOO_FEW)


def test_a_tone_repeats_itself_by_nature():
    assert measured(service=lambda x: 0.3 * np.sin(np.arange(len(x)) * np.pi / 24).astype(np.float32)).value > 5
