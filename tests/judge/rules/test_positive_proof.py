"""A rule is clear only where what it looks for was measured, in every turn."""

import functools

import pytest
from builders import build, replace, speech
from fault_cases import HEALTHY

import diag.judge.engine
from diag.api.analyze import analyze
from diag.core.clip import Clip
from diag.core.missing import Missing, MissingCode
from diag.core.observed_client import ObservedClient
from diag.core.results import Measurements, Status
from diag.core.timeline import Timeline
from diag.dsp.spectrum import Sound
from diag.judge.engine import judge_recording, judge_take
from diag.judge.recording import Recording
from diag.judge.registry import Place, Scope, all_rules
from diag.measure.engine import measure_take
from diag.measure.registry import all_metrics
from diag.measure.voice_making import voice_from_sounds

RULES = all_rules()
ON_TAKES = [rule for rule in RULES if rule.scope in (Scope.TAKE, Scope.SEGMENT)]
ON_RECORDINGS = [rule for rule in RULES if rule.scope is Scope.RECORDING]
NOT_MEASURED = Missing(MissingCode.NO_MATCH, "taken away by the test")

ONLY_TO_PUT_ASIDE = {
    ("clicks_added", "reverberation_db"): "strong reverberation puts few clicks aside",
    ("sound_left_out", "reverberation_db"): "strong reverberation puts short losses aside",
    ("sound_repeated", "reverberation_db"): "strong reverberation puts short repeats aside",
    ("silence_inserted", "reverberation_db"): "strong reverberation puts short silence aside",
    ("clicks_added", "rate_ratio"): "clicks of a segment are measured only where its speed is right",
    ("sound_left_out", "rate_ratio"): "losses are measured only where the speed is right",
    ("sound_repeated", "rate_ratio"): "repeats are measured only where the speed is right",
    ("send_pacing", "rate_ratio"): "without a recording of what was said, the pace alone is judged",
    ("treble_lost", "bandwidth_hz"): "words an explanation of lost treble, which is measured itself",
    ("duplicated_chunks", "tonality_db"): "a steady tone repeats itself; without it repeats are measured all the same",
    ("harness_late", "tonality_db"): "excuses a difference of the two detectors",
    ("harness_late", "inserted_silence_s"): "excuses gaps of an app that waited for a core",
    ("harness_late", "skipped_s"): "excuses losses of an app that waited for a core",
    ("wrong_speed", "drift_ppm"): "needs 2 s of sound; the speed is measured in any case, to 0.5 %",
    ("harness_late", "time_ratio"): "excuses a difference of the two detectors",
    ("echo", "echo_db"): "what is sent decides; the capture is judged only where that is not measured",
    ("echo", "echo_sent_db"): "without an echo in the capture, none can be sent",
    ("recording_speed_for_voice", "dullness_db"): "widens the limit for very dull recordings",
}
"""Measures that a rule reads to put a finding aside, and that it does not need to be clear."""


@functools.cache
def healthy():
    return build(HEALTHY), tuple(measure_take(build(HEALTHY), all_metrics(), None))


@functools.cache
def healthy_recording():
    sounds = {str(seed): Sound(speech(6.0, seed, 24000), 24000.0) for seed in (3, 4, 5)}
    voice = voice_from_sounds(sounds, "builder").profile
    result = analyze(Clip(samples=speech(6.0, 4, 24000), sample_rate_hz=24000), voice=voice)
    recording = Recording(name="a recording", sample_rate_hz=24000, tap=None, voice=voice)
    return recording, tuple(result.measurements)


def without(items, metric, turn=None):
    """Return the measurements with those of one metric taken away."""
    return tuple(
        replace(item, value=None, missing=NOT_MEASURED, events=())
        if item.metric == metric and turn in (None, item.turn)
        else item
        for item in items
    )


def with_a_second_turn(take, items):
    turns = (*take.turns, replace(take.turns[0], index=1))
    return replace(take, turns=turns), (*items, *(replace(item, turn=1) for item in items if item.turn is not None))


class Watch:
    """Judges with one rule, and notes the metrics that the rule reads."""

    def __init__(self, monkeypatch):
        self.read = set()
        self.items = ()
        find = Measurements.find

        def noted(measurements, metric, **place):
            self.read.add(metric)
            return find(measurements, metric, **place)

        monkeypatch.setattr(Measurements, "find", noted)
        monkeypatch.setattr(diag.judge.engine, "measure_take", lambda *_: self.items)
        monkeypatch.setattr(diag.judge.engine, "not_shown_in_take", lambda *_: ())

    def take(self, rule, take, items):
        self.read, self.items = set(), items
        return judge_take(take, rules=[rule]).outcomes[0].status

    def recording(self, rule, recording, items):
        self.read = set()
        return judge_recording(Measurements(items), recording, rules=[rule]).outcomes[0].status


