"""Latencies, waterfall and schedule against stories whose times are known."""

from dataclasses import replace

import numpy as np
import pytest
from builders import AIR_S, Story, build
from hypothesis import given, settings
from hypothesis import strategies as st

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.missing import MissingCode
from diag.core.results import Measurements, Tier
from diag.core.take import Turn
from diag.core.timeline import Event, Timeline
from diag.measure.engine import measure_take
from diag.measure.metrics.latency import ttfa_received, ttfb
from diag.measure.metrics.schedule import arrival_jitter, buffer_needed, realtime_factor_min, realtime_ratio
from diag.measure.registry import all_metrics

STAGES = (
    "capture_delay_s", "batching_delay_s", "service_delay_s", "leading_silence_s", "playout_delay_s", "device_delay_s",
)  # fmt: skip
LATENCIES = ("ttfb_s", "ttfa_received_s", "ttfa_heard_s", "first_speech_s", *STAGES)


def test_stages_sum_to_what_the_ear_heard(healthy):
    _, measured = healthy
    total = sum(measured.value(stage) for stage in STAGES)
    assert total == pytest.approx(measured.value("ttfa_events_s"), abs=1e-9)
    assert total == pytest.approx(measured.value("ttfa_heard_s"), abs=0.002)
    assert measured.value("detector_gap_s") < 0.002


def test_first_byte_and_leading_silence_give_the_first_audible_sample(healthy):
    _, measured = healthy
    expected = measured.value("ttfb_s") + measured.value("leading_silence_s")
    assert measured.value("ttfa_received_s") == pytest.approx(expected, abs=1e-9)


def test_no_stage_is_negative_in_a_healthy_take(healthy):
    _, measured = healthy
    for stage in STAGES:
        assert measured.value(stage) >= 0, stage


@pytest.mark.parametrize("more_s", [0.1, 1.5])
def test_a_slower_service_is_slower_by_as_much(judged, healthy, more_s):
    slow = judged(replace(Story(), service_delay_s=Story().service_delay_s + more_s))[1]
    for name in ("ttfb_s", "ttfa_heard_s", "service_delay_s"):
        assert slow.value(name) - healthy[1].value(name) == pytest.approx(more_s, abs=0.025), name


def test_leading_silence_is_found(judged):
    silent = judged(replace(Story(), leading_silence_s=0.4))[1]
    assert silent.value("leading_silence_s") > 0.1
    assert silent.value("answered") == 1


def test_a_wrong_stamp_shows_as_a_gap_of_the_detectors(judged):
    shifted = judged(replace(Story(), detector_shift_s=0.04))[1]
    assert shifted.value("detector_gap_s") == pytest.approx(0.04, abs=0.003)


def test_without_confidence_in_a_delay_nothing_heard_is_reported(judged):
    blind = judged(replace(Story(), speaker_confidence=0.1))[1]
    for name in ("ttfa_heard_s", "first_speech_s", "detector_gap_s", "device_delay_s"):
        (item,) = blind.find(name)
        assert item.value is None, name
        assert "calibrated" in item.reason
    assert blind.value("ttfb_s") is not None


def at_microphone(port, delay_s):
    data = {"port": port, "at": "microphone", "delay_s": delay_s, "confidence": 0.99, "signal_dbfs": -20.0}
    return Event(t_s=0.2, name="calibrated", source="audio", data=data)


def test_on_a_headset_the_wait_is_measured_by_two_devices_and_says_how_exact_it_is(judged, healthy):
    story = replace(Story(), mouth_confidence=0.05, extra=(at_microphone("mouth", AIR_S),))
    measured = judged(story)[1]
    (item,) = measured.find("ttfa_heard_s")
    assert item.value == pytest.approx(healthy[1].value("ttfa_heard_s"), abs=0.003)
    assert item.tier is Tier.EVENTS
    assert measured.value("ttfa_heard_uncertainty_s") == pytest.approx(0.02, abs=0.002)
    assert healthy[1].value("ttfa_heard_uncertainty_s") == pytest.approx(0.01)


