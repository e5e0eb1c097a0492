"""The clip at the top of a comparison: the same moment of the same turn of both sides."""

import dataclasses
import re

import numpy as np
import pytest
from report_samples import SPEECH_END_S, STAGES, comparison, finding, run_result, take, take_result, voice

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.results import Evidence, Report, Spot
from diag.report import exchange, shelf
from diag.report.build import build_report
from diag.report.exchange import exchanges_of
from diag.report.picks import pick

WAIT_S = sum(STAGES.values())


def exchanges(*takes, runs=None, room=1e9):
    runs = runs or [run_result(name, (take_result(),)) for name in ("a", "b")]
    picks = {index: pick(run, [one]) for index, (run, one) in enumerate(zip(runs, takes, strict=True))}
    return exchanges_of([comparison("a", "b")], runs, picks, room)


def later(one, seconds):
    """The same take with its ear and its clock moved."""
    heard = one.clips[Tap.HEARD]
    silence = np.zeros((round(seconds * heard.sample_rate_hz), 2), np.float32)
    moved = dataclasses.replace(heard, samples=np.concatenate([silence, heard.samples]))
    (turn,) = one.turns
    spans = {tap: (first + silence.shape[0], last + silence.shape[0])
             for tap, (first, last) in turn.reply_spans.items() if tap is Tap.HEARD}  # fmt: skip
    turn = dataclasses.replace(
        turn, speech_end_s=turn.speech_end_s + seconds, reply_spans={**turn.reply_spans, **spans}
    )
    return dataclasses.replace(one, clips={**one.clips, Tap.HEARD: moved}, turns=(turn,))


def test_both_sides_begin_one_second_before_the_end_of_the_prompt():
    """However late a take began, so that one can switch between them without losing the place."""
    first, second = exchanges(take(), later(take(), 0.7))
    assert (first.key, second.key) == ((0, shelf.EXCHANGE), (1, shelf.EXCHANGE))
    assert (first.offset_s, second.offset_s) == pytest.approx((SPEECH_END_S - 1, SPEECH_END_S - 0.3))
    np.testing.assert_allclose(first.clip.samples, second.clip.samples, atol=1e-6)
    assert first.from_s == -1.0


def test_prompt_and_reply_are_heard_together():
    one = take()
    both = one.clips[Tap.HEARD]
    heard = exchanges(one, take())[0].clip
    start = round((SPEECH_END_S - 1) * 48000)
    np.testing.assert_allclose(heard.samples, both.samples.sum(axis=1)[start : start + heard.frames], atol=1e-6)
    assert np.abs(heard.samples[:48000]).max() > 0.1, "the prompt"
    assert np.abs(heard.samples[-48000:]).max() > 0.1, "the reply"


def test_level_and_first_sound_are_those_of_the_reply(tmp_path):
    runs = [run_result(name, (take_result(),)) for name in ("a", "b")]
    pieces = exchanges(take(), take(seed=2), runs=runs)
    (_, first), (_, second) = shelf.embedded(pieces, "evidence", tmp_path / "r", 10**9)
    pair = shelf.exchange_pair("heard", first, second)
    assert pair.replies_s == pytest.approx((1 + WAIT_S, 1 + WAIT_S), abs=0.03)
    assert (pair.a_start_s, pair.b_start_s, pair.lead_s) == (1.0, 1.0, 1.0)
    quiet = dataclasses.replace(
        pieces[1], reply=dataclasses.replace(pieces[1].reply, samples=pieces[1].reply.samples / 2)
    )
    (_, first), (_, second) = shelf.embedded([pieces[0], quiet], "evidence", tmp_path / "r", 10**9)
    assert shelf.exchange_pair("heard", first, second).a_gain_db == pytest.approx(-6.0, abs=1.0)


def test_a_long_reply_is_cut_after_15_seconds(monkeypatch):
    monkeypatch.setattr(exchange, "CLIP_S", 1.5)
    assert [piece.clip.duration_s for piece in exchanges(take(), take())] == [1.5, 1.5]


