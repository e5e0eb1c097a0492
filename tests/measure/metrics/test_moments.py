"""Moments of a turn, from stamps and callbacks that are given, and from known sounds at places that are given."""

import math
from dataclasses import replace

import numpy as np
import pytest

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.missing import Missing, MissingCode
from diag.core.take import Turn
from diag.core.timeline import Event, Timeline
from diag.dsp.align import Place
from diag.measure.metrics import moments
from diag.measure.metrics.moments import (
    BEFORE_STAMPS,
    NO_CALLBACKS,
    NO_STAMPS,
    NOT_AUDIBLE,
    Stamps,
    audio_chunks,
    calibration,
    delivered_s,
    first_audible_played,
    first_audible_received,
    out_s,
    output_difference_s,
    path_delays,
    paths_differ_s,
    playable_s,
    prompt_end_in,
    reply_start_in_heard,
    speech_end_s,
    stamp_jitter_s,
    stamps,
    timed_by_devices,
)
from diag.measure.metrics.schedule import arrival_jitter, arrivals, buffer_needed, realtime_factor_min, realtime_ratio
from diag.measure.reasons import NO_AUDIO, NO_PROMPT, NOTHING_PLAYED, PLAYED_SILENT

HZ = 1000


def event(name, at_s, /, **data):
    return Event(t_s=at_s, name=name, source="service", data=data)


def turn(**more):
    usual = {"speech_start_s": 1.0, "speech_end_s": 3.0}
    return Turn(index=0, prompt_name="p", start_s=0.0, end_s=60.0, **{**usual, **more})


def clip(samples, start_s=0.0, rate_hz=HZ):
    return Clip(samples=np.asarray(samples, dtype=np.float32), sample_rate_hz=rate_hz, start_s=start_s)


def chunk(at_s, start, frames=100, turn=0):
    return event("chunk_received", at_s, turn=turn, start_frame=start, frames=frames)


# --- stamps of a device


BLOCKS = Stamps(
    frame=np.array([0.0, 100, 200, 3000, 3100]),
    t_s=np.array([10.0, 10.12, 10.19, 13.01, 13.1]),
    device_s=np.array([10.5, 10.602, np.nan, 13.504, 13.6]),
)


@pytest.mark.parametrize(("frame", "expected_s"), [(0, 10.0), (99, 10.0), (100, 10.12), (2999, 10.19), (9999, 13.1)])
def test_a_frame_belongs_to_the_callback_of_its_block(frame, expected_s):
    assert BLOCKS.callback_s(frame) == expected_s
    first = {10.0: 0, 10.12: 100, 10.19: 200, 13.1: 3100}[expected_s]
    assert BLOCKS.handed_over_s(frame, HZ) == pytest.approx(expected_s + (frame - first) / HZ)


def test_a_frame_before_the_first_block_has_no_callback():
    assert BLOCKS.callback_s(-1) == BEFORE_STAMPS
    assert BLOCKS.handed_over_s(-1, HZ) == BEFORE_STAMPS


@pytest.mark.parametrize(
    ("frame", "start_s"),
    # The median of the stamps within one second: of two near the first blocks, and of two near the last.
    [(50, 10.501), (1100, 10.502), (1000, 10.501), (2000, 10.504), (2050, 10.504), (2100, 10.502), (3050, 10.502)],
)
def test_a_frame_leaves_the_device_by_the_stamps_within_one_second(frame, start_s):
    assert BLOCKS.leaves_device_s(frame, HZ) == pytest.approx(start_s + frame / HZ)


@pytest.mark.parametrize("frame", [1101, 1999, 4101])
def test_far_from_all_stamps_a_device_gives_none(frame):
    assert BLOCKS.leaves_device_s(frame, HZ) == NO_STAMPS


