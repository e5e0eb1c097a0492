"""Measures of turn-taking against the moments of conversations that are known."""

from dataclasses import replace

import pytest
from talks import Step, Talk, build_talk

from diag.core.results import Measurements, Tier
from diag.measure.engine import measure_take
from diag.measure.registry import Group, all_metrics

METRICS = tuple(metric for metric in all_metrics() if metric.group is Group.TURNS)
MS = 0.001
PROMPTS = tuple(Step() for _ in range(6))


def measured(talk):
    return Measurements(tuple(measure_take(build_talk(talk), METRICS, None)))


@pytest.mark.parametrize(("detect_s", "flush_s"), [(0.1, 0.02), (0.4, 0.1), (1.4, 0.6)])
@pytest.mark.parametrize("ear_channels", [1, 2])
def test_delays_of_a_barge_in_are_those_of_the_conversation(detect_s, flush_s, ear_channels):
    values = measured(Talk(detect_s=detect_s, flush_s=flush_s, ear_channels=ear_channels))
    assert values.value("interrupt_delay_s", turn=1) == pytest.approx(detect_s, abs=MS)
    # A pause of the voice may end a little before it is stopped.
    assert values.value("flush_delay_s", turn=0) == pytest.approx(flush_s, abs=10 * MS)
    assert values.value("barge_in_delay_s", turn=1) == pytest.approx(detect_s + flush_s, abs=10 * MS)


def test_an_ear_with_one_channel_does_not_time_the_end_of_the_reply():
    (item,) = (item for item in measured(Talk(ear_channels=1)).find("barge_in_delay_s", turn=1))
    assert item.tier is Tier.EVENTS


def test_overlap_is_the_time_in_which_both_sound():
    values = measured(Talk(detect_s=0.3, flush_s=0.1))
    assert values.value("overlap_s", turn=1) == pytest.approx(0.4, abs=20 * MS)
    assert values.value("overlap_s", turn=0) == 0
    assert values.value("double_talk_s") == pytest.approx(0.4, abs=20 * MS)


def test_a_back_channel_counts_as_double_talk_and_as_no_interruption():
    values = measured(Talk(steps=(Step(), Step("back_channel", 0.6, at_s=1.0), Step())))
    assert values.value("double_talk_s") == pytest.approx(0.6, abs=20 * MS)
    assert values.value("false_interruptions", turn=0) == 0


def test_what_was_received_and_not_played_is_the_lead_of_the_service():
    fast = measured(Talk(pace=4.0)).value("reply_cut_s", turn=0)
    slow = measured(Talk(pace=1.0)).value("reply_cut_s", turn=0)
    assert fast > slow + 1.0


def test_end_of_turn_is_certain_only_if_the_service_reports_it():
    (sure,) = measured(Talk(end_of_turn_s=0.6, reports_activity=True)).find("end_of_turn_s", turn=2)
    (late,) = measured(Talk(end_of_turn_s=0.6, think_s=0.3)).find("end_of_turn_s", turn=2)
    assert (sure.value, sure.confidence) == (pytest.approx(0.6, abs=MS), 1.0)
    assert (late.value, late.confidence) == (pytest.approx(0.9, abs=MS), 0.0)


def test_an_early_reply_has_its_lead_on_the_end_of_the_prompt():
    values = measured(Talk(steps=(Step(length_s=2.4), Step()), early_s=0.6))
    assert values.value("cut_off_s", turn=0) == pytest.approx(0.6, abs=MS)
    assert values.value("cut_off_s", turn=1) == 0


def test_growth_of_the_wait_is_found_whatever_the_first_turn_does():
    values = measured(Talk(steps=PROMPTS, grows_s=0.1, first_extra_s=1.0))
    assert values.value("latency_growth_s") == pytest.approx(0.1, abs=2 * MS)
    assert values.value("first_turn_extra_s") == pytest.approx(1.0 - 0.3, abs=2 * MS)


def test_a_trend_needs_four_turns():
    assert measured(Talk(steps=PROMPTS[:3])).value("latency_growth_s") is None


def test_a_reply_that_was_over_before_the_user_spoke_has_no_delay():
    talk = Talk()
    late = replace(talk, steps=(Step(), Step("barge_in", at_s=talk.reply_s + 0.2), Step()))
    assert measured(late).value("barge_in_delay_s", turn=1) is None
