import json
import shutil
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diag.api import run as conduct
from diag.api.compare import compare
from diag.api.options import Options
from diag.api.run import run
from diag.api.run_plan import interleaved, lacking, new_run, prompt_jobs, resumed_runs, rigs_for
from diag.core.errors import BadInputError
from diag.core.results import Measurements, TakeResult
from diag.files.scenarios import RoomConfig, find_scenario


@pytest.fixture
def options(tmp_path):
    return Options(takes=3, prompts=("yes", "table_for_six"), audio="wire", out=tmp_path, seed=7)


def plans_of(options, *names, group="g"):
    return [
        new_run(find_scenario("healthy"), options, command="run", name=name, group=group, position=position)
        for position, name in enumerate(names)
    ]


def result(take_id, prompt="yes", discarded=None):
    return TakeResult(
        id=take_id, prompt_names=(prompt,), measurements=Measurements(()), findings=(), outcomes=(),
        discarded=discarded,
    )  # fmt: skip


def all_of(*plans):
    return {plan.folder: lacking(plan, ()) for plan in plans}


def resumed(folder):
    notes = []
    plans, facts = resumed_runs(folder, notes.append)
    return plans, facts, notes


def test_takes_go_through_the_prompts_in_turn(options):
    (plan,) = plans_of(options, "a")
    assert [plan.prompts_of(number)[0].name for number in lacking(plan, ())] == ["yes", "table_for_six", "yes"]


def test_takes_of_two_runs_are_interleaved_and_every_second_round_turns_round(options):
    plans = plans_of(options, "a", "b")
    order = [(item.plan.name, item.take_id) for item in interleaved(plans, all_of(*plans))]
    assert order == [("a", "0001"), ("b", "0001"), ("b", "0002"), ("a", "0002"), ("a", "0003"), ("b", "0003")]


def test_a_run_that_lacks_nothing_leaves_the_turns_to_the_other(options):
    a, b = plans_of(options, "a", "b")
    order = [(item.plan.name, item.take_id) for item in interleaved([a, b], {a.folder: (), b.folder: (1, 3)})]
    assert order == [("b", "0001"), ("b", "0003")]


@pytest.mark.parametrize(
    ("there", "missing"),
    [
        ([], (1, 2, 3)),
        ([result("0002", "table_for_six")], (1, 3)),
        ([result("0001"), result("0002", "table_for_six", "late"), result("0003")], (2,)),
        ([result("0001", discarded="late"), result("0004")], (2, 3)),
        ([result("0003"), result("0001", discarded="late")], (1, 2)),
        ([result("0001"), result("0003"), result("0004"), result("0005")], (2,)),
        ([result("0001"), result("0002", "table_for_six"), result("0004")], ()),
    ],
)
def test_what_is_lacking_is_counted_by_prompt_and_spoiled_takes_do_not_count(options, there, missing):
    (plan,) = plans_of(options, "a")
    found = lacking(plan, there)
    assert len(found) == len(missing)
    assert sorted(plan.prompts_of(number)[0].name for number in found) == sorted(
        plan.prompts_of(number)[0].name for number in missing
    )


@given(st.lists(st.tuples(st.sampled_from(["yes", "table_for_six"]), st.booleans()), max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_counts_and_what_is_lacking_make_up_what_was_asked_for(options, made):
    (plan,) = plans_of(options, "a")
    there = [result(f"{n:04d}", prompt, "late" if late else None) for n, (prompt, late) in enumerate(made, start=1)]
    wanted = Counter(plan.prompts_of(number)[0].name for number in range(1, 4))
    counted = Counter(prompt for prompt, late in made if not late)
    assert Counter(plan.prompts_of(number)[0].name for number in lacking(plan, there)) == wanted - counted


def test_a_spoiled_take_is_repeated_under_a_free_number(options):
    (plan,) = plans_of(options, "a")
    for take_id in ("0002", "0004"):
        (plan.folder / "takes" / take_id).mkdir()
        (plan.folder / "takes" / take_id / "take.json").write_text("{}")
    planned = interleaved([plan], {plan.folder: (1, 2)})
    assert [(item.number, item.take_id) for item in planned] == [(1, "0001"), (2, "0005")]


def test_a_resumed_run_brings_its_siblings(options):
    a, b = plans_of(options, "a", "b")
    plans_of(options, "other", group="another")
    plans, facts, notes = resumed(b.folder)
    assert plans == [a, b]
    assert (facts["audio"], facts["seed"]) == ("wire", 7)
    assert notes == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "run.json is damaged"),
        ('{"schema_version": 99, "tool_version": "9.0"}', "schema version 99, written by diag 9.0"),
        ('{"schema_version": 1, "name": "x", "group": "g"}', "no configuration"),
    ],
)
def test_a_folder_beside_it_that_cannot_be_read_is_named_and_passed_over(options, text, words):
    (plan,) = plans_of(options, "a")
    beside = plan.folder.with_name("0-beside")
    beside.mkdir()
    (beside / "run.json").write_text(text)
    plans, _, notes = resumed(plan.folder)
    assert plans == [plan]
    (note,) = notes
    assert "0-beside" in note
    assert words in note


