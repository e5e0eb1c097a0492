"""When the echo of a reply is a finding, and in what words, from levels that are given."""

import pytest

from diag.core.missing import Missing, MissingCode
from diag.core.results import Measurement, Measurements, Severity, Status, Tier
from diag.core.timeline import Event, EventName, Timeline
from diag.judge.rules.mic006 import echo

ABSENT = Missing(MissingCode.NO_TURN, "nothing was played in this turn")
EMPTY = Timeline(())


def item(metric, value, turn=0, confidence=None):
    return Measurement(metric=metric, unit="dB", value=value, missing=ABSENT if value is None else None,
                       tier=Tier.WAVEFORM, turn=turn, confidence=confidence)  # fmt: skip


def sent(value, turn=0, confidence=1.0):
    return item("echo_sent_db", value, turn, confidence)


def captured(value, turn=0, confidence=1.0):
    return item("echo_db", value, turn, confidence)


def judged(*items, timeline=EMPTY):
    return echo(measurements=Measurements(items), timeline=timeline)


@pytest.mark.parametrize(
    ("items", "status"),
    [
        ((sent(-40.0),), Status.CLEAR),
        ((sent(-39.9),), Status.RAISED),
        ((sent(-20.0, confidence=0.0),), Status.NOT_CHECKED),
        ((sent(-20.0, confidence=0.0), captured(-40.0)), Status.CLEAR),
        ((sent(-20.0, confidence=0.0), captured(-39.9)), Status.NOT_CHECKED),
        ((sent(-20.0, confidence=0.0), captured(-60.0, turn=1)), Status.NOT_CHECKED),
        ((sent(-20.0, 0, 0.0), sent(-20.0, 1, 0.0), captured(-60.0, 0)), Status.NOT_CHECKED),
        ((sent(-20.0, 0, 0.0), sent(-20.0, 1, 0.0), captured(-60.0, 0), captured(-60.0, 1)), Status.CLEAR),
        ((sent(-20.0, 0, 0.0), sent(-30.0, 1, 1.0)), Status.RAISED),
        ((captured(-39.9),), Status.RAISED),
        ((sent(None), captured(-39.9)), Status.RAISED),
        ((sent(-60.0), captured(-20.0)), Status.CLEAR),
        ((sent(-60.0), sent(None, turn=1)), Status.NOT_CHECKED),
    ],
)
def test_an_echo_above_minus_40_db_is_a_finding_in_what_is_sent_or_else_captured(items, status):
    assert judged(*items).status is status


def test_why_an_echo_was_not_judged():
    assert judged(sent(-20.0, confidence=0.0)).reason == "an echo could be hidden by other sound"
    assert judged().reason == "echo_sent_db was not measured"
    assert judged(captured(None)).reason == "echo_db: nothing was played in this turn"


def texts(verdict):
    return [entry.text for entry in verdict.evidence]


def test_the_loudest_echo_is_told_with_what_is_known_of_its_turn():
    found = judged(
        sent(-35.0), sent(-30.4, turn=1), sent(-10.0, turn=2, confidence=0.0), captured(-12.0), captured(-14.4, turn=1),
        item("echo_delay_s", 0.0426, turn=1), item("echo_removed_db", 16.4, turn=1), item("echo_delay_s", 9.0),
    )  # fmt: skip
    assert found.title == "The microphone picks up the reply: the service hears it 30 dB below what was played"
    assert found.severity is None
    assert texts(found) == [
        "`sent` contains an echo 30 dB below what was played",
        "echo return loss 14 dB from what was played to `captured`",
        "the microphone delivers the echo 43 ms after it was played",
        "the client removes 16 dB of it before it sends",
    ]


def test_what_cannot_be_is_told_as_nothing():
    found = judged(sent(-30.0), captured(2.0), item("echo_delay_s", -0.01), item("echo_removed_db", -3.0))
    assert texts(found)[1:] == [
        "echo return loss 0 dB from what was played to `captured`",
        "the microphone delivers the echo 0 ms after it was played",
        "the client removes 0 dB of it before it sends",
    ]
    assert texts(judged(captured(-12.0))) == ["`captured` contains an echo 12 dB below what was played"]


@pytest.mark.parametrize(
    ("echo_share", "user_share", "interrupted"),
    [
        (0.5, 0.0, True),
        (0.49, 0.0, False),
        (0.9, 0.24, True),
        (0.9, 0.25, False),
        (0.9, None, True),
        (None, 0.0, False),
    ],
)
def test_the_echo_interrupts_if_most_was_echo_and_little_the_user(echo_share, user_share, interrupted):
    shares = item("interruption_echo_share", echo_share), item("interruption_user_share", user_share)
    found = judged(sent(-30.0), *shares)
    assert (found.severity is Severity.ERROR) is interrupted
    assert ("The service interrupted its own reply: it heard" in found.title) is interrupted


def event(name, t_s, turn=1):
    return Event(t_s=t_s, name=name, source="service", data={"turn": turn})


CHUNK, LATER = event(EventName.CHUNK_RECEIVED, 2.0), event(EventName.CHUNK_RECEIVED, 3.0)
STARTED, CUT = event(EventName.PLAYOUT_STARTED, 2.5), event(EventName.INTERRUPTED, 4.0)


@pytest.mark.parametrize(
    ("events", "after"),
    [
        ((CHUNK, LATER, STARTED, CUT), " after 1.50 s"),
        ((CHUNK, LATER, CUT), " after 2.00 s"),
        ((STARTED, event(EventName.PLAYOUT_STARTED, 3.5), CUT, event(EventName.INTERRUPTED, 9.0)), " after 500 ms"),
        ((event(EventName.PLAYOUT_STARTED, 5.0), CUT), ""),
        ((event(EventName.PLAYOUT_STARTED, 4.0), CUT), ""),
        ((CHUNK, event(EventName.INTERRUPTED, 4.0, turn=0)), ""),
        ((event(EventName.CHUNK_RECEIVED, 2.0, turn=0), CUT), ""),
    ],
)
def test_how_long_the_reply_had_played_is_told(events, after):
    shares = item("interruption_echo_share", 0.2), item("interruption_echo_share", 0.876, turn=1)
    found = judged(sent(-30.4), *shares, timeline=Timeline(events))
    assert found.title == (
        f"The service interrupted its own reply{after}: it heard the echo, 30 dB below what was played"
    )
    assert texts(found)[0] == "88 % of what the service heard in the 0.6 s before `interrupted` was its own reply"
    assert found.evidence[0].turn == 1
