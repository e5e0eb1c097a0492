import pytest

from diag.core.client_config import TurnConfig
from diag.record.client.turn import SILENT_GRACE_S, Phase, TurnFollower


@pytest.fixture
def follower():
    return TurnFollower(patience=TurnConfig(reply_timeout_s=5, reply_max_s=20))


def test_a_reply_comes_and_completes(follower):
    follower.prompt_ended(2.0)
    assert follower.phase(2.5) is Phase.AWAITED
    follower.content(3.0)
    assert follower.phase(3.1) is Phase.COMING
    follower.complete(6.0)
    assert follower.phase(6.0) is Phase.COMPLETE


def test_nothing_comes(follower):
    follower.prompt_ended(2.0)
    assert follower.phase(6.9) is Phase.AWAITED
    assert follower.phase(7.1) is Phase.TIMED_OUT


def test_a_silent_turn_is_over_soon_after_it_was_completed(follower):
    follower.prompt_ended(2.0)
    follower.complete(3.0)
    assert follower.phase(3.0 + SILENT_GRACE_S / 2) is Phase.AWAITED
    assert follower.phase(3.1 + SILENT_GRACE_S) is Phase.TIMED_OUT


def test_an_answer_to_a_pause_in_the_prompt_does_not_end_the_turn(follower):
    follower.content(1.0)
    follower.complete(1.5)
    follower.prompt_ended(2.0)
    assert follower.phase(2.5) is Phase.AWAITED
    follower.content(3.0)
    assert follower.phase(3.1) is Phase.COMING


def test_a_reply_without_end_is_given_up(follower):
    follower.prompt_ended(2.0)
    follower.content(3.0)
    assert follower.phase(22.9) is Phase.COMING
    assert follower.phase(23.1) is Phase.TIMED_OUT


def test_a_lost_connection_is_lost_at_once(follower):
    follower.prompt_ended(2.0)
    follower.lost()
    assert follower.phase(2.0) is Phase.LOST


def test_before_the_prompt_has_ended_nothing_times_out(follower):
    assert follower.phase(1000.0) is Phase.AWAITED
