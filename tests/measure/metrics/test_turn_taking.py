"""Measures of turn-taking against the moments of conversations that are known."""

from dataclasses import replace

import numpy as np
import pytest
from talks import Step, Talk, build_talk

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.results import Measurements, Spot, Tier
from diag.core.take import Turn
from diag.core.timeline import Event, EventName, Timeline
from diag.measure.engine import measure_take
from diag.measure.metrics import turn_taking
from diag.measure.metrics.turn_taking import (
    ENDED_BY_ITSELF,
    NO_BARGE_IN,
    NO_CLOCK,
    NOT_INTERRUPTED,
    ONE_CHANNEL,
    OVER_BEFORE,
    barge_in_delay,
    cause_of,
    cut_off,
    double_talk,
    end_of_turn,
    false_interruptions,
    first_turn_extra,
    flush_delay,
    interrupt_delay,
    interrupted_turn,
    interruption,
    latency_growth,
    overlap,
    reply_cut,
    user_sounds,
)
from diag.measure.reasons import NO_PROMPT, NOTHING_PLAYED
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


# --- moments that are given, at 1000 Hz

HZ = 1000


def turn(index=0, speech=(1.0, 2.0), played=None, received=None, barge_in=False):
    spans = {Tap.PLAYED: played, Tap.RECEIVED: received}
    return Turn(index=index, prompt_name="p", start_s=0.0, end_s=60.0, speech_start_s=speech[0], speech_end_s=speech[1],
                reply_spans={tap: span for tap, span in spans.items() if span}, barge_in=barge_in)  # fmt: skip


def event(name, at_s, /, **data):
    return Event(t_s=at_s, name=name, source="service", data=data)


def chunk(t_s, turn=0, start=0, frames=100):
    return event(EventName.CHUNK_RECEIVED, t_s, turn=turn, start_frame=start, frames=frames)


def stop(t_s, turn=0):
    return event(EventName.INTERRUPTED, t_s, turn=turn)


def playing(*spans, turn=0):
    """Playout of these spans of frames."""
    names = (EventName.PLAYOUT_STARTED, EventName.PLAYOUT_ENDED)
    return [
        event(name, frame / HZ, turn=turn, frame=frame)
        for span in spans
        for name, frame in zip(names, span, strict=True)
    ]


def stamps(device_s=(0.0, 60.0), t_s=(0.0, 60.0), frame=(0, 60 * HZ)):
    return event(EventName.STAMPS, 0.0, tap=Tap.PLAYED.value, frame=list(frame), t_s=list(t_s), device_s=list(device_s))


def sounding(*spans, seconds=10.0, start_s=0.0):
    """A recording of what was played, which is silent but for these spans of frames."""
    samples = np.zeros(round(seconds * HZ), np.float32)
    for first, last in spans:
        samples[first:last] = 0.3
    return Clip(samples=samples, sample_rate_hz=HZ, start_s=start_s)


# --- when a reply was played, and until when it was to be heard


@pytest.mark.parametrize(
    ("device_s", "t_s", "at_s"),
    [((0.5, 60.5), (0.0, 60.0), (3.5, 4.5)), ((None, None), (0.2, 60.2), (3.2, 4.2)),
     ((0.0, 30.0), (0.0, 60.0), (1.5, 2.0))],
)  # fmt: skip
def test_frames_are_played_when_the_device_stamps_them_or_else_when_they_were_asked_for(device_s, t_s, at_s):
    timeline = Timeline((stamps(device_s, t_s), *playing((3000, 4000))))
    assert turn_taking._reply_intervals(timeline) == [pytest.approx(at_s)]


def test_stamps_that_are_missing_are_left_out():
    timeline = Timeline((stamps((0.0, None, 40.0), (0.0, 9.0, 9.0), (0, 2000, 40_000)), *playing((3000, 4000))))
    assert turn_taking._reply_intervals(timeline) == [pytest.approx((3.0, 4.0))]