def test_a_copy_of_a_run_is_named_and_passed_over(options):
    a, b = plans_of(options, "a", "b")
    shutil.copytree(b.folder, b.folder.with_name("copy"))
    plans, _, notes = resumed(a.folder)
    assert len(plans) == 2
    assert plans[0] == a
    (note,) = notes
    assert "copy" in note


def changed(folder, **changes):
    path = folder / "run.json"
    facts = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in facts.items() if value is not None}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scenario": None}, "no configuration"),
        ({"scenario": 3}, "cannot be used"),
        ({"scenario": {"name": "x", "client": {"send": {"batch_ms": "?"}}}}, "send.batch_ms = '\\?'"),
        ({"takes": "many"}, "plan"),
        ({"prompts": [{"name": "yes"}]}, "plan"),
        ({"group": None}, "group"),
        ({"devices": 3}, "plan"),
        ({"environment": None}, "environment"),
    ],
)
def test_a_plan_that_cannot_be_used_is_refused(options, changes, words):
    (plan,) = plans_of(options, "a")
    changed(plan.folder, **changes)
    with pytest.raises(BadInputError, match=f"Could not resume .*{words}"):
        resumed(plan.folder)


@pytest.mark.parametrize("scenario", [None, [], {"name": "x", "client": {"sned": {}}}])
def test_a_saved_run_without_a_usable_configuration_is_not_run_again(options, scenario):
    (plan,) = plans_of(options, "a")
    changed(plan.folder, scenario=scenario)
    with pytest.raises(BadInputError, match=r"Could not run .* again: .*configuration"):
        run(str(plan.folder), options)


def test_a_folder_without_plan_cannot_be_gone_on_with(tmp_path):
    with pytest.raises(BadInputError, match="Could not"):
        resumed(tmp_path)


@pytest.mark.parametrize(("a", "b"), [("healthy", "wrong_model"), ("healthy", "healthy")])
def test_a_comparison_goes_on_with_runs_of_its_own_configurations_only(options, a, b):
    (plan,) = plans_of(options, "a")
    changed(plan.folder, command="compare")
    with pytest.raises(BadInputError, match=r"Could not resume .* as healthy.*it is a run of a;"):
        compare(a, b, replace(options, resume=plan.folder))


def test_a_run_goes_on_with_its_own_configuration_only(options):
    (plan,) = plans_of(options, "healthy")
    with pytest.raises(BadInputError, match=r"Could not resume .* as wrong_model: it is a run of healthy;"):
        run("wrong_model", replace(options, resume=plan.folder))


def test_only_the_command_that_made_it_goes_on_with_a_run(options):
    (plan,) = plans_of(options, "healthy")
    with pytest.raises(BadInputError, match=r"it was made by `diag run`.*`diag run healthy --resume"):
        compare("healthy", "healthy", replace(options, resume=plan.folder))


@pytest.mark.parametrize("named", ["the configuration", "the folder"])
def test_the_report_of_a_resumed_run_lies_beside_its_runs(options, named, monkeypatch):
    (plan,) = plans_of(options, "healthy")
    seen = []
    monkeypatch.setattr(conduct, "execute", lambda plans, options, progress: [])
    monkeypatch.setattr(conduct, "finish", lambda report, options, *, name: seen.append(options.reports_dir / name))
    config = "healthy" if named == "the configuration" else str(plan.folder)
    run(config, Options(resume=plan.folder))
    assert seen == [plan.folder.parent.parent / plan.folder.name]


@pytest.mark.parametrize(
    ("endpoint", "rigs", "side_by_side"), [("gemini", None, 1), ("https://live.test", None, 1), ("gemini", 3, 3)]
)
def test_a_real_service_gets_one_session_at_a_time_unless_asked(endpoint, rigs, side_by_side):
    assert Options(endpoint=endpoint, rigs=rigs).rig_count(20) == side_by_side


@pytest.mark.parametrize(("cores", "side_by_side"), [(1, 4), (2, 8), (4, 16), (64, 16)])
def test_the_emulator_gets_four_takes_per_core_and_no_more_than_one_process_can_judge(monkeypatch, cores, side_by_side):
    monkeypatch.setattr("diag.core.processes.cores", lambda: cores)
    assert Options().rig_count(100) == side_by_side


@pytest.mark.parametrize(("cores", "side_by_side"), [(1, 2), (2, 4), (8, 16)])
def test_rooms_get_fewer_takes_side_by_side_unless_asked(monkeypatch, options, cores, side_by_side):
    monkeypatch.setattr("diag.core.processes.cores", lambda: cores)
    furnished = find_scenario("healthy").model_copy(update={"room": RoomConfig(name="laptop")})
    plan = new_run(furnished, options, command="run", name="healthy", group="g")
    assert rigs_for([plan], 100, Options()) == side_by_side
    assert rigs_for([plan], 100, Options(rigs=5)) == 5


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
