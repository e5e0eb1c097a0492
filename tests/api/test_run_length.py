"""What is announced before a run: how long its takes usually need."""

from types import SimpleNamespace

import pytest

from diag.api import run_length
from diag.api.options import Options


@pytest.mark.parametrize(("rigs", "takes_s"), [(1, 40.0), (2, 22.0), (8, 13.0)])
def test_the_estimate_lets_each_take_begin_on_the_rig_that_is_free_first(rigs, takes_s, monkeypatch):
    monkeypatch.setattr(run_length, "AROUND_PROMPTS_S", 2.0)
    monkeypatch.setattr(run_length, "AROUND_REPLY_S", 1.0)
    monkeypatch.setattr(run_length, "REPLY_S", 5.0)
    assert run_length.usual_s(planned_prompts(5.0, 1.0, 1.0, 1.0), rigs, {}) == run_length.START_S + takes_s


def test_the_estimate_knows_the_length_of_the_emulators_replies():
    longer = run_length.usual_s(planned_prompts(1.0), 1, {}) - run_length.usual_s(
        planned_prompts(1.0), 1, {"prompt": 1.0}
    )
    assert longer == pytest.approx(run_length.REPLY_S - 1.0)
    assert 0.5 < run_length.reply_ends_s(Options(endpoint="emulator"))["thanks"] < 1.5
    assert run_length.reply_ends_s(Options(endpoint="gemini")) == {}


def test_many_takes_side_by_side_wait_for_their_judging_and_those_in_rooms_longer():
    takes = [1.0] * 100
    assert run_length.takes_s(planned_prompts(*takes), 100, {}) > 100 * run_length.JUDGED_S
    in_room = planned_prompts(*takes, room="laptop")
    assert run_length.takes_s(in_room, 100, {}) > 100 * run_length.JUDGED_IN_A_ROOM_S
    assert run_length.takes_s(in_room, 1, {}) == run_length.takes_s(planned_prompts(*takes), 1, {})


def planned_prompts(*lengths_s, room=None):
    """Takes with one prompt each, of the given lengths."""
    plan = SimpleNamespace(
        prompts_of=lambda number: (SimpleNamespace(name="prompt", speech_end_s=lengths_s[number]),),
        scenario=SimpleNamespace(room=room),
    )
    return [SimpleNamespace(plan=plan, number=number) for number in range(len(lengths_s))]