def test_replies_are_those_of_one_turn_or_of_all():
    own, other = playing((1000, 2000), (3000, 4000)), playing((5000, 6000), turn=1)
    begun = playing((7000, 8000))[:1]
    timeline = Timeline((stamps(), *own, *other, *begun))
    assert turn_taking._reply_intervals(timeline) == [(1.0, 2.0), (3.0, 4.0), (5.0, 6.0)]
    assert turn_taking._reply_intervals(timeline, turn(1)) == [(5.0, 6.0)]
    # An end without a start is none, and of two ends the first counts.
    ends = Timeline((stamps(), own[1], own[2], own[3], replace(own[3], t_s=4.5, data={**own[3].data, "frame": 4500})))
    assert turn_taking._reply_intervals(ends) == [(3.0, 4.0)]


@pytest.mark.parametrize("tap", [Tap.HEARD, Tap.PLAYED])
def test_without_stamps_nothing_is_known_of_replies(tap):
    empty = event(EventName.STAMPS, 0.0, tap=tap.value, frame=[], t_s=[], device_s=[])
    assert turn_taking._reply_intervals(Timeline((empty, *playing((1000, 2000))))) == []


def last_audible_s(own, recording, events=(), turns=(), tap=Tap.PLAYED):
    return turn_taking._last_audible_s(own, tap, recording, Timeline(tuple(events)), turns)


@pytest.mark.parametrize(
    ("others", "expected_s"),
    [([], 6.0), ([turn(1, played=(4500, 6000))], 4.0), ([turn(1, played=(2500, 6000))], 6.0),
     ([turn(1, played=(5900, 9000)), turn(2, played=(4500, 6000))], 4.0), ([turn(1)], 6.0)],
)  # fmt: skip
def test_without_playout_a_reply_lasts_to_the_next_one(others, expected_s):
    own = turn(played=(2500, 4200))
    found = last_audible_s(own, sounding((3000, 4000), (5000, 6000)), turns=[own, *others])
    assert found == pytest.approx(expected_s, abs=0.002)


@pytest.mark.parametrize(
    ("sounds", "next_at", "expected_s"),
    [
        ((3000, 4000), None, 4.0),
        ((3000, 4140), None, 4.14),
        ((3000, 4300), None, 4.15),
        ((3000, 4300), 4000, 4.0),
        ((3000, 4300), 3996, 4.0),
        ((3000, 4300), 4004, 4.0),
        ((3000, 4300), 4080, 4.075),
        ((3000, 4300), 4200, 4.15),
    ],
)
def test_a_reply_rings_150_ms_after_its_playout_but_not_into_the_next(sounds, next_at, expected_s):
    own = turn(played=(2800, 4200))
    events = [stamps(), *playing((3000, 4000)), *(playing((next_at, 9000), turn=1) if next_at else [])]
    found = last_audible_s(own, sounding(sounds, start_s=0.0), events, [own, turn(1, played=(4000, 9000))])
    assert found == pytest.approx(expected_s, abs=1e-6)


def test_the_end_of_a_reply_is_told_on_the_clock_of_its_recording():
    own = turn(played=(1800, 3200))
    found = last_audible_s(own, sounding((2000, 3100), start_s=1.0), [stamps(), *playing((3000, 4000))])
    assert found == pytest.approx(3.1, abs=1e-6)


def test_what_was_played_before_a_reply_begins_is_not_its_end():
    own = turn(played=(4500, 6200))
    events = [stamps(), *playing((3000, 4000), (5000, 6000))]
    assert last_audible_s(own, sounding((3000, 4000), (5000, 6000)), events) == pytest.approx(6.0, abs=1e-6)


def test_of_two_channels_the_second_holds_the_reply():
    sides = np.stack([sounding((0, 9000)).samples, sounding((3000, 4000)).samples], axis=1)
    both = Clip(samples=sides, sample_rate_hz=HZ, start_s=0.0)
    own = Turn(index=0, prompt_name="p", start_s=0, end_s=9, reply_spans={Tap.HEARD: (2500, 5000)})
    assert last_audible_s(own, both, tap=Tap.HEARD) == pytest.approx(4.0, abs=0.002)
    assert last_audible_s(own, both) == NOTHING_PLAYED
    assert last_audible_s(turn(played=(0, 9)), sounding()) == NOTHING_PLAYED


