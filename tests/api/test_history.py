"""The history of saved runs: series, breaks, steps, the cache, and bad input."""

import json
import shutil

import pytest

from diag.api.history import history
from diag.core.errors import BadInputError
from diag.files.run_index import CACHE_NAME, read_runs_folder
from diag.judge.history import Direction, Measure, direction_of
from diag.judge.steps import Step
from diag.report.history_view import build_history_page, history_text

STEP_AT, SDK_AT = 14, 20


def measurement(metric, value, **place):
    return {"metric": metric, "turn": 0, **place, "value": value, "unit": "s"}


def save_run(folder, number, heard_s, sdk, *, discarded=None, name="app"):
    run = folder / f"20260101-{number:06d}-{name}-0"
    for take in (1, 2, 3):
        path = run / "takes" / f"000{take}"
        path.mkdir(parents=True)
        values = [
            measurement("ttfa_heard_s", heard_s + 0.01 * take),
            measurement("rate_ratio", 1.0, hop="player"),
            measurement("ttfb_s", None),
        ]
        result = {"discarded": discarded if take == 3 else None, "measurements": values}
        (path / "result.json").write_text(json.dumps(result))
    facts = {
        "schema_version": 1, "tool_version": "0.2.0", "name": name, "made": f"2026-01-01T00:00:{number:02d}Z",
        "revision": f"v1-{number}", "environment": {"packages": {"google-genai": sdk}, "platform": "Linux"},
        "scenario": {"client": {"session": {"model": "m"}}}, "audio": "wire", "endpoint": "emulator", "devices": {},
    }  # fmt: skip
    (run / "run.json").write_text(json.dumps(facts))
    return run


@pytest.fixture
def runs(tmp_path):
    """Thirty runs: 200 ms slower from run 14 on, and another SDK from run 20 on."""
    folder = tmp_path / "runs"
    for number in range(30):
        heard_s = 1.0 + 0.2 * (number >= STEP_AT) + 0.01 * (number % 3)
        save_run(folder, number, heard_s, "1.0" if number < SDK_AT else "2.0")
    return folder


def heard(found):
    return next(item for item in found.series if item.measure.name == "ttfa_heard_s")


def test_a_step_is_found_at_its_run_and_another_sdk_breaks_the_series(runs):
    found = history(runs)
    series = heard(found)
    assert found.runs == len(series.points) == 30
    assert [(step.index, step.change) for step in series.steps] == [(STEP_AT, pytest.approx(0.2, abs=0.02))]
    assert [(item.index, item.changed) for item in series.breaks] == [
        (SDK_AT, (("SDK", "google-genai 1.0", "google-genai 2.0"),))
    ]
    assert not series.alerts, "the step is before the break"
    assert series.points[STEP_AT].revision == "v1-14"


def test_a_step_for_the_worse_in_the_current_series_alerts(runs):
    for run in sorted(runs.iterdir())[SDK_AT:]:
        shutil.rmtree(run)
    series = heard(history(runs))
    assert [step.index for step in series.alerts] == [STEP_AT]
    text = history_text([series], runs=20, unreadable=[], page=None, width=200)
    assert text.startswith("■ 1 step for the worse in 1 series of 20 runs.")
    assert "app: First audio heard worse, 1.03 s to 1.23 s, +200 ms, since 20260101-000014-app-0 (v1-14)" in text
    assert "5 runs ago" in text


def test_a_series_that_is_too_short_for_a_step_is_not_called_good(runs):
    for run in sorted(runs.iterdir())[SDK_AT + 8 :]:
        shutil.rmtree(run)
    found = history(runs)
    assert not heard(found).long_enough
    text = history_text(found.series, runs=found.runs, unreadable=[], page=None, width=200)
    assert text.startswith("○ 28 runs: too few in each series to find a step (10 are needed since the last change")


def test_discarded_takes_do_not_count_and_values_are_medians(tmp_path):
    save_run(tmp_path, 1, 1.0, "1.0", discarded="our loop was late")
    run = read_runs_folder(tmp_path)[0][0]
    assert run.takes == 2
    assert run.values["ttfa_heard_s - -"] == (pytest.approx(1.015), 2)
    assert "rate_ratio player -" in run.values
    assert "ttfb_s - -" not in run.values, "what was not measured is no value"


def test_the_cache_gives_the_same_and_follows_every_change(runs):
    first = history(runs)
    assert (runs / CACHE_NAME).is_file()
    assert history(runs).to_json() == first.to_json()
    (runs / CACHE_NAME).write_text("{ damaged")
    assert history(runs).to_json() == first.to_json()
    path = next(runs.glob("*-000005-*")) / "takes" / "0001" / "result.json"
    path.write_text(path.read_text().replace("1.03", "9.03"))
    assert heard(history(runs)).points != heard(first).points
    shutil.rmtree(next(runs.glob("*-000006-*")))
    assert history(runs).runs == 29


def test_a_damaged_run_is_named_and_the_others_are_shown(runs):
    broken = next(runs.glob("*-000003-*"))
    (broken / "run.json").write_text("[")
    found = history(runs)
    assert found.unreadable == (broken.name,)
    assert found.runs == 29
    assert broken.name in history_text(found.series, runs=29, unreadable=found.unreadable, page=None)


def test_series_are_chosen_by_configuration_measure_and_number(runs):
    save_run(runs, 40, 1.0, "2.0", name="other")
    save_run(runs, 41, 1.0, "2.0", name="other")
    assert {item.config for item in history(runs, configs=["other"]).series} == {"other"}
    chosen = history(runs, metrics=["rate_ratio"], last=7)
    assert {item.measure.name for item in chosen.series} == {"rate_ratio"}
    assert [len(item.points) for item in chosen.series] == [7, 2]


@pytest.mark.parametrize(
    ("given", "words"), [({"metrics": ["ttfa_herd_s"]}, "ttfa_heard_s"), ({"configs": ["ap"]}, "did you mean `app`")]
)
def test_an_unknown_name_is_answered_with_the_nearest(runs, given, words):
    with pytest.raises(BadInputError, match=words):
        history(runs, **given)


def test_a_folder_without_runs_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="no run"):
        history(tmp_path)
    with pytest.raises(BadInputError, match="no such folder"):
        history(tmp_path / "absent")


def test_the_page_names_steps_breaks_and_runs(runs, tmp_path):
    found = history(runs)
    page = build_history_page(found.series, tmp_path / "out" / "history.html", runs=found.runs).read_text()
    assert "google-genai 1.0 → google-genai 2.0" in page
    assert "20260101-000014-app-0, v1-14: 1.24 s, n 3" in page
    assert "http" not in page.split("<script>")[0].split("</style>")[1].replace("http://www.w3.org", "")


@pytest.mark.parametrize(
    ("better", "before", "after", "expected"),
    [
        ("lower", 1.0, 1.2, Direction.WORSE), ("lower", 1.2, 1.0, Direction.BETTER),
        ("higher", 1.0, 0.5, Direction.WORSE), ("one", 1.0, 0.7, Direction.WORSE), ("one", 0.7, 1.0, Direction.BETTER),
        ("zero", -0.5, 0.0, Direction.BETTER), ("zero", 0.0, -0.5, Direction.WORSE),
        ("none", 0.0, 9.0, Direction.OTHER), ("lower", 1.0, 1.04, Direction.OTHER),
    ],
)  # fmt: skip
def test_whether_a_step_is_good_follows_from_the_measure(better, before, after, expected):
    measure = Measure(name="x", label="X", unit="s", better=better, tolerance=0.05, headline=True)
    assert direction_of(Step(5, before, after), measure) is expected
