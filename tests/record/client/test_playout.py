import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from diag.record.client.playout import Playout, PlayoutEvent


def ramp(start, count):
    return np.arange(start + 1, start + count + 1, dtype=np.float32)


def pulled(playout, blocks, frames=10):
    return np.concatenate([playout.pull(frames) for _ in range(blocks)])


def test_waits_for_the_prebuffer_then_plays_whole():
    playout = Playout(prebuffer_frames=20)
    playout.feed(ramp(0, 15))
    assert not pulled(playout, 2).any()
    playout.feed(ramp(15, 15))
    playout.end()
    out = pulled(playout, 4)
    assert (out[:30] == ramp(0, 30)).all()
    assert not out[30:].any()
    assert list(playout.events) == [PlayoutEvent("playout_started", 20), PlayoutEvent("playout_ended", 50)]


def test_a_reply_shorter_than_the_prebuffer_is_played_when_its_end_is_known():
    playout = Playout(prebuffer_frames=100)
    playout.feed(ramp(0, 5))
    playout.end()
    assert (playout.pull(10)[:5] == ramp(0, 5)).all()


def test_an_underrun_is_silence_and_is_counted():
    playout = Playout(prebuffer_frames=0)
    playout.feed(ramp(0, 5))
    first = playout.pull(10)
    second = playout.pull(10)
    playout.feed(ramp(5, 5))
    playout.end()
    third = playout.pull(10)
    assert (first[:5] == ramp(0, 5)).all()
    assert not first[5:].any()
    assert not second.any()
    assert (third[:5] == ramp(5, 5)).all()
    assert list(playout.events) == [
        PlayoutEvent("playout_started", 0),
        PlayoutEvent("underrun", 5, 15),
        PlayoutEvent("playout_ended", 25),
    ]


def test_silence_before_a_late_end_is_no_underrun():
    playout = Playout(prebuffer_frames=0)
    playout.feed(ramp(0, 5))
    pulled(playout, 3)
    playout.end()
    playout.pull(10)
    assert [event.name for event in playout.events] == ["playout_started", "playout_ended"]
    assert playout.events[-1].frame == 5


def test_flush_throws_away_what_waits():
    playout = Playout(prebuffer_frames=0)
    playout.feed(ramp(0, 100))
    playout.pull(10)
    playout.flush()
    assert not playout.pull(10).any()
    assert not playout.playing
    assert playout.waiting_frames == 0


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 30)), max_size=20), st.integers(0, 60))
def test_every_fed_sample_is_played_once_in_order(steps, prebuffer_frames):
    playout = Playout(prebuffer_frames)
    fed, out = 0, []
    for feed, pull in steps:
        playout.feed(ramp(fed, feed))
        fed += feed
        out.append(playout.pull(pull))
    playout.end()
    out.append(playout.pull(fed + 1))
    played = np.concatenate(out)
    assert (played[played > 0] == ramp(0, fed)).all()
    assert not playout.playing


def test_a_reply_that_is_queued_behind_another_has_its_own_start_and_end():
    playout = Playout(prebuffer_frames=0)
    playout.feed(ramp(0, 25))
    playout.end()
    playout.feed(ramp(25, 10))
    playout.end()
    out = pulled(playout, 4)
    assert (out[:35] == ramp(0, 35)).all()
    assert [(event.name, event.frame) for event in playout.events] == [
        ("playout_started", 0), ("playout_ended", 25), ("playout_started", 25), ("playout_ended", 35),
    ]  # fmt: skip


def test_a_flush_forgets_where_the_next_reply_would_have_begun():
    playout = Playout(prebuffer_frames=0)
    playout.feed(ramp(0, 25))
    playout.end()
    playout.feed(ramp(25, 10))
    pulled(playout, 1)
    playout.flush()
    assert not pulled(playout, 3).any()
    assert [event.name for event in playout.events] == ["playout_started", "playout_ended"]