# --- interruptions


@pytest.mark.parametrize(
    ("events", "at_s"),
    [
        ([chunk(2.5), stop(4.0), stop(5.0)], 4.0),
        ([chunk(2.5), stop(4.0, turn=1)], None),
        ([chunk(2.5), stop(2.4)], None),
        ([chunk(2.5), stop(2.5)], 2.5),
        ([chunk(1.0), stop(1.9)], None),
        ([chunk(1.0), stop(2.0)], 2.0),
        ([stop(4.0)], None),
    ],
)
def test_a_reply_is_interrupted_after_its_first_chunk_and_the_prompt(events, at_s):
    found = interruption(Timeline(tuple(events)), turn())
    assert (found and found.t_s) == at_s


def test_a_prompt_interrupts_the_turn_before():
    turns = [turn(0), turn(1, barge_in=True), turn(2)]
    assert interrupted_turn(turns[1], turns) is turns[0]
    assert interrupted_turn(turns[2], turns) is None
    assert interrupted_turn(replace(turns[2], barge_in=True), [turns[0]]) is None


OLD, NEW = turn(0, played=(2500, 6000), received=(0, 4000)), turn(1, (3.0, 3.8), barge_in=True)
PLAYED = [stamps(), chunk(2.2), *playing((2500, 3400))]


def barge_in(events, played, own=NEW, **more):
    return barge_in_delay(own, (OLD, own), Timeline(tuple(events)), played=played, **more)


def test_a_barge_in_lasts_from_the_first_word_to_the_last_sample():
    found = barge_in([*PLAYED, stop(3.3)], sounding((2500, 3150), start_s=0.25))
    assert (found.value, found.tier) == (pytest.approx(0.4), Tier.EVENTS)
    assert found.spots == (Spot(Tap.PLAYED, 2.75, pytest.approx(3.15)),)


@pytest.mark.parametrize(
    ("last", "events", "reason"),
    [
        (4400, (), ENDED_BY_ITSELF),
        (4600, (), None),
        (3400, (stop(3.3),), None),
        (2990, (stop(3.3),), OVER_BEFORE),
        (2990, (), OVER_BEFORE),
    ],
)
def test_a_reply_that_ends_by_itself_within_1500_ms_was_not_stopped(last, events, reason):
    found = barge_in([stamps(), chunk(2.2), *playing((2500, last)), *events], sounding((2500, last)))
    assert found.missing == reason
    assert reason is not None or found.value == pytest.approx(last / HZ - 3.0)


def test_why_no_barge_in_is_measured():
    heard, prompt = sounding((2500, 3400)), sounding((3000, 3800))
    assert barge_in(PLAYED, heard, own=replace(NEW, barge_in=False)).missing == NO_BARGE_IN
    assert barge_in(PLAYED, None, heard=heard, prompt=prompt).missing == NO_CLOCK
    assert barge_in(PLAYED, replace(heard, start_s=None)).missing == NO_CLOCK
    assert barge_in(PLAYED, heard, own=replace(NEW, speech_start_s=None)).missing == NO_CLOCK
    silent = barge_in(PLAYED, sounding())
    assert (silent.missing, silent.tier) == (NOTHING_PLAYED, Tier.EVENTS)


