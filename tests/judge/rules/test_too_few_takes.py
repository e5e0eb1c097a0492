import pytest

from diag.core.results import Measurements, Severity, Status, TakeResult
from diag.judge.rules.env006 import too_few_takes


def takes(count):
    return tuple(
        TakeResult(id=f"{n:04d}", prompt_names=("p",), measurements=Measurements(()), findings=(), outcomes=())
        for n in range(count)
    )


@pytest.mark.parametrize(("count", "words"), [(1, "Only 1 take was counted"), (4, "Only 4 takes were counted")])
def test_few_takes_are_told(count, words):
    verdict = too_few_takes(takes(count))
    assert verdict.status is Status.RAISED
    assert words in verdict.title


def test_enough_takes_are_clear_and_none_are_not_judged():
    assert too_few_takes(takes(5)).status is Status.CLEAR
    assert too_few_takes(()).status is Status.NOT_CHECKED


def test_it_is_no_more_than_a_note():
    from diag.judge.registry import all_rules

    assert next(rule for rule in all_rules() if rule.code == "ENV006").severity is Severity.INFO
