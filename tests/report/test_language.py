"""Korean texts: complete, with the placeholders of the English ones, and none of it in English output."""

import ast
import html
import inspect
import json
import re
import string
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import make_catalogue
import pytest
from report_samples import slow_player_run, take

from diag.core.errors import ExitCode
from diag.core.messages import joined, msg
from diag.core.results import Measurements, NotShown, Report, RuleOutcome, Status
from diag.judge import rules
from diag.judge.registry import all_rules
from diag.measure.reasons import SILENT
from diag.measure.registry import all_metrics
from diag.report.build import build_report
from diag.report.language import LANGUAGES, language, ntr, speaking, tr
from diag.report.localised import TRANSLATED_SECTIONS, localised, rule_texts
from diag.report.manual import METRIC_HEADINGS, explain, metric_sections, overview
from diag.report.page import _environment
from diag.report.terminal import report_text
from diag.report.wrapping import columns, padded, to_the_right, wrapped

OTHERS = LANGUAGES[1:]
HANGUL = re.compile("[가-힣]")


@pytest.fixture(scope="module", params=OTHERS)
def catalogue(request):
    return make_catalogue.translated(request.param)


def placeholders(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_text_is_translated(catalogue):
    assert [message.id for message in catalogue if message.id and not any(message.string)] == []


def test_translations_have_the_placeholders_of_their_texts(catalogue):
    for message in catalogue:
        if not message.id or not re.search(r"{\w*}", str(message.id)):
            continue
        keys, values = (
            ((one,) if isinstance(one, str) else tuple(one)) for one in (message.id, message.string)
        )  # fmt: skip
        wanted = set().union(*map(placeholders, keys))
        assert [value for value in values if placeholders(value) != wanted] == [], message.id


@pytest.mark.parametrize("name", OTHERS)
def test_the_compiled_catalogue_is_that_of_the_texts(name):
    path = make_catalogue.po_path(name)
    assert path.with_suffix(".mo").read_bytes() == make_catalogue.compiled(make_catalogue.translated(name))


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_title_explanation_and_fix_of_every_finding_are_korean(rule):
    with speaking("ko"):
        texts = rule_texts(rule)
    assert [heading for heading in TRANSLATED_SECTIONS if not HANGUL.search(texts[heading])] == []
    assert "{" not in texts[""]


@pytest.mark.parametrize("name", sorted({metric.name for metric in all_metrics()}))
def test_every_description_of_a_measure_is_korean(name):
    english = [text for metric in all_metrics() if metric.name == name for text in metric_sections(metric).values()]
    with speaking("ko"):
        shown = " ".join(explain(name).split())
        assert [text for text in english if not HANGUL.search(tr(text)) or tr(text) not in shown] == []
        headings = [tr(heading) for heading in METRIC_HEADINGS.values()]
        assert [heading for heading in headings if heading not in shown or not HANGUL.search(heading)] == []
    assert not [text for text in english if text in shown]


def test_codes_names_and_figures_of_a_description_stay_in_korean():
    kept = re.compile(r"`[^`]*`|[A-Z]{3}\d{3}|\d+(?:\.\d+)?")
    with speaking("ko"):
        for metric in all_metrics():
            for text in metric_sections(metric).values():
                assert set(kept.findall(text)) <= set(kept.findall(tr(text))), text


def test_a_text_without_a_translation_stays_english():
    with speaking("ko"):
        assert tr("nothing that diag says") == "nothing that diag says"
        assert ntr("{n} apple", "{n} apples", 2) == "{n} apples"


def test_the_language_ends_with_its_block():
    with speaking("ko"):
        assert language() == "ko"
        assert tr("Findings") == "진단"
    assert language() == "en"
    assert tr("Findings") == "Findings"


def test_the_terminal_text_is_korean_with_the_figures_of_the_english_one():
    report = Report(runs=(slow_player_run(),))
    english = report_text(report, ExitCode.FAILED)
    with speaking("ko"):
        korean = report_text(report, ExitCode.FAILED)
    assert korean.splitlines()[0].startswith("▲ 준비되지 않음")
    assert "종료 코드 1" in korean
    assert "첫 소리가 들리기까지" in korean
    assert not HANGUL.search(english)
    codes = re.compile(r"\b[A-Z]{3}\d{3}\b")
    assert codes.findall(english) == codes.findall(korean)


@pytest.mark.parametrize("order", [LANGUAGES, LANGUAGES[::-1]])
def test_the_page_is_korean_and_its_document_english(tmp_path, order):
    _environment.cache_clear()
    report = Report(runs=(slow_player_run(),))
    takes = {report.runs[0].name: [take()]}
    pages = {}
    for name in order:
        with speaking(name):
            pages[name] = build_report(report, takes, tmp_path / f"{name}.html").read_text(encoding="utf-8")
    assert '<html lang="ko">' in pages["ko"]
    assert "플레이어에서 소리의 속도가 바뀝니다" in pages["ko"]
    assert not HANGUL.search(pages["en"])
    document = re.compile(r"data:application/gzip;base64,[A-Za-z0-9+/=]+")
    assert document.findall(pages["en"]) == document.findall(pages["ko"])


def test_texts_of_the_script_are_in_the_page(tmp_path):
    report = Report(runs=(slow_player_run(),))
    with speaking("ko"):
        page = build_report(report, {}, tmp_path / "ko.html").read_text(encoding="utf-8")
    given = json.loads(html.unescape(re.search(r'<body data-words="(.*?)">', page)[1]))
    assert given["Close all"] == "모두 접기"
    assert "<body>" in build_report(report, {}, tmp_path / "en.html").read_text(encoding="utf-8")
    script = files("diag.report").joinpath("templates/report.js").read_text(encoding="utf-8")
    for text in given:
        assert f'"{text}"' in script


def test_explain_is_korean():
    with speaking("ko"):
        assert "진단 내용" in explain("PLY001")
        for asked in ("dull", "hop"):
            prose = re.sub(r"`[^`]*`|[a-z]+ [\w./:-]+\.(?:wav|toml|json|html)[^\n]*", "", explain(asked))
            assert not SENTENCE.search(prose.partition(": ")[2] or prose), prose
        assert len(HANGUL.findall(overview())) > 1000


def test_korean_is_two_columns_wide():
    assert columns("abc") == 3
    assert columns("지연") == 4
    assert padded("지연", 6) == "지연  "
    assert to_the_right("지연", 6) == "  지연"
    assert all(columns(line) <= 40 for line in wrapped("소리의 속도가 " * 20, 40))


SENTENCE = re.compile(r"[A-Za-z]{2,} [a-z]{2,}")
RULE_FILES = sorted(Path(inspect.getfile(rules)).parent.glob("*.py"))


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.stem)
def test_titles_and_evidence_are_messages_that_can_be_translated(path):
    """A plain string would stay English in a Korean report."""
    plain = []
    for call in (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        given = {"raised": call.args[:1], "evidence_of": call.args[1:2]}.get(name, [])
        if name in {"raised", "Evidence"}:
            given = [*given, *(keyword.value for keyword in call.keywords if keyword.arg in TRANSLATED_ARGUMENTS)]
        plain += [text for value in given for text in texts_of(value) if SENTENCE.search(text)]
    assert plain == []


REASONS = {
    "Missing": (1, "text"),
    "NotShown": (None, "reason"),
    "not_checked": (0, "reason"),
    "does_not_apply": (0, "reason"),
    "clear": (0, "reason"),
    "too_short": (0, "text"),
}
"""Functions that take a reason in words, with its position and its name."""
REASON_FILES = [
    path for name in ("api", "dsp", "judge", "measure") for path in sorted(Path(f"diag/{name}").rglob("*.py"))
]


def test_reasons_are_messages_that_can_be_translated():
    """A plain string would stay English in a Korean report."""
    plain, seen = [], 0
    for path in REASON_FILES:
        for call in (n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)):
            position, name = REASONS.get(call.func.id if isinstance(call.func, ast.Name) else "", (None, ""))
            given = [item.value for item in call.keywords if item.arg == name]
            given += call.args[position : position + 1] if position is not None else []
            seen += len(given)
            plain += [f"{path}: {text}" for value in given for text in texts_of(value) if SENTENCE.search(text)]
    assert plain == []
    assert seen > 150


