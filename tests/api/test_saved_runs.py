"""Saved runs are listed, protected and removed by rule, and nothing else is removed."""

import datetime
import os
import time

import pytest

from diag.api.saved_runs import PruneRule, freed_bytes, list_runs, prune, runs_to_prune
from diag.api.verify import verify_run
from diag.core.errors import BadInputError, ExitCode
from diag.files.run_folders import create_run
from diag.files.run_shelf import set_kept

NOW = datetime.datetime(2026, 12, 1, tzinfo=datetime.UTC)


@pytest.fixture
def shelf(tmp_path):
    """Five runs of `a` and one of `b`, a day apart, and a folder and a link that are no runs."""
    folder = tmp_path / "runs"
    for day in range(1, 7):
        run = create_run(folder, "b" if day == 6 else "a", {"title": ""})
        text = (run / "run.json").read_text()
        made = next(line for line in text.splitlines() if '"made"' in line)
        (run / "run.json").write_text(text.replace(made, f' "made": "2026-11-0{day}T12:00:00Z",'))
        take = run / "takes" / "0001"
        take.mkdir()
        (take / "take.json").write_text("{}")
        (take / "heard.wav").write_bytes(b"0" * 1000 * day)
        for path in (run / "run.json", run / "SHA256SUMS", take / "take.json", take / "heard.wav"):
            os.utime(path, (time.time() - 7000, time.time() - 7000))
    (folder / "notes").mkdir()
    (folder / "linked").symlink_to(next(folder.glob("*-b-*")))
    return folder


def names(runs):
    return [f"{run.name}{run.made[9]}" for run in runs]


def test_runs_are_listed_oldest_first_with_their_size(shelf):
    runs = list_runs(shelf)
    assert names(runs) == ["a1", "a2", "a3", "a4", "a5", "b6"]
    assert [run.audio_bytes for run in runs] == [1000, 2000, 3000, 4000, 5000, 6000]
    assert all(run.size_bytes > run.audio_bytes and run.takes == 1 for run in runs)


@pytest.mark.parametrize(
    ("rule", "going"),
    [
        (PruneRule(keep_last=2), ["a1", "a2", "a3"]),
        (PruneRule(keep_last=0, older_than_days=27), ["a1", "a2", "a3"]),
        (PruneRule(keep_last=4, older_than_days=27), ["a1"]),
        (PruneRule(), []),
    ],
)
def test_a_rule_leaves_the_newest_of_each_configuration_and_the_young_ones(shelf, rule, going):
    assert names(runs_to_prune(list_runs(shelf), rule, NOW)) == going


def test_protected_runs_and_runs_that_change_stay(shelf):
    runs = list_runs(shelf)
    set_kept(runs[0].folder, True)
    os.utime(runs[1].folder / "run.json")
    rule = PruneRule(keep_last=3)
    assert names(runs_to_prune(list_runs(shelf), rule, NOW)) == []
    set_kept(runs[0].folder, False)
    os.utime(runs[0].folder / "run.json", (time.time() - 7000,) * 2)
    assert names(runs_to_prune(list_runs(shelf), rule, NOW)) == ["a1"]


def test_without_its_recordings_a_run_is_listed_and_not_called_verified(shelf):
    rule = PruneRule(keep_last=4)
    (going,) = runs_to_prune(list_runs(shelf), rule, NOW)
    assert freed_bytes([going], rule) == 1000
    prune([going], rule)
    after = list_runs(shelf)[0]
    assert (after.audio_bytes, after.pruned, after.takes) == (0, True, 1)
    assert runs_to_prune(list_runs(shelf), rule, NOW) == []
    assert verify_run(going.folder).exit_code is ExitCode.TOO_LITTLE_EVIDENCE


def test_everything_removes_the_folder_and_nothing_beside_it(shelf):
    rule = PruneRule(keep_last=0, everything=True)
    prune(runs_to_prune(list_runs(shelf), rule, NOW), rule)
    assert sorted(path.name for path in shelf.iterdir()) == ["linked", "notes"]


def test_a_missing_folder_and_what_is_no_run_are_refused(shelf, tmp_path):
    with pytest.raises(BadInputError, match="no such folder"):
        list_runs(tmp_path / "absent")
    with pytest.raises(BadInputError):
        set_kept(shelf / "notes", True)
