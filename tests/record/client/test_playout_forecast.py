"""The forecast of underruns: the same as a player that counts frames, and as the real player of a recorded take."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from builders import Story, build
from hypothesis import given, settings
from hypothesis import strategies as st

from diag.core.chain import Tap
from diag.core.client_config import ClientConfig
from diag.core.clip import Clip
from diag.core.errors import BadInputError
from diag.core.take import Take
from diag.core.timeline import Event, Timeline
from diag.record.client.playout_forecast import Playback, forecast_playback, recorded_playback

RATE_HZ, BLOCK = 24000, 480


def take_of(arrivals, *, blocks=400, over_s=None):
    """A take of one reply: `arrivals` are (seconds, frames) of chunks, and the device asks every 20 ms from 0 on."""
    starts = np.cumsum([0, *(frames for _, frames in arrivals)])
    events = [
        Event(t_s=t_s, name="chunk_received", source="service",
              data={"turn": 0, "start_frame": int(start), "frames": frames, "mime_type": "audio/pcm;rate=24000"})
        for (t_s, frames), start in zip(arrivals, starts, strict=False)
    ]  # fmt: skip
    over_s = arrivals[-1][0] + 0.0001 if over_s is None else over_s
    stamps = {"tap": "played", "frame": [BLOCK * k for k in range(blocks)], "t_s": [0.02 * k for k in range(blocks)]}
    events += [
        Event(t_s=over_s, name="turn_complete", source="service", data={"turn": 0}),
        Event(t_s=9.0, name="stamps", source="audio", data=stamps),
    ]
    silence = Clip(samples=np.zeros(BLOCK * blocks, np.float32), sample_rate_hz=RATE_HZ, start_s=0.0)
    return Take(
        id="0001", scenario="x", config=ClientConfig(), environment={}, seed=0, clips={Tap.PLAYED: silence},
        timeline=Timeline(tuple(events)), turns=(),
    )  # fmt: skip


def counted_by_hand(arrivals, over_s, prebuffer_ms, blocks=400):
    """What a player does, counted block by block without its code."""
    total, start, taken, gaps, open_gap = sum(frames for _, frames in arrivals), None, 0, [], 0
    for block in range(blocks):
        now_s = 0.02 * block
        there = sum(frames for t_s, frames in arrivals if t_s < now_s)
        over = over_s < now_s
        if start is None and there > 0 and (there >= prebuffer_ms * RATE_HZ / 1000 or over):
            start = block * BLOCK
        if start is None or (over and taken == total):
            continue
        played = min(BLOCK, there - taken)
        if played and open_gap:
            gaps.append(open_gap)
            open_gap = 0
        taken += played
        if played < BLOCK and not (over and taken == total):
            open_gap += BLOCK - played
    return Playback(None if start is None else start / RATE_HZ, len(gaps), sum(gaps) / RATE_HZ)


@given(
    waits=st.lists(st.integers(1, 300), min_size=1, max_size=20),
    lengths=st.lists(st.integers(200, 6000), min_size=20, max_size=20),
    prebuffer_ms=st.sampled_from([0, 20, 60, 100, 250, 1000]),
)
@settings(max_examples=60)
def test_any_arrivals_are_played_as_counted_by_hand(waits, lengths, prebuffer_ms):
    # Half a millisecond past the millisecond, so that no chunk comes at the very moment of a block.
    arrivals = [(0.1005 + at / 1000, frames) for at, frames in zip(np.cumsum(waits), lengths, strict=False)]
    take = take_of(arrivals)
    assert forecast_playback(take, prebuffer_ms) == counted_by_hand(arrivals, arrivals[-1][0] + 0.0001, prebuffer_ms)


def test_a_larger_buffer_starts_later_and_covers_the_pause():
    # 100 ms at once, 150 ms nothing, then the rest.
    take = take_of([(0.105, 2400), (0.255, 4800), (0.265, 4800)])
    forecasts = [forecast_playback(take, prebuffer_ms) for prebuffer_ms in (0, 100, 200)]
    assert [item.underruns for item in forecasts] == [1, 1, 0]
    assert [item.start_s for item in forecasts] == pytest.approx([0.12, 0.12, 0.26])
    assert forecasts[0].silence_s == pytest.approx(0.04)


def test_an_interruption_ends_the_reply_without_an_underrun():
    take = take_of([(0.105, 24000)], over_s=1.3)
    cut = Event(t_s=0.5, name="interrupted", source="service", data={"turn": 0})
    take = replace(take, timeline=Timeline((*take.timeline, cut)))
    assert forecast_playback(take, 0).underruns == 0


def test_latency_never_falls_with_the_buffer():
    take = build(Story(pace=1.1))
    starts = [forecast_playback(take, prebuffer_ms).start_s for prebuffer_ms in range(0, 500, 50)]
    assert all(later >= earlier for earlier, later in pairwise(starts))
    assert starts[-1] > starts[0]


def test_a_take_without_the_players_device_is_refused():
    take = build(Story())
    kept = tuple(event for event in take.timeline if event.data.get("tap") != "played")
    with pytest.raises(BadInputError, match="no times at which the output device"):
        forecast_playback(replace(take, timeline=Timeline(kept)), 60)


def test_what_was_recorded_is_read_from_the_events():
    take = build(Story())
    assert recorded_playback(take).underruns == 0
    assert recorded_playback(take).start_s is not None