def test_at_an_ear_with_two_channels_the_word_is_searched_for(monkeypatch):
    sides = np.stack([sounding((3000, 3800)).samples, sounding((2500, 3400)).samples], axis=1)
    both = Clip(samples=sides, sample_rate_hz=HZ, start_s=0.0)
    monkeypatch.setattr(turn_taking, "prompt_end_in", lambda *_: 3850.0)
    old = replace(OLD, reply_spans={Tap.HEARD: (2500, 6000)})
    found = barge_in_delay(NEW, (old, NEW), Timeline((*PLAYED, stop(3.3))), prompt=sounding(), heard=both)
    assert (found.value, found.tier) == (pytest.approx(3.4 - 3.05), Tier.WAVEFORM)
    assert found.spots == (Spot(Tap.HEARD, pytest.approx(3.05), pytest.approx(3.4)),)
    monkeypatch.setattr(turn_taking, "prompt_end_in", lambda *_: NO_CLOCK)
    lost = barge_in_delay(NEW, (old, NEW), Timeline((*PLAYED, stop(3.3))), prompt=sounding(), heard=both)
    assert (lost.missing, lost.tier) == (NO_CLOCK, Tier.WAVEFORM)
    monkeypatch.setattr(turn_taking, "prompt_end_in", lambda *_: 3850.0)
    for missing in ("speech_start_s", "speech_end_s"):
        mute = replace(NEW, **{missing: None})
        assert barge_in_delay(mute, (old, mute), Timeline(()), prompt=sounding(), heard=both).missing == NO_PROMPT


def test_the_time_until_interrupted_is_that_of_the_event():
    events = Timeline((chunk(2.2), stop(3.3)))
    assert interrupt_delay(NEW, (OLD, NEW), events).value == pytest.approx(0.3)
    assert interrupt_delay(OLD, (OLD, NEW), events).missing == NO_BARGE_IN
    mute = replace(NEW, speech_start_s=None)
    assert interrupt_delay(mute, (OLD, mute), events).missing == NO_PROMPT
    assert interrupt_delay(NEW, (OLD, NEW), Timeline((chunk(2.2),))).missing.text == (
        "the service did not send `interrupted`"
    )


def test_a_reply_is_flushed_from_interrupted_to_its_last_sample():
    events = Timeline((*PLAYED, stop(3.3)))
    found = flush_delay(OLD, (OLD, NEW), events, played=sounding((2500, 3150), start_s=0.25))
    assert found.value == pytest.approx(0.1)
    assert found.spots == (Spot(Tap.PLAYED, pytest.approx(3.05), pytest.approx(3.15)),)
    over = flush_delay(OLD, (OLD, NEW), events, played=sounding((2500, 3200)))
    assert (over.value, over.spots) == (0.0, ())


def test_why_no_flush_is_measured():
    heard, events = sounding((2500, 3400)), Timeline((*PLAYED, stop(3.3)))
    assert flush_delay(OLD, (OLD, NEW), Timeline((*PLAYED,)), played=heard).missing == NOT_INTERRUPTED
    assert flush_delay(OLD, (OLD, NEW), events).missing == NO_CLOCK
    assert flush_delay(OLD, (OLD, NEW), events, heard=replace(heard, start_s=None)).missing == NO_CLOCK
    assert flush_delay(OLD, (OLD, NEW), events, heard=heard).missing == ONE_CHANNEL
    assert flush_delay(OLD, (OLD,), events, heard=heard).missing == NOTHING_PLAYED
    assert flush_delay(OLD, (OLD, NEW), events, played=sounding()).missing == NOTHING_PLAYED


@pytest.mark.parametrize(
    ("events", "cut_s"),
    [
        ([chunk(2.2, start=0, frames=3000), chunk(2.5, start=3000, frames=2500), stop(3.0)], 1.5),
        ([chunk(2.2, start=0, frames=3000), chunk(3.5, start=3000, frames=2500), stop(3.0)], 0.0),
        ([chunk(2.2, start=0, frames=4600), stop(3.0)], 0.6),
    ],
)
def test_what_arrived_before_the_interruption_and_was_not_played_is_cut(events, cut_s):
    assert reply_cut(OLD, Timeline(tuple(events)), sounding()).value == pytest.approx(cut_s)


def test_a_reply_that_was_not_interrupted_is_not_cut():
    assert reply_cut(OLD, Timeline((chunk(2.2),)), sounding()).missing == NOT_INTERRUPTED
    assert reply_cut(OLD, Timeline((stop(3.0),)), sounding()).missing == NOT_INTERRUPTED
    assert reply_cut(turn(), Timeline((chunk(2.2), stop(3.0))), sounding()).missing == NOT_INTERRUPTED


