import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diag.core.clip import pcm16_from_samples
from diag.record.client.batcher import Batcher


@given(st.lists(st.integers(0, 400), max_size=30), st.integers(1, 300))
def test_batches_hold_every_sample_in_order(block_lengths, frames_per_batch):
    batcher = Batcher(frames_per_batch)
    total = sum(block_lengths)
    audio = (np.arange(total) % 1000 / 1000).astype(np.float32)
    batches, position = [], 0
    for index, length in enumerate(block_lengths):
        batches += batcher.push(audio[position : position + length], float(index))
        position += length
    whole = total // frames_per_batch * frames_per_batch
    assert b"".join(batch.pcm for batch in batches) == pcm16_from_samples(audio[:whole])
    assert [batch.start_frame for batch in batches] == list(range(0, whole, frames_per_batch))
    assert all(batch.frames == frames_per_batch for batch in batches)


def test_a_batch_knows_which_block_completed_it():
    batcher = Batcher(100)
    assert batcher.push(np.zeros(60, np.float32), 1.0) == []
    (batch,) = batcher.push(np.zeros(60, np.float32), 2.0)
    assert batch.captured_s == 2.0


def test_an_empty_batch_is_refused():
    with pytest.raises(ValueError, match="at least one frame"):
        Batcher(0)
