"""What is told of two recordings that differ in one measure or two, whose values are given."""

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from approved import check
from builders import speech

from diag.core.chain import Segment, Tap
from diag.core.clip import Clip
from diag.core.missing import Missing, MissingCode
from diag.core.results import Measurements, SoundEvent, Spot
from diag.judge.engine import judge_recording
from diag.judge.proof import not_shown_on_segments
from diag.judge.recording import Recording
from diag.judge.recording_comparison import OTHER_WORDS, SAME_WORDS, RecordingChange, compare_results
from diag.judge.recording_result import AnalysisResult
from diag.measure.engine import measure_clip, measure_pair
from diag.measure.registry import MetricKind, metric_named

APPROVED = Path(__file__).with_name("approved_comparisons.txt")
RATE_HZ = 24000
SEGMENT = Segment(Tap.RECEIVED, Tap.HEARD)
ABSENT = Missing(MissingCode.NO_MATCH, "the output was not recognised as a copy of the input")
FAULTS = {
    "inserted_silence_s": 0.4, "repeated_s": 0.5, "skipped_s": 0.3, "head_lost_s": 0.2, "tail_lost_s": 0.25,
    "click_rate_hz": 3.0, "imaging": 0.5, "aliasing_db": -15.0, "distortion_db": -15.0, "clipping_rate_hz": 60.0,
    "second_copy_db": -9.0, "misread_s": 2.0, "added_noise_db": -17.0, "added_hum_db": -18.0, "added_tone_db": -14.0,
    "added_dc_dbfs": -21.0, "reverberation_db": -6.0, "other_sound_s": 0.7, "level_change_db": -12.0,
    "level_pumping_db": 11.0, "tone_change_db": 9.0, "rate_ratio": 0.5, "time_ratio": 1.25, "displaced_s": 0.6,
    "peak_dbfs": -80.0, "dullness_db": 14.0,
}  # fmt: skip
"""A value that is a fault, for every measure of two recordings."""


@functools.cache
def healthy():
    sound = Clip(samples=speech(2.5, 7, RATE_HZ), sample_rate_hz=RATE_HZ)
    return measure_clip(sound), measure_pair(sound, sound, segment=SEGMENT)


def with_values(measurements, values, *, on_segment):
    items = []
    for item in measurements:
        last = item.segment is not None or (on_segment and item.tap is Tap.HEARD)
        if item.metric in values and (last or not on_segment):
            value = values[item.metric]
            events = (SoundEvent(kind="stall", reference_s=1.0, estimated_s=1.25, duration_s=0.3),)
            changed = {"value": value, "missing": None if value is not None else ABSENT, "events": events}
            if item.metric == "click_rate_hz":
                changed["spots"] = (Spot(Tap.HEARD, 1.0, 1.1), Spot(Tap.HEARD, 2.0, 2.1))
            items.append(replace(item, **changed))
        else:
            items.append(item)
    return Measurements(tuple(items))


def alone(name, values=None, rate_hz=RATE_HZ):
    """A recording by itself, with these values."""
    recording = Recording(name=name, sample_rate_hz=rate_hz)
    measurements = with_values(healthy()[0], values or {}, on_segment=False)
    found = judge_recording(measurements, recording)
    return AnalysisResult(name=name, sample_rate_hz=rate_hz, duration_s=2.5, channels=1, reference=None,
                          measurements=measurements, findings=found.findings, outcomes=found.outcomes)  # fmt: skip


def against(name, reference, values=None, rate_hz=RATE_HZ):
    """A recording held against another one, with these values of the pair."""
    recording = Recording(name=name, sample_rate_hz=rate_hz, tap=Tap.HEARD, reference=reference,
                          reference_rate_hz=rate_hz, segment=SEGMENT)  # fmt: skip
    values = dict(values or {})
    if "rate_ratio" in values and "time_ratio" not in values:
        values["time_ratio"] = values["rate_ratio"]
    if "clipping_rate_hz" in values:
        values = {"added_noise_db": -45.0, "distortion_db": -45.0, **values}
    if "dullness_db" in values:
        values["dullness_bands_db"] = (0.0, 0.0, 4.0, 9.0, 14.0, None)
    measurements = with_values(healthy()[1], values, on_segment=True)
    found = judge_recording(measurements, recording)
    return AnalysisResult(name=name, sample_rate_hz=rate_hz, duration_s=2.5, channels=1, reference=reference,
                          tap=Tap.HEARD, measurements=measurements, findings=found.findings, outcomes=found.outcomes,
                          not_shown=not_shown_on_segments(found.outcomes, [SEGMENT.hop]))  # fmt: skip


