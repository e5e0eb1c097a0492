"""Trends and sentences of long sessions and of growing load, from figures with known trends."""

from dataclasses import replace

import pytest

from diag.core.endurance import LoadResult, LoadSession, LoadStep, SoakConnection, SoakResult, SoakTurn
from diag.core.stats import p95
from diag.judge.endurance import GROWTH_S, MEMORY_MB, load_summary, soak_summary

HEALTHY_END = SoakConnection(number=1, start_s=0.0, end_s=600.0, ended="client")


def turn(number, *, wait_s=0.8, memory_mb=100.0, ppm=0.0, underruns=0):
    t_s = 10.0 * number
    frame = round(t_s * 48000 * (1 + ppm / 1e6))
    played_s = None if wait_s is None else wait_s + 0.1
    return SoakTurn(
        t_s=t_s, connection=1, first_byte_s=wait_s, first_played_s=played_s, complete=True, underruns=underruns,
        gap_s=0.0, memory_mb=memory_mb, clocks={"microphone": (t_s, frame)}, late_s=0.0,
    )  # fmt: skip


def session(turns, connections=(HEALTHY_END,), stopped=None):
    return SoakResult(
        name="x", minutes=10, audio="wire", endpoint="emulator", turns=tuple(turns), connections=tuple(connections),
        rates_hz={"microphone": 48000}, stopped=stopped,
    )  # fmt: skip


def problems(turns, **given):
    return soak_summary(session(turns, **given)).problems


def test_a_level_session_has_no_problem_and_everything_is_shown():
    summary = soak_summary(session(turn(number) for number in range(60)))
    assert summary.problems == ()
    assert summary.not_shown == ()


def test_the_planted_growth_of_the_wait_is_found_within_two_percent():
    summary = soak_summary(session(turn(number, wait_s=0.8 + 0.02 * number) for number in range(60)))
    assert summary.latency_per_turn_s == pytest.approx(0.02, rel=0.02)
    assert summary.latency.per_minute == pytest.approx(0.12, rel=0.02)
    assert "grew by 1.18 s" in summary.problems[0]


def test_the_planted_drift_is_found_within_two_percent():
    summary = soak_summary(session(turn(number, ppm=800) for number in range(60)))
    assert summary.drift_ppm["microphone"] == pytest.approx(800, rel=0.02)
    assert "800 ppm too fast" in summary.problems[0]


def test_audio_that_was_lost_is_not_taken_for_a_slow_clock():
    summary = soak_summary(session(turn(number, ppm=-22_000) for number in range(60)))
    assert summary.problems[0] == "The microphone lost about 2.2 % of its audio: no clock is that slow."


def test_memory_that_grows_is_told_and_the_start_does_not_count():
    warm = [turn(number, memory_mb=80.0 if number < 10 else 120.0) for number in range(60)]
    assert problems(warm) == ()
    growing = [turn(number, memory_mb=100 + 0.2 * number) for number in range(60)]
    assert "memory of the client grew by " in problems(growing)[0]


def test_a_connection_that_was_resumed_is_no_problem_and_one_that_was_lost_is_named():
    away = replace(HEALTHY_END, end_s=300.0, ended="goAway", notice_s=50.0, resumed=True, away_s=0.2)
    after = SoakConnection(number=2, start_s=300.2, end_s=600.0, ended="client")
    turns = [turn(number) for number in range(60)]
    assert problems(turns, connections=(away, after)) == ()
    lost = replace(away, ended="1011 Internal error", resumed=False)
    (sentence,) = problems(turns, connections=(lost, after))
    assert "1011 Internal error" in sentence
    assert "without the old context" in sentence


def test_prompts_without_a_reply_and_underruns_are_counted():
    turns = [turn(number, wait_s=None if number == 3 else 0.8, underruns=number == 7) for number in range(60)]
    assert problems(turns) == ("1 prompt of 60 had no reply.", "The player ran out of audio 1 time.")


def test_a_short_session_shows_no_trend():
    assert soak_summary(session(turn(number) for number in range(3))).not_shown


def step(sessions, wait_s, *, late=0, failed=0):
    results = [LoadSession(first_byte_s=wait_s, failed=None, late_s=0.0)] * (sessions - late - failed)
    results += [LoadSession(first_byte_s=9.0, failed=None, late_s=0.2)] * late
    results += [LoadSession(first_byte_s=None, failed="1011 quota", late_s=0.0)] * failed
    return LoadStep(sessions=sessions, results=tuple(results))


def load(*steps):
    return load_summary(LoadResult(name="x", endpoint="emulator", steps=steps))


def test_level_latency_under_load_is_no_problem():
    assert load(step(1, 0.8), step(5, 0.8), step(20, 0.81)).problems == ()


def test_the_planted_growth_with_sessions_is_found():
    summary = load(step(1, 0.8), step(5, 0.92), step(20, 1.37))
    assert summary.per_session_s == pytest.approx(0.03, rel=0.02)
    assert "800 ms with 1 session, 1.37 s with 20" in summary.problems[0]


def test_sessions_that_diag_spoiled_are_not_counted():
    (row,) = load(step(20, 0.8, late=2)).rows
    assert (row.counted, row.late, row.median_s) == (18, 2, 0.8)


def test_failures_are_counted_with_their_reason():
    assert load(step(1, 0.8), step(5, 0.8, failed=2)).problems == ("With 5 sessions, 2 failed: 1011 quota.",)


