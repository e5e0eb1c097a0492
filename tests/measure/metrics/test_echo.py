"""Echo of the reply in captured and sent audio, and who interrupted the reply."""

from dataclasses import replace

import numpy as np
import pytest
from builders import ECHO_S, Story, build

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.missing import MissingCode
from diag.core.results import Measurements, Severity
from diag.core.take import Turn
from diag.core.timeline import Event, EventName, Timeline
from diag.dsp.echo import Echo
from diag.judge.engine import judge_take
from diag.judge.registry import all_rules
from diag.measure.engine import measure_take
from diag.measure.metrics import echo
from diag.measure.metrics.echo import (
    NO_START,
    NOT_INTERRUPTED,
    interruption_echo_share,
    interruption_of,
    interruption_user_share,
)
from diag.measure.reasons import NOTHING_PLAYED, PLAYED_SILENT
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


# --- what is compared, and what follows from an echo, which is given

HZ = 1000
TURN = Turn(
    index=0, prompt_name="p", start_s=0.0, end_s=20.0, speech_start_s=1.0, speech_end_s=2.0,
    prompt_spans={Tap.PROMPT: (1000, 2000), Tap.SENT: (1000, 2000)},
    reply_spans={Tap.PLAYED: (3000, 6000), Tap.RECEIVED: (100, 3100)},
)  # fmt: skip
BATCHES = tuple(
    Event(t_s=(number + 1) / 10, name=EventName.BATCH_SENT, source="client",
          data={"start_frame": 100 * number, "frames": 100})
    for number in range(80)
)  # fmt: skip
CHUNK = Event(t_s=3.0, name=EventName.CHUNK_RECEIVED, source="service")
STARTED = Event(t_s=3.4, name=EventName.PLAYOUT_STARTED, source="client")
STOP = Event(t_s=5.0, name=EventName.INTERRUPTED, source="service", data={"turn": 0})
QUIET = Timeline((*BATCHES, CHUNK, STARTED))
STOPPED = Timeline((*BATCHES, CHUNK, STARTED, STOP))
FOUND = Echo(-20.0, 0.05, distinct=True)
HIDDEN = Echo(-63.0, 0.07, distinct=False)


def at(levels, start_s=0.0, seconds=8.0, rest=0.01):
    """A clip of constant levels within spans of frames, and another level elsewhere."""
    samples = np.full(round(seconds * HZ), rest, np.float32)
    for (first, last), level in levels.items():
        samples[first:last] = level
    return Clip(samples=samples, sample_rate_hz=HZ, start_s=start_s)


def counting(start_s=0.0, seconds=8.0):
    """A clip whose samples are their own numbers, in ten thousandths."""
    return Clip(samples=np.arange(1, round(seconds * HZ) + 1) / 10000, sample_rate_hz=HZ, start_s=start_s)


@pytest.fixture
def compared(monkeypatch):
    """The first and last sample of both sounds that were searched for an echo; the echoes found are given."""
    seen = []

    def give(*echoes):
        left = iter(echoes)

        def find(known, known_hz, recording, recording_hz):
            assert (known_hz, recording_hz) == (HZ, HZ)
            seen.append([round(float(part[place]) * 10000) for part in (known, recording) for place in (0, -1)])
            return next(left)

        monkeypatch.setattr(echo, "find_echo", find)
        return seen

    return give


def test_the_reply_is_searched_for_while_it_plays_and_one_second_longer(compared):
    seen = compared(FOUND)
    reading = echo.echo(TURN, counting(start_s=0.5), counting(start_s=0.2))
    assert seen == [[3001, 6000, 3301, 7300]]
    assert (reading.value, reading.confidence) == (-20.0, 1.0)


def test_what_is_sent_while_the_reply_plays_is_searched_by_when_it_was_sent(compared):
    seen = compared(HIDDEN)
    reading = echo.echo_sent(TURN, QUIET, counting(), played=counting(start_s=0.5))
    assert seen == [[3001, 6000, 3401, 7400]]
    assert (reading.value, reading.confidence) == (-63.0, 0.0)


@pytest.mark.parametrize(("timeline", "last", "sent"), [(QUIET, 3100, (2901, 6900)), (STOPPED, 2100, (2901, 5900))])
def test_without_what_was_played_that_received_is_searched_for_up_to_the_interruption(compared, timeline, last, sent):
    seen = compared(FOUND)
    echo.echo_sent(TURN, timeline, counting(), received=counting(start_s=9.0))
    assert seen == [[101, last, *sent]]


