"""What is noted of streams, and the wait until they are at rest; the clock is virtual."""

import asyncio
from types import SimpleNamespace

import pytest

from diag.record.audio.ports import LateCallback
from diag.record.stream_notes import AT_REST_S, REST_WITHIN_S, at_rest, note_end
from diag.record.take_log import TakeLog

STARTED_S = 100.0


@pytest.fixture
def clock(monkeypatch):
    """A clock that only `asyncio.sleep` moves; what happens at a time is in `at`."""
    world = SimpleNamespace(now_s=STARTED_S, at=[])

    async def sleep(seconds):
        world.now_s += seconds
        for happening in [one for one in world.at if one[0] <= world.now_s]:
            world.at.remove(happening)
            happening[1]()

    monkeypatch.setattr("time.perf_counter", lambda: world.now_s)
    monkeypatch.setattr("asyncio.sleep", sleep)
    return world


def streams(*, late_s=(), xruns=0):
    return SimpleNamespace(late=tuple(LateCallback("mouth", at_s, 0.1) for at_s in late_s), xruns={"mouth": xruns})


def waited_s(clock, audio):
    asyncio.run(at_rest(audio))
    return clock.now_s - STARTED_S


def test_streams_that_nothing_disturbed_are_not_waited_for(clock):
    assert waited_s(clock, streams()) == 0
    assert waited_s(clock, streams(late_s=(STARTED_S - 5.0,), xruns=3)) == 0


def test_a_late_callback_shortly_before_is_waited_out(clock):
    seen_s = waited_s(clock, streams(late_s=(STARTED_S - 5.0, STARTED_S - 0.4)))
    assert seen_s == pytest.approx(AT_REST_S - 0.4, abs=0.06)


def test_a_loss_while_waiting_starts_the_wait_again(clock):
    audio = streams(late_s=(STARTED_S,))
    clock.at.append((STARTED_S + 0.5, lambda: audio.xruns.update(mouth=1)))
    assert waited_s(clock, audio) == pytest.approx(0.5 + AT_REST_S, abs=0.11)


def test_the_wait_has_an_end(clock):
    audio = streams(late_s=(STARTED_S,))

    def lose():
        audio.xruns["mouth"] += 1
        clock.at.append((clock.now_s + 0.2, lose))

    clock.at.append((STARTED_S, lose))
    assert waited_s(clock, audio) == pytest.approx(REST_WITHIN_S, abs=0.06)


def test_losses_before_the_first_prompt_are_counted_apart():
    log = TakeLog()
    audio = SimpleNamespace(xruns={"mouth": 3, "ear": 0}, late=())
    note_end(log, audio, None, {"mouth": 2, "ear": 0})
    seen = [(event.data["port"], event.data["count"], event.data["before_prompts"])
            for event in log.timeline.named("xruns")]  # fmt: skip
    assert seen == [("mouth", 3, 2), ("ear", 0, 0)]
