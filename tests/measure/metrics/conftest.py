"""Judged stories: what each metric says of a take whose truth is known."""

from functools import cache

import pytest
from builders import Story, build

from diag.judge.engine import judge_take


@cache
def _judged(story):
    take = build(story)
    return take, judge_take(take, rules=()).measurements


@pytest.fixture(scope="session")
def judged():
    """(take, measurements) of a story."""
    return _judged


@pytest.fixture(scope="session")
def healthy(judged):
    return judged(Story())
