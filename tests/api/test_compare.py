"""`diag compare` with `--takes auto`: how many takes are recorded, and at which level each look decides."""

from types import SimpleNamespace

import pytest

from diag.api import compare as comparing
from diag.api.options import AUTO_TAKES, Options
from diag.judge import comparison as judging
from diag.judge.difference import LEVEL


@pytest.fixture
def looks(monkeypatch):
    """Takes of each configuration that were recorded, and the level of each look; filled by `compare`."""
    seen = SimpleNamespace(recorded=[], levels=[], decided_at=None)

    def execute(plans, options, progress):
        seen.recorded.append([plan.takes for plan in plans])
        return [SimpleNamespace(name=plan.name) for plan in plans]

    def compare_runs(a, b, *, seed, level):
        seen.levels.append(level)
        return SimpleNamespace(a=a.name, b=b.name)

    monkeypatch.setattr(comparing, "execute", execute)
    monkeypatch.setattr(comparing, "finish", lambda report, options, name: report)
    monkeypatch.setattr(judging, "compare_runs", compare_runs)
    monkeypatch.setattr(judging, "is_decided", lambda _: seen.recorded[-1][0] == seen.decided_at)
    return seen


@pytest.mark.parametrize("decided_at", [*AUTO_TAKES, None])
def test_takes_are_added_until_a_look_decides_and_no_longer_than_the_last_one(looks, tmp_path, decided_at):
    looks.decided_at = decided_at
    comparing.compare("healthy", "slow_service", Options(takes=AUTO_TAKES[0], auto=True, out=tmp_path))
    last = AUTO_TAKES.index(decided_at) + 1 if decided_at else len(AUTO_TAKES)
    assert looks.recorded == [[takes, takes] for takes in AUTO_TAKES[:last]]


def test_the_looks_share_the_probability_of_a_false_alarm(looks, tmp_path):
    comparing.compare("healthy", "slow_service", Options(takes=AUTO_TAKES[0], auto=True, out=tmp_path))
    assert looks.levels == [pytest.approx(LEVEL / len(AUTO_TAKES))] * len(AUTO_TAKES)


def test_a_given_number_of_takes_is_looked_at_once(looks, tmp_path):
    comparing.compare("healthy", "slow_service", Options(takes=7, out=tmp_path))
    assert (looks.recorded, looks.levels) == ([[7, 7]], [LEVEL])
