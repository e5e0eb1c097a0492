"""Every file in scenarios/ can be used, says what it must show, and is known to nobody by name."""

import ast
from pathlib import Path

import pytest

from diag.core.chain import Hop
from diag.core.client_config import ClientConfig
from diag.emulator.settings import EmulatorSettings, read_settings
from diag.files.prompts import find_prompt
from diag.files.scenarios import read_scenario
from diag.judge.registry import all_rules

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "scenarios").glob("*.toml"))
SCENARIOS = {path.stem: read_scenario(path) for path in FILES}
RULES = {rule.code: rule for rule in all_rules()}


def test_the_scenarios_of_the_first_release_are_there():
    assert {
        "healthy", "seed_original", "missing_audio_modality", "wrong_model", "playback_16k", "dull_player",
        "send_48k_as_16k", "slow_service", "speaker_off", "endpoint_down", "silent_turn",
    } <= set(SCENARIOS)  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_emulator_understands_its_settings(name):
    settings = read_settings(SCENARIOS[name].emulator)
    assert set(SCENARIOS[name].emulator) <= set(settings.model_dump())


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_says_what_it_is_in_plain_words(name):
    scenario = SCENARIOS[name]
    assert 5 < len(scenario.title) < 60
    assert 40 < len(scenario.shows) < 300
    assert scenario.shows.rstrip().endswith(".")


@pytest.mark.parametrize("name", SCENARIOS)
def test_its_prompts_are_there(name):
    for prompt in SCENARIOS[name].prompts:
        assert find_prompt(prompt).speech_end_s is not None


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_rules_that_it_expects_exist(name):
    expect = SCENARIOS[name].expect
    assert {*expect.findings, *expect.consequences} <= set(RULES)
    assert not set(expect.findings) & set(expect.consequences)
    for code in expect.consequences:
        assert set(RULES[code].explained_by) & set(expect.findings), f"{code} is explained by none of the findings"


def test_only_the_healthy_one_and_a_healthy_conversation_expect_nothing():
    nothing = [name for name, scenario in SCENARIOS.items() if not scenario.expect.findings]
    assert nothing == ["healthy", "talk_barge_in"]


def test_no_two_are_the_same():
    for name, scenario in SCENARIOS.items():
        for other, that in SCENARIOS.items():
            same = all(
                getattr(scenario, field) == getattr(that, field) for field in ("client", "emulator", "faults", "turns")
            )
            assert same == (name == other)


def test_each_differs_from_the_healthy_one_in_one_place():
    """So that a finding can be blamed on it; only the client that was first reported is as it was."""
    healthy = SCENARIOS["healthy"]
    for name in set(SCENARIOS) - {"healthy", "seed_original"}:
        scenario = SCENARIOS[name]
        tables = [field for field in ClientConfig.model_fields
                  if getattr(scenario.client, field) != getattr(healthy.client, field)]  # fmt: skip
        if scenario.faults != healthy.faults:
            tables.append("faults")
        assert tables in ([], ["faults"], ["session"], ["playback"], ["capture", "send"]), name


@pytest.mark.parametrize("hop", Hop)
def test_every_hop_but_the_microphone_has_a_scenario_that_fails_there(hop):
    failing = {RULES[code].hop for scenario in SCENARIOS.values() for code in scenario.expect.findings}
    assert hop in failing or hop is Hop.MICROPHONE


def compared_strings(tree):
    """String constants in comparisons, patterns, collections and keys: where code could recognise a name."""
    choosing = ast.Compare | ast.MatchValue | ast.Dict | ast.Set | ast.Tuple | ast.List | ast.Subscript
    for node in ast.walk(tree):
        if isinstance(node, choosing):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                    yield inner


def test_no_scenario_is_recognised_by_its_name():
    """Help texts may mention one, and one may be a command's default; nothing may depend on which it is."""
    names = set(SCENARIOS) - set(EmulatorSettings.model_fields)
    known = []
    for path in sorted((ROOT / "diag").rglob("*.py")):
        for constant in compared_strings(ast.parse(path.read_text(encoding="utf-8"))):
            if constant.value.strip() in names:
                known.append(f"{path.relative_to(ROOT)}:{constant.lineno} {constant.value!r}")
    assert not known
