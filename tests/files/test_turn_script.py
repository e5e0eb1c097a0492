"""Scripts of conversations: what is allowed, and what a refusal says."""

import pytest

from diag.core.errors import BadInputError
from diag.files.scenarios import find_scenario, read_turns, scenario_from_mapping
from diag.files.turn_script import BACK_CHANNEL, StepKind

PROMPT = {"say": "yes"}


def steps(*tables):
    return scenario_from_mapping("x", {"turns": list(tables)}, attempted="Could not read it").turns


def test_a_step_is_a_prompt_unless_it_says_otherwise():
    (step,) = steps(PROMPT)
    assert step.kind is StepKind.PROMPT
    assert step.is_turn
    assert not step.during_reply


def test_a_back_channel_has_a_usual_sound():
    assert steps(PROMPT, {"kind": "back_channel", "at_s": 1.0})[1].say == BACK_CHANNEL


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"kind": "barge_in", "say": "yes"}, "at_s"),
        ({"kind": "barge_in", "say": "yes", "at_s": 1, "at_share": 0.5}, "one of them"),
        ({"kind": "prompt"}, "say"),
        ({"kind": "noise"}, "for_s"),
        ({"kind": "silence", "for_s": 1, "say": "yes"}, "say"),
        ({"kind": "silence", "for_s": 1, "at_s": 1}, "during a reply"),
        ({"kind": "shout", "say": "yes"}, "barge_in"),
        ({"say": "yes", "at": 1}, "at_s"),
    ],
)
def test_a_step_that_cannot_be_done_is_refused_with_what_is_allowed(table, words):
    with pytest.raises(BadInputError, match=words):
        steps(PROMPT, table)


def test_a_conversation_begins_with_a_prompt():
    with pytest.raises(BadInputError, match="the first step is of kind `barge_in`"):
        steps({"kind": "barge_in", "say": "yes", "at_s": 1})


def test_prompts_and_turns_are_not_mixed():
    with pytest.raises(BadInputError, match="`prompts` and `turns`"):
        scenario_from_mapping("x", {"turns": [PROMPT], "prompts": ["yes"]}, attempted="Could not read it")


def test_a_file_of_turns_needs_some(tmp_path):
    path = tmp_path / "turns.toml"
    path.write_text("title = 'none'\n")
    with pytest.raises(BadInputError, match=r"no `\[\[turns\]\]`"):
        read_turns(path)
    path.write_text("[[turns]]\nsay = 'yes'\n")
    assert [step.say for step in read_turns(path)] == ["yes"]


@pytest.mark.parametrize("name", ["talk_barge_in", "talk_back_channel"])
def test_the_examples_are_conversations(name):
    assert any(step.during_reply for step in find_scenario(name).turns)
