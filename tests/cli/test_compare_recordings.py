"""`diag compare` of recordings and `--html` on the command line."""

import json

import numpy as np
import pytest
import soundfile as sf


@pytest.fixture(autouse=True)
def _recordings(monkeypatch, tmp_path, scenarios):
    monkeypatch.chdir(tmp_path)
    samples, rate_hz = sf.read(scenarios / "prompts" / "weather_in_seoul.wav", dtype="float32")
    sf.write("a.wav", samples, rate_hz)
    sf.write("b.wav", samples + 0.01 * np.random.default_rng(1).standard_normal(samples.size), rate_hz)
    (tmp_path / "config.toml").write_text("[send]\n")


def test_the_first_line_says_what_differs_and_which_one_is_better(diag):
    done = diag("compare", "a.wav", "b.wav")
    assert done.code == 1
    assert done.out.startswith("▲ WORSE  b.wav has noise that a.wav does not have")
    assert "a.wav is\n  better." in done.out or "a.wav is better." in done.out


def test_no_difference_passes(diag):
    assert diag("compare", "a.wav", "a.wav").code == 0


def test_one_document_and_one_page(diag, tmp_path):
    done = diag("compare", "a.wav", "b.wav", "--json", "--html", "page.html")
    document = json.loads(done.out)
    assert (document["verdict"], document["report"]) == ("worse", "page.html")
    assert document["differences"][0]["worse"] == "b"
    text = (tmp_path / "page.html").read_text("utf-8")
    places = [text.index(words) for words in ("WORSE", "A against B", "Findings of A", "Measures that differ")]
    assert places == sorted(places)
    assert text.count("data:audio/flac") == 2
    assert len(text.encode()) < 2_000_000


def test_a_mix_is_refused_in_one_sentence(diag):
    done = diag("compare", "a.wav", "config.toml")
    assert done.code == 2
    assert done.err == (
        "Could not compare a.wav and config.toml: a.wav is a recording, config.toml is a configuration; allowed: two "
        "recordings, or two configurations or saved runs; name two of the same kind.\n"
    )


@pytest.mark.parametrize("given", [("a.wav", "b.wav", "--takes", "3"), ("healthy", "healthy", "--html", "x.html")])
def test_options_of_the_other_kind_are_refused(diag, given):
    done = diag("compare", *given)
    assert done.code == 2
    assert f"Could not use {given[2]}" in done.err


def test_a_recording_that_is_not_there(diag):
    done = diag("compare", "a.wav", "c.wav")
    assert done.code == 2
    assert "Could not read the recording c.wav: no such file" in done.err


def test_analyze_writes_a_page_and_names_it(diag, tmp_path):
    done = diag("analyze", "b.wav", "--reference", "a.wav", "--html", "page.html")
    assert "report page.html\n" in done.out
    assert (tmp_path / "page.html").is_file()
    assert json.loads(diag("analyze", "b.wav", "--html", "p.html", "--json").out)["report"] == "p.html"


def test_a_page_is_not_written_over_a_recording(diag, tmp_path):
    before = (tmp_path / "a.wav").read_bytes()
    assert diag("analyze", "b.wav", "--html", "a.wav").code == 2
    assert (tmp_path / "a.wav").read_bytes() == before
