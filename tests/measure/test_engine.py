"""What metrics are given at each place of takes, pairs and lone recordings, and what becomes of what they return."""

import json
from dataclasses import replace

import numpy as np
import pytest
from builders import Story, build
from talks import LEAD_S, Step, Talk, build_talk

from diag.core.chain import Hop, Segment, Tap, segments_of
from diag.core.missing import MissingCode
from diag.core.results import Measurements, Reading, Spot, Tier
from diag.core.take import Take
from diag.measure.engine import measure_clip, measure_pair, measure_take
from diag.measure.registry import Metric, MetricKind, all_metrics, metric_named

HEALTHY = build(Story())
PROMPT_SIDE = (Tap.PROMPT, Tap.CAPTURED, Tap.SENT)
ONE = Reading(value=1.0)


def metric(function, *, kind=MetricKind.TAKE, taps=(), name="m", unit="s", compared=False):
    needs = tuple(function.__code__.co_varnames[: function.__code__.co_argcount])
    return Metric(name=name, unit=unit, better="lower", version=1, function=function, needs=needs,
                  kind=MetricKind.TAP if taps else kind, taps=taps, compared=compared)  # fmt: skip


def on_segments(function, **more):
    return metric(function, kind=MetricKind.SEGMENT, **more)


def measured(*metrics, take=HEALTHY):
    return Measurements(tuple(measure_take(take, metrics, None)))


def with_taps(*taps):
    """The healthy take as if only these taps had been recorded."""
    clips = {tap: clip for tap, clip in HEALTHY.clips.items() if tap in taps}
    facts = {name: getattr(HEALTHY, name) for name in Take.__dataclass_fields__}
    return Take(**{**facts, "clips": clips})


# --- segments


def test_a_segment_metric_gets_the_turns_cut_of_both_ends_as_mono():
    seen = {}

    def measure(reference, estimated):
        seen[len(seen)] = (reference, estimated)
        return ONE

    hops = (Hop.MICROPHONE, Hop.SENDER, Hop.PLAYER, Hop.SPEAKER)
    found = measured(on_segments(measure))
    turn = HEALTHY.turns[0]
    for index, hop in enumerate(hops):
        for tap, clip in zip(hop.ends, seen[index], strict=True):
            first, last = (turn.prompt_spans if tap in PROMPT_SIDE else turn.reply_spans)[tap]
            whole = HEALTHY.clips[tap]
            assert (clip.frames, clip.channels) == (last - first, 1)
            assert clip.start_s == pytest.approx(whole.start_s + first / whole.sample_rate_hz)
    assert np.array_equal(seen[3][1].samples, HEALTHY.clips[Tap.HEARD].samples[slice(*turn.reply_spans[Tap.HEARD]), 1])
    assert [(item.hop, item.turn, item.value) for item in found if item.hop is not Hop.SERVICE] == [
        (hop, 0, 1.0) for hop in hops
    ]


@pytest.mark.parametrize(
    "taps", [(Tap.RECEIVED, Tap.HEARD), (Tap.PROMPT, Tap.SENT, Tap.RECEIVED), tuple(Tap), (Tap.HEARD,), ()]
)
def test_segments_are_those_between_the_taps_that_were_recorded(taps):
    found = measured(on_segments(lambda reference, estimated: ONE), take=with_taps(*taps))
    assert [item.segment for item in found] == list(segments_of(taps))
    for item in found:
        expected = None if item.segment.comparable else MissingCode.OTHER_SPEECH
        assert (item.missing.code if item.missing else None) is expected


def test_a_merged_segment_is_measured_like_a_hop():
    chosen = [item for item in all_metrics() if item.kind is MetricKind.SEGMENT]
    single, merged = measured(*chosen), measured(*chosen, take=with_taps(Tap.RECEIVED, Tap.HEARD))
    assert {item.segment for item in merged} == {Segment(Tap.RECEIVED, Tap.HEARD)}
    assert {item.hop for item in merged} == {Hop.PLAYER}
    assert {item.missing for item in merged} == {None}
    assert merged.value("rate_ratio") == merged.value("time_ratio") == pytest.approx(1, abs=1e-4)
    assert merged.value("drift_ppm") == pytest.approx(0, abs=20)
    assert merged.value("dullness_db") == pytest.approx(0, abs=0.3)
    assert merged.value("skipped_s") == merged.value("dropout_count") == 0
    apart = [single.value("hop_delay_s", hop=hop) for hop in (Hop.PLAYER, Hop.SPEAKER)]
    assert merged.value("hop_delay_s") == pytest.approx(sum(apart), abs=0.002)


