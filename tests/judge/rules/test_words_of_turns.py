"""Limits and words of the rules on turns, from moments that are given."""

import pytest

from diag.core.missing import Missing, MissingCode
from diag.core.observed_client import ObservedClient
from diag.core.results import Measurement, Measurements, Status, Tier
from diag.core.take import Turn
from diag.core.timeline import Event, Timeline
from diag.judge.rules.snd006 import no_end_of_turn
from diag.judge.rules.trn001 import barge_in_ignored
from diag.judge.rules.trn002 import barge_in_slow
from diag.judge.rules.trn003 import false_barge_in
from diag.judge.rules.trn004 import end_of_turn_slow

ABSENT = Missing(MissingCode.NO_TURN, "nobody interrupted a reply")


def item(metric, value, turn=0, confidence=None):
    return Measurement(metric=metric, unit="s", value=value, missing=ABSENT if value is None else None,
                       tier=Tier.EVENTS, turn=turn, confidence=confidence)  # fmt: skip


def turn(index=0, *, barge_in=False, speech=(1.0, 2.0), end_s=9.0):
    return Turn(index=index, prompt_name="p", start_s=0.5, end_s=end_s, speech_start_s=speech[0],
                speech_end_s=speech[1], barge_in=barge_in)  # fmt: skip


def event(name, at_s, /, **data):
    return Event(t_s=at_s, name=name, source="service", data=data)


def asking(**settings):
    return ObservedClient(setup={"realtimeInputConfig": settings})


def told(verdict):
    if verdict.status is not Status.RAISED:
        return verdict.reason or verdict.status.value
    return [verdict.title, *(entry.text for entry in verdict.evidence), verdict.likely_cause]


TRIED = (turn(0), turn(1, barge_in=True), turn(2, barge_in=True))
QUIET = ObservedClient(setup=None)


# --- interruptions


@pytest.mark.parametrize(
    ("items", "observed", "expected"),
    [
        (
            [item("barge_in_delay_s", 2.0, 1), item("barge_in_delay_s", 3.25, 2), item("barge_in_delay_s", 9.0, 0)],
            QUIET,
            ["The reply goes on although the user interrupts it: for 3.25 s",
             "turn 3: the reply was heard for 3.25 s after the user's first word", "the service sent no `interrupted`",
             "the service's detector did not take the user's sound for speech, or did not get it"],
        ),
        (
            [item("barge_in_delay_s", 2.0, 1), item("barge_in_delay_s", 3.25, 2), item("interrupt_delay_s", 0.4, 2)],
            asking(activityHandling="NO_INTERRUPTION"),
            ["The reply goes on although the user interrupts it: for 2.00 s",
             "turn 2: the reply was heard for 2.00 s after the user's first word", "the service sent no `interrupted`",
             "the setup has `activityHandling: NO_INTERRUPTION`", "the setup forbids interruptions"],
        ),
        (
            [item("barge_in_delay_s", value, n) for n, value in ((1, 2.0), (2, 3.0))]
            + [item("interrupt_delay_s", 0.4, n) for n in (1, 2)],
            QUIET,
            "clear",
        ),
        (
            [item("barge_in_delay_s", 2.0, 1), item("barge_in_delay_s", None, 2), item("interrupt_delay_s", 0.4, 1)],
            QUIET,
            "a reply was over before it could be interrupted, or the moment is not known",
        ),
    ],
)  # fmt: skip
def test_the_longest_reply_that_goes_on_without_interrupted_is_told(items, observed, expected):
    found = barge_in_ignored(measurements=Measurements(tuple(items)), observed=observed, turns=TRIED)
    assert told(found) == expected
    assert told(barge_in_ignored(measurements=Measurements(()), observed=observed, turns=TRIED[:1])) == (
        "nobody interrupted a reply"
    )


def slow(delays, told_s):
    items = [item("barge_in_delay_s", value, n) for n, value in delays.items()]
    items += [item("interrupt_delay_s", value, n) for n, value in told_s.items()]
    return told(barge_in_slow(measurements=Measurements(tuple(items)), turns=TRIED))


