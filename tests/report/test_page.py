"""The page as a whole: structure, self-containedness, size, and that nothing measured is left unsaid."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from report_samples import (
    comparison,
    finding,
    mute_run,
    run_result,
    slow_player_run,
    take,
    take_result,
    voice,
)

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.errors import BadInputError
from diag.core.keys import HIDDEN
from diag.core.release import Decision, Product, Reason, Release, Weight
from diag.core.results import Bench, BenchRow, Report, VerdictLine
from diag.core.states import State
from diag.core.timeline import Timeline
from diag.report.build import build_report
from diag.report.page import _environment

VOID = {"meta", "link", "img", "br", "path", "input", "hr"}
LOADING = {"src", "href", "data", "poster", "action", "srcset"}


class Page(HTMLParser):
    """Tags with their attributes and text, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.faults: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.text.append(data)

    def all(self, *names):
        return [attrs for tag, attrs in self.tags if tag in names]

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


def bench_row(scenario, **more):
    given = {"title": "", "shows": "", "expected": (), "consequences": (), "found": (), "counts": {}, "takes": 3,
             "asked": 3, "discarded": 0, "as_expected": True, "folder": None}  # fmt: skip
    return BenchRow(scenario=scenario, **{**given, **more})


BENCH = Bench(
    rows=(
        bench_row("healthy", title="Fine"),
        bench_row("playback_16k", title="Slow", expected=("PLY001", "PLY002"), found=("PLY001", "ENV001"),
                  discarded=1, as_expected=False),
    ),
    command="make bench",
)  # fmt: skip


def loaded(*names: str) -> dict[str, list]:
    kinds = {"playback_16k": {"speed": 2 / 3}, "missing_audio_modality": {"answered": False}}
    return {name: [take(f"{k:04d}", **kinds.get(name, {})) for k in (1, 2, 3)] for name in names}


RELEASE = Release(
    products=(
        Product(
            name="healthy", title="", decision=Decision.DO_NOT_SHIP, takes=20, asked=20, folder="runs/a",
            reasons=(Reason(weight=Weight.BLOCKS, text="First audio heard is 100 ms later", fix="shorten it"),),
        ),
    ),
)  # fmt: skip
REPORTS = {
    "run": (Report(runs=(slow_player_run(),)), loaded("playback_16k")),
    "mute": (Report(runs=(mute_run(),)), loaded("missing_audio_modality")),
    "compare": (
        Report(runs=(run_result(), slow_player_run()), comparisons=(comparison(),)),
        loaded("healthy", "playback_16k"),
    ),
    "bench": (
        Report(runs=(run_result(), slow_player_run(), mute_run()), bench=BENCH),
        loaded("healthy", "playback_16k", "missing_audio_modality"),
    ),
    "words_alone": (Report(runs=(run_result(),)), {}),
    "release": (Report(runs=(run_result(),), release=RELEASE), loaded("healthy")),
}


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """Every report, written once."""
    folder = tmp_path_factory.mktemp("reports")
    return {
        name: build_report(report, takes, folder / f"{name}.html").read_text(encoding="utf-8")
        for name, (report, takes) in REPORTS.items()
    }


@pytest.fixture(params=list(REPORTS))
def built(request, texts):
    return texts[request.param]


@pytest.fixture
def page(built):
    return Page(built)


def text_of(report: Report, tmp_path: Path, takes=None, **options) -> str:
    return build_report(report, takes or {}, tmp_path / "r.html", **options).read_text(encoding="utf-8")


def test_every_tag_is_closed(page):
    assert page.faults == []
    assert page.open == []


def test_nothing_is_ever_asked_of_the_network(built, page):
    addresses = [value for _, attrs in page.tags for name, value in attrs.items() if name in LOADING and value]
    assert all(value.startswith(("data:", "#")) for value in addresses)
    style = re.search(r"<style>(.*?)</style>", built, re.S)[1]
    assert "url(" not in style
    assert "@import" not in style
    script = re.search(r"<script>(.*?)</script>", built, re.S)[1]
    assert not re.search(r"\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|\bimport\(", script)
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")


