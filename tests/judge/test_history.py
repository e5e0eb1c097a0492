"""Series of saved runs: breaks, steps, and which of them alert, from values that are given."""

import pytest

from diag.core.run_facts import RunFacts
from diag.judge.history import Break, Direction, Measure, Point, Series, direction_of, series_of
from diag.judge.steps import SHORTEST, Step


def measure(name="ttfa_s", better="lower", tolerance=0.1):
    return Measure(name=name, label=name, unit="s", better=better, tolerance=tolerance, headline=True)


def run(number, values, name="a", **conditions):
    medians = {place: (value, 5) for place, value in values.items()}
    return RunFacts(folder=f"run{number}", name=name, made=f"day {number}", revision=f"rev{number}",
                    conditions=conditions, takes=5, values=medians)  # fmt: skip


def series(values=(), breaks=(), steps=(), better="lower"):
    points = tuple(Point(f"run{n}", "", f"rev{n}", value, 5) for n, value in enumerate(values))
    return Series(config="a", measure=measure(better=better), place="", points=points,
                  breaks=tuple(Break(index, ()) for index in breaks), steps=tuple(steps))  # fmt: skip


@pytest.mark.parametrize(
    ("better", "before", "after", "expected"),
    [
        ("lower", 1.0, 1.09, Direction.OTHER),
        ("lower", 1.0, 1.11, Direction.WORSE),
        ("lower", 1.11, 1.0, Direction.BETTER),
        ("higher", 1.0, 1.11, Direction.BETTER),
        ("higher", 1.11, 1.0, Direction.WORSE),
        ("higher", 1.09, 1.0, Direction.OTHER),
        ("one", 1.0, 0.8, Direction.WORSE),
        ("one", 0.8, 1.31, Direction.WORSE),
        ("one", 0.7, 1.25, Direction.OTHER),
        ("one", 0.5, 1.2, Direction.BETTER),
        ("zero", -2.0, 0.5, Direction.BETTER),
        ("zero", -0.5, 2.0, Direction.WORSE),
        ("zero", -2.0, 2.05, Direction.OTHER),
        ("none", 0.0, 9.0, Direction.OTHER),
    ],
)
def test_a_step_is_worse_if_it_leads_further_from_what_is_right(better, before, after, expected):
    assert direction_of(Step(3, before, after), measure(better=better)) is expected


def test_the_current_points_are_those_since_the_last_break():
    values = [float(n) for n in range(12)]
    assert [point.value for point in series(values, breaks=(3, 7)).current] == values[7:]
    assert [point.value for point in series(values).current] == values


@pytest.mark.parametrize(("count", "enough"), [(2 * SHORTEST - 1, False), (2 * SHORTEST, True)])
def test_a_step_needs_two_levels(count, enough):
    assert series([1.0] * (count + 3), breaks=(3,)).long_enough is enough


@pytest.mark.parametrize(
    ("breaks", "steps", "alerts"),
    [
        ((), [(5, 1.0, 2.0)], [5]),
        ((), [(5, 2.0, 1.0)], []),
        ((), [(5, 1.0, 2.0), (9, 2.0, 1.0)], []),
        ((), [(5, 1.0, 2.0), (9, 2.0, 1.05)], []),
        ((), [(5, 1.0, 2.0), (9, 2.0, 1.5)], [5]),
        ((), [(5, 1.0, 2.0), (9, 2.0, 3.0), (12, 3.0, 2.0)], [5]),
        ((), [(5, 1.0, 2.0), (9, 2.0, 3.0)], [5, 9]),
        ((7,), [(5, 1.0, 2.0), (9, 2.0, 3.0)], [9]),
        ((7,), [(7, 1.0, 2.0)], []),
    ],
)
def test_steps_for_the_worse_alert_unless_a_later_one_takes_them_back(breaks, steps, alerts):
    found = series([1.0] * 15, breaks, [Step(*step) for step in steps])
    assert [step.index for step in found.alerts] == alerts
    told = {item["run"]: item["alert"] for item in found.to_json()["steps"]}
    assert [name for name, alert in told.items() if alert] == [f"run{index}" for index in alerts]


def test_a_series_as_json_names_runs_and_what_changed():
    points = (Point("r0", "d0", "v0", 1.0, 5), Point("r1", "d1", "v1", 2.0, 4))
    found = Series(
        config="a", measure=measure(), place="player", points=points,
        breaks=(Break(1, (("sdk", "1", "2"),)),), steps=(Step(1, 1.0, 2.0),),
    )  # fmt: skip
    assert found.to_json() == {
        "config": "a", "metric": "ttfa_s", "place": "player", "unit": "s",
        "points": [{"folder": "r0", "made": "d0", "revision": "v0", "value": 1.0, "n": 5},
                   {"folder": "r1", "made": "d1", "revision": "v1", "value": 2.0, "n": 4}],
        "breaks": [{"run": "r1", "changed": [["sdk", "1", "2"]]}],
        "steps": [{"run": "r1", "revision": "v1", "before": 1.0, "after": 2.0, "direction": "worse", "alert": False}],
    }  # fmt: skip


# --- from runs


def test_a_series_breaks_where_conditions_change():
    runs = [run(0, {"ttfa_s - -": 1.0}, sdk="1", audio="wire"), run(1, {"ttfa_s - -": 1.1}, sdk="1", audio="wire"),
            run(2, {"ttfa_s - -": 1.2}, sdk="2", audio="system"),
            run(3, {"ttfa_s - -": 1.3}, sdk="2", audio="system", new="x"),
            run(4, {"ttfa_s - -": 1.4}, sdk="2")]  # fmt: skip
    (found,) = series_of(runs, [measure()])
    assert [(item.index, item.changed) for item in found.breaks] == [
        (2, (("sdk", "1", "2"), ("audio", "wire", "system"))), (3, (("new", "", "x"),)),
    ]  # fmt: skip
    assert [(point.folder, point.made, point.revision, point.value, point.n) for point in found.points][1] == (
        "run1", "day 1", "rev1", 1.1, 5
    )  # fmt: skip


def test_series_are_made_by_configuration_measure_and_place():
    runs = [run(n, {"rate_ratio player -": 1.0, "ttfa_s - -": 2.0, "ttfa_s_other - -": 3.0, "dull player heard": 4.0})
            for n in range(2)]  # fmt: skip
    runs += [run(2, {"ttfa_s - -": 2.0}, name="b"), run(3, {"ttfa_s - -": 2.0}, name="b"), run(4, {"dull - -": 1.0})]
    found = series_of(runs, [measure("ttfa_s"), measure("rate_ratio"), measure("dull")])
    assert [(item.config, item.measure.name, item.place, len(item.points)) for item in found] == [
        ("a", "ttfa_s", "", 2), ("a", "rate_ratio", "player", 2), ("a", "dull", "player heard", 2),
        ("b", "ttfa_s", "", 2),
    ]  # fmt: skip


def test_steps_have_their_place_in_the_whole_series_and_are_searched_between_breaks():
    values = [1.0] * 6 + [5.0] * 8 + [9.0] * 8
    runs = [
        run(n, {"ttfa_s - -": value + 0.001 * (n % 2)}, sdk="1" if n < 6 else "2") for n, value in enumerate(values)
    ]
    (found,) = series_of(runs, [measure()])
    assert [item.index for item in found.breaks] == [6]
    assert [step.index for step in found.steps] == [14]
    assert (found.steps[0].before, found.steps[0].after) == pytest.approx((5.0, 9.0), abs=0.01)
    assert [step.index for step in found.alerts] == [14]
