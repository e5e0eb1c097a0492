import contextlib
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from diag.api import run as conduct
from diag.api import take_dispatch as dispatch
from diag.api.options import Options, Quiet
from diag.api.run_plan import interleaved, new_run
from diag.core.errors import CannotMeasureError
from diag.core.missing import Missing, MissingCode
from diag.core.results import Measurement, Measurements, TakeResult, Tier
from diag.files.scenarios import find_scenario


@dataclass
class World:
    """Stands in for rigs, workers and the emulator: `fate` says what becomes of each attempt at a take.

    All takes need `take_s`, so that they end in the order in which they began.
    """

    fate: list[str] = field(default_factory=list)
    submitted: list[str] = field(default_factory=list)
    together: list[int] = field(default_factory=list)
    restarted: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    now_s: float = 0.0
    take_s: float = 0.0
    _waiting: list[tuple[Future, str, str, float]] = field(default_factory=list)

    def submit(self, rig_name, job):
        future = Future()
        self.submitted.append(job.take_id)
        self._waiting.append((future, job.take_id, rig_name, self.now_s + self.take_s))
        return future

    def wait(self, running, timeout, return_when):
        self.together.append(len(self._waiting))
        fate = self.fate.pop(0) if self.fate else "good"
        if fate == "hangs":
            self.now_s += 30.0
            return set(), set(running)
        future, take_id, _, end_s = self._waiting.pop(0)
        self.now_s = max(self.now_s, end_s)
        if fate == "dies":
            future.set_exception(BrokenProcessPool())
        else:
            future.set_result((take_id, fate))
        return {future}, set(running) - {future}

    def kill(self, rig_name):
        """A killed worker's take fails; its rig hands it back as dead."""
        self.killed.append(rig_name)
        for entry in [entry for entry in self._waiting if entry[2] == rig_name]:
            self._waiting.remove(entry)
            self._waiting.insert(0, entry)
            self.fate = ["dies", *self.fate]


@pytest.fixture
def world(monkeypatch):
    world = World()

    class Pool:
        def __init__(self, rigs):
            self.rig_names = tuple(rigs)
            self.submit = world.submit
            self.restart = world.restarted.append
            self.kill = world.kill

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    @contextlib.contextmanager
    def farm(kind, *, rigs, devices):
        yield SimpleNamespace(rigs=[f"rig{i}" for i in range(rigs)], environment={})

    def emulator():
        return SimpleNamespace(
            launch=lambda: None,
            wait=lambda: None,
            close=lambda: None,
            register=lambda settings, seed: "https://127.0.0.1:1/profile/x",
            truth=lambda url: [],
            forget=lambda url: None,
            ca_file="ca.pem",
        )

    def judged(folder):
        take_id, fate = folder
        return TakeResult(
            id=take_id, prompt_names=("yes",), measurements=Measurements(()), findings=(), outcomes=(),
            discarded="late" if fate == "late" else None,
        )  # fmt: skip

    monkeypatch.setattr(dispatch, "WorkerPool", Pool)
    monkeypatch.setattr(dispatch, "load_workers", lambda: None)
    monkeypatch.setattr(dispatch, "load_judging_and_reports", lambda: None)
    monkeypatch.setattr(dispatch, "open_farm", farm)
    monkeypatch.setattr(dispatch, "EmbeddedEmulator", emulator)
    monkeypatch.setattr(dispatch, "wait", world.wait)
    monkeypatch.setattr("diag.api.take_dispatch.time.monotonic", lambda: world.now_s)
    monkeypatch.setattr(dispatch, "judge_saved_take", lambda folder, truth, voice: judged(folder))
    return world


class Notes(Quiet):
    def __init__(self, world):
        self._world = world

    def note(self, text):
        self._world.notes.append(text)


def record(world, tmp_path, *, takes, rigs=4, there=(), spoiled=()):
    options = Options(takes=takes, prompts=("yes",), audio="wire", out=tmp_path, rigs=rigs)
    plan = new_run(find_scenario("healthy"), options, command="run", name="healthy", group="g")
    for take_id in there:
        (plan.folder / "takes" / take_id).mkdir()
        (plan.folder / "takes" / take_id / "take.json").write_text("{}")
    missing = {plan.folder: [number for number in range(1, takes + 1) if f"{number:04d}" not in {*there} - {*spoiled}]}
    (results,) = dispatch.record_all(interleaved([plan], missing), options, Notes(world)).values()
    return results


def test_every_take_is_recorded_once(world, tmp_path):
    results = record(world, tmp_path, takes=6)
    assert sorted(take.id for take in results) == [f"{n:04d}" for n in range(1, 7)]
    assert max(world.together) == 4