@pytest.fixture
def watch(monkeypatch):
    return Watch(monkeypatch)


def needed(rule, read):
    return sorted(metric for metric in read if (rule.function.__name__, metric) not in ONLY_TO_PUT_ASIDE)


@pytest.mark.parametrize("rule", ON_TAKES, ids=lambda rule: rule.code)
def test_a_rule_on_takes_is_not_clear_without_a_measure_that_it_reads(rule, watch):
    take, items = healthy()
    status = watch.take(rule, take, items)
    for metric in needed(rule, watch.read) if status is Status.CLEAR else ():
        assert watch.take(rule, take, without(items, metric)) is not Status.CLEAR, metric
        left = tuple(item for item in items if item.metric != metric)
        assert watch.take(rule, take, left) is not Status.CLEAR, metric


@pytest.mark.parametrize("rule", ON_TAKES, ids=lambda rule: rule.code)
def test_a_rule_on_takes_is_not_clear_if_one_of_two_turns_was_not_measured(rule, watch):
    take, items = with_a_second_turn(*healthy())
    status = watch.take(rule, take, items)
    for metric in needed(rule, watch.read) if status is Status.CLEAR else ():
        assert watch.take(rule, take, without(items, metric, turn=1)) is not Status.CLEAR, metric


@pytest.mark.parametrize("rule", ON_RECORDINGS, ids=lambda rule: rule.code)
def test_a_rule_on_recordings_is_not_clear_without_a_measure_that_it_reads(rule, watch):
    recording, items = healthy_recording()
    status = watch.recording(rule, recording, items)
    for metric in needed(rule, watch.read) if status is Status.CLEAR else ():
        assert watch.recording(rule, recording, without(items, metric)) is not Status.CLEAR, metric


def test_most_rules_are_clear_on_what_is_healthy(watch):
    """Without this the tests above would have nothing to take away."""
    take, items = healthy()
    of_clients = [rule for rule in ON_TAKES if not rule.code.startswith(("APP", "WEB"))]
    clear = [rule.code for rule in of_clients if watch.take(rule, take, items) is Status.CLEAR]
    assert len(clear) > 0.9 * len(of_clients), sorted({rule.code for rule in of_clients} - set(clear))
    recording, items = healthy_recording()
    clear = [rule.code for rule in ON_RECORDINGS if watch.recording(rule, recording, items) is Status.CLEAR]
    assert len(clear) > 0.7 * len(ON_RECORDINGS), sorted({rule.code for rule in ON_RECORDINGS} - set(clear))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_nothing_seen_and_nothing_measured_is_never_clear(rule):
    given = {
        "measurements": Measurements(()),
        "timeline": Timeline(()),
        "observed": ObservedClient(),
        "environment": {},
        "turns": (),
        "voice": None,
        "summary": (),
        "takes": (),
        "recording": Recording(name="a recording", sample_rate_hz=24000),
    }
    if rule.on is not None:
        given["place"] = Place(rule.on.hop.segment, rule.on, "the input", "the output")
    verdict = rule.function(**{need: given[need] for need in rule.needs})
    assert verdict.status is Status.NOT_CHECKED
    assert verdict.reason


def test_a_reply_without_a_declared_rate_is_not_shown_to_have_the_right_one():
    outcomes = {item.code: item for item in judge_take(build(replace(HEALTHY, reply_mime="audio/pcm"))).outcomes}
    assert outcomes["SVC010"].status is Status.NOT_CHECKED


def test_an_echo_that_other_sound_may_hide_is_not_shown_to_be_absent(watch):
    take, items = healthy()
    (rule,) = [rule for rule in ON_TAKES if rule.code == "MIC006"]
    assert watch.take(rule, take, items) is Status.CLEAR
    echoes = ("echo_db", "echo_sent_db")
    hidden = tuple(replace(item, value=-20.0, confidence=0.0) if item.metric in echoes else item for item in items)
    assert watch.take(rule, take, hidden) is Status.NOT_CHECKED


def test_every_exception_is_one_of_a_rule_that_exists():
    assert {name for name, _ in ONLY_TO_PUT_ASIDE} <= {rule.function.__name__ for rule in RULES}