@pytest.mark.parametrize(
    ("frame", "begin_s"),
    # A block that ends at frame 100 was delivered at 10 s, so frame 0 was recorded at 9.9 s; the next ones say 9.92,
    # 7.19 and 9.91 s.
    [(0, 9.9), (1000, 7.19), (2100, 7.19), (2101, 7.19), (5000, 7.19), (5001, 9.91), (5100, 9.91)],
)
def test_an_input_had_recorded_a_frame_by_the_earliest_callback_within_two_seconds(frame, begin_s):
    assert BLOCKS.delivered_s(frame, HZ) == pytest.approx(begin_s + frame / HZ)


def test_without_callbacks_near_nothing_was_delivered():
    assert BLOCKS.delivered_s(5101, HZ) == NO_CALLBACKS
    assert BLOCKS.delivered_s(-1901, HZ) == NO_CALLBACKS
    assert not isinstance(BLOCKS.delivered_s(-1900, HZ), Missing)


def stamped(tap=Tap.PLAYED, frame=(0, 1000, 2000), at_s=(0.0, 1.0, 2.0), device_s=(0.5, 1.5, 2.5)):
    return event("stamps", 0.0, tap=tap.value, frame=list(frame), t_s=list(at_s), device_s=list(device_s))


def test_stamps_are_those_of_the_tap():
    found = stamps(Timeline((stamped(Tap.HEARD), stamped(device_s=(0.5, None, 2.5)))), Tap.PLAYED)
    assert found.frame.tolist() == [0, 1000, 2000]
    assert found.t_s.tolist() == [0, 1, 2]
    assert np.array_equal(found.device_s, [0.5, np.nan, 2.5], equal_nan=True)


@pytest.mark.parametrize("events", [(), (stamped(Tap.HEARD),), (stamped(frame=(), at_s=(), device_s=()),)])
def test_without_stamps_of_a_tap_that_is_told(events):
    found = stamps(Timeline(events), Tap.PLAYED)
    assert found == Missing(MissingCode.NO_EVENTS, "no block stamps of `played` were recorded")
    assert stamp_jitter_s(Timeline(events), Tap.PLAYED) is None
    assert delivered_s(Timeline(events), Tap.PLAYED, clip([0.0]), 5.0) == found


@pytest.mark.parametrize(
    ("device_s", "jitter_s"),
    [((0.5, 1.5, 2.5), 0.0), ((0.5, 1.6, 2.7), 0.0), ((0.5, 1.5, None), None), ((0.5, 1.53, 2.5), 0.027)],
)
def test_jitter_is_the_distance_of_stamps_from_a_straight_line(device_s, jitter_s):
    found = stamp_jitter_s(Timeline((stamped(device_s=device_s),)), Tap.PLAYED)
    assert found == (None if jitter_s is None else pytest.approx(jitter_s, abs=1e-9))


def test_jitter_is_its_95th_percentile():
    off_s = np.tile([0.0, 0.0, 0.001, -0.001], 50)
    off_s[:9] = 0.02
    even = event(
        "stamps", 0, tap="played", frame=list(range(200)), t_s=[0.0] * 200, device_s=(np.arange(200) + off_s).tolist()
    )
    found = stamp_jitter_s(Timeline((even,)), Tap.PLAYED)
    line = np.polyval(np.polyfit(np.arange(200), np.arange(200) + off_s, 1), np.arange(200))
    rest = np.arange(200) + off_s - line
    assert found == pytest.approx(np.percentile(np.abs(rest - np.median(rest)), 95))
    assert found < 0.01


def test_delivery_needs_a_frame():
    timeline = Timeline((stamped(at_s=(0.1, 1.2, 2.3)),))
    assert delivered_s(timeline, Tap.PLAYED, clip([0.0]), NO_PROMPT) == NO_PROMPT
    # The block up to frame 1000 was delivered at 0.1 s, and that up to 2000 at 1.2 s.
    assert delivered_s(timeline, Tap.PLAYED, clip([0.0]), 1500.0) == pytest.approx(0.6)


# --- calibrated paths


def paths(*known):
    return Timeline(tuple(event("calibrated", 0.1, port=port, at=at, delay_s=delay_s) for port, at, delay_s in known))