def test_a_spoiled_take_is_kept_and_repeated(world, tmp_path):
    world.fate = ["good", "late"]
    results = record(world, tmp_path, takes=5)
    assert len(results) == 6
    assert sum(take.discarded is None for take in results) == 5


def test_a_repeated_take_of_a_resumed_run_gets_a_number_of_its_own(world, tmp_path):
    world.fate = ["late"]
    record(world, tmp_path, takes=3, there=("0001", "0002", "0004"))
    assert world.submitted == ["0003", "0005"]


def test_spoiled_takes_of_a_resumed_run_are_repeated_under_numbers_of_their_own(world, tmp_path):
    world.fate = ["late"]
    record(world, tmp_path, takes=3, there=("0001", "0002", "0004"), spoiled=("0001", "0002"))
    assert sorted(world.submitted) == ["0003", "0005", "0006", "0007"]


def test_repeating_has_an_end(world, tmp_path):
    world.fate = ["late"] * 100
    results = record(world, tmp_path, takes=5)
    assert len(results) == 5 + dispatch.MIN_SPARES


def test_a_busy_machine_gets_fewer_takes_side_by_side(world, tmp_path):
    world.fate, world.take_s = ["late"] * 2, 6.0
    record(world, tmp_path, takes=20)
    assert world.together[0] == 4
    assert max(world.together[5:]) == 3
    (note,) = world.notes
    assert "at a time instead of 4" in note
    assert note.endswith(f"about {world.now_s - 6:.0f} s left"), note


@pytest.mark.parametrize(
    ("take_s", "notes"), [(6.0, []), (20.0, ["takes need longer here than usual: about 1 min 20 s left"])]
)
def test_the_time_that_is_left_is_announced_again_where_takes_need_longer(world, tmp_path, take_s, notes):
    world.take_s = take_s
    record(world, tmp_path, takes=20)
    assert world.notes == notes


def test_the_time_that_is_left_is_announced_again_as_soon_as_no_rig_is_left_to_show_more(world, tmp_path):
    world.take_s = 20.0
    record(world, tmp_path, takes=3, rigs=1)
    assert world.notes == ["takes need longer here than usual: about 40 s left"]


def test_a_dead_worker_is_replaced_and_its_take_is_recorded_again(world, tmp_path):
    world.fate = ["dies"]
    results = record(world, tmp_path, takes=3)
    assert len(results) == 3
    assert world.restarted == ["rig2"]
    assert world.submitted.count("0001") == 2


def test_a_worker_that_hangs_is_ended_and_its_take_is_recorded_again(world, tmp_path):
    world.fate = ["hangs"] * 5
    results = record(world, tmp_path, takes=1)
    assert len(results) == 1
    assert world.killed == world.restarted == ["rig0"]
    assert world.submitted == ["0001", "0001"]


def test_workers_that_keep_dying_stop_the_run(world, tmp_path):
    world.fate = ["dies"] * 3
    with pytest.raises(CannotMeasureError, match="died 3 times"):
        record(world, tmp_path, takes=3)


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "No take was finished, so nothing was kept."),
        (1, "1 finished take is on the disk; `diag run … --resume run_folder` records the rest."),
        (2, "2 finished takes are on the disk; `diag run … --resume run_folder` records the rest."),
    ],
)
def test_ctrl_c_ends_with_one_sentence_that_counts_what_is_on_the_disk(count, words):
    notes = []
    progress = SimpleNamespace(note=notes.append)
    plan = SimpleNamespace(finished=["take"] * count, command="run", folder="run_folder")
    with pytest.raises(KeyboardInterrupt) as stopped, conduct._told_what_was_kept([plan], progress):
        raise KeyboardInterrupt
    assert str(stopped.value) == words
    assert not notes


@pytest.mark.parametrize(
    ("heard_s", "words"),
    [
        (1.2, "yes: answered, first audio heard after 1.20 s"),
        (3.4, "yes: answered, first audio heard after 3.40 s (above 1.50 s; SVC001 judges the median of all takes)"),
        (None, "yes: no reply"),
    ],
)
def test_the_line_of_a_slow_take_names_the_finding_that_judges_all_of_them(heard_s, words):
    missing = None if heard_s is not None else Missing(MissingCode.NO_TURN, "no reply")
    heard = Measurement(metric="ttfa_heard_s", unit="s", value=heard_s, missing=missing, tier=Tier.EVENTS, turn=0)
    take = TakeResult(id="0001", prompt_names=("yes",), measurements=Measurements((heard,)), findings=(), outcomes=())
    assert dispatch.line_of(take) == words
