"""Echo of the reply in captured and sent audio, and who interrupted the reply."""

from dataclasses import replace

import numpy as np
import pytest
from builders import ECHO_S, Story, build

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.results import Measurements, Severity
from diag.core.timeline import Event, EventName, Timeline
from diag.judge.engine import judge_take
from diag.judge.registry import all_rules
from diag.measure.engine import measure_take
from diag.measure.registry import all_metrics

STORY = Story(reply_s=3.0)
NAMES = (
    "echo_db", "echo_delay_s", "echo_sent_db", "echo_removed_db", "interruption_echo_share", "interruption_user_share",
)  # fmt: skip
METRICS = [item for item in all_metrics() if item.name in NAMES]
MIC006 = [item for item in all_rules() if item.code == "MIC006"]


def measured(take):
    return Measurements(tuple(measure_take(take, METRICS, None)))


def interrupted(take, after_s):
    """The take in which the service interrupts its reply so long after it began to play."""
    rate_hz = take.clips[Tap.PLAYED].sample_rate_hz
    frame = take.turns[0].reply_spans[Tap.PLAYED][0]
    t_s = take.clips[Tap.PLAYED].start_s + frame / rate_hz + 0.2 + after_s
    event = Event(t_s=t_s, name=EventName.INTERRUPTED, source="service", data={"turn": 0})
    return replace(take, timeline=Timeline((*take.timeline, event))), t_s


def with_sound(take, tap, sound, at_s):
    clip = take.clips[tap]
    samples = np.array(clip.samples)
    first = clip.frame_at(at_s)
    samples[first : first + len(sound)] += sound[: len(samples) - first]
    clips = {**take.clips, tap: Clip(samples=samples, sample_rate_hz=clip.sample_rate_hz, start_s=clip.start_s)}
    return replace(take, clips=clips)


def judged(take):
    return judge_take(take, metrics=METRICS, rules=MIC006)


@pytest.mark.parametrize("gain", [0.3, 0.03])
def test_level_and_delay_of_an_echo_are_measured_in_both_recordings(gain):
    found = measured(build(replace(STORY, echo_gain=gain)))
    level_db = 20 * np.log10(gain)
    assert found.value("echo_db") == pytest.approx(level_db, abs=0.5)
    assert found.value("echo_sent_db") == pytest.approx(level_db, abs=0.5)
    assert found.value("echo_delay_s") == pytest.approx(ECHO_S, abs=0.0005)
    assert found.value("echo_removed_db") == pytest.approx(0.0, abs=0.5)


def test_an_echo_that_the_client_removes_is_no_finding_and_what_was_removed_is_measured():
    take = build(replace(STORY, echo_gain=0.1, echo_cancelled=True))
    assert measured(take).value("echo_db") == pytest.approx(-20, abs=0.5)
    assert measured(take).value("echo_removed_db") > 40
    assert not judged(take).findings


def test_a_reply_that_is_interrupted_by_its_echo_is_the_root_cause():
    take, _ = interrupted(build(replace(STORY, echo_gain=0.2)), 0.4)
    found = measured(take)
    assert found.value("interruption_echo_share") > 0.8
    assert found.value("interruption_user_share") < 0.2
    (finding,) = judged(take).findings
    assert finding.severity is Severity.ERROR
    assert "interrupted its own reply" in finding.title
    assert "echoCancellation" in finding.fix
    assert "half_duplex" in finding.fix


def test_a_user_who_interrupts_over_an_echo_is_not_called_an_echo():
    take, t_s = interrupted(build(replace(STORY, echo_gain=0.03)), 1.5)
    clip = take.clips[Tap.PROMPT]
    words = np.array(clip.samples[slice(*take.turns[0].prompt_spans[Tap.PROMPT])])[: round(0.5 * clip.sample_rate_hz)]
    take = with_sound(take, Tap.PROMPT, words, t_s - 0.6)
    take = with_sound(take, Tap.SENT, words[::3], t_s - 0.55)
    found = measured(take)
    assert found.value("interruption_user_share") > 0.5
    assert found.value("interruption_echo_share") < 0.5
    (finding,) = judged(take).findings
    assert finding.severity is Severity.WARNING


def test_a_noise_that_interrupts_is_neither_user_nor_echo():
    take, t_s = interrupted(build(STORY), 1.5)
    bang = 0.3 * np.random.default_rng(0).standard_normal(round(0.3 * 16000)).astype(np.float32)
    found = measured(with_sound(take, Tap.SENT, bang, t_s - 0.4))
    assert found.value("interruption_echo_share") < 0.1
    assert found.value("interruption_user_share") < 0.1


def test_nothing_is_attributed_without_an_interruption():
    for name in ("interruption_echo_share", "interruption_user_share"):
        (item,) = measured(build(STORY)).find(name)
        assert item.value is None
        assert "not interrupted" in item.reason
