"""Findings in another language: each text by itself, with its figures, and never the fix of another fault."""

import ast
import dataclasses
import re
from pathlib import Path

import pytest
from report_samples import finding, slow_player_run

import diag.judge.rules
from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.release import Earlier, Limit, Release
from diag.core.results import Evidence, Report
from diag.judge.registry import all_rules
from diag.judge.release import judge_product
from diag.report.language import speaking
from diag.report.localised import in_words, localised, localised_finding

HANGUL = re.compile("[가-힣]")
RULES = {rule.code: rule for rule in all_rules()}


def korean(found):
    with speaking("ko"):
        return localised_finding(found)


def test_a_rule_with_several_fixes_shows_the_one_of_the_finding():
    """Under PLY001, samples that are lost all along have another fix than a wrong rate."""
    keep = msg("keep the state of the resampler from chunk to chunk, and join chunks without dropping samples")
    lost = korean(dataclasses.replace(finding("PLY001"), fix=keep))
    rate = korean(dataclasses.replace(finding("PLY001"), fix=RULES["PLY001"].on.fix))
    assert "리샘플러의 상태" in lost.fix
    assert "출력 스트림" in rate.fix
    assert lost.fix != rate.fix


def test_figures_stay_in_title_evidence_and_cause():
    rates = {"declared_hz": 24000, "stream_hz": 16000}
    sound = msg("{times:.3g} times as long and {interval} semitones deeper", times=1.5, interval=7)
    given = dataclasses.replace(
        finding("PLY001"),
        title=msg("{declared_hz} Hz audio was played as {played_hz} Hz: {sound}", declared_hz=24000, played_hz=16000,
                  sound=sound),
        evidence=(Evidence(text=msg("received as {declared_hz} Hz, played by a stream of {stream_hz} Hz", **rates)),),
        likely_cause=msg(
            "the output stream runs at {stream_hz} Hz and gets {declared_hz} Hz audio unchanged", **rates
        ),
    )  # fmt: skip
    shown = korean(given)
    assert shown.title == "24000 Hz 오디오가 16000 Hz로 재생되어 1.5배 길고 7 반음 낮게 들립니다"
    for text in (shown.evidence[0].text, shown.likely_cause):
        assert HANGUL.search(text)
        assert "24000" in text
        assert "16000" in text


def test_a_text_without_a_translation_is_english_and_the_title_that_of_the_rule():
    shown = korean(dataclasses.replace(finding("CFG001", hop=None), fix="do what the plugin says"))
    assert shown.fix == "do what the plugin says"
    assert shown.title == "setup에서 오디오를 요청하지 않았고, 오디오가 오지 않았습니다."


def test_the_causes_of_a_hop_are_korean():
    for rule in RULES.values():
        if rule.on is not None and rule.hop is Hop.SENDER:
            shown = korean(dataclasses.replace(finding(rule.code), likely_cause=rule.on.causes[0]))
            assert HANGUL.search(shown.likely_cause), rule.code


def test_a_sentence_of_parts_alone_is_made_of_translated_parts():
    with speaking("ko"):
        assert in_words(msg("{name}: {title} [{code}].", name=msg("{name} (channel {n})", name="a.wav", n=2), title="x",
                            code="PLY001")) == "a.wav(채널 2): x [PLY001]."  # fmt: skip


def test_english_findings_stay_as_they_are():
    assert localised_finding(finding()) == finding()


def _plain(node):
    """Yield string literals that an expression may give, without those inside calls."""
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        yield node
    elif isinstance(node, ast.IfExp):
        yield from (*_plain(node.body), *_plain(node.orelse))
    elif isinstance(node, ast.BoolOp):
        yield from (leaf for value in node.values for leaf in _plain(value))
    elif isinstance(node, ast.BinOp):
        yield from (*_plain(node.left), *_plain(node.right))


@pytest.mark.parametrize(
    "path", sorted(Path(diag.judge.rules.__file__).parent.glob("*.py")), ids=lambda path: path.stem
)
def test_every_fix_and_cause_of_a_rule_is_a_message(path):
    """A literal would be shown in English, because only messages reach the catalogue."""
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    given = [
        (word.arg, leaf.lineno)
        for call in calls
        if getattr(call.func, "id", "") in ("raised", "raised_at", "beyond")
        for word in call.keywords
        if word.arg in ("fix", "likely_cause", "cause")
        for leaf in _plain(word.value)
        if not (isinstance(leaf, ast.Constant) and not leaf.value)
    ]
    assert given == []


def english_words(text):
    """Return the words of a Korean text that are English, without names, units and code in backticks."""
    return re.findall(r"(?<![`\w.-])[a-z]{4,}(?![\w.-]*`)", re.sub(r"`[^`]*`", "", text))


def test_reasons_of_a_release_are_korean_with_their_figures():
    limits = (Limit(metric="first_audio_heard_s", at_most=0.001), Limit(metric="rate_ratio", rise_at_most=0.1))
    earlier = Earlier(what=msg("the baseline of {day}", day="2026-11-01"), takes=3, refused=(("device", "a", "b"),))
    product, _ = judge_product(slow_player_run(), asked=5, earlier=earlier, limits=limits)
    release = Release(products=(product,))
    with speaking("ko"):
        (shown,) = localised(Report(runs=(slow_player_run(),), release=release)).release.products
    assert shown.earlier.what == "2026-11-01 기준선"
    texts = [reason.text for reason in shown.reasons]
    assert [text for text in texts if not HANGUL.search(text)] == []
    assert any("테이크 5개 중 3개" in text for text in texts)
    assert [english_words(reason.fix) for reason in shown.reasons if reason.fix and not reason.code] == [[], [], []]