def test_a_late_fault_moves_the_clip_of_both_sides_to_it(monkeypatch):
    monkeypatch.setattr(exchange, "CLIP_S", 1.0)
    monkeypatch.setattr(exchange, "LEAD_S", 0.2)
    spot = Evidence(text="here", spots=(Spot(Tap.HEARD, SPEECH_END_S + 1.0, SPEECH_END_S + 1.1),))
    late = dataclasses.replace(finding(), evidence=(spot,))
    runs = [run_result("a", (take_result(),)), run_result("b", (take_result(findings=(late,)),))]
    first, second = exchanges(take(), later(take(), 0.0), runs=runs)
    assert (first.from_s, second.from_s) == pytest.approx((0.8, 0.8))
    assert first.note == "from 0.8 s after the end of the prompt"


def test_clips_that_do_not_fit_are_shortened_and_not_thinned(monkeypatch):
    monkeypatch.setattr(exchange, "LEAST_S", 0.1)
    whole = exchanges(take(), take(seed=2))
    short = exchanges(take(), take(seed=2), room=60_000)
    assert {piece.clip.sample_rate_hz for piece in short} == {48000}
    assert short[0].clip.duration_s == short[1].clip.duration_s < whole[0].clip.duration_s
    np.testing.assert_array_equal(short[0].clip.samples, whole[0].clip.samples[: short[0].clip.frames])


def test_what_came_from_the_service_is_compared_where_nothing_was_heard():
    bare = [
        dataclasses.replace(one, clips={tap: clip for tap, clip in one.clips.items() if tap is Tap.RECEIVED})
        for one in (take(), take(seed=2))
    ]
    first, second = exchanges(*bare)
    assert (first.tap, first.from_s, first.offset_s) == (Tap.RECEIVED, 0.0, 0.0)
    assert second.clip.sample_rate_hz == 24000


def test_replies_to_different_prompts_are_not_compared():
    other = take()
    other = dataclasses.replace(other, turns=(dataclasses.replace(other.turns[0], prompt_name="another"),))
    assert exchanges(take(), other) == []


def test_a_sum_above_full_scale_is_turned_down_and_not_clipped():
    loud = voice(2.0, 48000)
    one = take()
    samples = np.zeros_like(one.clips[Tap.HEARD].samples)
    samples[: loud.size] = 3.0 * loud[:, None]
    clip = exchange._mixed(Clip(samples=samples, sample_rate_hz=48000))
    assert np.abs(clip.samples).max() == pytest.approx(1.0)
    np.testing.assert_allclose(clip.samples[: loud.size], loud / np.abs(loud).max(), atol=1e-5)


def test_the_page_has_the_switch_first_and_its_audio_once(tmp_path):
    report = Report(runs=(run_result("a", (take_result(),)), run_result("b", (take_result(),))),
                    comparisons=(comparison("a", "b"),))  # fmt: skip
    takes = {"a": [take()], "b": [take(seed=2)]}
    page = build_report(report, takes, tmp_path / "r.html").read_text(encoding="utf-8")
    box = re.search(r'<div class="ab needs-script".*?>', page)[0]
    names = re.findall(r'data-[ab]="([\w-]+)"', box)
    assert page.index(box) < page.index("What differs between A and B")
    assert [page.count(f'id="{name}" src=') for name in names] == [1, 1]
    assert 'data-do="align"' in page
    players = re.findall(r'aria-label="heard of (\w), take 0001"', page)
    assert sorted(players) == ["a", "b"], "the clip is the player of its run too"


def test_parts_of_different_places_are_not_switched_between(tmp_path, monkeypatch):
    monkeypatch.setattr(shelf, "EVIDENCE_S", 0.3)
    spot = Evidence(text="here", spots=(Spot(Tap.RECEIVED, 0.9, 0.95),))
    late = dataclasses.replace(finding(), evidence=(spot,))
    report = Report(runs=(run_result("a", (take_result(),)), run_result("b", (take_result(findings=(late,)),))),
                    comparisons=(comparison("a", "b"),))  # fmt: skip
    monkeypatch.setattr(shelf, "_LEAD_S", 0.2)
    page = build_report(report, {"a": [take()], "b": [take(seed=2)]}, tmp_path / "r.html").read_text(encoding="utf-8")
    assert "A against B, heard" in page
    assert "A against B, received" not in page