MOUTH, SPEAKER = ("mouth", "ear", 0.01), ("speaker", "ear", 0.05)
MOUTH_MIC, SPEAKER_MIC = ("mouth", "microphone", 0.02), ("speaker", "microphone", 0.09)
DEAF_MOUTH, DEAF_SPEAKER = ("mouth", "ear", None), ("speaker", "ear", None)


def test_a_path_ends_at_the_ear_unless_told_otherwise():
    timeline = Timeline((event("calibrated", 0.1, port="mouth"), *paths(SPEAKER_MIC)))
    assert path_delays(timeline) == {("mouth", "ear"): None, ("speaker", "microphone"): 0.09}


@pytest.mark.parametrize(
    ("known", "text"),
    [((MOUTH, SPEAKER, SPEAKER_MIC), None), ((MOUTH, DEAF_SPEAKER), "the delay of the speaker to the ear"),
     ((DEAF_MOUTH, DEAF_SPEAKER), "the delay of the mouth and the speaker to the ear"),
     ((MOUTH, ("speaker", "microphone", None)), None)],
)  # fmt: skip
def test_a_delay_to_the_ear_that_is_unknown_is_told(known, text):
    found = calibration(paths(*known))
    if text is None:
        assert found == {port: delay for port, at, delay in known if at == "ear"}
    else:
        assert found == Missing(
            MissingCode.NO_CLOCK, f"{text.replace(' and the ', ' and the ')} could not be calibrated"
        )


@pytest.mark.parametrize(
    ("known", "difference_s", "differ_s", "by_devices"),
    [
        ((), 0.0, 0.0, False),
        ((MOUTH, SPEAKER), 0.04, 0.0, False),
        ((MOUTH, SPEAKER, MOUTH_MIC, SPEAKER_MIC), 0.04, 0.03, False),
        ((MOUTH_MIC, SPEAKER_MIC), 0.07, 0.0, False),
        ((MOUTH_MIC, SPEAKER), 0.03, 0.03, True),
        ((DEAF_MOUTH, MOUTH_MIC, SPEAKER), 0.03, 0.03, True),
        ((SPEAKER,), 0.05, 0.0, True),
        ((MOUTH,), 0.0, 0.0, False),
        ((SPEAKER_MIC,), 0.0, 0.0, False),
        ((DEAF_MOUTH, SPEAKER), None, 0.0, False),
        ((MOUTH, DEAF_SPEAKER), None, 0.0, False),
        ((("mouth", "microphone", None), SPEAKER), 0.0, 0.0, False),
        ((("mouth", "microphone", 0.06), ("speaker", "ear", 0.01)), -0.05, 0.05, True),
    ],
)
def test_both_outputs_are_put_on_one_clock_by_their_paths(known, difference_s, differ_s, by_devices):
    timeline = paths(*known)
    found = output_difference_s(timeline)
    if difference_s is None:
        assert found.code is MissingCode.NO_CLOCK
    else:
        assert found == pytest.approx(difference_s)
    assert paths_differ_s(timeline) == pytest.approx(differ_s)
    assert timed_by_devices(timeline) is by_devices


# --- what was received and played


def test_the_end_of_the_speech_is_that_of_the_prompt():
    assert speech_end_s(turn()) == 3.0
    assert speech_end_s(turn(speech_end_s=None)) == NO_PROMPT


def test_chunks_of_a_reply_are_those_of_its_frames():
    events = [chunk(4.0, 100), chunk(4.1, 200), chunk(4.2, 299), chunk(4.3, 300), chunk(4.4, 99), chunk(4.5, 200, 0),
              chunk(4.6, 150, turn=1), event("chunk_received", 4.7, turn=0, frames=5),
              event("chunk_received", 4.8, turn=0),
              event("text_received", 4.9, turn=0, start_frame=150, frames=5)]  # fmt: skip
    found = audio_chunks(Timeline(tuple(events)), turn(reply_spans={Tap.RECEIVED: (100, 300)}))
    assert [item.t_s for item in found] == [4.0, 4.1, 4.2, 4.7]
    assert len(audio_chunks(Timeline(tuple(events)), turn())) == 6


