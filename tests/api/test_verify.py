"""A saved run is verified: any flipped bit and any changed number is found, and what cannot be known is said."""

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from builders import Story, build

from diag.api.options import Options
from diag.api.report import report_of_runs
from diag.api.verify import check_run_files, verify_run
from diag.core.errors import BadInputError, ExitCode
from diag.files.checksums import SUMS_NAME, record_sums
from diag.files.run_folders import create_run, write_beside, write_result, write_take
from diag.judge.engine import judge_take


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder of reports with one run of two takes, and its report."""
    home = tmp_path_factory.mktemp("saved")
    run = create_run(home / "runs", "healthy", {"title": "Healthy", "takes": 2, "voice": None})
    for number in (1, 2):
        take = build(Story(take_id=f"000{number}", seed=number))
        folder = write_take(run, take)
        write_beside(folder, "truth.json", {"lines": [{"t_s": 1.5}]})
        write_result(folder, judge_take(take))
    report_of_runs([run], Options(out=home))
    return home


@pytest.fixture
def run(saved, tmp_path):
    shutil.copytree(saved, tmp_path / "reports")
    return next((tmp_path / "reports" / "runs").iterdir())


def files_of(run):
    return sorted(path for path in run.rglob("*") if path.is_file())


def change_result(folder, change):
    """Change a result with its checksum, as somebody who wants it to be believed would."""
    path = folder / "result.json"
    document = json.loads(path.read_bytes())
    count = change(document)
    path.write_text(json.dumps(document))
    record_sums(folder, [path.name])
    return count


def test_an_untouched_run_and_its_report_agree(run):
    result = verify_run(run)
    assert (result.exit_code, result.problems, result.unproven) == (ExitCode.GOOD, (), ())
    assert result.takes == 2
    assert result.files == len([path for path in files_of(run) if path.name != SUMS_NAME])
    assert result.numbers > 500


def test_checksums_are_those_of_sha256sum(run):
    for folder in (run, run / "takes" / "0001"):
        subprocess.run(["sha256sum", "--quiet", "--strict", "-c", SUMS_NAME], cwd=folder, check=True)


def test_any_flipped_bit_in_any_file_is_found(run):
    dice, files = random.Random(12), files_of(run)
    missed = []
    for _ in range(200):
        path = dice.choice(files)
        content = path.read_bytes()
        changed, place = bytearray(content), dice.randrange(len(content))
        changed[place] ^= 1 << dice.randrange(8)
        path.write_bytes(changed)
        check, _ = check_run_files(run)
        if not check.problems:
            missed.append((path, place))
        path.write_bytes(content)
    assert not missed
    assert not check_run_files(run)[0].problems


def test_any_changed_number_of_a_result_is_found_although_its_checksum_was_made_anew(run):
    def change(document):
        changed = 0
        for item in document["measurements"]:
            if isinstance(item["value"], float | int):
                item["value"] = item["value"] * 1.001 + 0.001
                changed += 1
        return changed

    count = change_result(run / "takes" / "0001", change)
    result = verify_run(run)
    assert count > 50
    assert len(result.problems) == count
    assert all(item.place.startswith("takes/0001/result.json measurements") for item in result.problems)
    assert result.exit_code is ExitCode.FAILED


def test_a_finding_that_was_taken_out_is_found(run):
    change_result(run / "takes" / "0002", lambda document: document["checks"].pop())
    assert "nothing is saved" in verify_run(run).problems[0].text


def test_a_changed_recording_with_a_new_checksum_changes_the_numbers(run):
    folder = run / "takes" / "0001"
    quiet = build(Story(seed=1, speak=lambda samples: 0.5 * samples))
    other = write_take(create_run(run.parent, "other", {}), quiet)
    shutil.copy(other / "heard.wav", folder / "heard.wav")
    record_sums(folder, ["heard.wav"])
    assert any("is derived" in item.text for item in verify_run(run).problems)


def test_a_report_with_another_number_is_found(run):
    from diag.report.page import document_of, packed

    page = run.parent.parent / f"{run.name}.html"
    text = page.read_text()
    document = document_of(text)
    right = packed(document, page.parent)
    row = next(row for row in document["runs"][0]["summary"] if row["metric"] == "ttfa_heard_s")
    row["median"] -= 0.2
    assert right in text
    page.write_text(text.replace(right, packed(document, page.parent)))
    problems = verify_run(run).problems
    assert [item.place for item in problems] == [f"{page.name} summary ttfa_heard_s median"]
    page.write_text(text.replace(right, right[:-40]))
    assert verify_run(run).problems[0].text == "its JSON document is missing or damaged"


def test_a_missing_recording_and_missing_checksums_of_a_take_are_found(run):
    (run / "takes" / "0001" / "sent.wav").unlink()
    (run / "takes" / "0002" / SUMS_NAME).unlink()
    places = {item.place: item.text for item in verify_run(run).problems}
    assert places["takes/0001/sent.wav"] == "is missing"
    assert f"takes/0002/{SUMS_NAME}" in places


def test_a_run_from_before_checksums_is_not_called_verified(run):
    for path in files_of(run):
        if path.name == SUMS_NAME:
            path.unlink()
    result = verify_run(run)
    assert not result.problems
    assert "recorded without checksums" in result.unproven[0]
    assert result.exit_code is ExitCode.TOO_LITTLE_EVIDENCE


def test_a_result_of_another_version_is_neither_verified_nor_called_wrong(run):
    def change(document):
        document["tool_version"] = "0.1.0"
        document["measurements"][1]["value"] = 99.0
        document["measurements"].pop(0)
        del document["setup"]

    change_result(run / "takes" / "0001", change)
    result = verify_run(run)
    assert not result.problems
    assert "made by diag 0.1.0" in result.unproven[0]
    assert ": 1 of" in result.unproven[0]
    assert result.exit_code is ExitCode.TOO_LITTLE_EVIDENCE


def test_what_is_no_run_or_holds_no_take_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="no such folder"):
        verify_run(tmp_path / "nothing")
    with pytest.raises(BadInputError, match="no finished take"):
        verify_run(create_run(tmp_path, "empty", {}))


def test_a_report_of_another_run_is_refused(run, tmp_path):
    other = create_run(tmp_path, "other", {"title": "", "voice": None})
    write_take(other, build(Story()))
    with pytest.raises(BadInputError, match="does not show"):
        verify_run(other, page=Path(run.parent.parent / f"{run.name}.html"))


@pytest.mark.parametrize("runs", [7, [3, {"folder": 5}], [{"folder": "RUN", "takes": [[]]}]])
def test_a_report_of_any_shape_gives_a_sentence(run, runs):
    from diag.report.page import packed

    runs = json.loads(json.dumps(runs).replace("RUN", run.name))
    page = run.parent.parent / f"{run.name}.html"
    page.write_text(packed({"runs": runs}, page.parent))
    assert verify_run(run).exit_code in (ExitCode.GOOD, ExitCode.FAILED)
