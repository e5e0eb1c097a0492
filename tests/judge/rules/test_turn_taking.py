"""Rules of turn-taking on conversations whose every moment is known."""

from dataclasses import replace

import pytest
from talks import Step, Talk, build_talk

from diag.core.results import Status
from diag.judge.engine import judge_take
from diag.judge.registry import all_rules
from diag.measure.registry import Group, all_metrics

CODES = ("PLY010", "TRN001", "TRN002", "TRN003", "TRN004", "TRN005")
RULES = tuple(rule for rule in all_rules() if rule.code in CODES)
METRICS = tuple(metric for metric in all_metrics() if metric.group is Group.TURNS)

BARGE_IN = Step("barge_in", at_s=1.0, interrupts=True)
BACK_CHANNEL = Step("back_channel", 0.6, at_s=1.0)
NO_INTERRUPTION = {"realtimeInputConfig": {"activityHandling": "NO_INTERRUPTION"}}

HEALTHY = {
    "prompts alone": Talk(steps=(Step(), Step())),
    "barge-in": Talk(),
    "slow but fair barge-in": Talk(detect_s=0.7, flush_s=0.15),
    "back-channel that is passed over": Talk(steps=(Step(), BACK_CHANNEL, Step())),
    "barge-in shortly before the end of the reply": Talk(steps=(Step(), replace(BARGE_IN, at_s=3.2, interrupts=False))),
    "one channel at the ear": Talk(ear_channels=1),
}
FAULTY = {
    "TRN001": Talk(steps=(Step(), replace(BARGE_IN, interrupts=False), Step()), reply_s=4.8),
    "TRN002": Talk(detect_s=1.4),
    "TRN003": Talk(steps=(Step(), replace(BACK_CHANNEL, interrupts=True), Step())),
    "TRN004": Talk(end_of_turn_s=2.0, reports_activity=True),
    "TRN005": Talk(steps=(Step(length_s=2.4), Step()), early_s=0.6),
    "PLY010": Talk(flush_s=0.6),
}


def judged(talk):
    return judge_take(build_talk(talk), metrics=METRICS, rules=RULES)


def status(talk, code):
    return next(outcome.status for outcome in judged(talk).outcomes if outcome.code == code)


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_conversations_have_no_finding(name):
    assert judged(HEALTHY[name]).findings == ()


@pytest.mark.parametrize("code", FAULTY)
def test_each_fault_gives_its_own_finding_and_no_other(code):
    assert [item.code for item in judged(FAULTY[code]).findings] == [code]


def test_a_barge_in_that_is_handled_is_shown_to_be_right():
    assert {status(Talk(), code) for code in ("TRN001", "TRN002", "PLY010")} == {Status.CLEAR}


def test_without_a_barge_in_nothing_is_claimed_of_barge_ins():
    talk = Talk(steps=(Step(), Step()))
    assert {status(talk, code) for code in ("TRN001", "TRN002", "PLY010")} == {Status.NOT_CHECKED}


def test_the_setup_that_forbids_interruptions_is_named_as_the_cause():
    (finding,) = judged(replace(FAULTY["TRN001"], setup=NO_INTERRUPTION)).findings
    assert "NO_INTERRUPTION" in finding.fix
    assert finding.likely_cause == "the setup forbids interruptions"


@pytest.mark.parametrize(
    ("talk", "words"),
    [
        (FAULTY["TRN003"], "back-channel"),
        (Talk(steps=(Step(), Step("noise", 0.6, at_s=1.0, interrupts=True), Step())), "noise"),
        (Talk(steps=(Step(), Step()), own_interruption_s=2.0), "nothing that the user said"),
        (Talk(steps=(Step(), Step()), own_interruption_s=0.6), "nothing that the user said"),
    ],
)
def test_a_false_barge_in_says_what_sounded_before_it(talk, words):
    (finding,) = judged(talk).findings
    assert finding.code == "TRN003"
    assert words in finding.title
    assert ("headset" in finding.fix) == (words == "nothing that the user said")


def test_a_late_reply_alone_does_not_prove_a_slow_detector():
    assert status(Talk(end_of_turn_s=2.0), "TRN004") is Status.NOT_CHECKED


def test_a_long_silence_in_the_setup_proves_it():
    setup = {"realtimeInputConfig": {"automaticActivityDetection": {"silenceDurationMs": 2000}}}
    (finding,) = judged(Talk(end_of_turn_s=2.0, setup=setup)).findings
    assert finding.code == "TRN004"
    assert "silenceDurationMs" in finding.likely_cause