def test_a_frame_can_be_played_when_it_and_all_before_it_have_come():
    chunks = [chunk(1.0, 0), chunk(1.5, 100), chunk(1.55, 200), chunk(9.0, 300)]
    assert playable_s(chunks, 0, HZ) == 1.0
    assert playable_s(chunks, 99, HZ) == pytest.approx(1.099)
    assert playable_s(chunks, 100, HZ) == pytest.approx(1.5)
    assert playable_s(chunks, 250, HZ) == pytest.approx(1.65)
    assert playable_s(chunks, 300, HZ) == 9.0
    assert playable_s(chunks[1:], 99, HZ) == NO_AUDIO


def quiet_then_loud(loud_from, total=4000):
    samples = np.zeros(total, np.float32)
    samples[loud_from:] = 0.3 * np.random.default_rng(1).choice([-1.0, 1.0], total - loud_from)
    return samples


def test_the_first_audible_sample_received_is_within_the_reply():
    own = turn(reply_spans={Tap.RECEIVED: (1000, 4000)})
    assert first_audible_received(own, clip(quiet_then_loud(1500))) == pytest.approx(1500, abs=2)
    assert first_audible_received(own, clip(np.zeros(4000))) == NOT_AUDIBLE
    assert first_audible_received(turn(), clip(np.zeros(4000))) == NO_AUDIO


@pytest.fixture
def located(monkeypatch):
    """Where each sound that is searched for is found: places are given, lengths of what was searched are kept."""
    asked = []

    def give(*places):
        left = iter(places)

        def locate(known, signal, rate_hz):
            asked.append((len(known), len(signal), rate_hz))
            found = next(left)
            return None if found is None else Place(*found)

        monkeypatch.setattr(moments, "locate", locate)
        return asked

    return give


REPLY = turn(reply_spans={Tap.RECEIVED: (0, 4000), Tap.PLAYED: (100, 6000), Tap.HEARD: (700, 3000)})


@pytest.mark.parametrize(
    ("places", "frame", "asked"),
    [
        ([(40, 0.9)], 140, [1000]),
        ([(40, 0.89), (50, 0.89)], 140, [1000, 300]),
        ([(40, 0.89), (50, 0.9)], 150, [1000, 300]),
        ([(40, 0.5), None], 140, [1000, 300]),
        ([None, (50, 0.95)], 150, [1000, 300]),
    ],
)
def test_the_reply_is_found_in_what_was_played_by_its_first_second_or_its_beginning(located, places, frame, asked):
    seen = located(*places)
    assert first_audible_played(REPLY, clip(quiet_then_loud(500)), clip(quiet_then_loud(2000, 6000))) == frame
    assert seen == [(length, 5900, HZ) for length in asked]


@pytest.mark.parametrize("places", [[(40, 0.49), None], [None, (40, 0.8)], [None, None]])
def test_a_reply_that_is_not_recognised_begins_where_it_is_audible(located, places):
    located(*places)
    found = first_audible_played(REPLY, clip(quiet_then_loud(500)), clip(quiet_then_loud(2000, 6000)))
    assert found == pytest.approx(2000, abs=2)


def test_what_is_played_at_another_rate_is_searched_at_its_speed_and_sample_for_sample(located):
    seen = located((40, 0.6), (70, 0.95))
    played = clip(quiet_then_loud(2000, 12000), rate_hz=2 * HZ)
    assert first_audible_played(REPLY, clip(quiet_then_loud(500)), played) == 170
    assert [length for length, _, _ in seen] == [2000, 1000]


