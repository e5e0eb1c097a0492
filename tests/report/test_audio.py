"""The audio in a report: exact, bounded, told when left out."""

from __future__ import annotations

import base64
import dataclasses
import io
import re

import numpy as np
import pytest
import soundfile as sf
from report_samples import finding, run_result, slow_player_run, take, take_result

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.results import Evidence, Report, Spot
from diag.files.audio_files import encode_flac
from diag.report import shelf
from diag.report.build import build_report
from diag.report.picks import pick, stretch


def players(run, takes, embed="evidence", out=None, **kinds):
    return shelf.players_of([(0, run, pick(run, takes))], embed, out)


def decoded(src):
    return sf.read(io.BytesIO(base64.b64decode(src.partition(",")[2])), dtype="float32")


def test_flac_keeps_every_16_bit_sample():
    samples = np.random.default_rng(1).integers(-32768, 32768, 5000).astype(np.float32) / 32768
    samples[100:200], samples[300:305] = 0.0, 1.0
    back, rate_hz = sf.read(io.BytesIO(encode_flac(Clip(samples=samples, sample_rate_hz=24000))), dtype="float32")
    assert rate_hz == 24000
    np.testing.assert_array_equal(back, np.minimum(samples, np.float32(32767 / 32768)))


def test_players_hold_the_prompt_the_reply_and_what_was_heard(tmp_path):
    one = take()
    shown = players(run_result(takes=(take_result(),)), [one], out=tmp_path / "r.html")
    assert {tap for _, tap in shown} == {Tap.PROMPT, Tap.RECEIVED, Tap.HEARD}
    samples, rate_hz = decoded(shown[0, Tap.RECEIVED].src)
    assert rate_hz == 24000
    np.testing.assert_allclose(samples, one.clips[Tap.RECEIVED].samples, atol=1.0 / 65536)
    heard, rate_hz = decoded(shown[0, Tap.HEARD].src)
    assert heard.ndim == 1, "only the reply's side of the ear"
    assert rate_hz == 48000
    np.testing.assert_allclose(heard, stretch(one, one.turns[0], Tap.HEARD).samples, atol=1.0 / 65536)


def test_both_ends_of_the_faulty_hop_can_be_heard(tmp_path):
    shown = players(slow_player_run(), [take(f"{k:04d}", speed=2 / 3) for k in (1, 2, 3)], out=tmp_path / "r.html")
    assert (0, Tap.PLAYED) in shown


def test_long_clips_are_cut_around_what_the_finding_points_at(tmp_path, monkeypatch):
    monkeypatch.setattr(shelf, "EVIDENCE_S", 0.5)
    run = run_result(takes=(take_result(findings=(finding(),)),))
    heard = players(run, [take()], out=tmp_path / "r.html")[0, Tap.HEARD]
    assert heard.duration_s == pytest.approx(0.5)
    assert heard.note == "0.0 to 0.5 s of 1.1 s"
    whole = players(run, [take()], "all", tmp_path / "r.html")[0, Tap.HEARD]
    assert whole.duration_s == pytest.approx(1.1)


def test_the_same_audio_stands_in_the_file_once(tmp_path):
    runs = [run_result("a", (take_result(),)), run_result("b", (take_result(),))]
    shown = shelf.players_of([(n, run, pick(run, [take()])) for n, run in enumerate(runs)], "evidence", tmp_path / "r")
    assert shown[1, Tap.RECEIVED].src is None
    assert shown[1, Tap.RECEIVED].same_as == shown[0, Tap.RECEIVED].id


def test_every_run_is_heard_before_any_run_is_heard_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(shelf, "EVIDENCE_CLIPS", 3)
    runs = [run_result(name, (take_result(),)) for name in "abc"]
    takes = [take(seed=seed) for seed in (1, 2, 3)]
    picks = [(n, run, pick(run, [one])) for n, (run, one) in enumerate(zip(runs, takes, strict=True))]
    shown = shelf.players_of(picks, "evidence", tmp_path / "r")
    assert [key for key, player in shown.items() if player.src] == [(0, Tap.HEARD), (1, Tap.HEARD), (2, Tap.HEARD)]
    assert "--embed all" in shown[0, Tap.PROMPT].left_out


def test_none_embeds_nothing_and_says_so(tmp_path):
    path = build_report(Report(runs=(run_result(),)), {"healthy": [take()]}, tmp_path / "r.html", embed="none")
    text = path.read_text(encoding="utf-8")
    assert "data:audio" not in text
    assert "--embed none" in text


def test_too_much_audio_goes_beside_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(shelf, "BESIDE_BYTES", 1000)
    run = run_result(takes=(take_result(),))
    path = build_report(Report(runs=(run,)), {"healthy": [take()]}, tmp_path / "r.html", embed="all")
    text = path.read_text(encoding="utf-8")
    named = re.findall(r'src="(r_audio/[^"]+\.flac)"', text)
    assert named
    assert all((tmp_path / name).stat().st_size > 44 for name in named)
    assert "data:audio" not in text
    assert "The audio is in the folder r_audio beside this file" in text


def test_a_large_file_says_so_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(shelf, "LARGE_BYTES", 1000)
    path = build_report(Report(runs=(run_result(),)), {"healthy": [take()]}, tmp_path / "r.html")
    assert "MB of audio; <code>--embed evidence</code>" in path.read_text(encoding="utf-8")


def test_offsets_count_from_the_start_of_the_tap(tmp_path, monkeypatch):
    """A received clip has no place on the clock; its second turn begins where the first one ended."""
    monkeypatch.setattr(shelf, "EVIDENCE_S", 0.5)
    one = take()
    turn = dataclasses.replace(one.turns[0], reply_spans={Tap.RECEIVED: (2400, 24000)})
    spot = Evidence(text="here", spots=(Spot(Tap.RECEIVED, 0.9, 0.95),))
    run = run_result(takes=(take_result(findings=(dataclasses.replace(finding(), evidence=(spot,)),)),))
    monkeypatch.setattr(shelf, "_LEAD_S", 0.2)
    shown = players(run, [dataclasses.replace(one, turns=(turn,))], out=tmp_path / "r")[0, Tap.RECEIVED]
    assert shown.offset_s == pytest.approx(0.5), "0.9 s less the lead would leave less than 0.5 s to its end at 1.0 s"
    samples, _ = decoded(shown.src)
    np.testing.assert_allclose(samples, one.clips[Tap.RECEIVED].samples[12000:24000], atol=1.0 / 65536)


def test_a_recording_without_turns_is_played_whole(tmp_path):
    bare = dataclasses.replace(take(), turns=())
    path = build_report(Report(runs=(run_result(),)), {"healthy": [bare]}, tmp_path / "r.html")
    assert "1.0 s at 24000 Hz" in path.read_text(encoding="utf-8")


def test_a_full_bench_stays_small(tmp_path):
    """Eleven configurations of three takes with replies of their own, 1 s each, in at most 2 MB."""
    runs = tuple(run_result(f"scenario_{k}") for k in range(11))
    takes = {run.name: [take(f"{n:04d}", seed=11 * n + k) for n in (1, 2, 3)] for k, run in enumerate(runs)}
    path = build_report(Report(runs=runs), takes, tmp_path / "bench.html")
    assert path.stat().st_size <= 2_000_000
