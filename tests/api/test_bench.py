"""`diag bench` and `diag init` without recording: what is tested, what is kept, what is refused, what is written."""

import importlib
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import yaml

from benchmarks.gate_statistics import PROMPTS, Service, simulated
from diag.api.init import init
from diag.api.options import AUTO_TAKES, Options, Quiet
from diag.core.errors import BadInputError
from diag.core.release import Decision, Weight
from diag.files.scenarios import read_scenario
from diag.files.suites import read_suite

bench_module = importlib.import_module("diag.api.bench")
PROMPTS_S = np.linspace(0.6, 1.3, len(PROMPTS))


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with a suite, and a bench whose takes are simulated."""
    init(tmp_path, takes=20)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bench_module, "finish", lambda report, *_, **__: report)
    return tmp_path


@pytest.fixture
def looks():
    """How many takes of each product were recorded, look by look, in the last bench."""
    return []


@pytest.fixture
def bench(repository, monkeypatch, looks):
    def run(*, seed=1, later_s=0.0, lost_below=0, options=None, **more):
        def execute(plans, *_):
            looks.append([plan.takes for plan in plans])
            rng = np.random.default_rng(seed)
            service = Service(0.02, later_s=later_s, loss=0.0)
            takes = [plan.takes if plan.takes >= lost_below else plan.takes // 2 for plan in plans]
            made = [simulated(service, counted, rng, PROMPTS_S) for counted in takes]
            return [replace(run, name=plan.name, findings=()) for run, plan in zip(made, plans, strict=True)]

        monkeypatch.setattr(bench_module, "execute", execute)
        looks.clear()
        chosen = Options(resume=more.pop("resume", None), **(options or {}))
        return bench_module.bench(options=chosen, self_check=False, **more).release

    return run


def texts(release, weight=None):
    return [item.text for item in release.products[0].reasons if weight in (None, item.weight)]


def test_the_suite_of_the_folder_is_tested_and_no_stand_in(bench, repository):
    release = bench()
    assert (release.decision, release.stand_in) == (Decision.SHIP, False)
    assert [item.name for item in release.products] == ["app"]
    assert (release.products[0].takes, release.products[0].asked) == (20, 20)


AUTO = {"options": {"takes": AUTO_TAKES[0], "auto": True}, "given": {"takes", "auto"}}


@pytest.mark.parametrize(("lost_below", "takes"), [(0, [10]), (15, [10, 20]), (30, [10, 20, 40]), (50, [10, 20, 40])])
def test_takes_are_added_until_the_evidence_is_enough_and_no_longer_than_the_last_look(bench, looks, lost_below, takes):
    bench(update_baseline=True)
    release = bench(**AUTO, seed=2, lost_below=lost_below)
    assert looks == [[count] for count in takes]
    decided = lost_below <= AUTO_TAKES[-1]
    assert release.decision is (Decision.SHIP if decided else Decision.TOO_LITTLE_EVIDENCE)


def test_a_decision_against_a_release_needs_no_more_takes(bench, looks):
    bench(update_baseline=True)
    assert bench(**AUTO, seed=2, later_s=0.2).decision is Decision.DO_NOT_SHIP
    assert looks == [[AUTO_TAKES[0]]]


def test_without_a_suite_the_product_is_a_stand_in(bench, repository):
    (repository / "diag.toml").unlink()
    release = bench()
    assert release.stand_in
    assert [item.name for item in release.products] == ["healthy"]


def test_a_baseline_is_kept_and_a_later_release_is_held_against_it(bench, repository):
    first = bench(update_baseline=True)
    assert (repository / "voice_tests/baselines/app.json").is_file()
    assert "It is the first baseline." in texts(first)
    assert bench(seed=2).decision is Decision.SHIP
    late = bench(seed=3, later_s=0.1)
    assert late.decision is Decision.DO_NOT_SHIP
    assert any(text.startswith("First audio heard is worse") for text in texts(late, Weight.BLOCKS))


def test_a_new_baseline_shows_what_it_changes(bench, repository):
    bench(update_baseline=True)
    later = bench(seed=2, later_s=0.1, update_baseline=True)
    assert later.decision is Decision.SHIP
    assert any(text.startswith("Baseline: First audio heard is worse") for text in texts(later))
    assert bench(seed=3, later_s=0.1).decision is Decision.SHIP


def test_a_release_that_does_not_ship_is_not_kept(bench, repository):
    suite = repository / "diag.toml"
    suite.write_text(suite.read_text().replace("at_most = 3.0", "at_most = 0.1"))
    assert bench(update_baseline=True).decision is Decision.DO_NOT_SHIP
    assert not (repository / "voice_tests/baselines/app.json").exists()


def test_a_release_that_is_gone_on_with_is_held_against_the_limits_and_the_baseline_of_its_suite(bench, repository):
    bench(update_baseline=True)
    bench(seed=2)
    (run, *_) = sorted((repository / "reports/runs").iterdir())
    late = bench(seed=3, later_s=0.1, resume=run)
    assert any(text.startswith("First audio heard is worse") for text in texts(late, Weight.BLOCKS))
    suite = repository / "diag.toml"
    suite.write_text(suite.read_text().replace("at_most = 3.0", "at_most = 0.1"))
    assert bench(seed=2, resume=run).decision is Decision.DO_NOT_SHIP


def test_limits_of_a_suite_do_not_hold_for_another_configuration_that_is_gone_on_with(bench, repository, monkeypatch):
    bench(configurations=("healthy",))
    suite = repository / "diag.toml"
    suite.write_text(suite.read_text().replace("at_most = 3.0", "at_most = 0.1"))
    (run,) = (repository / "reports/runs").iterdir()
    notes = []
    monkeypatch.setattr(Quiet, "note", lambda _, text: notes.append(text))
    assert bench(resume=run).decision is Decision.SHIP
    assert "the run is not of this suite's configurations: it is judged without its limits" in notes


def test_a_baseline_with_another_recording_of_a_prompt_is_refused_by_name(bench, repository):
    bench(update_baseline=True)
    path = repository / "voice_tests/baselines/app.json"
    text = path.read_text()
    start = text.index('"prompt ')
    name = text[start + 1 : text.index('"', start + 1)]
    value = text.index('"', text.index(":", start)) + 1
    path.write_text(text[:value] + "0" * 12 + text[value + 12 :])
    release = bench(seed=2)
    assert release.decision is Decision.TOO_LITTLE_EVIDENCE
    assert any(f"{name} was 000000000000" in text for text in texts(release, Weight.UNDECIDED))


def test_an_unknown_revision_is_one_sentence(bench, repository):
    with pytest.raises(BadInputError, match="Could not compare with v9: git says"):
        bench(against="v9")


def test_an_earlier_revision_is_recorded_beside_the_product(bench, repository):
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *words], cwd=repository, check=True)
    release = bench(against="HEAD")
    assert release.products[0].earlier.what == "HEAD (recorded in turn with it)"
    assert len(release.products) == 1


# --- what init writes


@pytest.mark.parametrize(
    ("given", "words"),
    [({}, "sample_rate_hz"), ({"page": "http://127.0.0.1:{port}/a", "serve": "s {port}"}, "url ="),
     ({"program": "python 'my client.py'"}, "command =")],
)  # fmt: skip
def test_what_is_written_can_be_read(tmp_path, given, words):
    paths = init(tmp_path, **given)
    assert words in (tmp_path / "voice_tests/app.toml").read_text()
    assert read_scenario(tmp_path / "voice_tests/app.toml").title == "Our voice app"
    suite = read_suite(tmp_path / "diag.toml", metrics=("ttfa_heard_s", "answered"))
    assert suite.paths(suite.suite.configurations) == (str(tmp_path / "voice_tests/app.toml"),)
    assert {path.name for path in paths} == {"diag.toml", "app.toml", ".gitkeep", "voice.yml"}


def test_nothing_is_overwritten_unless_asked(tmp_path):
    init(tmp_path)
    (tmp_path / "diag.toml").write_text("mine")
    with pytest.raises(BadInputError, match="exists already"):
        init(tmp_path)
    assert (tmp_path / "diag.toml").read_text() == "mine"
    init(tmp_path, replace=True)
    assert (tmp_path / "diag.toml").read_text() != "mine"


def test_a_product_that_cannot_be_used_leaves_nothing_behind(tmp_path):
    with pytest.raises(BadInputError, match="not an address"):
        init(tmp_path, page="voice.html")
    assert not list(tmp_path.rglob("*.toml"))


@pytest.mark.parametrize("system", ["github", "gitlab"])
def test_a_workflow_file_is_yaml_and_keeps_the_report_and_both_exports(tmp_path, system):
    (path,) = (path for path in init(tmp_path, ci=system) if path.suffix == ".yml")
    text = path.read_text()
    document = yaml.safe_load(text)
    assert "voice" in (document["jobs"] if system == "github" else document)
    assert "diag bench --format junit --format markdown" in text
    assert all(name in text for name in ("reports/bench.html", "reports/bench.junit.xml", "reports/bench.md"))