def test_why_nothing_audible_was_played(located):
    located(None, None)
    received = clip(quiet_then_loud(500))
    assert first_audible_played(turn(), received, clip(np.zeros(9))) == NOTHING_PLAYED
    assert first_audible_played(REPLY, clip(np.zeros(4000)), clip(np.zeros(9))) == NOT_AUDIBLE
    assert first_audible_played(REPLY, received, clip(np.zeros(6000))) == PLAYED_SILENT


def test_a_sample_leaves_the_device_by_its_stamps_and_the_path_to_the_ear(located):
    located((400, 0.95))
    timeline = Timeline((stamped(), *paths(MOUTH, SPEAKER)))
    received, played = clip(quiet_then_loud(500)), clip(quiet_then_loud(2000, 6000))
    assert out_s(REPLY, timeline, received, played) == pytest.approx(0.5 + 0.5 + 0.04)
    assert out_s(turn(), timeline, received, played) == NOTHING_PLAYED
    assert out_s(REPLY, Timeline(()), received, played).code is MissingCode.NO_EVENTS
    deaf = Timeline((stamped(), *paths(MOUTH, DEAF_SPEAKER)))
    assert out_s(REPLY, deaf, received, played).code is MissingCode.NO_CLOCK
    unstamped = Timeline((stamped(device_s=(None, None, None)),))
    assert out_s(REPLY, unstamped, received, played) == NO_STAMPS


# --- known sounds in recordings of inputs


def in_heard(places, located, *, heard_hz=HZ, channels=2):
    seen = located(*places)
    sides = (
        np.random.default_rng(1).standard_normal((4 * heard_hz, channels)) if channels > 1 else np.ones(4 * heard_hz)
    )
    return seen, clip(sides, rate_hz=heard_hz)


@pytest.mark.parametrize(
    ("confidence", "found"), [(0.5, 300.0), (0.49, Missing(MissingCode.NO_MATCH, "best correlation 0.49, needed 0.50"))]
)
def test_a_known_sound_is_searched_half_a_second_around_its_span(located, confidence, found):
    seen, heard = in_heard([(100, confidence)], located)
    place = moments._place(np.ones(500, np.float32), HZ, heard, 1, (700, 3000))
    assert (place.frame if isinstance(place, Place) else place) == found
    assert seen == [(500, 3300, HZ)]


def test_a_known_sound_is_searched_from_the_beginning_where_its_span_begins_early(located):
    seen, heard = in_heard([(100, 0.8), None], located, heard_hz=2 * HZ)
    assert moments._place(np.ones(500, np.float32), HZ, heard, 1, (400, 5000)) == Place(100, 0.8)
    assert seen == [(1000, 6000, 2 * HZ)]
    silent = moments._place(np.ones(500, np.float32), HZ, heard, 1, (400, 5000))
    assert silent == Missing(MissingCode.SILENT, "it is silent there")


@pytest.mark.parametrize(("channels", "channel", "expected"), [(2, 1, 1), (2, 0, 0), (1, 1, 0)])
def test_a_sound_is_searched_in_its_own_channel(monkeypatch, channels, channel, expected):
    sides = np.stack([np.full(2000, 0.25 * (1 + side)) for side in range(channels)], axis=1)
    seen = []
    monkeypatch.setattr(moments, "locate", lambda _known, signal, _rate: seen.append(signal[0]))
    moments._place(np.ones(500, np.float32), HZ, clip(sides if channels > 1 else sides[:, 0]), channel, (0, 100))
    assert seen == [0.25 * (1 + expected)]


def test_a_span_of_a_clip_is_cut_at_its_beginning():
    assert moments._mono(clip(np.arange(9)), (-3, 2)).tolist() == [0, 1]
    assert moments._mono(clip(np.arange(9)), (-3, -1)).tolist() == []
    assert moments._mono(clip(np.arange(8).reshape(4, 2)), (1, 3)).tolist() == [2, 4]


SPOKEN = turn(prompt_spans={Tap.HEARD: (500, 3500), Tap.CAPTURED: (500, 3500)})