@pytest.mark.parametrize(
    ("delays", "told_s", "expected"),
    [
        ({1: 1.0, 2: 0.5}, {1: 0.3, 2: 0.3}, "clear"),
        ({1: 1.0}, {1: 0.3}, "not every barge-in could be timed"),
        ({1: 1.5}, {}, "no reply was interrupted, or the moment is not known"),
        ({1: 1.01, 2: 0.5}, {1: 0.5, 2: 0.9},
         ["The reply stops 1.01 s after the user begins to interrupt it", "turn 2: both talk for 1.01 s",
          "`interrupted` came 500 ms after the user's first word", "the player goes on after `interrupted`"]),
        ({1: 1.2, 2: 1.5}, {1: 0.3, 2: 0.51},
         ["The reply stops 1.50 s after the user begins to interrupt it", "turn 3: both talk for 1.50 s",
          "`interrupted` came 510 ms after the user's first word", "the service needs long to notice the user"]),
    ],
)  # fmt: skip
def test_a_reply_that_stops_after_more_than_a_second_is_late_by_the_service_or_the_player(delays, told_s, expected):
    assert slow(delays, told_s) == expected


def test_the_fix_of_a_late_stop_follows_its_cause():
    for told_s, fix in ((0.5, "empty the player's queue when `interrupted` comes"), (0.51, "set `startOfSpeech")):
        items = (item("barge_in_delay_s", 1.5, 1), item("interrupt_delay_s", told_s, 1))
        assert barge_in_slow(measurements=Measurements(items), turns=TRIED).fix.startswith(fix)
    assert barge_in_slow(measurements=Measurements(()), turns=TRIED[:1]).reason == "nobody interrupted a reply"


def interrupted(*sounds, stops=(5.0,), turns=TRIED[:1]):
    events = [
        event("interjection", start_s, kind=kind, start_s=start_s, end_s=start_s + 0.2) for kind, start_s in sounds
    ]
    events += [event("chunk_received", stop_s - 3.0, turn=0, frames=9) for stop_s in stops]
    events += [event("interrupted", stop_s, turn=0) for stop_s in stops]
    return false_barge_in(measurements=Measurements(()), timeline=Timeline(tuple(events)), turns=turns)


@pytest.mark.parametrize(
    ("sounds", "stops", "words"),
    [
        ([("noise", 4.0)], (5.0,), ("1 time", "a noise", "the detector takes noise for speech")),
        ([("noise", 4.0), ("back_channel", 14.0)], (5.0, 15.0),
         ("2 times", "a noise", "the detector takes noise for speech")),
        ([("noise", 4.0), ("back_channel", 14.0), ("back_channel", 24.0)], (5.0, 15.0, 25.0),
         ("3 times", "a back-channel such as “mm-hmm”", "the detector takes every sound of a voice for a barge-in")),
        ([], (5.0, 15.0), ("2 times", "nothing that the user said",
                           "the service hears its own reply, or interrupts it without a reason")),
    ],
)  # fmt: skip
def test_false_interruptions_are_told_by_the_commonest_sound_before_them(sounds, stops, words):
    found = interrupted(*sounds, stops=stops)
    times, sound, cause = words
    assert found.title == f"The service interrupts its reply although the user does not speak: {times}, after {sound}"
    assert found.likely_cause == cause
    assert len(found.evidence) == len(stops)
    assert found.evidence[0].text.startswith("`interrupted` at 5.00 s, after ")
    assert ("echo cancellation" in found.fix) is (not sounds)


def test_one_interruption_without_any_sound_among_others_is_no_echo():
    assert "START_SENSITIVITY_LOW" in interrupted(("noise", 4.0), stops=(5.0, 15.0)).fix
    assert told(interrupted(stops=())) == "clear"
    assert told(interrupted(stops=(), turns=())) == "no turn took place"


# --- the end of a turn


def noticed(*pairs, silence_ms=None):
    observed = QUIET if silence_ms is None else asking(automaticActivityDetection={"silenceDurationMs": silence_ms})
    items = tuple(item("end_of_turn_s", value, n, confidence) for n, (value, confidence) in enumerate(pairs))
    return told(end_of_turn_slow(measurements=Measurements(items), observed=observed))


