"""What is announced before a run: how long its takes usually need."""

from types import SimpleNamespace

import pytest

from diag.api import run_length
from diag.api.options import Options
from diag.files.turn_script import ScriptedStep

REAL = Options(endpoint="gemini")


@pytest.mark.parametrize(("rigs", "whole_s"), [(1, 40.0), (2, 22.0), (8, 13.0)])
def test_each_take_begins_on_the_rig_that_is_free_first(rigs, whole_s):
    assert run_length.takes_s([13.0, 9.0, 9.0, 9.0], [0.0] * rigs, 0.0) == whole_s


def test_rigs_that_still_record_take_part_once_they_are_free():
    assert run_length.takes_s([10.0, 10.0, 10.0], [2.0, 9.0], 0.0) == 22.0
    assert run_length.takes_s([], [2.0, 9.0], 0.0) == 9.0


def test_judging_begins_when_the_first_take_ends():
    assert run_length.takes_s([5.0, 6.0], [0.0, 0.0], 50.0) == 55.0
    assert run_length.takes_s([30.0], [3.0, 8.0], 50.0) == 53.0
    assert run_length.takes_s([], [0.0], 3.0) == 3.0


def test_the_estimate_knows_the_length_of_the_emulators_replies():
    (known,) = planned_prompts(1.0, name="thanks")
    (other,) = planned_prompts(1.0, name="other")
    shorter_s = run_length.take_s(other, Options()) - run_length.take_s(known, Options())
    assert 0.5 < run_length.REPLY_S - shorter_s < 1.5
    assert run_length.take_s(other, REAL) == run_length.take_s(known, REAL)


@pytest.mark.parametrize(
    ("emulator", "longer_s"),
    [
        ({}, 0.0),
        ({"think_s": 4.0}, 3.75),
        ({"think_s": {"distribution": "uniform", "low_s": 1.0, "high_s": 2.0}}, 1.25),
        ({"think_s": {"distribution": "lognormal", "low_s": 1.0, "high_s": 9.0}}, 0.75),
        ({"silence_ms": 1500}, 1.0),
        ({"faults": [{"kind": "slow_first_audio", "delay_s": 2.25}]}, 2.0),
        ({"faults": [{"kind": "slow_first_audio", "delay_s": 2.25, "probability": 0.3}]}, 0.0),
    ],
)
def test_the_estimate_knows_how_long_the_emulator_waits_before_it_answers(emulator, longer_s):
    (usual,), (slow,) = planned_prompts(1.0), planned_prompts(1.0, emulator=emulator)
    assert run_length.take_s(slow, Options()) - run_length.take_s(usual, Options()) == pytest.approx(longer_s)
    assert run_length.take_s(slow, REAL) == pytest.approx(run_length.take_s(usual, Options()))


def test_pauses_and_silence_of_a_script_count():
    pause, silence = ScriptedStep(say="yes", after_s=2.3), ScriptedStep(kind="silence", for_s=10.0)
    over_the_reply = ScriptedStep(kind="barge_in", say="yes", at_s=1.0)
    (usual,) = planned_prompts(1.0)
    (scripted,) = planned_prompts(1.0, steps=[pause, silence, over_the_reply])
    assert run_length.take_s(scripted, REAL) - run_length.take_s(usual, REAL) == pytest.approx(2.0 + 10.0)


def test_many_takes_side_by_side_wait_for_their_judging_and_those_in_rooms_longer():
    takes = [1.0] * 100
    assert run_length.usual_s(planned_prompts(*takes), 100, REAL) > 100 * run_length.JUDGED_S
    in_room = planned_prompts(*takes, room="laptop")
    assert run_length.usual_s(in_room, 100, REAL) > 100 * run_length.JUDGED_IN_A_ROOM_S
    assert run_length.usual_s(in_room, 1, REAL) == run_length.usual_s(planned_prompts(*takes), 1, REAL)


def planned_prompts(*lengths_s, name="prompt", room=None, emulator=None, steps=()):
    """Takes with one prompt each, of the given lengths."""
    plan = SimpleNamespace(
        prompts_of=lambda number: (SimpleNamespace(name=name, speech_end_s=lengths_s[number]),),
        scenario=SimpleNamespace(room=room, emulator=emulator or {}),
        script=[SimpleNamespace(step=step) for step in steps],
    )
    return [SimpleNamespace(plan=plan, number=number) for number in range(len(lengths_s))]
