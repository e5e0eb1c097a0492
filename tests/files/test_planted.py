"""What a `[[faults.planted]]` table may say, and what is answered where it says something else."""

from pathlib import Path

import pytest

from diag.core.errors import BadInputError
from diag.files.planted import TAKES, Planted
from diag.files.scenarios import Scenario, find_scenarios, scenario_from_mapping
from diag.judge.registry import all_rules

FAULTS = find_scenarios(["faults"])
RULES = {rule.code: rule for rule in all_rules()}
NOT_BY_A_CONFIGURATION = {"ENV001", "ENV003", "ENV004", "ENV006", "ENV007", "SND022"}
OF_APPS = ("APP", "WEB")
"""Codes of rules that need an app or a page; tests with real ones raise them."""


def read(*planted):
    return scenario_from_mapping("x", {"faults": {"planted": list(planted)}}, attempted="Could not read x")


def refusal(*planted):
    with pytest.raises(BadInputError) as caught:
        read(*planted)
    return str(caught.value)


def test_a_table_is_read():
    (fault,) = read({"hop": "player", "kind": "skip", "at_s": 0.8, "for_s": 0.2}).faults.planted
    assert (fault.hop, fault.kind, fault.at_s, fault.for_s) == ("player", "skip", 0.8, 0.2)


def test_faults_are_given_by_hop_in_their_order():
    faults = read(
        {"hop": "player", "kind": "silent"},
        {"hop": "sender", "kind": "squeeze", "through_hz": 8000},
        {"hop": "player", "kind": "level", "gain_db": -6},
    ).faults
    assert [fault.kind for fault in faults.on("player")] == ["silent", "level"]
    assert faults.on("speaker") == ()


@pytest.mark.parametrize(
    ("planted", "words"),
    [
        ({"hop": "player", "kind": "skip", "for_ms": 200}, "did you mean `for_s`?"),
        ({"hop": "player", "kind": "noise", "levl_dbfs": -20}, "did you mean `level_dbfs`?"),
        ({"hop": "player", "kind": "skipp"}, "allowed: rate, stretch"),
        ({"hop": "room", "kind": "skip"}, "allowed: microphone, sender, player, speaker"),
        ({"hop": "player", "kind": "rate", "ratio": 1.1, "bits": 8}, "kind `rate` takes no `bits`"),
        ({"hop": "player", "kind": "rate"}, "kind `rate` needs `ratio`"),
        ({"hop": "player", "kind": "leak", "gain_db": -20}, "hop = 'microphone'"),
        ({"hop": "player", "kind": "stall", "for_s": 0.1, "count": 3}, "`count` without `every_s`"),
        ({"hop": "player", "kind": "few-bits", "bits": 40}, "from 1 up to 15"),
    ],
)
def test_what_cannot_be_used_is_answered_with_what_can(planted, words):
    assert words.casefold() in refusal(planted).casefold()


def test_a_configuration_that_was_saved_can_be_read_again():
    for scenario in FAULTS:
        assert Scenario.model_validate(scenario.model_dump(mode="json")) == scenario


@pytest.mark.parametrize("kind", sorted(TAKES))
def test_every_kind_is_planted_by_a_configuration_or_named_in_the_manual(kind):
    manual = (Path(__file__).parents[2] / "docs/configuration.md").read_text("utf-8")
    assert f"`{kind}`" in manual
    for name in TAKES[kind]:
        assert name in Planted.model_fields


def test_there_is_a_configuration_for_every_finding_on_takes():
    expected = [code for scenario in FAULTS for code in scenario.expect.findings]
    assert len(expected) == len(FAULTS)
    on_takes = {code for code in RULES if not code.startswith(("REC", *OF_APPS))}
    assert set(expected) == on_takes - NOT_BY_A_CONFIGURATION


@pytest.mark.parametrize("scenario", FAULTS, ids=lambda scenario: scenario.name)
def test_a_configuration_is_called_and_worded_for_its_finding(scenario):
    (code,) = scenario.expect.findings
    assert scenario.name.partition("_")[0] == code.lower()
    assert 5 < len(scenario.title) < 60
    assert 30 < len(scenario.shows) < 300
    for consequence in scenario.expect.consequences:
        assert code in _causes(consequence), f"{consequence} is not explained by {code}"


def _causes(code):
    found, todo = set(), [code]
    while todo:
        for cause in RULES[todo.pop()].explained_by:
            if cause in RULES and cause not in found:
                found.add(cause)
                todo.append(cause)
    return found
