"""Measures of the moments of a take, where one thing about the take is other than usual, against approved values.

What is other: a tap, an event, a time stamp or a part of a turn is missing, or comes late. Only the measures that
differ from those of the healthy take are listed. Conversations of several turns are listed whole.
"""

import difflib
import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from approved import check, measurements_in_words
from builders import Story, build, client, resampled
from talks import Step, Talk, build_talk

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.timeline import Event, Timeline
from diag.measure.engine import measure_take
from diag.measure.registry import MetricKind, all_metrics

APPROVED = Path(__file__).with_name("approved_moments.txt")
METRICS = sorted((item for item in all_metrics() if item.kind is MetricKind.TAKE), key=lambda item: item.name)
STORY = Story(seed=3, prompt_s=1.2, reply_s=1.4, echo_gain=0.03)


def measured(take):
    return measurements_in_words(measure_take(take, METRICS, None))


@functools.cache
def healthy():
    return build(STORY)


@functools.cache
def usual():
    return measured(healthy()).splitlines()


def with_events(change):
    """The healthy take, each of whose events is replaced by those that `change` returns."""
    take = healthy()
    return replace(take, timeline=Timeline(tuple(new for event in take.timeline for new in change(event))))


def without_event(name):
    return with_events(lambda event: () if event.name == name else (event,))


def with_stamps(tap, change):
    def changed(event):
        if event.name != "stamps" or event.data["tap"] != tap.value:
            return (event,)
        return (replace(event, data={**event.data, "device_s": change(np.array(event.data["device_s"])).tolist()}),)

    return with_events(changed)


def with_turn(**parts):
    take = healthy()
    return replace(take, turns=(replace(take.turns[0], **parts),))


def without_span(kind, tap):
    spans = getattr(healthy().turns[0], kind)
    return with_turn(**{kind: {place: span for place, span in spans.items() if place is not tap}})


def calibrated(*paths, take=None):
    """A take, the healthy one by default, with these calibrated paths: port, place and delay."""
    take = take or healthy()
    take = replace(take, timeline=Timeline(tuple(event for event in take.timeline if event.name != "calibrated")))
    events = [
        Event(t_s=0.2, name="calibrated", source="audio", data={"port": port, "at": at, "delay_s": delay_s})
        for port, at, delay_s in paths
    ]
    return replace(take, timeline=Timeline((*take.timeline, *events)))


def headset(*paths, take=None):
    """A take whose ear hears the reply only, calibrated by these paths."""
    take = calibrated(*paths, take=take)
    spans = {tap: span for tap, span in take.turns[0].prompt_spans.items() if tap is not Tap.HEARD}
    return replace(take, turns=(replace(take.turns[0], prompt_spans=spans),))


def late(name, by_s, *, after=0, every=1):
    """The healthy take, in which events of a name come later from one of them on, or every second or third does."""
    seen = iter(range(10_000))

    def changed(event):
        if event.name != name:
            return (event,)
        number = next(seen)
        return (replace(event, t_s=event.t_s + (by_s if number >= after and number % every == 0 else 0.0)),)

    return with_events(changed)


def without_start(tap):
    take = healthy()
    return replace(take, clips={**take.clips, tap: replace(take.clips[tap], start_s=None)})


def told(event, **data):
    return replace(event, data={**event.data, **data})


UNEVEN = {
    "uneven by 30 ms": lambda at_s: at_s + 0.03 * (np.arange(at_s.size) % 2),
    "with a drift": lambda at_s: at_s * 1.001,
    "with two stamps": lambda at_s: np.where(np.arange(at_s.size) < 2, at_s, np.nan),
    "with three stamps": lambda at_s: np.where(
        np.arange(at_s.size) < 3, at_s + 0.01 * (np.arange(at_s.size) % 2), np.nan),
}  # fmt: skip
EVENTS = (
    "streams_opened", "calibrated", "session_connecting", "session_open", "setup_sent", "prompt_started",
    "prompt_ended", "batch_sent", "chunk_received", "generation_complete", "turn_complete", "playout_started",
    "playout_ended", "stamps", "session_closed", "xruns",
)  # fmt: skip
SPANS = [("prompt_spans", Tap.PROMPT), ("prompt_spans", Tap.CAPTURED), ("prompt_spans", Tap.SENT),
         ("prompt_spans", Tap.HEARD), ("reply_spans", Tap.RECEIVED), ("reply_spans", Tap.PLAYED),
         ("reply_spans", Tap.HEARD)]  # fmt: skip