# --- taps and takes


def test_a_mono_ear_is_taken_as_it_is():
    take = build(Story(ear_channels=1))
    found = measured(metric(lambda clip: Reading(value=float(clip.channels)), taps=(Tap.HEARD,)), take=take)
    assert found.value("m") == 1


def test_a_take_metric_gets_whole_clips_and_the_turn():
    def measure(played, timeline, environment, turn):
        assert played is HEALTHY.clips[Tap.PLAYED]
        assert timeline is HEALTHY.timeline
        assert environment["audio"] == "wire"
        return Reading(value=float(turn.index), tier=Tier.EVENTS)

    assert measured(metric(measure)).value("m", turn=0) == 0


def test_a_metric_without_turn_is_measured_once_per_take():
    take = build(Story(refused=(1008, "no")))
    found = measured(metric(lambda timeline: Reading(value=float(len(timeline.events)))), take=take)
    assert [(item.turn, item.value > 0) for item in found] == [(None, True)]


REFUSED, UNANSWERED = build(Story(refused=(1008, "no"))), build(Story(reply_s=None))


@pytest.mark.parametrize(
    ("take", "tap", "code", "words"),
    [
        (REFUSED, Tap.PLAYED, MissingCode.NO_RECORDING, "no `played` recording"),
        (UNANSWERED, Tap.PLAYED, MissingCode.NO_TURN, "`played` has no reply"),
        (UNANSWERED, Tap.RECEIVED, MissingCode.NO_RECORDING, "no `received` recording"),
    ],
)
def test_a_tap_without_sound_of_the_turn_has_a_reason(take, tap, code, words):
    (item,) = measured(metric(lambda clip: ONE, taps=(tap,)), take=take)
    assert (item.value, item.missing.code) == (None, code)
    assert words in item.reason


def test_a_segment_without_sound_of_the_turn_has_the_reason_of_its_end():
    found = measured(on_segments(lambda reference, estimated: ONE), take=UNANSWERED)
    codes = {item.segment: item.missing.code for item in found if item.missing}
    assert codes[Segment(Tap.PLAYED, Tap.HEARD)] is MissingCode.NO_TURN
    assert codes[Segment(Tap.SENT, Tap.PLAYED)] is MissingCode.OTHER_SPEECH


@pytest.mark.parametrize(
    ("function", "code"),
    [(lambda turn: ONE, MissingCode.NO_TURN), (lambda heard: ONE, MissingCode.NO_RECORDING)],
)
def test_a_take_metric_without_a_turn_or_a_tap_has_a_reason(function, code):
    (item,) = measured(metric(function), take=REFUSED)
    assert (item.value, item.missing.code) == (None, code)


def test_spots_of_a_cut_become_spots_of_the_whole_tap():
    def measure(clip):
        return Reading(value=1.0, spots=(Spot(Tap.PROMPT, 0.1, 0.2),))

    (item,) = measured(metric(measure, taps=(Tap.PLAYED,)))
    offset_s = HEALTHY.turns[0].reply_spans[Tap.PLAYED][0] / 24000
    assert item.spots == (Spot(Tap.PLAYED, offset_s + 0.1, offset_s + 0.2),)


# --- recordings


RECEIVED, HEARD = HEALTHY.clips[Tap.RECEIVED], HEALTHY.clips[Tap.HEARD].channel(1)


def test_a_pair_is_measured_as_the_segment_that_it_is_taken_for():
    segment = Segment(Tap.PLAYED, Tap.HEARD)
    spot = Spot(Tap.PROMPT, 0.0, 0.1)
    found = measure_pair(
        RECEIVED,
        HEARD,
        segment=segment,
        metrics=[
            metric(lambda clip: Reading(value=float(clip.frames), spots=(spot,)), taps=tuple(Tap), compared=True),
            metric(lambda clip: ONE, taps=tuple(Tap), name="alone"),
            metric(lambda clip: ONE, taps=(Tap.RECEIVED,), name="elsewhere"),
            on_segments(lambda reference, estimated: Reading(value=1.0, spots=(spot,)), name="both"),
            metric(lambda timeline: ONE, name="whole"),
        ],
    )
    assert [(item.metric, item.segment, item.tap) for item in found] == [
        ("both", segment, None),
        ("m", None, Tap.HEARD),
        ("alone", None, Tap.HEARD),
        ("m", None, Tap.PLAYED),
    ]
    assert [[place.tap for place in item.spots] for item in found] == [[Tap.HEARD], [Tap.HEARD], [], [Tap.PLAYED]]
    assert (found.items[1].value, found.items[3].value) == (HEARD.frames, RECEIVED.frames)


