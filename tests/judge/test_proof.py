"""Nothing is called good without evidence: what a take, a pair of recordings and a run do not show to be right."""

import functools
from dataclasses import replace as changed

import numpy as np
import pytest
from builders import RIG_HZ, Story, build, client, speech

from diag.api.analyze import analyze
from diag.core.chain import Hop, Tap
from diag.core.clip import Clip
from diag.core.errors import ExitCode
from diag.core.results import Report, RuleOutcome, Severity, Status
from diag.core.states import State
from diag.core.timeline import Event, Timeline
from diag.files.audio_files import read_wav
from diag.judge.engine import judge_run, judge_take
from diag.judge.gate import exit_code
from diag.judge.proof import by_reason, not_shown_on_segments
from diag.judge.registry import Scope, all_rules
from diag.report.recording_text import exit_code as recording_code
from diag.report.recording_text import results_text
from diag.report.sentences import verdict_of
from diag.report.states import hops_of

HEALTHY = build(Story())
MUTE = Story(reply_s=None)


def without(take, *names):
    kept = tuple(item for item in take.timeline if item.name not in names)
    return changed(take, timeline=Timeline(kept))


def with_taps(*taps):
    return changed(HEALTHY, clips={tap: clip for tap, clip in HEALTHY.clips.items() if tap in taps})


def run_of(take, times=5):
    result = judge_take(take)
    results = [changed(result, id=f"{number:04d}") for number in range(times)]
    return judge_run("run", "", results, take.config, take.environment)


@functools.cache
def healthy_run():
    return run_of(HEALTHY)


def said(run):
    line = verdict_of(Report(runs=(run,)))
    return line, exit_code(Report(runs=(run,)))


def test_a_healthy_run_shows_everything():
    line, code = said(healthy_run())
    assert healthy_run().not_shown == ()
    assert (line.state, line.word, code) == (State.GOOD, "READY", ExitCode.GOOD)
    assert {hop.state for hop in hops_of(healthy_run())} == {State.GOOD}


ENDS = ("generation_complete", "turn_complete")
UNPROVEN = {
    "no session was opened": (without(HEALTHY, "session_open"), "the session"),
    "no turn took place": (changed(HEALTHY, turns=()), "the conversation"),
    "the service did not report it as complete": (without(HEALTHY, *ENDS), "the end of the reply"),
    "`heard` was not recorded": (with_taps(*set(Tap) - {Tap.HEARD}), "`heard`"),
    "`prompt` was not recorded": (with_taps(*set(Tap) - {Tap.PROMPT}), "`prompt`"),
    "`sent` was not recorded": (with_taps(*set(Tap) - {Tap.SENT}), "`sent`"),
    "`received` was not recorded": (with_taps(*set(Tap) - {Tap.RECEIVED}), "`received`"),
}


@pytest.mark.parametrize("reason", UNPROVEN)
def test_what_was_not_seen_is_named_and_never_ready(reason):
    take, what = UNPROVEN[reason]
    run = run_of(take)
    assert (what, reason) in [(entry.item.what, entry.item.reason) for entry in run.not_shown]
    line, code = said(run)
    assert not line.word.startswith("READY")
    assert code is not ExitCode.GOOD
    if not [item for item in run.findings if item.finding.severity is not Severity.INFO]:
        assert (line.state, line.word, code) == (State.UNKNOWN, "NOT SHOWN", ExitCode.TOO_LITTLE_EVIDENCE)


def test_no_reply_is_not_shown_whatever_else_was_found():
    run = run_of(build(MUTE))
    assert "no audible reply came" in [entry.item.reason for entry in run.not_shown]
    assert said(run)[0].word == "NOT READY"


def test_a_segment_that_could_not_be_matched_is_not_shown():
    """The player plays other speech: nothing about its hop is known."""
    other = speech(2.2, 99, 24000)
    run = run_of(build(Story(play=lambda samples: np.resize(other, len(samples)))))
    assert {entry.item.hop for entry in run.not_shown if entry.item.code.startswith("PLY")} == {Hop.PLAYER}
    assert not said(run)[0].word.startswith("READY")
    state = next(item for item in hops_of(run) if item.hop is Hop.PLAYER)
    assert state.state is not State.GOOD


def test_a_warning_is_ready_with_a_warning():
    line, code = said(run_of(build(Story(config=client(send={"batch_ms": 250})))))
    assert (line.state, line.word, code) == (State.WATCH, "READY, WITH 1 WARNING", ExitCode.GOOD)