def test_page_can_be_found_around_in_without_eyes(page):
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) == 1
    assert any("width=device-width" in (attrs.get("content") or "") for attrs in page.all("meta"))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(attrs.get("alt") for attrs in page.all("img"))
    assert all(attrs.get("aria-label") for attrs in page.all("audio"))
    assert all(attrs.get("scope") for attrs in page.all("th"))
    inside_hidden = [
        attrs for attrs in page.all("svg") if attrs.get("focusable") == "false" or attrs.get("aria-hidden")
    ]
    assert len(inside_hidden) == len(page.all("svg"))


def test_ids_are_unique_and_links_lead_somewhere(page):
    ids = [attrs["id"] for _, attrs in page.tags if attrs.get("id")]
    assert len(ids) == len(set(ids))
    targets = [attrs["href"][1:] for attrs in page.all("a") if (attrs.get("href") or "").startswith("#")]
    named = ("data-play", "data-same", "data-copy", "data-a", "data-b")
    targets += [attrs[name] for _, attrs in page.tags for name in named if attrs.get(name)]
    assert set(targets) <= set(ids)


def test_nothing_plays_by_itself(page):
    assert all("autoplay" not in attrs and attrs.get("preload") == "none" for attrs in page.all("audio"))


def test_there_is_no_score(page):
    assert not re.search(r"\b\d{1,3}\s*/\s*100\b|\bscore\b", page.words, re.I)


def test_every_state_is_a_shape_and_a_word(built):
    marks = re.findall(r'<span class="state (\w+)"><span aria-hidden="true">(.)</span> ([^<]+)</span>', built)
    assert marks
    shapes = {"fails": "▲", "watch": "■", "good": "●", "unknown": "○"}
    assert all(shape in (shapes[state], "~") and word.strip() for state, shape, word in marks)


def test_verdict_comes_first(texts):
    text = texts["run"]
    words = Page(text).words
    assert words.index("NOT READY") < words.index("24000 Hz audio is played at 16000 Hz") < words.index("Fix:")


def test_checks_are_counted_by_state(texts):
    assert "▲ error 1 ■ warning 0 ● good 4 ○ not measured 0 checks" in Page(texts["run"]).words
    assert "▲ error 1 ■ warning 0 ● good 1 ○ not measured 3 checks" in Page(texts["mute"]).words


def test_findings_say_what_where_why_and_how_sure(texts):
    words = Page(texts["run"]).words
    for said in (
        "PLY001 playback-rate-mismatch", "player hop (owner: the client", "Found in 3 of 3 takes",
        "Open the output stream at 24000 Hz", "Likely cause", "high (0.97 of 1)", "Hear it: heard at 2.60 s",
        "Seen with: diag 0.1.0, Python 3.11.7, audio virtual", "google-genai 3.4.0",
    ):  # fmt: skip
        assert said in words, said


def test_a_spot_plays_at_its_place_in_the_cut_that_is_embedded(texts):
    page = Page(texts["run"])
    button = next(attrs for attrs in page.all("button") if attrs.get("data-play"))
    heard = next(attrs for attrs in page.all("audio") if attrs["aria-label"].startswith("heard"))
    assert button["data-play"] == heard["id"]
    # The spot is 2.3 s into the recording and the cut begins 50 ms before the reply at 2.155 s; the lead is 0.6 s.
    assert float(button["data-at"]) == 0.0


def test_discarded_takes_are_counted_and_say_why(texts):
    words = Page(texts["run"]).words
    assert "3 of 4 counted, 1 discarded" in words
    assert "the two detectors disagree by 23 ms (at most 10 ms)" in words


def test_missing_replies_count_against_and_have_reasons(texts):
    words = Page(texts["mute"]).words
    assert "Answered 0 of 3 takes" in words
    assert "First audio heard not measured in 3 of 3 takes" in words
    assert "ttfa_heard_s 3 of 3 takes no reply was received" in words
    assert "check PLY001 playback-rate-mismatch not checked no reply was received" in words
    assert "heard: it has no sound of this turn" in words