def test_a_pair_across_the_service_is_not_compared():
    chosen = [on_segments(lambda reference, estimated: ONE)]
    (item,) = measure_pair(RECEIVED, HEARD, segment=Segment(Tap.SENT, Tap.HEARD), metrics=chosen)
    assert item.missing.code is MissingCode.OTHER_SPEECH


def test_a_recording_of_an_unknown_tap_is_measured_by_every_metric_of_taps():
    chosen = [metric(lambda clip: ONE, taps=(Tap.HEARD,)), on_segments(lambda reference, estimated: ONE, name="both")]
    assert [(item.metric, item.tap) for item in measure_clip(HEARD, metrics=chosen)] == [("m", None)]
    assert not measure_clip(HEARD, tap=Tap.PROMPT, metrics=chosen).items


def test_takes_and_pairs_are_measured_alike():
    """A pair cut as the turn of a take is cut has the take's values."""
    spans = HEALTHY.turns[0].reply_spans
    ends = [HEALTHY.clips[tap].slice(*spans[tap]) for tap in (Tap.RECEIVED, Tap.HEARD)]
    found = measure_pair(ends[0], ends[1].channel(1))
    take = Measurements(tuple(measure_take(with_taps(Tap.RECEIVED, Tap.HEARD), all_metrics(), None)))
    for item in found:
        (same,) = (other for other in take.find(item.metric) if (other.segment, other.tap) == (item.segment, item.tap))
        assert (same.value, same.missing, same.tier) == (item.value, item.missing, item.tier), item.metric


# --- what metrics return


@pytest.mark.parametrize(
    "function",
    [lambda timeline: 1 / 0, lambda timeline: None, lambda timeline: 3.0, lambda timeline: Reading(value=float("inf")),
     lambda timeline: Reading(value=(1.0, float("nan")))],
)  # fmt: skip
def test_a_metric_that_raises_an_exception_costs_only_itself(function):
    found = measured(metric(function), metric(lambda timeline: Reading(value=2.0), name="good"))
    assert found.items[0].missing.code is MissingCode.CRASHED
    assert found.items[0].reason.startswith("crashed: ")
    assert found.value("good") == 2.0


def test_numbers_of_numpy_become_plain_ones():
    found = measured(metric(lambda timeline: Reading(value=np.float32(0.5))),
                     metric(lambda timeline: Reading(value=(np.float32(1), None)), name="bands"))  # fmt: skip
    assert json.loads(json.dumps([item.to_json() for item in found]))[1]["value"] == [1.0, None]


def test_a_later_reply_begins_when_its_first_chunk_arrived():
    take = build_talk(Talk(steps=(Step(), Step(), Step())))
    delays = [
        item.value
        for item in measure_take(take, [metric_named("hop_delay_s", MetricKind.SEGMENT)], None)
        if item.segment.first is Tap.RECEIVED
    ]
    assert delays == pytest.approx([LEAD_S] * 3, abs=0.02)


# --- takes with the same recordings


def test_a_reading_is_measured_once_for_takes_with_the_same_recordings(monkeypatch):
    seen = []

    def measure(clip):
        seen.append(clip)
        return ONE

    monkeypatch.setattr(measure, "__module__", "diag.measure.metrics.made_up")
    one = metric(measure, taps=(Tap.PROMPT, Tap.SENT))
    first, second = measured(one), measured(one, take=with_taps(*Tap))
    assert len(seen) == len({clip.samples.tobytes() for clip in seen}) <= 2
    assert first == second


def test_a_metric_from_elsewhere_is_measured_for_every_take():
    seen = []

    def measure(clip):
        seen.append(clip)
        return ONE

    for take in (HEALTHY, with_taps(*Tap)):
        measured(metric(measure, taps=(Tap.PROMPT,)), take=take)
    assert len(seen) == 2


def test_only_metrics_on_the_clock_change_with_the_start_of_the_recordings():
    reference, estimated = (HEALTHY.clips[tap] for tap in (Tap.RECEIVED, Tap.PLAYED))
    places = [(replace(reference, start_s=0.0), replace(estimated, start_s=later_s)) for later_s in (0.1, 0.7)]
    own = [one for one in all_metrics() if one.kind is not MetricKind.TAKE]
    readings = [{one.name: measure_pair(*pair, metrics=[one]) for one in own} for pair in places]
    changed = {name for name, found in readings[0].items() if found != readings[1][name]}
    assert changed == {one.name for one in own if one.on_clock} == {"hop_delay_s"}
