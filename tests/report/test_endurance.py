"""Pages and texts of long sessions and of load, in every language."""

import re

import pytest

from diag.core.endurance import LoadResult, LoadSession, LoadStep, SoakConnection, SoakResult, SoakTurn
from diag.judge.endurance import load_summary, soak_summary
from diag.report.endurance import endurance_text, load_lines, soak_lines, write_load, write_soak
from diag.report.language import speaking

HANGUL = re.compile("[가-힣]")
NAMES = {"healthy", "goAway", "ppm", "internal", "diag", "soak", "load", "html", "busy"}


@pytest.fixture
def soak():
    turns = tuple(
        SoakTurn(
            t_s=10.0 * number, connection=1, first_byte_s=None if number == 7 else 0.8 + 0.02 * number,
            first_played_s=None, complete=True, underruns=1, gap_s=0.01, memory_mb=80.0 + number,
            clocks={"microphone": (10.0 * number, 480_500 * number), "speaker": (10.0 * number, 470_000 * number)},
            late_s=0.0,
        )
        for number in range(40)
    )  # fmt: skip
    connections = (
        SoakConnection(number=1, start_s=0.0, end_s=200.0, ended="goAway", resumed=True, away_s=0.2),
        SoakConnection(number=2, start_s=200.2, end_s=300.0, ended="1011 internal", resumed=False, away_s=1.2),
        SoakConnection(number=3, start_s=301.2, end_s=400.0, ended="client"),
    )
    return SoakResult(
        name="healthy", minutes=7, audio="wire", endpoint="emulator", turns=turns, connections=connections,
        rates_hz={"microphone": 48000, "speaker": 48000}, stopped="1011 internal",
    )  # fmt: skip


@pytest.fixture
def load():
    def step(sessions):
        good = LoadSession(first_byte_s=0.5 + 0.05 * sessions, failed=None, late_s=0.0)
        others = (
            LoadSession(first_byte_s=None, failed="1011 busy", late_s=0.0),
            LoadSession(first_byte_s=0.5, failed=None, late_s=0.2),
        )
        return LoadStep(sessions=sessions, results=(good,) * (sessions - 2) + others)

    return LoadResult(name="healthy", endpoint="emulator", steps=(step(3), step(20)))


def english(text):
    return set(re.findall(r"\b[A-Za-z]{4,}\b", text)) - NAMES


def test_the_text_of_a_long_session_is_korean_with_the_figures_of_the_english_one(soak, tmp_path):
    texts = {}
    for name in ("en", "ko"):
        with speaking(name):
            summary = soak_summary(soak)
            texts[name] = endurance_text(soak_lines(soak, summary), summary.problems, summary.not_shown, "x.html")
    assert not HANGUL.search(texts["en"])
    assert english(texts["ko"]) == set()
    figures = re.compile(r"\d+\.\d+")
    assert sorted(figures.findall(texts["ko"])) == sorted(figures.findall(texts["en"]))
    with speaking("ko"):
        page = write_soak(soak, soak_summary(soak), tmp_path).read_text(encoding="utf-8")
    body = re.sub(r"<[^>]*>", " ", page.split("<main>")[1].split("</main>")[0])
    assert english(body) <= {"Markdown", "JSON"}


def test_the_text_and_page_of_load_are_korean(load, tmp_path):
    with speaking("ko"):
        summary = load_summary(load)
        text = endurance_text(load_lines(summary), summary.problems, summary.not_shown, "x.html")
        page = write_load(load, summary, tmp_path).read_text(encoding="utf-8")
    assert english(text) == set()
    body = re.sub(r"<[^>]*>", " ", page.split("<main>")[1].split("</main>")[0])
    assert english(body) <= {"Markdown", "JSON"}
