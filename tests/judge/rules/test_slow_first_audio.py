"""SVC001: slow replies over a run."""

import pytest
from builders import Story, build, client, replace

from diag.core.missing import Missing, MissingCode
from diag.core.observed_client import ObservedClient
from diag.core.results import Measurement, Measurements, Severity, Status, TakeResult, Tier
from diag.judge.engine import judge_run, judge_take
from diag.judge.rules.ply007 import excess_buffering


def run_of(stories):
    takes = [build(replace(story, take_id=f"{index:04d}")) for index, story in enumerate(stories)]
    return judge_run("r", "", [judge_take(take) for take in takes], takes[0].config, takes[0].environment)


NO_REPLY = Missing(MissingCode.NO_TURN, "no reply")


def values(metric, numbers):
    takes = [
        TakeResult(
            id=str(index), prompt_names=("p",), findings=(), outcomes=(),
            measurements=Measurements((Measurement(metric=metric, unit="s", value=number, tier=Tier.EVENTS, turn=0,
                                                   missing=None if number is not None else NO_REPLY),)),
        )
        for index, number in enumerate(numbers)
    ]  # fmt: skip
    take = build(Story(refused=(1008, "x")))
    return judge_run("r", "", takes, take.config, take.environment)


def roots(run):
    return [item.finding.code for item in run.findings if item.finding.consequence_of is None]


def slow(run):
    """What is found of the waiting; few takes are a note of their own."""
    return [item for item in run.findings if item.finding.code != "ENV006"]


def outcome(run):
    return next(item for item in run.outcomes if item.code == "SVC001")


def test_healthy_takes_are_clear():
    run = run_of([Story(seed=seed) for seed in range(2)])
    assert slow(run) == []
    assert outcome(run).status is Status.CLEAR


@pytest.mark.parametrize(("delay_s", "severity"), [(2.2, Severity.WARNING), (4.3, Severity.ERROR)])
def test_a_slow_service_is_found_with_its_stage(delay_s, severity):
    run = run_of([Story(seed=seed, service_delay_s=delay_s, reply_s=1.2) for seed in range(2)])
    (found,) = slow(run)
    assert (found.finding.code, found.finding.severity) == ("SVC001", severity)
    assert found.take_ids == ("0000", "0001")
    assert "the longest stage is the service" in found.finding.title


@pytest.mark.parametrize(
    ("numbers", "severity"),
    [
        ([1.5] * 5, None),
        ([1.51] * 5, Severity.WARNING),
        ([3.0] * 5, Severity.WARNING),
        ([3.01] * 5, Severity.ERROR),
        ([1.0] * 18 + [3.6] * 2, Severity.ERROR),
        ([1.0] * 17 + [3.6] * 2, None),
    ],
)
def test_the_limits(numbers, severity):
    run = values("ttfa_heard_s", numbers)
    assert [item.finding.severity for item in run.findings] == ([severity] if severity else [])


def test_it_falls_back_to_what_was_received_and_says_so():
    (found,) = values("ttfa_received_s", [2.0] * 5).findings
    assert "as received" in found.finding.title


def test_nothing_timed_is_not_clear():
    assert outcome(values("ttfa_heard_s", [None, None])).status is Status.NOT_CHECKED


def test_replies_that_never_came_are_reported_beside_the_median():
    run = run_of([Story(service_delay_s=2.2, reply_s=1.2), Story(seed=2, service_delay_s=2.2, reply_s=1.2),
                  Story(seed=3, reply_s=None)])  # fmt: skip
    slow = next(item.finding for item in run.findings if item.finding.code == "SVC001")
    assert any("1 prompt without a reply" in item.text for item in slow.evidence)


def test_where_the_client_is_slow_it_is_the_consequence():
    batches = client(send={"batch_ms": 2000})
    run = run_of([Story(config=batches, prompt_s=1.9, service_delay_s=1.8, reply_s=1.0)])
    assert "SND004" in roots(run)
    assert next(item.finding.consequence_of for item in run.findings if item.finding.code == "SVC001") == "SND004"


def heard_late(wait_s, received_s=0.9):
    """Judge a run whose player was not recorded, as that of an app; the reply is heard `wait_s` after the prompt."""

    def item(metric, value, missing=None):
        return Measurement(metric=metric, unit="s", value=value, tier=Tier.EVENTS, turn=0, missing=missing)

    no_player = Missing(MissingCode.NO_RECORDING, "the take has no `played` recording")
    measured = Measurements((
        item("ttfa_heard_s", wait_s), item("ttfa_received_s", received_s), item("leading_silence_s", 0.04),
        item("playout_delay_s", None, no_player),
    ))  # fmt: skip
    verdict = excess_buffering(measured, ObservedClient())
    takes = [TakeResult(id="0", prompt_names=("p",), findings=(), outcomes=(), measurements=measured)]
    take = build(Story(refused=(1008, "x")))
    return verdict, judge_run("r", "", takes, take.config, take.environment)


def test_an_app_that_holds_the_reply_back_is_told_from_a_slow_service():
    late, run = heard_late(2.8)
    assert (late.status, late.title) == (
        Status.RAISED,
        "The player delays the reply: heard 1.90 s after it could have been played, its buffer is not known",
    )
    assert "longest stage" not in next(item for item in run.findings if item.finding.code == "SVC001").finding.title


def test_an_app_that_plays_at_once_is_not_said_to_have_no_second_buffer():
    for wait_s in (0.95, 1.3):
        assert heard_late(wait_s)[0].status is Status.NOT_CHECKED
