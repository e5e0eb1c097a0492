"""Disturbances by the measuring tool or by a busy machine, for which a take is discarded."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from builders import Story, build

from diag.core.chain import Hop, Tap
from diag.core.missing import Missing, MissingCode
from diag.core.results import Measurement, Measurements, SoundEvent, Status, Tier
from diag.core.take import Turn
from diag.core.timeline import Event, Timeline
from diag.judge.engine import judge_take
from diag.judge.rules.env004 import harness_late

GAP_S = 0.023


def gap(samples, gap_s=GAP_S):
    at, size = 24000, round(gap_s * 24000)
    return np.concatenate([samples[:at], np.zeros(size, np.float32), samples[at:]])


def waited(t_s, waited_s, within_s=0.25):
    return Event(t_s=t_s, name="app_waited", source="client", data={"within_s": within_s, "waited_s": waited_s})


def judged(*waits, **story):
    """Judge a take of an app, of which only `sent` and `received` are seen."""
    take = build(Story(**{"play": gap, "extra": waits, **story}))
    clips = {tap: clip for tap, clip in take.clips.items() if tap not in (Tap.CAPTURED, Tap.PLAYED)}
    turns = tuple(
        replace(
            turn,
            prompt_spans={tap: span for tap, span in turn.prompt_spans.items() if tap in clips},
            reply_spans={tap: span for tap, span in turn.reply_spans.items() if tap in clips},
        )
        for turn in take.turns
    )
    return judge_take(replace(take, clips=clips, turns=turns))


@cache
def place_s():
    """Return when the gap is heard."""
    result = judged()
    (item,) = [item for item in result.measurements.find("inserted_silence_s") if item.value]
    start_s = build(Story(play=gap)).clips[Tap.HEARD].start_s
    return start_s + item.events[0].estimated_s


def test_a_gap_while_the_app_waited_for_a_core_discards_the_take():
    result = judged(waited(place_s() + 0.1, 0.012))
    assert result.discarded is not None
    assert "while the app waited 12 ms for a core" in result.discarded


@pytest.mark.parametrize(
    ("late_s", "waited_s", "within_s"), [(2.0, 0.05, 0.25), (0.1, 0.0, 0.25)], ids=("at another moment", "not at all")
)
def test_a_gap_without_a_wait_is_the_apps_own(late_s, waited_s, within_s):
    waits = [waited(place_s() + late_s, waited_s, within_s)] if waited_s else []
    result = judged(*waits)
    assert result.discarded is None
    assert "PLY003" in {item.code for item in result.findings}


def test_a_gap_longer_than_the_wait_is_the_apps_own():
    result = judged(waited(place_s() + 0.1, 0.03), play=lambda samples: gap(samples, 0.1))
    assert result.discarded is None
    assert "PLY003" in {item.code for item in result.findings}


def test_waits_without_a_gap_are_no_finding():
    result = judged(waited(3.0, 0.2), play=lambda samples: samples)
    assert not [item.code for item in result.findings]


def test_sound_that_is_lost_although_nothing_was_said_discards_nothing():
    take = build(Story(xruns={"mouth": 2}))
    timeline = Timeline(tuple(event for event in take.timeline.events if event.name != "prompt_started"))
    assert judge_take(take).discarded is not None
    assert judge_take(replace(take, timeline=timeline, turns=())).discarded is None


def test_sound_that_is_lost_before_the_first_prompt_discards_nothing():
    take = build(Story(xruns={"mouth": 2}))

    def before(count):
        events = [
            replace(event, data={**event.data, "before_prompts": count}) if event.name == "xruns" else event
            for event in take.timeline.events
        ]
        return judge_take(replace(take, timeline=Timeline(tuple(events)))).discarded

    assert before(2) is None
    assert before(1) == "The measuring tool disturbed this take: audio was lost 1 time at the mouth"


# --- one disturbance at a time, from events and measures that are given


TURN = Turn(index=0, prompt_name="p", start_s=10.0, end_s=30.0, speech_start_s=11.0, speech_end_s=13.0)


def told(*events, items=(), audio="wire", turns=(TURN,), **environment):
    """What the rule says, from the evidence that it gives."""
    found = harness_late(timeline=Timeline(events), measurements=Measurements(items),
                         environment={"audio": audio, **environment}, turns=turns)  # fmt: skip
    return [item.text for item in found.evidence] if found.status is Status.RAISED else found


def event(name, at_s, /, **data):
    return Event(t_s=at_s, name=name, source="harness", data=data)


def item(metric, value, *, hop=None, tap=None, turn=0, events=()):
    missing = Missing(MissingCode.NO_EVENTS, "no stamps") if value is None else None
    return Measurement(metric=metric, unit="s", value=value, missing=missing, tier=Tier.EVENTS, turn=turn,
                       segment=hop.segment if hop else None, tap=tap, events=events)  # fmt: skip


FIRST_CHUNK = event("chunk_received", 20.0)


@pytest.mark.parametrize(
    ("t_s", "late_s", "disturbs"),
    [
        (16.0, 0.1, False), (16.0, 0.11, True),  # between the moments that are timed
        (13.1, 0.02, False), (13.1, 0.021, True), (13.17, 0.021, True), (13.18, 0.021, False),
        (12.99, 0.05, False), (13.0, 0.05, True),
        (19.97, 0.05, False), (19.98, 0.05, True), (20.34, 0.05, True), (20.36, 0.05, False),
        (9.9, 0.5, False), (10.0, 0.5, True), (30.4, 0.5, True), (30.6, 0.5, False),
    ],
)  # fmt: skip
def test_a_blocked_loop_disturbs_a_moment_that_is_timed_or_a_turn(t_s, late_s, disturbs):
    found = told(FIRST_CHUNK, event("loop_late", t_s, late_s=late_s))
    length = f"{1000 * late_s:.0f} ms"
    expected = [f"the event loop was blocked for {length} at {t_s:.2f} s"]
    assert (found == expected) is disturbs


def test_without_speech_or_reply_only_a_long_block_disturbs():
    mute = replace(TURN, speech_end_s=None)
    block = event("loop_late", 13.1, late_s=0.05)
    assert told(block) == ["the event loop was blocked for 50 ms at 13.10 s"]
    assert told(block, turns=(mute,)).status is Status.NOT_CHECKED
    outside = event("chunk_received", 30.0), event("loop_late", 30.1, late_s=0.15)
    assert told(*outside, turns=(mute,)) == ["the event loop was blocked for 150 ms at 30.10 s"]
    assert told(outside[0], event("loop_late", 30.1, late_s=0.1), turns=(mute,)).status is Status.NOT_CHECKED
    assert told(event("loop_late", 13.1)).status is Status.NOT_CHECKED


@pytest.mark.parametrize(
    ("t_s", "late_s", "port", "disturbs"),
    [(15.0, 0.05, "ear", False), (15.0, 0.051, "ear", True), (15.0, 0.001, "mouth", True), (9.9, 0.5, "ear", False),
     (10.0, 0.5, "ear", True), (30.0, 0.5, "ear", True), (30.1, 0.5, "ear", False)],
)  # fmt: skip
def test_a_callback_disturbs_if_it_is_later_than_the_buffer(t_s, late_s, port, disturbs):
    opened = event("streams_opened", 0.0, latency_s={"ear": 0.05})
    found = told(opened, event("callback_late", t_s, late_s=late_s, port=port))
    expected = [f"the {port}'s callback came {1000 * late_s:.0f} ms late at {t_s:.2f} s"]
    assert (found == expected) is disturbs


def test_without_a_known_buffer_each_late_callback_disturbs():
    late = event("callback_late", 15.0, late_s=0.002, port="ear")
    assert told(late) == told(event("streams_opened", 0.0), late) == ["the ear's callback came 2 ms late at 15.00 s"]


@pytest.mark.parametrize(
    ("audio", "data", "words"),
    [
        ("virtual", {"count": 2}, "2 times"),
        ("wire", {"count": 1}, "1 time"),
        ("system", {"count": 2}, None),
        ("wire", {"count": 0}, None),
        ("wire", {}, None),
        ("wire", {"count": 3, "before_prompts": 3}, None),
        ("wire", {"count": 3, "before_prompts": 2}, "1 time"),
    ],
)
def test_sound_lost_at_own_devices_disturbs_from_the_first_prompt_on(audio, data, words):
    started = event("prompt_started", 10.5)
    found = told(started, event("xruns", 30.0, port="mouth", **data), audio=audio)
    assert (found == [f"audio was lost {words} at the mouth"]) is (words is not None)
    assert told(event("xruns", 30.0, port="mouth", **data), audio=audio).status is Status.NOT_CHECKED


@pytest.mark.parametrize(
    ("metric", "value", "environment", "words"),
    [
        ("inserted_silence_s", 0.0021, {}, "the virtual devices inserted 2 ms of silence on the speaker hop"),
        ("skipped_s", 0.3, {}, "the virtual devices lost 300 ms of sound on the speaker hop"),
        ("skipped_s", 0.002, {}, None),
        ("skipped_s", 0.3, {"audio": "wire"}, None),
        ("skipped_s", 0.3, {"room": "desk"}, None),
    ],
)
def test_sound_that_virtual_devices_change_disturbs(metric, value, environment, words):
    items = [item(metric, value, hop=Hop.SPEAKER), item(metric, 0.001, hop=Hop.MICROPHONE)]
    found = told(items=items, **{"audio": "virtual", **environment})
    assert (found == [words]) is (words is not None)


@pytest.mark.parametrize(
    ("gap_s", "tone_db", "ratio", "disturbs"),
    [(0.01, None, None, False), (0.0101, None, None, True), (0.0101, 44.9, 1.0099, True), (0.0101, 45.0, None, False),
     (0.0101, None, 1.0101, False), (0.0101, None, 0.9899, False), (0.0101, None, 0.9901, True)],
)  # fmt: skip
def test_two_detectors_that_differ_disturb_unless_a_tone_or_a_stretch_explains_it(gap_s, tone_db, ratio, disturbs):
    items = [item("detector_gap_s", gap_s), item("tonality_db", tone_db, tap=Tap.RECEIVED),
             item("time_ratio", ratio, hop=Hop.SPEAKER), item("time_ratio", 2.0, hop=Hop.SPEAKER, turn=1)]  # fmt: skip
    found = told(items=items)
    words = "the latency by the ear's recording and the latency by events differ by 10 ms, more than 10 ms"
    assert (found == [words]) is disturbs
    assert disturbs or found.status is Status.CLEAR


def test_more_disturbances_are_counted():
    start = (event("prompt_started", 10.5), event("xruns", 30.0, port="mouth", count=1))
    one = harness_late(
        timeline=Timeline(start), measurements=Measurements(()), environment={"audio": "wire"}, turns=(TURN,)
    )
    assert one.title == "The measuring tool disturbed this take: audio was lost 1 time at the mouth"
    found = harness_late(
        timeline=Timeline((*start, event("loop_late", 15.0, late_s=0.5), event("loop_late", 16.0, late_s=0.5))),
        measurements=Measurements(()), environment={"audio": "wire"}, turns=(TURN,),
    )  # fmt: skip
    assert found.title == (
        "The measuring tool disturbed this take: the event loop was blocked for 500 ms at 15.00 s (2 more disturbances)"
    )
    assert found.discard


def test_what_would_show_a_disturbance_must_be_measured():
    gap = item("detector_gap_s", 0.001)
    whole = [item(metric, 0.0, hop=hop) for metric in ("inserted_silence_s", "skipped_s")
             for hop in (Hop.MICROPHONE, Hop.SPEAKER)]  # fmt: skip
    assert told(items=[gap]).status is Status.CLEAR
    assert told(items=[gap], turns=()).reason == "no turn took place"
    assert told().reason == "detector_gap_s was not measured"
    assert told(items=[gap, *whole], audio="virtual").status is Status.CLEAR
    assert told(items=[gap, *whole[:3]], audio="virtual").reason == "skipped_s was not measured"
    assert told(items=[gap, *whole[:3]], audio="virtual", room="desk").status is Status.CLEAR


# --- waits of an app


SENT_FROM_S, HEARD_FROM_S = 5.0, 2.0
SOUNDS = (
    event("batch_sent", SENT_FROM_S), event("streams_opened", 0.0, rates_hz={"ear": 1000}),
    event("stamps", 0.0, tap="heard", frame=[0, 100], t_s=[0.0, 0.1],
          device_s=[HEARD_FROM_S, HEARD_FROM_S + 0.1]),
)  # fmt: skip


def in_app(at_s, gap_s, hop=Hop.PLAYER):
    lost = SoundEvent(kind="stall", reference_s=0.0, estimated_s=at_s, duration_s=gap_s)
    return item("inserted_silence_s", gap_s, hop=hop, events=(lost,))


@pytest.mark.parametrize(
    ("at_s", "gap_s", "explained"),
    [(12.0, 0.075, True), (12.0, 0.0751, False), (12.31, 0.03, False), (12.29, 0.03, True), (11.46, 0.03, True),
     (11.44, 0.03, False)],
)  # fmt: skip
@pytest.mark.parametrize(("hop", "tap"), [(Hop.PLAYER, "heard"), (Hop.SENDER, "sent")])
def test_a_gap_is_explained_by_a_wait_near_it_and_no_shorter_by_more_than_two_blocks(at_s, gap_s, explained, hop, tap):
    from_s = HEARD_FROM_S if tap == "heard" else SENT_FROM_S
    wait = event("app_waited", 12.0, within_s=0.25, waited_s=0.05)
    found = told(*SOUNDS, wait, items=[in_app(at_s - from_s, gap_s, hop)])
    words = [f"a gap of {1000 * gap_s:.0f} ms in `{tap}` while the app waited 50 ms for a core"]
    assert (found == words) is explained


def test_the_longest_wait_near_a_gap_is_told_and_one_gap_without_a_wait_is_the_apps_own():
    waits = [event("app_waited", 12.0, within_s=0.25, waited_s=waited_s) for waited_s in (0.05, 0.09, 0.07)]
    near, far = in_app(10.0, 0.03), in_app(15.0, 0.03)
    assert told(*SOUNDS, *waits, items=[near]) == ["a gap of 30 ms in `heard` while the app waited 90 ms for a core"]
    assert told(*SOUNDS, *waits, items=[near, far]).status is Status.NOT_CHECKED
    assert told(*SOUNDS, *waits, items=[replace(near, value=0.0)]).status is Status.NOT_CHECKED


@pytest.mark.parametrize("left_out", [0, 1, 2])
def test_where_a_recording_begins_must_be_known(left_out):
    known = [one for place, one in enumerate(SOUNDS) if place != left_out]
    wait = event("app_waited", 12.0, within_s=0.25, waited_s=0.05)
    hop, from_s = (Hop.SENDER, SENT_FROM_S) if left_out == 0 else (Hop.PLAYER, HEARD_FROM_S)
    assert told(*SOUNDS, wait, items=[in_app(12.0 - from_s, 0.03, hop)]) == [
        f"a gap of 30 ms in `{'sent' if left_out == 0 else 'heard'}` while the app waited 50 ms for a core"
    ]
    assert told(*known, wait, items=[in_app(12.0 - from_s, 0.03, hop)]).status is Status.NOT_CHECKED
