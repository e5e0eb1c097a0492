from dataclasses import replace

import numpy as np
import pytest
from builders import Story, build

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.take import Turn
from diag.core.timeline import Event, Timeline
from diag.measure.metrics.chunks import TOO_FEW, repeated_chunks
from diag.measure.reasons import NO_AUDIO


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


# --- chunks that are given, at 1000 Hz


HZ = 1000
TURN = Turn(index=0, prompt_name="p", start_s=0.0, end_s=9.0)
DICE = np.random.default_rng(1).uniform(-0.5, 0.5, (9, 40))


def again(*chunks):
    """Places in seconds of the chunks that are counted; each chunk is given by its samples."""
    starts = np.cumsum([0, *(len(chunk) for chunk in chunks)])
    events = tuple(
        Event(t_s=0.1 * n, name="chunk_received", source="service",
              data={"turn": 0, "start_frame": int(start), "frames": len(chunk)})
        for n, (start, chunk) in enumerate(zip(starts, chunks, strict=False))
    )  # fmt: skip
    received = Clip(samples=np.concatenate(chunks).astype(np.float32), sample_rate_hz=HZ)
    found = repeated_chunks(TURN, Timeline(events), received)
    assert found.value == len(found.spots)
    return [pytest.approx((spot.start_s, spot.end_s)) for spot in found.spots]


def test_a_chunk_is_compared_with_the_three_before_it():
    a, b, c, d, e = DICE[:5]
    assert again(a, b, c, a) == [(0.12, 0.16)]
    assert again(a, b, c, d, a) == []
    assert again(a, a) == [(0.04, 0.08)]
    assert again(a, b, a, e, b) == [(0.08, 0.12), (0.16, 0.2)]


def test_short_and_quiet_chunks_may_be_equal():
    a = DICE[0]
    assert again(a[:10], a[:10]) == [(0.01, 0.02)]
    assert again(a[:9], a[:9]) == []
    loud = np.full(40, 0.01)
    loud[0] = 0.0101
    assert again(loud, loud) == [(0.04, 0.08)]
    assert again(np.full(40, 0.0099), np.full(40, 0.0099)) == []


def test_no_chunk_is_another_reason_than_one():
    received = Clip(samples=np.zeros(9, np.float32), sample_rate_hz=HZ)
    assert repeated_chunks(TURN, Timeline(()), received).missing == NO_AUDIO