def test_reasons_in_a_report_are_korean():
    sample = slow_player_run()
    first = sample.takes[0]
    reason = msg("{metric}: {reason}", metric="rate_ratio", reason=msg("the input is silent"))
    judged = replace(
        first,
        discarded=joined([msg("no turn took place"), msg("no session was opened")]),
        outcomes=(RuleOutcome(code="PLY001", name="rate", status=Status.NOT_CHECKED, reason=reason),),
        not_shown=(NotShown(what=msg("the reply"), reason=msg("no audible reply came")),),
        measurements=Measurements((replace(first.measurements.items[0], value=None, missing=SILENT),)),
    )
    run = replace(sample, takes=(judged,), outcomes=judged.outcomes)
    with speaking("ko"):
        korean = localised(Report(runs=(run,))).runs[0]
    (shown,) = korean.takes
    assert shown.discarded == "진행된 턴이 없습니다; 세션이 열리지 않았습니다"
    assert shown.outcomes[0].reason == korean.outcomes[0].reason == "rate_ratio: 입력이 무음입니다"
    assert (shown.not_shown[0].what, shown.not_shown[0].reason) == ("응답", "들을 수 있는 응답이 오지 않았습니다")
    assert next(iter(shown.measurements)).reason == "클립이 무음입니다"
    # Programs read the same words everywhere.
    assert judged.to_json()["discarded"] == "no turn took place; no session was opened"


TRANSLATED_ARGUMENTS = {"text", "likely_cause", "fix"}


def texts_of(value):
    """Return the literal texts of an expression that are no arguments of a call."""
    if isinstance(value, ast.IfExp):
        return [*texts_of(value.body), *texts_of(value.orelse)]
    if isinstance(value, ast.BinOp):
        return [*texts_of(value.left), *texts_of(value.right)]
    if isinstance(value, ast.JoinedStr):
        return [text for part in value.values for text in texts_of(part)]
    return [value.value] if isinstance(value, ast.Constant) and isinstance(value.value, str) else []


def test_a_plain_title_is_seen():
    assert texts_of(ast.parse('f"The page is {what}" + (" and so on" if more else "")', mode="eval").body) == [
        "The page is ", " and so on", "",
    ]  # fmt: skip