OTHER = {
    **{f"without {tap}": lambda tap=tap: replace(
        healthy(), clips={place: clip for place, clip in healthy().clips.items() if place is not tap}) for tap in Tap},
    **{f"{tap} without its start": lambda tap=tap: without_start(tap) for tap in Tap},
    **{f"no event {name}": lambda name=name: without_event(name) for name in EVENTS},
    **{f"no {kind} in {tap}": lambda kind=kind, tap=tap: without_span(kind, tap) for kind, tap in SPANS},
    "no end of the speech": lambda: with_turn(speech_end_s=None),
    "no start of the speech": lambda: with_turn(speech_start_s=None),
    "a barge-in": lambda: with_turn(barge_in=True),
    "speaker 20 ms later than the mouth": lambda: calibrated(("mouth", "ear", 0.01), ("speaker", "ear", 0.03)),
    "both at the microphone": lambda: calibrated(("mouth", "microphone", 0.01), ("speaker", "microphone", 0.04)),
    "a headset": lambda: headset(("mouth", "microphone", 0.01), ("speaker", "ear", 0.05)),
    "a person": lambda: headset(("speaker", "ear", 0.06)),
    **{f"a headset, {tap} {uneven}": lambda tap=tap, change=change: headset(
        ("mouth", "microphone", 0.01), ("speaker", "ear", 0.05), take=with_stamps(tap, change))
       for tap in (Tap.PROMPT, Tap.PLAYED, Tap.HEARD) for uneven, change in UNEVEN.items()},
    "a mouth alone": lambda: calibrated(("mouth", "ear", 0.01)),
    "a speaker that is not heard": lambda: calibrated(("mouth", "ear", 0.01), ("speaker", "ear", None)),
    "nothing heard": lambda: calibrated(("mouth", "ear", None), ("speaker", "ear", None)),
    "one channel at the ear": lambda: build(replace(STORY, ear_channels=1)),
    "an uneven device": lambda: with_stamps(Tap.PLAYED, lambda at_s: at_s + 0.004 * (np.arange(at_s.size) % 3)),
    "a slow device": lambda: with_stamps(Tap.PLAYED, lambda at_s: at_s * 1.001),
    "a device without stamps": lambda: with_stamps(Tap.PLAYED, lambda at_s: np.full(at_s.size, np.nan)),
    "a mouth that is uneven": lambda: with_stamps(Tap.PROMPT, lambda at_s: at_s + 0.03 * (np.arange(at_s.size) % 2)),
    "chunks late from the third on": lambda: late("chunk_received", 0.4, after=2),
    "every third chunk late": lambda: late("chunk_received", 0.25, every=3),
    "the first chunk early": lambda: late("chunk_received", -0.2, every=100),
    "batches late from the tenth on": lambda: late("batch_sent", 0.3, after=10),
    "every second batch late": lambda: late("batch_sent", 0.02, every=2),
    "playout late": lambda: late("playout_started", 0.15),
    "chunks of other lengths": lambda: build(replace(STORY, chunk_s=0.04, pace=1.0)),
    "chunks slower than the voice": lambda: build(replace(STORY, chunk_s=0.3, pace=0.7)),
    "a thought before the answer": lambda: with_events(
        lambda event: (replace(event, t_s=event.t_s + 0.1), event) if event.name == "setup_sent" else (event,)),
    "chunks at another rate": lambda: build(replace(STORY, reply_mime="audio/pcm;rate=16000")),
    "a quiet beginning": lambda: build(replace(STORY, leading_silence_s=0.35)),
    "batches of 200 ms": lambda: build(replace(STORY, config=client(send={"batch_ms": 200}))),
    "captured times unknown": lambda: with_events(
        lambda event: (told(event, captured_s=None),) if event.name == "batch_sent" else (event,)),
}  # fmt: skip
SHORT = Step(length_s=0.6)
BARGE_IN = Step("barge_in", 1.2, at_s=1.0, interrupts=True)
TALKS = {
    "a barge-in": Talk(reports_activity=True, reply_s=2.4),
    "a slow barge-in by one channel": Talk(detect_s=0.9, flush_s=0.4, ear_channels=1, reply_s=2.4),
    "a barge-in that is ignored": Talk(steps=(Step(), replace(BARGE_IN, interrupts=False), Step()), reply_s=2.4),
    "a back-channel that interrupts": Talk(
        steps=(Step(), Step("back_channel", 0.6, at_s=1.0, interrupts=True), Step()), reply_s=2.4),
    "noise": Talk(steps=(Step(), Step("noise", 0.6, at_s=1.0)), reply_s=2.4),
    "its own interruption": Talk(steps=(Step(), Step()), own_interruption_s=1.0, reply_s=2.4),
    "a reply too early": Talk(steps=(Step(length_s=2.4), Step()), early_s=0.6, reply_s=2.4),
    "replies that come later and later": Talk(steps=(SHORT,) * 5, grows_s=0.05, reply_s=1.2),
    "a slow first reply": Talk(steps=(SHORT,) * 5, first_extra_s=0.8, reply_s=1.2),
    "a slow end of turn": Talk(steps=(Step(), Step()), end_of_turn_s=1.5, think_s=0.1, pace=0.9, reply_s=2.4),
}  # fmt: skip


