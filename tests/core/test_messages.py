"""Sentences that keep their template: ordinary English text, and translatable."""

import copy
import json
import pickle

from diag.core.messages import Message, msg
from diag.core.plain_text import quotable
from diag.core.units import counted, with_minus


def test_a_message_is_its_english_sentence():
    message = msg("resample from {content_hz} to {declared_hz} Hz", content_hz=48000, declared_hz=16000)
    assert message == "resample from 48000 to 16000 Hz"
    assert json.loads(json.dumps(message)) == "resample from 48000 to 16000 Hz"
    assert message.template == "resample from {content_hz} to {declared_hz} Hz"


def test_a_process_that_gets_a_message_gets_its_template():
    message = msg("turn {number}: {text}", number=2, text=msg("nothing came"))
    for other in (pickle.loads(pickle.dumps(message)), copy.deepcopy(message)):
        assert other == "turn 2: nothing came"
        assert (other.template, other.values["text"].template) == ("turn {number}: {text}", "nothing came")


def test_a_minus_sign_keeps_the_template():
    message = with_minus(msg("peaks at {level_dbfs:.0f} dBFS", level_dbfs=-9.2))
    assert message == "peaks at −9 dBFS"
    assert pickle.loads(pickle.dumps(message)) == message
    assert isinstance(message, Message)
    assert message.template == "peaks at {level_dbfs:.0f} dBFS"


def test_braces_in_a_sentence_are_doubled():
    assert msg("use `{{ rate: {rate_hz} }}`", rate_hz=16000) == "use `{ rate: 16000 }`"


def test_a_text_that_need_not_be_changed_to_be_shown_stays_a_message():
    assert isinstance(quotable(msg("nothing came")), Message)
    assert not isinstance(quotable(msg("it said {what}", what="\x1b[2J")), Message)
    assert not isinstance(quotable(msg("{text}", text="a" * 300)), Message)


def test_a_number_with_its_noun_can_be_translated():
    assert (counted(1, "turn"), counted(2, "turn")) == ("1 turn", "2 turns")
    assert counted(2, "turn").template == "{count:.0f} turns"