def test_outputs_of_different_latency_are_corrected_on_a_headset(judged, healthy):
    # The loudspeaker's stamps are 30 ms early: its burst arrives 30 ms later at the ear than they say.
    late = build(replace(Story(), mouth_confidence=0.05, extra=(at_microphone("mouth", AIR_S),), detector_shift_s=0.03))
    events = tuple(
        replace(event, data={**event.data, "delay_s": AIR_S + 0.03})
        if event.name == "calibrated" and event.data["port"] == "speaker"
        else event
        for event in late.timeline
    )
    take = replace(late, timeline=Timeline(events))
    measured = Measurements(tuple(measure_take(take, all_metrics(), None)))
    assert measured.value("ttfa_heard_s") == pytest.approx(healthy[1].value("ttfa_heard_s") + 0.03, abs=0.003)
    assert measured.value("ttfa_heard_uncertainty_s") == pytest.approx(np.hypot(0.02, 0.03), abs=0.001)


def with_stamps(take, tap, change):
    """Return the take with other block stamps of a tap; `change` is given and returns the event's data."""
    events = tuple(
        replace(event, data=change(event.data)) if event.name == "stamps" and event.data["tap"] == tap else event
        for event in take.timeline
    )
    return replace(take, timeline=Timeline(events))


def late_and_wrong(data):
    """Deliver nine of ten blocks late, and move the device's own stamps by 40 ms."""
    late_s = np.random.default_rng(7).uniform(0.005, 0.06, len(data["t_s"]))
    late_s[::10] = 0.0
    return {
        **data,
        "t_s": (np.array(data["t_s"]) + late_s).tolist(),
        "device_s": [None if at_s is None else at_s + 0.04 for at_s in data["device_s"]],
    }


def test_late_callbacks_and_wrong_stamps_of_inputs_do_not_move_the_wait_on_a_headset(healthy):
    take = build(replace(Story(), mouth_confidence=0.05, extra=(at_microphone("mouth", AIR_S),)))
    take = with_stamps(take, Tap.HEARD.value, late_and_wrong)
    measured = Measurements(tuple(measure_take(take, all_metrics(), None)))
    assert measured.value("ttfa_heard_s") == pytest.approx(healthy[1].value("ttfa_heard_s"), abs=0.003)


def test_without_the_prompt_at_the_microphone_the_stamps_of_the_devices_serve(healthy):
    take = build(replace(Story(), mouth_confidence=0.05, extra=(at_microphone("mouth", AIR_S),)))
    deaf = replace(take, clips={tap: clip for tap, clip in take.clips.items() if tap is not Tap.CAPTURED})
    measured = Measurements(tuple(measure_take(deaf, all_metrics(), None)))
    assert measured.value("ttfa_heard_s") == pytest.approx(healthy[1].value("ttfa_heard_s"), abs=0.003)
    wrong = with_stamps(deaf, Tap.PLAYED.value, late_and_wrong)
    moved = Measurements(tuple(measure_take(wrong, all_metrics(), None)))
    assert moved.value("ttfa_heard_s") == pytest.approx(healthy[1].value("ttfa_heard_s") + 0.04, abs=0.003)


def test_a_microphone_that_hears_nothing_leaves_the_wait_unmeasured(judged):
    measured = judged(replace(Story(), mouth_confidence=0.05, extra=(at_microphone("mouth", None),)))[1]
    (item,) = measured.find("ttfa_heard_s")
    assert item.value is None
    assert "calibrated" in item.reason


@pytest.mark.parametrize("story", [Story(reply_s=None), Story(service=lambda samples: 0 * samples)])
def test_no_reply_is_no_latency(judged, story):
    measured = judged(story)[1]
    assert measured.value("answered") == 0
    for name in LATENCIES[1:]:
        if name in ("capture_delay_s", "batching_delay_s", "service_delay_s"):
            continue
        (item,) = measured.find(name)
        assert item.value is None, name
        assert item.reason


def test_a_disconnected_speaker_is_answered_but_not_heard(judged):
    measured = judged(replace(Story(), speaker_connected=False))[1]
    assert measured.value("answered") == 1
    assert measured.value("ttfa_received_s") is not None
    assert measured.value("ttfa_heard_s") is None


def test_one_channel_that_hears_both_serves_as_well(judged, healthy):
    room = judged(replace(Story(), ear_channels=1))[1]
    assert room.value("ttfa_heard_s") == pytest.approx(healthy[1].value("ttfa_heard_s"), abs=0.001)


def test_heard_latency_reads_no_stamp_of_the_device():
    """The detectors are independent: without any stamp the ear still tells the time."""
    take = build(Story())
    blind = Timeline(tuple(event for event in take.timeline if event.name != "stamps"))
    measured, full = (
        Measurements(tuple(measure_take(item, all_metrics(), None))) for item in (replace(take, timeline=blind), take)
    )
    assert measured.value("ttfa_heard_s") == full.value("ttfa_heard_s")
    assert measured.value("ttfa_events_s") is None