@pytest.mark.parametrize(
    ("speech_start_s", "length", "heard_hz"), [(1.0, 1500, HZ), (None, 1500, HZ), (2.0, 1000, HZ), (1.0, 1500, 2 * HZ)]
)
def test_the_prompt_ends_where_the_last_1500_ms_of_its_speech_end(located, speech_start_s, length, heard_hz):
    prompt = clip(np.random.default_rng(2).standard_normal(6000) / 10, start_s=0.25)
    seen, heard = in_heard([(100, 0.8)], located, heard_hz=heard_hz)
    own = replace(SPOKEN, speech_start_s=speech_start_s)
    found = prompt_end_in(own, prompt, heard, Tap.HEARD)
    first = max(0, 500 - round(0.5 * heard_hz))
    assert found == pytest.approx(first + 100 + length * heard_hz / HZ)
    assert seen[0][0] == length * heard_hz // HZ


@pytest.mark.parametrize(("tap", "channel"), [(Tap.HEARD, 0), (Tap.CAPTURED, 0)])
def test_the_prompt_is_in_the_first_channel(monkeypatch, tap, channel):
    seen = []

    def place(_known, _rate_hz, _recording, side, _span):
        seen.append(side)
        return Place(0.0, 1.0)

    monkeypatch.setattr(moments, "_place", place)
    prompt_end_in(SPOKEN, clip(np.ones(6000)), clip(np.ones((4000, 2))), tap)
    assert seen == [channel]


def test_why_the_end_of_the_prompt_is_not_known(located):
    _, heard = in_heard([None], located)
    prompt = clip(np.ones(6000))
    assert prompt_end_in(replace(SPOKEN, speech_end_s=None), prompt, heard, Tap.HEARD) == NO_PROMPT
    assert prompt_end_in(SPOKEN, clip(np.ones(6000), start_s=None), heard, Tap.HEARD) == NO_PROMPT
    assert prompt_end_in(SPOKEN, prompt, heard, Tap.SENT) == Missing(
        MissingCode.NO_TURN, "`sent` has no prompt in this turn"
    )
    assert prompt_end_in(SPOKEN, prompt, heard, Tap.HEARD) == Missing(
        MissingCode.SILENT, "the prompt was not found in `heard` (it is silent there)"
    )


@pytest.mark.parametrize(
    ("places", "found"),
    [
        ([(40, 0.9)], 240),
        ([(40, 0.89), (50, 0.98)], 240),
        ([(40, 0.85), (50, 0.96)], 250),
        ([(40, 0.4), (50, 0.55)], 250),
        ([(40, 0.6), (50, 0.4)], 240),
        ([(40, 0.4), None], "the reply was not found in `heard` (best correlation 0.40, needed 0.50)"),
        ([None, (50, 0.3)], "the reply was not found in `heard` (it is silent there)"),
    ],
)
def test_the_reply_is_heard_by_its_first_second_unless_its_beginning_fits_clearly_better(
    monkeypatch, located, places, found
):
    monkeypatch.setattr(moments, "first_audible_played", lambda *_: 2000)
    seen, heard = in_heard(places, located)
    start = reply_start_in_heard(REPLY, clip([0.0]), clip(np.ones(6000)), heard)
    assert (start.text if isinstance(start, Missing) else start) == found
    assert [length for length, _, _ in seen] == [1000, 300][: len(places)]


def test_why_the_beginning_of_the_reply_is_not_known():
    assert reply_start_in_heard(turn(), clip([0.0]), None, clip([0.0])) == Missing(
        MissingCode.NO_TURN, "`heard` has no reply in this turn"
    )
    nothing = turn(reply_spans={Tap.HEARD: (0, 9)})
    assert reply_start_in_heard(nothing, clip([0.0]), clip([0.0]), clip([0.0])) == NOTHING_PLAYED
    assert reply_start_in_heard(nothing, clip([0.0]), None, clip([0.0])) == NO_AUDIO