@functools.cache
def built(name):
    return build_talk(TALKS[name])


@functools.cache
def in_talk(name):
    return measured(built(name))


@pytest.mark.parametrize("name", OTHER)
def test_what_differs_from_the_healthy_take_is_as_approved(name):
    now = measured(OTHER[name]()).splitlines()
    changes = difflib.unified_diff(usual(), now, n=0, lineterm="")
    lines = [line for line in changes if line.startswith("+") and not line.startswith("+++")]
    check(APPROVED, name, "\n".join(lines) or "the same")


def test_the_moments_of_the_healthy_take_are_as_approved():
    check(APPROVED, "healthy", "\n".join(usual()))


@pytest.mark.parametrize("name", TALKS)
def test_moments_of_conversations_are_as_approved(name):
    check(APPROVED, f"talk: {name}", in_talk(name))


def heard_without_start(take):
    return replace(take, clips={tap: replace(clip, start_s=None) for tap, clip in take.clips.items()})


def without_playout(take):
    kept = tuple(event for event in take.timeline if not event.name.startswith("playout"))
    return replace(take, timeline=Timeline(kept))


def with_sent(take):
    """The take with what the client sent: the prompts, and a little of the replies as echo."""
    prompt, played = take.clips[Tap.PROMPT], take.clips[Tap.PLAYED]
    voice = resampled(prompt.samples, prompt.sample_rate_hz, 16000)
    echo = resampled(played.samples, played.sample_rate_hz, 16000)
    count = min(voice.size, echo.size)
    sent = Clip(samples=voice[:count] + np.float32(0.05) * echo[:count], sample_rate_hz=16000, start_s=0.0)
    batches = [
        Event(t_s=(first + 800) / 16000, name="batch_sent", source="client",
              data={"start_frame": first, "frames": 800, "turn": 0, "mime_type": "audio/pcm;rate=16000",
                    "captured_s": (first + 780) / 16000, "captured_end_frame": first + 800})
        for first in range(0, count - 800, 800)
    ]  # fmt: skip
    events = sorted((*take.timeline, *batches), key=lambda event: event.t_s)
    clips = {**take.clips, Tap.SENT: sent, Tap.CAPTURED: sent}
    return replace(take, clips=clips, timeline=Timeline(tuple(events)))


@pytest.mark.parametrize("name", ["a barge-in", "its own interruption", "a slow barge-in by one channel"])
@pytest.mark.parametrize("how", [heard_without_start, without_playout, with_sent])
def test_a_conversation_of_which_less_or_more_is_known_is_as_approved(name, how):
    changes = difflib.unified_diff(
        in_talk(name).splitlines(), measured(how(built(name))).splitlines(), n=0, lineterm=""
    )
    lines = [line for line in changes if line.startswith("+") and not line.startswith("+++")]
    check(APPROVED, f"talk: {name}, {how.__name__.replace('_', ' ')}", "\n".join(lines) or "the same")