def test_versions_and_devices_are_told(texts):
    words = Page(texts["run"]).words
    assert "packages.google-genai 3.4.0" in words
    assert "streams.devices.speaker rig0-speaker streams.rates_hz.speaker 24000 streams.latency_s.speaker 0.1" in words


def test_a_consequence_stands_under_its_root(texts):
    page = Page(texts["mute"])
    assert [attrs["id"] for attrs in page.all("article")] == ["f1-CFG001"]
    assert "Leads to SVC002" in page.words


def test_comparison_shows_differences_before_figures_and_calls_a_tie_a_tie(texts):
    words = Page(texts["compare"]).words
    assert words.index("playback.sample_rate_hz : 24000 → 16000") < words.index(
        "Measures that changed, the worse ones first"
    )
    assert words.index("setup message, generationConfig.responseModalities :") < words.index("playback.sample_rate_hz")
    assert words.index("▲ worse") < words.index("● better")
    assert "+200 ms (+100 ms to +300 ms), n 5" in words
    assert "~ no clear difference" in words
    assert "○ too few takes 5 pairs; 6 are needed" in words
    assert "○ not measured no reply" in words


def test_sides_are_level_matched_by_turning_the_louder_one_down(texts):
    page = Page(texts["compare"])
    heard = next(attrs for attrs in page.all("div") if attrs.get("aria-label", "").startswith("A against B, heard"))
    gains = [float(heard["data-gain-a"]), float(heard["data-gain-b"])]
    assert max(gains) == 0.0
    assert min(gains) > -3.0
    assert not any(attrs.get("aria-label") == "A against B, received" for attrs in page.all("div"))
    assert "received : A and B are identical, bit for bit" in page.words


def test_two_runs_of_one_name_are_two_sides_with_their_own_audio(tmp_path):
    a, b = (dataclasses.replace(run_result("x"), folder=f"runs/{side}") for side in "ab")
    takes = {"runs/a": [take(f"{k:04d}") for k in (1, 2, 3)], "runs/b": [take(f"{k:04d}", seed=5) for k in (1, 2, 3)]}
    page = Page(text_of(Report(runs=(a, b), comparisons=(comparison("x", "x"),)), tmp_path, takes))
    assert {"run-1", "run-2"} <= {attrs.get("id") for attrs in page.all("section")}
    received = next(attrs for attrs in page.all("div") if attrs.get("aria-label") == "A against B, received")
    assert received["data-a"] != received["data-b"]


def test_a_single_value_has_neither_median_nor_range(tmp_path):
    words = Page(text_of(Report(runs=(run_result(takes=(take_result(),)),)), tmp_path)).words
    assert "First audio heard 857 ms a single value, n 1" in words


def test_the_page_of_a_release_begins_with_its_decision(texts):
    words = Page(texts["release"]).words
    assert words.index("DO NOT SHIP") < words.index("First audio heard is 100 ms later") < words.index("Findings")


def test_of_two_runs_the_one_that_fails_comes_first(texts):
    words = Page(texts["compare"]).words
    assert words.index("B: playback_16k") < words.index("A: healthy")


def test_settings_that_differ_do_not_contradict_the_finding(texts, tmp_path):
    assert "see PLY001 below for what is wrong and how to fix it" in Page(texts["compare"]).words
    same = Report(runs=(run_result("a"), run_result("b")), comparisons=(comparison("a", "b"),))
    words = Page(text_of(same, tmp_path)).words
    assert "the figures alone cannot show which of these is the cause" in words


def test_a_scenario_short_of_takes_is_neither_good_nor_wrong(tmp_path):
    short = Bench(rows=(replace(BENCH.rows[0], takes=2),))
    words = Page(text_of(Report(runs=(run_result(),), bench=short), tmp_path)).words
    assert "TOO FEW TAKES 0 of 1 scenarios" in words
    assert "○ too few takes" in words
    assert "2 of 3" in words


