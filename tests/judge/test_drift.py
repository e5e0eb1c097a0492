import pytest

from diag.core.errors import BadInputError, CannotMeasureError
from diag.core.results import RunResult, SummaryRow
from diag.files.baselines import read_baseline, write_baseline
from diag.judge.drift import drift_from, medians_of


def run_with(ttfa_s, name="healthy"):
    row = SummaryRow(
        metric="ttfa_heard_s", unit="s", n=5, missing=0, median=ttfa_s, p95=None, low=ttfa_s, high=ttfa_s, turn=0
    )
    return RunResult(name=name, title="", config={}, environment={}, takes=(), summary=(row,), findings=())


def saved(*runs):
    return {run.name: medians_of(run) for run in runs}


def drift(tmp_path, before_s, now_s):
    path = tmp_path / "baselines" / "wire-emulator.json"
    write_baseline(path, saved(run_with(before_s)))
    (found,) = drift_from(read_baseline(path), [run_with(now_s)])
    return found


def test_slower_by_a_tenth_and_50_ms_is_worse(tmp_path):
    assert drift(tmp_path, 1.0, 1.12).worse


@pytest.mark.parametrize(("before_s", "now_s"), [(1.0, 1.09), (0.3, 0.345), (1.0, 0.5), (1.0, 1.0)])
def test_less_is_not(tmp_path, before_s, now_s):
    assert not drift(tmp_path, before_s, now_s).worse


def test_a_run_without_baseline_has_no_drift(tmp_path):
    path = tmp_path / "b.json"
    assert read_baseline(path) is None
    assert drift_from(None, [run_with(1.0)]) == ()
    write_baseline(path, saved(run_with(1.0, name="other")))
    assert drift_from(read_baseline(path), [run_with(1.0)]) == ()


def test_a_baseline_that_cannot_be_written_is_told_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CannotMeasureError, match=r"Could not save .*file/b\.json: File exists; check the folder"):
        write_baseline(tmp_path / "file" / "b.json", saved(run_with(1.0)))


def test_a_baseline_is_the_same_file_whatever_the_order_of_its_runs(tmp_path):
    runs = [run_with(1.0, name="b"), run_with(2.0, name="a")]
    for name, order in (("one.json", runs), ("other.json", runs[::-1])):
        write_baseline(tmp_path / name, saved(*order))
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "other.json").read_bytes()


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "{}", '{"schema_version": 99}', '{"schema_version": 1}', '{"schema_version": 1, "median_s": 3}',
        '{"schema_version": 1, "median_s": {"healthy": 3}}',
        '{"schema_version": 1, "median_s": {"healthy": {"ttfa_heard_s": "soon"}}}',
    ],
)  # fmt: skip
def test_a_damaged_or_newer_baseline_is_refused_in_one_sentence(tmp_path, text):
    path = tmp_path / "b.json"
    path.write_text(text)
    with pytest.raises(BadInputError, match="Could not read the baseline"):
        read_baseline(path)
