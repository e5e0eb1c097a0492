"""Ends of turns and responses to tools that the client itself sends wrongly."""

import pytest
from builders import Story, build

from diag.core.results import Measurement, Measurements, Status, Tier
from diag.core.timeline import Event, Timeline
from diag.judge.rules.svc015 import tool_call_unanswered
from diag.judge.rules.trn005 import cut_off_user


def cut_off(*marks):
    take = build(Story())
    (turn,) = take.turns
    early = Measurement(metric="cut_off_s", unit="s", value=0.6, missing=None, turn=turn.index, tier=Tier.EVENTS)
    events = [Event(t_s=turn.speech_end_s + at_s, name="activity_sent", source="client", data={"mark": mark})
              for at_s, mark in marks]  # fmt: skip
    return cut_off_user(Measurements((early,)), Timeline(tuple(events)), take.turns)


def test_an_end_that_the_client_marks_before_the_last_word_is_its_own_fault():
    found = cut_off((-0.8, "activityEnd"))
    assert found.title == "The client ends the turn 800 ms before the user has finished"
    assert "`activityEnd` only after the last word" in found.fix


@pytest.mark.parametrize("marks", [(), ((-0.3, "activityStart"),), ((0.2, "activityEnd"),)])
def test_without_an_early_mark_the_service_took_a_pause_for_the_end(marks):
    assert "takes a pause" in cut_off(*marks).likely_cause


def responded(*ids):
    events = [("session_open", {}), ("tool_call", {"calls": [{"id": "c1", "name": "look_up"}]})]
    events += [("tool_response_sent", {"ids": list(ids)})] if ids else []
    made = [Event(t_s=float(at), name=name, source="client", data=data) for at, (name, data) in enumerate(events)]
    return tool_call_unanswered(Timeline(tuple(made)))


def test_a_response_with_another_id_is_told_from_no_response():
    assert "wrong id: `look_up`" in responded("look_up").title
    assert "did not respond" in responded().title
    assert responded("c1").status is Status.CLEAR
