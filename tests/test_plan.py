from dataclasses import replace

import numpy as np
import pytest

from diag.conduct import Options, compare, find_scenario
from diag.errors import BadInputError
from diag.plan import interleaved, new_run, prompt_jobs, resumed_runs


@pytest.fixture
def options(tmp_path):
    return Options(takes=3, prompts=("yes", "table_for_six"), audio="wire", out=tmp_path, seed=7)


def plans_of(options, *names, group="g"):
    return [
        new_run(find_scenario("healthy"), options, command="run", name=name, group=group, position=position)
        for position, name in enumerate(names)
    ]


def test_takes_go_through_the_prompts_in_turn(options):
    (plan,) = plans_of(options, "a")
    assert [plan.prompt_of(number).name for number in plan.missing] == ["yes", "table_for_six", "yes"]


def test_takes_of_two_runs_are_interleaved_and_every_second_round_turns_round(options):
    order = [(item.plan.name, item.take_id) for item in interleaved(plans_of(options, "a", "b"))]
    assert order == [("a", "0001"), ("b", "0001"), ("b", "0002"), ("a", "0002"), ("a", "0003"), ("b", "0003")]


def test_a_resumed_run_lacks_only_what_is_not_there_and_brings_its_siblings(options):
    a, b = plans_of(options, "a", "b")
    plans_of(options, "other", group="another")
    (a.folder / "takes" / "0002").mkdir()
    (a.folder / "takes" / "0002" / "take.json").write_text("{}")
    plans, facts = resumed_runs(b.folder)
    assert [plan.name for plan in plans] == ["a", "b"]
    assert plans[0].missing == (1, 3)
    assert plans[1] == b
    assert (facts["audio"], facts["seed"]) == ("wire", 7)


def test_a_folder_without_plan_cannot_be_gone_on_with(tmp_path):
    with pytest.raises(BadInputError, match="Could not"):
        resumed_runs(tmp_path)


@pytest.mark.parametrize(("a", "b"), [("healthy", "wrong_model"), ("healthy", "healthy")])
def test_a_comparison_goes_on_with_runs_of_its_own_configurations_only(options, a, b):
    (plan,) = plans_of(options, "a")
    with pytest.raises(BadInputError, match="Could not go on with the comparison"):
        compare(a, b, replace(options, resume=plan.folder))


@pytest.mark.parametrize(
    ("endpoint", "rigs", "side_by_side"), [("gemini", None, 1), ("https://live.test", None, 1), ("gemini", 3, 3)]
)
def test_a_real_service_gets_one_session_at_a_time_unless_asked(endpoint, rigs, side_by_side):
    assert Options(endpoint=endpoint, rigs=rigs).rig_count(20) == side_by_side


@pytest.mark.parametrize("takes", [0, -1, 10_001])
def test_the_number_of_takes_has_limits(options, tmp_path, takes):
    with pytest.raises(BadInputError, match="Could not plan the run"):
        plans_of(Options(takes=takes, out=tmp_path), "a")


def test_speech_is_found_in_a_recording_of_the_users_own(tmp_path):
    import soundfile

    known = prompt_jobs(["table_for_six"])[0]
    samples, rate_hz = soundfile.read(known.path, dtype="float32")
    padded = np.concatenate((np.zeros(rate_hz // 2, np.float32), samples))
    path = tmp_path / "mine.wav"
    soundfile.write(path, np.column_stack((padded, padded)), rate_hz, subtype="FLOAT")
    (found,) = prompt_jobs([str(path)])
    assert found.name == "mine"
    assert found.speech_start_s == pytest.approx(known.speech_start_s + 0.5, abs=0.03)
    assert found.speech_end_s == pytest.approx(known.speech_end_s + 0.5, abs=0.03)


def test_a_recording_without_speech_is_refused(tmp_path):
    import soundfile

    path = tmp_path / "silent.wav"
    soundfile.write(path, np.zeros(16000), 16000)
    with pytest.raises(BadInputError, match="no speech in it"):
        prompt_jobs([str(path)])
