"""Gaps in the sound of an app that waited for a core: they are the machine's, and the take is discarded."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from builders import Story, build

from diag.core.chain import Tap
from diag.core.timeline import Event, Timeline
from diag.judge.engine import judge_take

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