def test_what_is_left_of_an_echo_is_no_more_than_nothing(compared):
    compared(Echo(-120.0, 0.0, distinct=False))
    assert echo.echo(TURN, counting(), counting()).value == -100.0


def test_the_delay_is_that_of_an_echo_that_was_found(compared):
    compared(FOUND, HIDDEN)
    found = echo.echo_delay(TURN, counting(), counting())
    assert (found.value, found.confidence) == (0.05, 1.0)
    assert echo.echo_delay(TURN, counting(), counting()).missing.text == "no echo was found"


@pytest.mark.parametrize(
    ("after", "removed_db", "confidence"),
    [(Echo(-50.0, 0.05, distinct=True), 30.0, 1.0), (Echo(-63.0, 0.0, distinct=False), 43.0, 0.0),
     (Echo(-150.0, 0.0, distinct=False), 80.0, 0.0)],
)  # fmt: skip
def test_what_was_removed_is_the_difference_of_both_levels(compared, after, removed_db, confidence):
    compared(FOUND, after)
    reading = echo.echo_removed(TURN, QUIET, counting(), counting(), counting())
    assert (reading.value, reading.confidence) == (removed_db, confidence)


def test_nothing_was_removed_where_no_echo_was_captured(compared):
    compared(HIDDEN, FOUND)
    assert echo.echo_removed(TURN, QUIET, counting(), counting(), counting()).missing.text == "no echo was found"


@pytest.mark.parametrize(("frames", "code"), [(4499, MissingCode.TOO_SHORT), (4500, None)])
def test_half_of_the_reply_must_have_been_captured(compared, frames, code):
    compared(FOUND)
    reading = echo.echo(TURN, counting(), counting(seconds=frames / HZ))
    assert (None if reading.missing is None else reading.missing.code) == code


@pytest.mark.parametrize(("level_dbfs", "value"), [(-90.1, -100.0), (-89.9, -20.0)])
def test_a_silent_capture_has_no_echo(compared, level_dbfs, value):
    compared(FOUND)
    reading = echo.echo(TURN, counting(), at({}, rest=10 ** (level_dbfs / 20)))
    assert (reading.value, reading.confidence) == (value, 1.0 if value == -20.0 else 0.0)


def test_why_no_echo_is_measured(compared):
    compared(None)
    silent, unheard = replace(TURN, reply_spans={}), counting(start_s=None)
    assert echo.echo(silent, counting(), counting()).missing == NOTHING_PLAYED
    assert echo.echo(TURN, unheard, counting()).missing == NO_START
    assert echo.echo(TURN, counting(), unheard).missing == NO_START
    assert echo.echo(TURN, counting(), counting()).missing == PLAYED_SILENT
    for sides in ({"played": counting()}, {"received": counting()}, {}):
        assert echo.echo_sent(silent, QUIET, counting(), **sides).missing == NOTHING_PLAYED
    assert echo.echo_sent(TURN, QUIET, counting(), played=unheard).missing == NO_START
    assert echo.echo_sent(TURN, QUIET, counting()).missing == NOTHING_PLAYED
    assert echo.echo_sent(TURN, Timeline(BATCHES), counting(), received=counting()).missing == NOTHING_PLAYED
    assert echo.echo_removed(silent, QUIET, counting(), counting(), counting()).missing == NOTHING_PLAYED


def test_where_nothing_is_sent_there_is_no_echo_sent():
    reading = echo.echo_sent(TURN, Timeline((CHUNK,)), counting(), played=counting())
    assert (reading.value, reading.confidence) == (-100.0, 0.0)


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ((CHUNK, STOP), True),
        ((STARTED, STOP), True),
        ((STOP,), False),
        ((CHUNK, replace(STOP, data={"turn": 1})), False),
        ((CHUNK, replace(STOP, t_s=2.9)), False),
        ((replace(CHUNK, t_s=1.9), STOP), False),
    ],
)
def test_a_reply_is_interrupted_after_it_began(events, found):
    assert (interruption_of(TURN, Timeline(events)) is not None) is found


def sent():
    """The prompt is sent from 1 s on, and something else in the 0.6 s before the interruption."""
    return at({(1000, 2000): 0.05, (4300, 4900): 0.1})


@pytest.mark.parametrize(("level_db", "share"), [(-20.0, 0.0015 / 0.00594), (-30.0, 0.00015 / 0.00594), (0.0, 1.0)])
def test_the_share_of_the_echo_is_that_of_what_was_played_so_long_before(compared, level_db, share):
    compared(replace(FOUND, level_db=level_db))
    # Sent from 4.4 to 5 s, and played 50 ms earlier, in a recording that begins at 0.5 s.
    played = at({(3850, 4450): 0.5}, start_s=0.5, rest=0.0)
    reading = interruption_echo_share(TURN, STOPPED, sent(), played=played)
    assert reading.value == pytest.approx(share, rel=1e-4)


