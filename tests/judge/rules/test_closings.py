"""A normal close (1000) is a loss where it comes in the middle of a turn."""

import pytest

from diag.core.timeline import Event, Timeline
from diag.judge.closings import code_of


def closed(code, *before):
    events = [
        Event(t_s=float(t_s), name=name, source="any", data={"turn": 0}) for t_s, name in enumerate(before)
    ]  # fmt: skip
    data = {"code": code, "reason": "", "by": "service"}
    return Timeline((*events, Event(t_s=99.0, name="session_closed", source="client", data=data)))


@pytest.mark.parametrize(
    ("code", "before", "finding"),
    [
        (1000, ("prompt_started", "chunk_received"), "SVC009"),
        (1000, ("prompt_started", "turn_complete", "prompt_started"), "SVC009"),
        (1000, ("prompt_started", "chunk_received", "turn_complete"), None),
        (1000, (), None),
        (1011, ("prompt_started", "chunk_received", "turn_complete"), "SVC009"),
    ],
)
def test_what_a_close_without_a_reason_calls_for(code, before, finding):
    assert code_of(closed(code, "session_open", *before)) == finding
