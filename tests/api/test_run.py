from types import SimpleNamespace

import pytest

from diag.api import run as conduct
from diag.api import take_dispatch as dispatch
from diag.api.options import Options, Quiet
from diag.api.run import execute, planned_or_resumed
from diag.api.run_plan import new_run
from diag.core.errors import BadInputError
from diag.core.results import Measurements, TakeResult
from diag.files.scenarios import find_scenario


def judged(take_id, discarded=None):
    return TakeResult(
        id=take_id, prompt_names=("yes",), measurements=Measurements(()), findings=(), outcomes=(),
        discarded=discarded,
    )  # fmt: skip


@pytest.fixture
def world(monkeypatch, tmp_path):
    """Saved takes that are judged as `fates` says, and a dispatcher that only notes what it is asked for."""
    world = SimpleNamespace(fates={}, asked=[])
    options = Options(takes=3, prompts=("yes",), audio="wire", out=tmp_path)
    world.plan = new_run(find_scenario("healthy"), options, command="run", name="healthy", group="g")

    def record_all(planned, options, progress):
        world.asked += [item.take_id for item in planned]
        return {world.plan.folder: [judged(take_id) for take_id in world.asked]}

    def saved(take_id, fate=None, *, damaged=False):
        folder = world.plan.folder / "takes" / take_id
        folder.mkdir()
        (folder / "take.json").write_text("{}")
        world.fates[take_id] = None if damaged else judged(take_id, fate)

    def judged_take(folder, voice):
        if world.fates[folder.name] is None:
            raise BadInputError("Could not read a take", seen="damage", next_step="restore it")
        return world.fates[folder.name]

    monkeypatch.setattr("diag.api.judged_takes.judged_take", judged_take)
    monkeypatch.setattr(dispatch, "record_all", record_all)
    world.saved = saved
    world.run = lambda: execute([world.plan], options, Quiet())[0]
    return world


def test_an_earlier_take_that_was_discarded_is_repeated(world):
    world.saved("0001", None)
    world.saved("0002", "our loop was late")
    result = world.run()
    assert sorted(world.asked) == ["0003", "0004"]
    assert len(result.counted) == 3
    assert [take.id for take in result.takes] == ["0001", "0002", "0003", "0004"]


def test_a_take_that_cannot_be_read_is_named_and_recorded_again(world):
    world.saved("0001", damaged=True)
    notes = []
    progress = Quiet()
    progress.note = notes.append
    (result,) = conduct.execute([world.plan], Options(), progress)
    assert notes == ["skipped: Could not read a take: damage; restore it."]
    assert sorted(world.asked) == ["0002", "0003", "0004"]
    assert len(result.counted) == 3


def test_a_complete_run_is_judged_again_and_nothing_is_recorded(world):
    for number in (1, 2, 3):
        world.saved(f"{number:04d}", None)
    assert len(world.run().counted) == 3
    assert world.asked == []


def test_what_is_yet_to_be_recorded_is_counted_for_the_person(world):
    world.saved("0001", "our loop was late")
    told = []
    progress = Quiet()
    progress.started = lambda *, title, takes, about_s: told.append((title, takes))
    conduct.execute([world.plan], Options(rigs=1), progress)
    assert told == [("healthy", 3)]


def test_the_day_of_the_options_replaces_that_of_a_configuration(tmp_path):
    options = Options(takes=1, audio="wire", out=tmp_path, as_of="2025-09-19")
    scenario = find_scenario("healthy").model_copy(update={"emulator": {"as_of": "2026-01-01", "think_s": 0.5}})
    (plan,), _ = planned_or_resumed([scenario], options, Quiet(), command="run")
    assert plan.scenario.emulator == {"as_of": "2025-09-19", "think_s": 0.5}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(as_of="2025-09-19", endpoint="https://localhost:1"), "a real service serves the models of today"),
        (Options(as_of="today"), "as_of = 'today'"),
    ],
)
def test_a_day_that_cannot_be_used_is_explained(options, words):
    with pytest.raises(BadInputError, match=words):
        planned_or_resumed([find_scenario("healthy")], options, Quiet(), command="run")