@pytest.mark.parametrize(
    ("places", "found", "tries"),
    [
        ([(40, 0.95), (50, 0.97)], 240, 2),
        ([(40, 0.7), (50, 0.81), *[None] * 10], 250, 12),
        ([(40, 0.7), (50, 0.79), *[None] * 10], 240, 12),
        ([(40, 0.7), None, (60, 0.71), *[None] * 9], 260, 12),
        ([(40, 0.7), None, (60, 0.7), *[None] * 9], 240, 12),
        ([None, (50, 0.92)], 250, 2),
        ([None, (50, 0.89), (60, 0.9), None], 260, 4),
        ([(40, 0.2), *[None] * 11], "the reply was not found in `heard` (best correlation 0.20, needed 0.50)", 12),
    ],
)
def test_a_reply_received_is_searched_at_the_speeds_of_common_rates(located, places, found, tries):
    seen, heard = in_heard(places, located)
    start = reply_start_in_heard(REPLY, clip(quiet_then_loud(500)), None, heard)
    assert (start.text if isinstance(start, Missing) else start) == found
    assert len(seen) == tries
    lengths = [
        round(length * HZ / rate_hz) for rate_hz in (HZ, 16000, 48000, 44100, 32000, 22050) for length in (1000, 300)
    ]
    assert [length for length, _, _ in seen] == pytest.approx(lengths[:tries], abs=1)


# --- schedules


def schedule(*waits_s, frames=500):
    """Chunks of half a second each, with these times from one to the next."""
    at_s = np.cumsum([5.0, *waits_s])
    chunks = (chunk(t_s, 100 + number * frames, frames) for number, t_s in enumerate(at_s))
    return turn(), Timeline(tuple(chunks)), clip([0.0])


def test_arrivals_and_times_at_which_chunks_are_due_begin_at_nothing():
    arrival, due = arrivals(schedule(0.2, 0.7)[1], turn(), clip([0.0]))
    assert arrival == pytest.approx([0.0, 0.2, 0.9])
    assert due == pytest.approx([0.0, 0.5, 1.0])


@pytest.mark.parametrize(
    ("waits_s", "buffer_s", "jitter_s", "slowest"),
    [
        ((0.2, 0.2), 0.0, 0.0, None),
        ((0.5, 0.5), 0.0, 0.0, 1.0),
        ((0.9, 0.3), 0.4, 0.3, 0.5 / 0.9),
        ((0.3, 0.9, 0.9), 0.6, 0.54, 1.0 / 1.8),
        ((0.499,), 0.0, None, None),
        ((0.501,), 0.001, None, 0.5 / 0.501),
    ],
)
def test_a_schedule_has_its_buffer_its_jitter_and_its_slowest_half_second(waits_s, buffer_s, jitter_s, slowest):
    own, timeline, received = schedule(*waits_s)
    assert buffer_needed(own, timeline, received).value == pytest.approx(buffer_s)
    for measure, value in ((arrival_jitter, jitter_s), (realtime_factor_min, slowest)):
        assert measure(own, timeline, received).value == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize(
    ("times_s", "ratio"),
    [((1.0, 1.5, 2.0), 1.0), ((1.0, 1.25, 2.0), math.nan), ((1.0, 2.0), None), ((1.0, 1.5, 1.99), None),
     ((1.0, 1.5, 1.75, 59.9, 60.0), math.nan), ((-0.5, 0.0, 0.9, 60.0), None)],
)  # fmt: skip
def test_the_pace_of_sending_is_the_slope_over_at_least_one_second(times_s, ratio):
    events = tuple(event("batch_sent", t_s, start_frame=500 * number) for number, t_s in enumerate(times_s))
    found = realtime_ratio(turn(), Timeline(events), clip([0.0]))
    inside = [(t_s, number / 2) for number, t_s in enumerate(times_s) if 0 <= t_s < 60]
    if ratio is not None and math.isnan(ratio):
        ratio = np.polyfit([t_s for t_s, _ in inside], [audio_s for _, audio_s in inside], 1)[0]
    assert found.value == (None if ratio is None else pytest.approx(ratio))