def test_bench_names_what_is_missing_and_what_should_not_be_there(texts):
    words = Page(texts["bench"]).words
    assert "NOT AS EXPECTED 1 of 2 scenarios" in words
    assert "▲ PLY002 missing" in words
    assert "■ ENV001 not expected" in words
    assert "● PLY001 expected" in words


def test_words_of_others_cannot_become_markup(tmp_path):
    nasty = '<script>alert(1)</script> & "quotes" \' </style>'
    run = run_result("healthy", (take_result(findings=(finding(title=nasty),)),), title=nasty)
    verdict = VerdictLine(State.FAILS, nasty, nasty, nasty)
    text = text_of(Report(runs=(run,), verdict=verdict, bench=Bench(rows=(), command=nasty)), tmp_path)
    assert text.count("<script>") == 1
    assert "alert(1)" in Page(text).words


def test_json_document_comes_out_whole(tmp_path):
    report = REPORTS["compare"][0]
    page = Page(text_of(report, tmp_path))
    link = next(attrs for attrs in page.all("a") if attrs.get("download"))
    document = json.loads(gzip.decompress(base64.b64decode(link["href"].partition(",")[2])))
    assert document == json.loads(json.dumps(report.to_json()))


def test_a_report_that_cannot_be_written_says_so_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInputError, match="Could not write the report"):
        build_report(REPORTS["words_alone"][0], {}, tmp_path / "file" / "r.html")


def test_the_same_report_is_the_same_file(tmp_path):
    report, takes = REPORTS["compare"]
    first = build_report(report, takes, tmp_path / "1.html").read_bytes()
    assert build_report(report, takes, tmp_path / "2.html").read_bytes() == first
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def bare(**changes):
    """A take with less in it than a whole chain gives."""
    return dataclasses.replace(take(), **changes)


SPARSE = {
    "no_runs": (Report(runs=()), {}),
    "no_takes": (Report(runs=(run_result(takes=()),)), {"healthy": []}),
    "all_discarded": (Report(runs=(run_result(takes=(take_result(discarded="late"),)),)), {"healthy": [take()]}),
    "no_config": (Report(runs=(dataclasses.replace(run_result(), config={}, environment={}, folder=None),)), {}),
    "no_clips": (Report(runs=(run_result(),)), {"healthy": [bare(clips={})]}),
    "no_events": (Report(runs=(run_result(),)), {"healthy": [bare(timeline=Timeline(()))]}),
    "one_recording": (
        Report(runs=(run_result(),)),
        {"healthy": [bare(turns=(), clips={Tap.HEARD: Clip(samples=voice(0.5, 44100), sample_rate_hz=44100)})]},
    ),
    "a_few_samples": (
        Report(runs=(run_result(),)),
        {"healthy": [bare(turns=(), clips={Tap.RECEIVED: Clip(samples=voice(0.5, 8000)[:3], sample_rate_hz=8000)})]},
    ),
    "stereo_without_speech_times": (
        Report(runs=(run_result(),)),
        {"healthy": [bare(turns=(dataclasses.replace(take().turns[0], speech_start_s=None, speech_end_s=None),))]},
    ),
}


@pytest.mark.parametrize("name", list(SPARSE))
def test_whatever_is_missing_the_page_stands(name, tmp_path):
    page = Page(text_of(*SPARSE[name][:1], tmp_path, SPARSE[name][1]))
    assert (page.faults, page.open) == ([], [])
    assert len(page.all("h1")) == 1


def test_values_in_a_text_of_a_template_are_escaped_and_have_no_keys_and_no_control_characters():
    template = _environment().from_string('<p>{{ _("The chain of {run}, hop by hop").format(run=run) }}</p>')

    shown = template.render(run="<b>AIza" + "0" * 35 + "\x1b \ud800")

    assert shown == rf"<p>The chain of &lt;b&gt;{HIDDEN}\x1b \ud800, hop by hop</p>"
