"""Judgements are kept beside takes, used again while their basis is the same, and made anew otherwise."""

import gzip
import json
import shutil
from dataclasses import replace

import pytest
from builders import Story, build

from diag.api import judged_takes
from diag.api.analyze import analyze_run
from diag.api.judged_takes import judged_take, kept_judgement
from diag.api.verify import verify_run
from diag.core.messages import Message
from diag.files.checksums import JUDGEMENT_NAME, check_sums
from diag.files.judgements import read_judgement, write_judgement
from diag.files.run_folders import create_run, read_take, write_result, write_take
from diag.judge.engine import judge_take
from diag.judge.registry import all_rules


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A run with one take whose judgement is kept, and that judgement."""
    run = create_run(tmp_path_factory.mktemp("runs"), "healthy", {"title": "Healthy", "takes": 1, "voice": None})
    folder = write_take(run, build(Story(play=lambda samples: 0.1 * samples)))
    result = judged_take(folder)
    write_result(folder, result)
    return run, result


@pytest.fixture
def saved(original, tmp_path):
    run, result = original
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    return copy / "takes" / "0001", result


def messages(result):
    """Return the templates and values of all messages of a judgement."""
    texts = [text for item in result.findings for text in (item.title, item.fix, *(x.text for x in item.evidence))]
    return [(text.template, text.values) for text in texts if isinstance(text, Message)]


def test_a_kept_judgement_is_the_one_that_was_made_with_the_templates_of_its_messages(saved):
    folder, result = saved
    kept = kept_judgement(folder)
    assert kept == result == judge_take(read_take(folder))
    assert messages(kept) == messages(result) != []
    assert kept.to_json() == result.to_json()
    assert type(kept.setup["responseModalities"]) is list


def test_a_run_is_not_judged_again_while_its_judgements_are_kept(saved, monkeypatch):
    folder, result = saved
    monkeypatch.setattr(judged_takes, "judge_take", None)
    assert analyze_run(folder.parent.parent).takes == (result,)


@pytest.mark.parametrize("name", ["received.wav", "timeline.jsonl", "take.json"])
def test_a_take_with_another_bit_has_no_kept_judgement(saved, name):
    folder, _ = saved
    content = bytearray((folder / name).read_bytes())
    content[-2] ^= 1
    (folder / name).write_bytes(content)
    assert kept_judgement(folder) is None


def test_other_code_and_other_libraries_have_no_kept_judgement(saved, monkeypatch):
    folder, _ = saved
    monkeypatch.setattr(judged_takes, "_basis_of_tool", lambda: "of another version")
    assert kept_judgement(folder) is None


def test_nothing_is_kept_while_a_rule_is_registered_from_elsewhere(saved, monkeypatch):
    folder, result = saved
    foreign = replace(all_rules()[0], function=lambda: None)
    monkeypatch.setattr(judged_takes, "all_rules", lambda: (foreign,))
    (folder / JUDGEMENT_NAME).unlink()
    assert judged_take(folder) == result
    assert not (folder / JUDGEMENT_NAME).exists()


@pytest.mark.parametrize(
    "damage",
    [b"", b"no gzip", gzip.compress(b"[]", mtime=0), gzip.compress(b'{"basis": "x"}', mtime=0)],
    ids=["empty", "no gzip", "a list", "another basis"],
)
def test_a_damaged_judgement_is_made_anew(saved, damage):
    folder, result = saved
    (folder / JUDGEMENT_NAME).write_bytes(damage)
    assert read_judgement(folder, "x") is None
    assert judged_take(folder) == result
    assert kept_judgement(folder) == result


def test_a_judgement_may_be_deleted(saved):
    folder, _ = saved
    assert check_sums(folder).problems == ()
    (folder / JUDGEMENT_NAME).unlink()
    assert check_sums(folder).problems == ()


def test_a_changed_judgement_is_told_although_its_checksum_is_right(saved):
    folder, result = saved
    document = json.loads(gzip.decompress((folder / JUDGEMENT_NAME).read_bytes()))
    (first, *others) = result.findings
    write_judgement(folder, document["basis"], replace(result, findings=(replace(first, confidence=0.5), *others)))
    assert kept_judgement(folder) != result
    (problem,) = verify_run(folder.parent.parent).problems
    assert problem.place.startswith(f"takes/0001/{JUDGEMENT_NAME}")
    assert problem.place.endswith("confidence")