def compared(pair=None, back=None, a=None, b=None):
    return compare_results(
        a or alone("a.wav"), b or alone("b.wav"), against("b.wav", "a.wav", pair), against("a.wav", "b.wav", back)
    )


def in_words(found):
    lines = [f"{found.verdict.value}: {found.sentence}"]
    lines += [f"  {item.worse or 'neither'} {item.rank} {item.code}: {item.words}" for item in found.differences]
    lines += [
        f"  measure {item.metric} {item.a} {item.b} {item.difference:.4g} {item.noise:g} {item.unit} {item.worse}"
        for item in found.measures
    ]
    return "\n".join([*lines, *(f"  not compared: {text}" for text in found.not_compared)])


@pytest.mark.parametrize("metric", FAULTS)
def test_what_one_side_has_is_told_of_that_side(metric):
    fault = {metric: FAULTS[metric]}
    texts = [f"{name}\n{in_words(found)}" for name, found in (
        ("B has it", compared(fault)), ("A has it", compared(None, fault)), ("each has it", compared(fault, fault)),
    )]  # fmt: skip
    check(APPROVED, f"one side: {metric}", "\n".join(texts), exact=True)


@pytest.mark.parametrize("metric", FAULTS)
def test_what_follows_from_the_other_side_is_left_out(metric):
    lines = []
    for other, value in FAULTS.items():
        found = compared({metric: FAULTS[metric]}, {other: value})
        told = ", ".join(f"{item.code} {item.worse or 'neither'}" for item in found.differences)
        lines.append(f"A {other}: {found.verdict.value}: {told}")
    check(APPROVED, f"both sides: {metric}", "\n".join(lines), exact=True)


@pytest.mark.parametrize(("lost_s", "told"), [(0.499, ["b"]), (0.501, [""])])
def test_what_is_repeated_explains_a_loss_up_to_a_quarter_longer(lost_s, told):
    found = compared({"repeated_s": 0.4}, {"skipped_s": lost_s})
    assert [item.worse for item in found.differences] == told


BLIND = {item.metric: item.value for item in healthy()[0] if isinstance(item.value, float)}


@pytest.mark.parametrize("metric", OTHER_WORDS)
def test_of_other_words_only_what_no_voice_explains_is_told(metric):
    noise, value = OTHER_WORDS[metric], BLIND[metric]
    apart = {"rate_ratio": None}

    def told(change):
        b = alone("b.wav", {metric: value + change})
        pair, back = against("b.wav", "a.wav", apart), against("a.wav", "b.wav", apart)
        return compare_results(alone("a.wav"), b, pair, back)

    assert metric not in {item.metric for item in told(0.99 * noise).measures}
    found = told(1.01 * noise)
    (item,) = [item for item in found.measures if item.metric == metric]
    assert (item.a, item.b, item.noise) == (value, value + 1.01 * noise, noise)
    assert item.difference == pytest.approx(1.01 * noise)
    assert not found.matched
    check(APPROVED, f"other words: {metric}", f"{in_words(told(2 * noise))}\n{in_words(told(-2 * noise))}")


@pytest.mark.parametrize("metric", [name for name in BLIND if name not in ("rate_ratio", "dc_dbfs")])
def test_of_the_same_words_less_is_told(metric):
    noise = SAME_WORDS.get(metric, metric_named(metric, MetricKind.TAP).tolerance)

    def told(change):
        return {item.metric for item in compared(b=alone("b.wav", {metric: BLIND[metric] + change})).measures}

    assert metric not in told(0.99 * noise)
    assert metric in told(1.01 * noise)


def test_the_limits_of_other_words_and_the_same_words_are_as_approved():
    lines = [f"{name} {value:g}" for name, value in (*OTHER_WORDS.items(), *SAME_WORDS.items())]
    check(APPROVED, "limits", "\n".join(lines), exact=True)


@pytest.mark.parametrize(
    ("edges_hz", "worse"),
    [((11500, 11500), ""), ((11500, 7500), "b"), ((7500, 11500), "a"), ((11500, 10930), ""), ((11500, 10920), "b")],
)
def test_aliasing_of_both_is_told_of_the_one_that_ends_lower(edges_hz, worse):
    a, b = (alone(name, {"bandwidth_hz": float(edge_hz)}) for name, edge_hz in zip("ab", edges_hz, strict=True))
    fault = {"aliasing_db": -15.0}
    assert [item.worse for item in compared(fault, fault, a, b).differences if "aliasing" in item.words] == [worse]