# --- who spoke when


def interjection(kind, start_s, end_s):
    return event(EventName.INTERJECTION, start_s, kind=kind, start_s=start_s, end_s=end_s)


def test_what_the_user_lets_sound_is_told_in_order_without_silence():
    timeline = Timeline((interjection("noise", 0.2, 0.4), interjection("silence", 0.5, 0.6),
                         interjection("back_channel", 3.0, 3.2)))  # fmt: skip
    turns = [turn(0, (1.0, 2.0)), turn(1, (None, 4.0)), turn(2, (4.0, None)), turn(3, (2.5, 2.8))]
    assert user_sounds(timeline, turns) == [
        ("noise", (0.2, 0.4)), ("speech", (1.0, 2.0)), ("speech", (2.5, 2.8)), ("back_channel", (3.0, 3.2)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sounds", "cause"),
    [
        ([("noise", 3.0, 3.2)], "noise"),
        ([("noise", 3.0, 3.2), ("back_channel", 3.3, 3.6)], "back_channel"),
        ([("noise", 4.0, 4.5)], "noise"),
        ([("noise", 4.01, 4.5)], ""),
        ([("noise", 2.1, 2.2)], "noise"),
        ([("noise", 2.0, 2.19)], ""),
    ],
)
def test_an_interruption_is_caused_by_the_last_sound_since_the_reply_began(sounds, cause):
    events = (stop(0.5), chunk(2.2), chunk(2.4), stop(4.0), *(interjection(*sound) for sound in sounds))
    timeline = Timeline(events)
    found = next(item for item in timeline if item.name == EventName.INTERRUPTED and item.t_s > 1)
    assert cause_of(found, timeline, ()) == cause


@pytest.mark.parametrize(("end_s", "cause"), [(4.0, "speech"), (3.99, "")])
def test_what_ended_two_seconds_before_is_no_cause(end_s, cause):
    timeline = Timeline((chunk(1.0), stop(6.0)))
    assert cause_of(timeline.events[-1], timeline, (turn(0, (3.0, end_s)),)) == cause


@pytest.mark.parametrize("between", [EventName.TURN_COMPLETE, EventName.INTERRUPTED])
def test_a_reply_begins_with_the_first_chunk_after_the_end_of_another(between):
    events = Timeline((chunk(1.0), event(between, 2.0), chunk(3.0), chunk(3.5), stop(4.0)))
    assert turn_taking._reply_begun_s(events.events[-1], events) == 3.0
    assert turn_taking._reply_begun_s(Timeline((stop(4.0),)).events[0], Timeline(())) == 4.0


def test_interruptions_without_speech_are_false_and_counted():
    noise = interjection("noise", 5.0, 5.2)
    timeline = Timeline((chunk(1.0), stop(2.1), chunk(4.9), noise, stop(5.3), stop(5.4, turn=1), chunk(8.0), stop(9.0)))
    assert false_interruptions(turn(), (turn(),), timeline).value == 2.0


@pytest.mark.parametrize(
    ("spans", "common_s"),
    [([(500, 900)], 0.0), ([(500, 1200)], 0.2), ([(1100, 1300), (1900, 2500)], 0.3), ([(500, 2500)], 1.0)],
)
def test_overlap_is_what_both_have_in_common(spans, common_s):
    timeline = Timeline((stamps(), *playing(*spans)))
    assert overlap(turn(), timeline, sounding()).value == pytest.approx(common_s)
    assert double_talk((turn(), turn(1, (9.0, 9.5))), timeline, sounding()).value == pytest.approx(common_s)


def test_without_a_reply_or_speech_nothing_overlaps():
    both = Timeline((stamps(), *playing((500, 1200))))
    assert overlap(turn(speech=(None, 2.0)), both, sounding()).missing == NO_PROMPT
    assert overlap(turn(speech=(1.0, None)), both, sounding()).missing == NO_PROMPT
    assert overlap(turn(), Timeline(()), sounding()).missing == NOTHING_PLAYED
    assert double_talk((turn(),), Timeline(()), sounding()).missing == NOTHING_PLAYED
    assert double_talk((), both, sounding()).missing == NOTHING_PLAYED


# --- when the service noticed the end, and how the wait changes


def activity(t_s, kind="ACTIVITY_END", turn=0):
    return event(EventName.VOICE_ACTIVITY, t_s, turn=turn, type=kind)


@pytest.mark.parametrize(
    ("events", "value", "confidence"),
    [
        ([activity(2.6), activity(2.9), chunk(2.4)], 0.6, 1.0),
        ([activity(2.6, turn=1), chunk(2.7)], 0.7, 0.0),
        ([activity(2.6, kind="ACTIVITY_START"), chunk(2.7)], 0.7, 0.0),
        ([activity(1.9), chunk(2.7), event(EventName.TEXT_RECEIVED, 2.5, turn=0)], 0.5, 0.0),
        ([chunk(2.7), event(EventName.TRANSCRIPTION, 2.3, direction="input")], 0.3, 0.0),
        ([chunk(2.7), event(EventName.TRANSCRIPTION, 2.3, direction="output")], 0.7, 0.0),
        ([chunk(2.7), chunk(2.2, turn=1), chunk(1.9)], 0.7, 0.0),
    ],
)
def test_the_end_of_a_turn_is_noticed_by_the_first_sign_of_it(events, value, confidence):
    found = end_of_turn(turn(), Timeline(tuple(events)))
    assert (found.value, found.confidence) == (pytest.approx(value), confidence)


def test_where_nothing_came_the_end_was_not_noticed():
    assert end_of_turn(turn(), Timeline((chunk(1.0),))).missing.text == "nothing came after the prompt"
    assert end_of_turn(turn(speech=(1.0, None)), Timeline((chunk(3.0),))).missing == NO_PROMPT


@pytest.mark.parametrize(
    ("events", "early_s"),
    [([chunk(1.75)], 0.25), ([chunk(1.97)], 0.03), ([chunk(1.985)], 0.0), ([chunk(2.5)], 0.0), ([], 0.0),
     ([chunk(1.0, turn=1), chunk(1.5)], 0.5)],
)  # fmt: skip
def test_a_reply_is_early_by_more_than_20_ms(events, early_s):
    assert cut_off(turn(), Timeline(tuple(events))).value == pytest.approx(early_s)
    assert cut_off(turn(speech=(1.0, None)), Timeline(tuple(events))).missing == NO_PROMPT


def waiting(*waits_s, first=0):
    """Turns of ten seconds whose replies come so long after the prompts; None has no reply."""
    turns = tuple(turn(first + n, (10.0 * n, 10.0 * n + 1.0)) for n in range(len(waits_s)))
    chunks = (
        chunk(10 * n + 1 + wait_s, turn=first + n) for n, wait_s in enumerate(waits_s) if wait_s is not None
    )  # fmt: skip
    return turns, Timeline(tuple(chunks))


def test_a_trend_is_the_median_slope_and_the_first_turn_is_held_against_the_later_ones():
    assert latency_growth(*waiting(0.5, 0.6, 0.7, 3.0, 0.9)).value == pytest.approx(0.1)
    assert first_turn_extra(*waiting(1.5, 0.6, 0.7, 0.9)).value == pytest.approx(0.8)
    assert latency_growth(*waiting(0.5, None, 0.7, 0.8, 0.9)).value == pytest.approx(0.1)


@pytest.mark.parametrize("measure", [latency_growth, first_turn_extra])
def test_three_answered_turns_are_no_trend(measure):
    assert measure(*waiting(0.5, 0.6, None, 0.7)).missing.text == "3 answered turns; a trend needs 4"
    assert measure(*waiting(0.5, 0.6, 0.7, 0.8)).value is not None


def test_a_first_turn_without_a_reply_has_no_extra_wait():
    assert first_turn_extra(*waiting(None, 0.5, 0.6, 0.7, 0.8)).value is None
    assert first_turn_extra(*waiting(0.5, 0.6, 0.7, 0.8, first=1)).value is None
