"""Judged stories: what each metric says of a take whose truth is known."""

from functools import cache

import pytest
from builders import Story, build

from diag.core.results import Measurements
from diag.measure.engine import measure_take
from diag.measure.registry import all_metrics


@cache
def _judged(story):
    take = build(story)
    return take, Measurements(tuple(measure_take(take, all_metrics(), None)))


@pytest.fixture(scope="session")
def judged():
    """(take, measurements) of a story."""
    return _judged


@pytest.fixture(scope="session")
def healthy(judged):
    return judged(Story())