def test_what_could_not_be_read_is_not_compared():
    unread = replace(alone("b.wav"), refused="Could not read b.wav: it is empty.")
    found = compare_results(alone("a.wav"), unread, None, None)
    assert found.verdict is RecordingChange.NOT_COMPARED
    assert found.sentence == "a.wav and b.wav were not compared: Could not read b.wav: it is empty"
    assert found.not_compared == ("Could not read b.wav: it is empty.",)


def test_the_worst_two_are_named_and_the_rest_is_counted():
    several = {"inserted_silence_s": 0.4, "imaging": 0.5, "added_dc_dbfs": -21.0, "dullness_db": 14.0}
    check(APPROVED, "several", in_words(compared(several)), exact=True)
    check(APPROVED, "several of both", in_words(compared({"level_change_db": -12.0, **several}, {"repeated_s": 0.5})),
          exact=True)  # fmt: skip


def test_with_a_reference_each_is_judged_against_it():
    good, bad = against("a.wav", "r.wav"), against("b.wav", "r.wav", {"skipped_s": 0.3})
    texts = []
    for a, b in ((good, bad), (bad, good), (good, good), (bad, bad)):
        pair, back = against("b.wav", "a.wav", {"skipped_s": 0.3}), against("a.wav", "b.wav")
        texts.append(in_words(compare_results(replace(a, name="a.wav"), replace(b, name="b.wav"), pair, back)))
    apart = against("b.wav", "r.wav", {"rate_ratio": None})
    texts.append(in_words(compare_results(good, apart, against("b.wav", "a.wav"), against("a.wav", "b.wav"))))
    check(APPROVED, "against a reference", "\n".join(texts), exact=True)


def test_a_difference_that_is_worse_on_neither_side_is_told_so_against_a_reference():
    a = against("a.wav", "r.wav", {"skipped_s": 0.3})
    b = against("b.wav", "r.wav", {"displaced_s": 0.3})
    found = compare_results(a, b, against("b.wav", "a.wav"), against("a.wav", "b.wav"))
    assert found.verdict is RecordingChange.DIFFERENT
    assert found.sentence == (
        "a.wav: The player or loudspeaker loses 300 ms of the sound in the middle [PLY011]; b.wav: The player or "
        "loudspeaker delivers parts of the sound in the wrong order (300 ms in total) [PLY019]; neither is clearly "
        "better"
    )


@pytest.mark.parametrize(
    ("rates_hz", "edge_hz", "words"),
    [((24000, 8000), 11500.0, "b.wav has lost treble above 3.8 kHz that a.wav has"), ((24000, 8000), 4700.0, None)],
)
def test_a_lower_sample_rate_is_a_loss_only_where_the_other_has_sound_above(rates_hz, edge_hz, words):
    recording = Recording(name="b.wav", sample_rate_hz=rates_hz[1], tap=Tap.HEARD, reference="a.wav",
                          reference_rate_hz=rates_hz[0], segment=SEGMENT)  # fmt: skip
    measurements = with_values(healthy()[1], {"dullness_db": None, "dullness_bands_db": None}, on_segment=True)
    found = judge_recording(measurements, recording)
    pair = AnalysisResult(name="b.wav", sample_rate_hz=rates_hz[1], duration_s=2.5, channels=1, reference="a.wav",
                          tap=Tap.HEARD, measurements=measurements, findings=found.findings,
                          outcomes=found.outcomes)  # fmt: skip
    limited = [item for item in found.findings if item.name == "player-band-limited"]
    a, b = alone("a.wav", {"bandwidth_hz": edge_hz}), alone("b.wav", {"bandwidth_hz": 3900.0}, rates_hz[1])
    told = [item.words for item in compare_results(a, b, pair, against("a.wav", "b.wav")).differences]
    assert limited
    assert (words in told) is (words is not None)


def test_a_reply_as_json_has_both_sides():
    record = compared({"skipped_s": 0.3}).to_json()
    assert (record["a"]["name"], record["b"]["name"], record["b_against_a"]["name"]) == ("a.wav", "b.wav", "b.wav")
    assert record["same_sound"]
    assert record["verdict"] == "different"
    assert np.array_equal([item["worse"] for item in record["differences"]], [None])