def test_a_step_in_which_diag_was_always_late_shows_nothing():
    assert load(step(1, 0.8), step(5, 0.8, late=5)).not_shown


# --- every limit at both sides


def level(count=60, **more):
    return [turn(number, **more) for number in range(count)]


@pytest.mark.parametrize(("growth_s", "told"), [(0.99 * GROWTH_S, False), (1.01 * GROWTH_S, True)])
def test_a_wait_that_grows_is_told_from_its_limit_on(growth_s, told):
    turns = [turn(number, wait_s=0.8 + growth_s * number / 59) for number in range(60)]
    assert any("wait for the reply grew" in text for text in problems(turns)) is told


@pytest.mark.parametrize(("growth_mb", "told"), [(0.99 * MEMORY_MB, False), (1.01 * MEMORY_MB, True)])
def test_memory_that_grows_after_two_minutes_is_told_from_its_limit_on(growth_mb, told):
    turns = [turn(number, memory_mb=100 + growth_mb * max(0, number - 13) / 46) for number in range(60)]
    assert any("memory of the client grew" in text for text in problems(turns)) is told


@pytest.mark.parametrize(
    ("ppm", "words"),
    [(495, None), (505, "505 ppm too fast"), (-495, None), (-505, "505 ppm too slow"), (-4950, "4950 ppm too slow"),
     (-5050, "lost about 0.5 % of its audio")],
)  # fmt: skip
def test_a_clock_is_told_from_its_limit_on(ppm, words):
    found = problems([turn(number, ppm=ppm) for number in range(60)])
    assert [words in text for text in found] == ([] if words is None else [True])


@pytest.mark.parametrize(("count", "shown"), [(4, False), (5, True)])
def test_five_turns_make_a_trend(count, shown):
    summary = soak_summary(session(level(count)))
    assert (summary.latency is not None) is shown
    assert ("microphone" in summary.drift_ppm) is shown
    assert "whether the wait grows: too few turns were answered" not in summary.not_shown[:1] or not shown


def test_every_sentence_on_a_long_session():
    away = replace(HEALTHY_END, end_s=300.0, ended="goAway", resumed=True, away_s=0.2)
    ends = (away, replace(away, number=2, start_s=300.0, end_s=312.5, ended="1006", resumed=None),
            replace(away, number=3, ended="1011 x", resumed=False), replace(HEALTHY_END, number=4))  # fmt: skip
    turns = [
        turn(number, wait_s=None if number in (3, 9) else 0.8 + 0.01 * number, memory_mb=100 + number, ppm=2000,
             underruns=number % 7 == 0)
        for number in range(60)
    ]  # fmt: skip
    summary = soak_summary(session(turns, ends, "the service closed it"))
    assert summary.problems == (
        "It ended before its time: the service closed it.",
        "2 prompts of 60 had no reply.",
        "Connection 2 ended after 12.50 s (1006); nothing was opened again.",
        "Connection 3 ended after 300.00 s (1011 x); a new session without the old context was opened.",
        "The wait for the reply grew by 590 ms, 60 ms a minute.",
        "The memory of the client grew by 46.0 MB.",
        "The clock of the microphone is 2000 ppm too fast.",
        "The player ran out of audio 9 times.",
    )
    assert (summary.answered, summary.underruns, summary.survived, summary.lost) == (58, 9, 1, 2)
    assert summary.latency.per_minute == pytest.approx(0.06)
    assert summary.latency_per_turn_s == pytest.approx(0.01)
    assert summary.memory.change == pytest.approx(46.0)


def test_a_session_of_nothing_says_all_that_is_not_shown():
    assert soak_summary(session([])).not_shown == (
        "whether the wait grows: too few turns were answered",
        "whether memory grows: too few turns, or this system does not tell",
        "whether clocks drift: too few turns",
    )


@pytest.mark.parametrize(("growth_s", "told"), [(0.199, False), (0.201, True)])
def test_a_wait_that_grows_with_the_load_is_told_from_its_limit_on(growth_s, told):
    summary = load(step(1, 0.8), step(4, 5.0, late=4), step(20, 0.8 + growth_s))
    assert bool(summary.problems) is told
    assert summary.growth_s == pytest.approx(growth_s)
    assert summary.not_shown == ("the latency with 4 sessions: diag itself was late in 4",)


@pytest.mark.parametrize(("late_s", "counted"), [(0.05, 1), (0.051, 0)])
def test_a_session_is_late_from_50_ms_on(late_s, counted):
    (row,) = load(LoadStep(sessions=1, results=(LoadSession(first_byte_s=0.8, failed=None, late_s=late_s),))).rows
    assert (row.counted, row.late) == (counted, 1 - counted)


@pytest.mark.parametrize("count", [2, 3, 20])
def test_a_spread_needs_three_sessions(count):
    (row,) = load(step(count, 0.8)).rows
    assert row.median_s == 0.8
    assert row.p95_s == (p95([0.8] * count) if count >= 3 else None)


def test_one_step_or_a_load_that_does_not_grow_has_no_growth():
    assert load(step(5, 0.8)).growth_s is None
    assert load(step(5, 0.8), step(5, 1.8)).growth_s is None
    assert load(step(1, 0.8), step(2, 0.8, failed=2)).problems == ("With 2 sessions, 2 failed: 1011 quota.",)