def test_nothing_but_the_last_part_of_what_was_played_counts_as_echo(compared):
    compared(FOUND)
    played = at({(3000, 3850): 0.9, (4450, 6000): 0.9}, start_s=0.5, rest=0.0)
    assert interruption_echo_share(TURN, STOPPED, sent(), played=played).value == pytest.approx(0.0, abs=1e-9)


def test_the_echo_of_what_was_received_counts_where_nothing_was_recorded_of_what_was_played(compared):
    compared(FOUND)
    # It is played from 3 s on, so 4.35 to 4.95 s are 1350 to 1950 frames after its first one, which is frame 100.
    received = at({(1450, 2050): 0.5}, rest=0.0)
    assert interruption_echo_share(TURN, STOPPED, sent(), received=received).value == pytest.approx(0.25253, rel=1e-4)


def test_without_an_echo_it_has_no_share(compared):
    compared(HIDDEN)
    assert interruption_echo_share(TURN, STOPPED, sent(), played=at({})).value == 0.0


def test_an_echo_from_before_the_reply_has_no_energy(compared):
    compared(Echo(-20.0, 4.0, distinct=True))
    assert interruption_echo_share(TURN, STOPPED, sent(), played=at({}, rest=0.5)).value == 0.0


def test_the_share_of_the_user_is_what_the_mouth_said_up_to_300_ms_before():
    prompt = at({(1000, 2000): 0.2, (4100, 5000): 0.1}, rest=0.0)
    reading = interruption_user_share(TURN, STOPPED, prompt, sent())
    # The prompt of 0.04 is sent with 0.0024 above the noise, and 0.009 are said in the end.
    assert reading.value == pytest.approx(0.009 * 0.06 / 0.00594, rel=1e-4)
    before = at({(1000, 2000): 0.2, (2000, 4100): 0.9, (5000, 8000): 0.9}, rest=0.0)
    assert interruption_user_share(TURN, STOPPED, before, sent()).value == pytest.approx(0.0, abs=1e-9)
    loud = at({(1000, 2000): 0.2, (4100, 5000): 0.9}, rest=0.0)
    assert interruption_user_share(TURN, STOPPED, loud, sent()).value == 1.0


def test_why_the_cause_of_an_interruption_is_not_known(compared):
    compared(FOUND, FOUND)
    mouth, deaf = at({(1000, 2000): 0.2}), at({(4300, 4900): 0.0})
    unsent = Timeline((CHUNK, STARTED, STOP))
    assert interruption_echo_share(TURN, QUIET, sent(), played=mouth).missing == NOT_INTERRUPTED
    assert interruption_user_share(TURN, QUIET, mouth, sent()).missing == NOT_INTERRUPTED
    assert interruption_echo_share(TURN, unsent, sent(), played=mouth).missing.code is MissingCode.NO_EVENTS
    assert interruption_user_share(TURN, unsent, mouth, sent()).missing.code is MissingCode.NO_EVENTS
    assert interruption_echo_share(TURN, STOPPED, deaf, played=mouth).missing.code is MissingCode.SILENT
    assert interruption_user_share(TURN, STOPPED, mouth, deaf).missing.code is MissingCode.SILENT
    assert interruption_user_share(TURN, STOPPED, at({}, rest=0.0), sent()).missing.code is MissingCode.SILENT
    assert interruption_user_share(TURN, STOPPED, at({}, start_s=None), sent()).missing == NO_START
    for tap in (Tap.PROMPT, Tap.SENT):
        spans = {place: span for place, span in TURN.prompt_spans.items() if place is not tap}
        assert interruption_user_share(replace(TURN, prompt_spans=spans), STOPPED, mouth, sent()).missing == NO_START


def test_noise_is_what_the_quietest_fifth_of_the_frames_has():
    powers = np.arange(101) * 1e-4
    whole = Clip(samples=np.repeat(np.sqrt(powers), 20), sample_rate_hz=HZ)
    part = Clip(samples=np.full(500, 0.1), sample_rate_hz=HZ)
    assert echo._energy_above_noise(part, whole) == pytest.approx((0.01 - 0.002) * 0.5, rel=1e-4)
    assert echo._energy_above_noise(part, replace(whole, samples=whole.samples[:19])) == 0.0
    assert echo._energy_above_noise(part, replace(whole, samples=whole.samples[:20])) == pytest.approx(0.005, rel=1e-4)