HEARS_NOISE = "the detector waits for a long silence, or hears noise as speech"


@pytest.mark.parametrize(
    ("pairs", "silence_ms", "expected"),
    [
        ([(1.5, 1.0)], None, "clear"),
        ([(1.51, 1.0)], None, ["The service takes 1.51 s to notice that the user has finished",
                               "turn 1: its end was reported 1.51 s after the last word", HEARS_NOISE]),
        ([(1.6, 1.0), (2.0, 1.0), (9.0, 0.0)], 800,
         ["The service takes 2.00 s to notice that the user has finished",
          "turn 2: its end was reported 2.00 s after the last word",
          "the setup asks for 800 ms of silence (`silenceDurationMs`)", HEARS_NOISE]),
        ([(3.0, 0.0)], None, "the service did not report when it noticed the end of the turn"),
        ([(3.0, 0.0)], 1500, "the service did not report when it noticed the end of the turn"),
        ([(1.2, 0.0)], 2000, "clear"),
        ([(1.2, 1.0), (None, None)], None, "end_of_turn_s: nobody interrupted a reply"),
        ([], None, "end_of_turn_s was not measured"),
    ],
)  # fmt: skip
def test_an_end_of_turn_is_noticed_late_from_1500_ms_on(pairs, silence_ms, expected):
    assert noticed(*pairs, silence_ms=silence_ms) == expected


def test_a_long_silence_that_the_setup_asks_for_is_told_without_a_report_of_the_service():
    _, *rest = noticed((2.5, 0.0), (3.0, 0.0), silence_ms=1501)
    assert rest == [
        "turn 2: nothing came for 3.00 s after the last word",
        "the setup asks for 1.50 s of silence (`silenceDurationMs`)", "`silenceDurationMs` is long",
    ]  # fmt: skip


def stopped(last_s, *, answered=0.0, closed_s=None, end_s=9.0, speech=(1.0, 2.0), index=0):
    events = [event("batch_sent", at_s) for at_s in (1.0, last_s) if last_s is not None]
    events += [event("session_closed", closed_s)] if closed_s is not None else []
    found = no_end_of_turn(
        timeline=Timeline(tuple(events)), measurements=Measurements((item("answered", answered, index),)),
        turns=(turn(index, speech=speech, end_s=end_s),), observed=QUIET,
    )  # fmt: skip
    return told(found)


@pytest.mark.parametrize(
    ("last_s", "more", "when"),
    [
        (2.49, {}, "490 ms after"),
        (2.5, {}, None),
        (2.0, {}, "0 ms after"),
        (1.75, {}, "250 ms before"),
        (2.25, {"closed_s": 2.99}, None),
        (2.25, {"closed_s": 3.0}, "250 ms after"),
        (2.25, {"end_s": 2.99}, None),
        (2.25, {"closed_s": 50.0, "end_s": 3.0}, "250 ms after"),
        (2.25, {"answered": 1.0}, None),
    ],
)
def test_a_client_that_stops_within_half_a_second_gets_no_answer(last_s, more, when):
    found = stopped(last_s, **more)
    if when is None:
        assert found == "clear"
        return
    assert found[0] == f"The client stopped sending {when} the end of the speech, and no answer came"
    open_s = min(more.get("closed_s", 9.0), more.get("end_s", 9.0)) - 2.0
    assert found[1] == (
        f"turn 1: the last batch was sent {when} the last word; the session stayed open for {open_s:.2f} s"
    )


def test_why_it_is_not_known_whether_the_client_stopped():
    unknown = "it is not known when the client stopped sending in a turn without an answer"
    assert stopped(None) == unknown
    assert stopped(2.25, speech=(1.0, None)) == unknown
    assert stopped(2.25, answered=None) == "it is not known whether every prompt was answered"
    nothing = no_end_of_turn(timeline=Timeline(()), measurements=Measurements(()), turns=(), observed=QUIET)
    assert nothing.reason == "no turn took place"
    assert stopped(2.25, index=3)[1].startswith("turn 4: ")