@pytest.mark.parametrize(
    "story",
    [
        Story(refused=(1008, "models/x is not found for API version v1beta, or is not supported for bidiGener")),
        Story(unreachable=("tcp", "refused", ())),
    ],
)
def test_nothing_is_green_where_nothing_ran(story):
    run = run_of(build(story))
    for state in hops_of(run):
        assert state.state is not State.GOOD, state
    shown = {state.hop: state.word for state in hops_of(run)}
    assert shown[Hop.SENDER] == shown[Hop.SERVICE] == shown[Hop.PLAYER] == "not shown"


def test_what_one_take_of_many_does_not_show_the_run_does_not_show():
    good, bad = judge_take(HEALTHY), judge_take(with_taps(*set(Tap) - {Tap.HEARD}))
    results = [*(changed(good, id=f"{number}") for number in range(4)), changed(bad, id="4")]
    run = judge_run("run", "", results, HEALTHY.config, HEALTHY.environment)
    assert {entry.take_ids for entry in run.not_shown} == {("4",)}
    line, code = said(run)
    assert (line.word, code) == ("NOT SHOWN", ExitCode.TOO_LITTLE_EVIDENCE)


@pytest.mark.parametrize("status", [Status.NOT_CHECKED, Status.CRASHED, None])
def test_every_check_of_a_segment_must_have_been_made(status):
    rules = [rule for rule in all_rules() if rule.scope is Scope.SEGMENT and rule.hop is Hop.PLAYER]
    outcomes = [RuleOutcome(code=rule.code, name=rule.name, status=Status.CLEAR) for rule in rules]
    assert not_shown_on_segments(outcomes, [Hop.PLAYER]) == ()
    missing = outcomes[1:] if status is None else [changed(outcomes[0], status=status, reason="why"), *outcomes[1:]]
    (found,) = not_shown_on_segments(missing, [Hop.PLAYER])
    assert found.code == rules[0].code
    assert not_shown_on_segments(missing, [Hop.SENDER]) != ()
    assert found.reason == ("the check was not made" if status is None else "why")


def test_a_reason_is_told_once_with_all_its_checks():
    run = run_of(with_taps(Tap.PROMPT, Tap.CAPTURED, Tap.SENT, Tap.RECEIVED))
    reasons = by_reason(entry.item for entry in run.not_shown)
    assert len({item.reason for item in reasons}) == len(reasons)


# --- recordings

VOICE = speech(3.0, 4, 24000)


def clip(samples, rate_hz=24000):
    return Clip(samples=np.asarray(samples, np.float32), sample_rate_hz=rate_hz)


def test_a_recording_that_cannot_be_held_against_its_reference_is_not_called_a_copy():
    result = analyze(clip(speech(3.0, 5, 24000)), reference=clip(VOICE))
    assert result.not_shown
    if not [item for item in result.findings if item.severity is not Severity.INFO]:
        assert recording_code([result]) is ExitCode.TOO_LITTLE_EVIDENCE
        assert "is not shown to be a faithful copy" in result.sentence
        assert results_text([result], ExitCode.TOO_LITTLE_EVIDENCE).startswith("○")


def test_a_lone_recording_is_good_only_if_every_check_was_made(scenarios):
    reply = read_wav(scenarios / "replies" / "take_the_express.wav")
    whole, short = analyze(reply), analyze(clip(reply.samples[:36000]))
    assert not whole.not_shown
    assert whole.sentence.endswith(
        "shows no fault by itself; compare it with what was received (`--reference`) to be sure."
    )
    assert recording_code([whole]) is ExitCode.GOOD
    assert [item.code for item in short.not_shown] == ["REC010"]
    assert "could be checked: its speed (less than 2 s of speech, or no voice in it); compare it" in short.sentence
    assert recording_code([short]) is ExitCode.TOO_LITTLE_EVIDENCE
    assert results_text([short], ExitCode.TOO_LITTLE_EVIDENCE).startswith("○")


def test_a_fault_of_a_lone_recording_is_not_joined_by_what_was_not_checked():
    assert analyze(clip(np.zeros(24000))).not_shown == ()


def test_silence_on_both_ends_is_no_copy():
    quiet = clip(np.zeros(3 * RIG_HZ), RIG_HZ)
    result = analyze(quiet, reference=quiet)
    assert recording_code([result]) is not ExitCode.GOOD
    assert "is a faithful copy" not in result.sentence


def test_the_story_of_a_late_event_does_not_prove_an_end():
    """The end of another turn is not the end of this one."""
    event = Event(t_s=30.0, name="turn_complete", source="service", data={"turn": 7})
    take = without(HEALTHY, *ENDS)
    both = changed(take, timeline=Timeline((*take.timeline.events, event)))
    assert "the end of the reply" in [item.what for item in judge_take(both).not_shown]