# --- schedule -------------------------------------------------------------------------------------------------------

RATE_HZ = 24000


def arriving(arrivals_s, frames):
    starts = np.concatenate(([0], np.cumsum(frames)[:-1]))
    events = [
        Event(t_s=float(t), name="chunk_received", source="service",
              data={"turn": 0, "start_frame": int(start), "frames": int(count)})
        for t, start, count in zip(arrivals_s, starts, frames, strict=True)
    ]  # fmt: skip
    total = int(np.sum(frames))
    turn = Turn(
        index=0, prompt_name="p", start_s=0, end_s=1000, speech_end_s=1.0, reply_spans={Tap.RECEIVED: (0, total)}
    )  # fmt: skip
    return turn, Timeline(tuple(events)), Clip(samples=np.zeros(total, np.float32), sample_rate_hz=RATE_HZ)


def starves(arrivals_s, frames, wait_s):
    """A player that fetches one sample every 1/24000 s from a queue, `wait_s` after the first arrival: does it run dry?

    The queue holds what has arrived by then; nothing is known of chunks but when their samples come.
    """
    clock_s = arrivals_s[0] + wait_s + np.arange(int(np.sum(frames))) / RATE_HZ
    queued = np.cumsum([0, *frames])[np.searchsorted(arrivals_s, clock_s + 1e-9, side="right")]
    fetched = np.arange(1, clock_s.size + 1)
    return bool((queued < fetched).any())


gaps = st.one_of(st.just(0.0), st.floats(0, 0.4), st.floats(0, 5))
schedules = st.lists(st.tuples(gaps, st.integers(1, 9600)), min_size=1, max_size=30)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(schedules)
def test_buffer_needed_is_exactly_what_a_player_needs(steps):
    arrivals = np.cumsum([gap for gap, _ in steps]) + 2.0
    frames = [count for _, count in steps]
    needed = buffer_needed(*arriving(arrivals, frames)).value
    assert not starves(arrivals, frames, needed)
    if needed > 1e-6:
        assert starves(arrivals, frames, needed - 1e-6)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(schedules, st.integers(0, 5000))
def test_first_audible_sample_is_received_when_a_player_could_play_it(steps, silent):
    arrivals = np.cumsum([gap for gap, _ in steps]) + 2.0
    frames = [count for _, count in steps]
    turn, timeline, clip = arriving(arrivals, frames)
    first = min(silent, max(0, clip.frames - 1200))
    samples = np.zeros(clip.frames, np.float32)
    samples[first:] = 0.3
    clip = Clip(samples=samples, sample_rate_hz=RATE_HZ)
    due = arrivals[0]
    for arrival, count, start in zip(arrivals, frames, np.cumsum([0, *frames[:-1]]), strict=True):
        due = max(due, arrival)
        if start + count > first:
            break
        due += count / RATE_HZ
    received = ttfa_received(turn, timeline, clip)
    assert received.value == pytest.approx(due + (first - start) / RATE_HZ - 1.0, abs=1e-6)
    assert ttfb(turn, timeline).value == pytest.approx(arrivals[0] - 1.0)


@pytest.mark.parametrize(("pace", "expected"), [(1.0, 1.0), (2.0, 2.0), (0.5, 0.5)])
def test_a_steady_pace_is_no_jitter(pace, expected):
    frames = [2400] * 40
    given_ = arriving(2.0 + np.arange(40) * 0.1 / pace, frames)
    assert arrival_jitter(*given_).value == pytest.approx(0, abs=1e-9)
    assert realtime_factor_min(*given_).value == pytest.approx(expected, rel=1e-6)


def test_a_stall_shows_in_all_three():
    arrivals = 2.0 + np.arange(40) * 0.1
    arrivals[20:] += 0.7
    given_ = arriving(arrivals, [2400] * 40)
    assert buffer_needed(*given_).value == pytest.approx(0.7, abs=1e-6)
    assert realtime_factor_min(*given_).value == pytest.approx(0.1 / 0.8, rel=1e-6)


def test_no_chunk_is_a_reason():
    turn, _, clip = arriving([2.0], [10])
    for function in (buffer_needed, arrival_jitter, realtime_factor_min, realtime_ratio):
        reading = function(turn, Timeline(()), clip)
        assert reading.value is None
        assert reading.missing.code in (MissingCode.NO_TURN, MissingCode.TOO_SHORT)
