"""Texts of servers, files and apps on the screen and in the page: nothing that a terminal or a browser obeys."""

import random

import pytest
from builders import Story, build, client

from diag.core.results import Report
from diag.core.timeline import EventName
from diag.judge.engine import judge_run, judge_take
from diag.judge.gate import exit_code
from diag.report.build import build_report
from diag.report.terminal import report_text

UNSAFE = [
    *map(chr, (*range(32), *range(0x7F, 0xA0))),
    *"\u061c\u200b\u200e\u200f\u2028\u2029\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\U000e0041",
]
PIECES = [*UNSAFE, "\x1b]0;title\x07", "\x1b[31m", "\x1b[2J", "\x9b31m", "\r● READY", "\n● READY  all good",
          "<script>alert(1)</script>", "<img src=//127.0.0.1:9/x>", "`", "a" * 400, "한국어"]  # fmt: skip


def hostile(seed):
    generator = random.Random(seed)
    return "x".join(generator.choices(PIECES, k=12))


@pytest.mark.parametrize("seed", range(0, 100, 10))
def test_no_hostile_text_reaches_the_terminal_or_the_page_as_it_is(tmp_path, seed):
    """Ten reports, each with ten hostile texts in titles, reasons, names and transcripts."""
    texts = iter([hostile(number) for number in range(seed, seed + 10)])
    config = client(session={"response_modalities": ["AUDIO"], "system_instruction": next(texts), "voice": next(texts)})
    take = build(Story(config=config, prompt_s=0.6, reply_s=None, refused=(1008, next(texts)), prompt_name=next(texts)))
    assert take.timeline.first(EventName.SESSION_REFUSED) is not None
    judged = judge_take(take)
    run = judge_run("hostile", next(texts), [judged], config, {"audio": next(texts), "platform": next(texts)})
    report = Report(runs=(run,))
    text = report_text(report, exit_code(report, "error"))
    page = build_report(report, {"hostile": [take]}, tmp_path / "report.html", embed="none").read_text()
    assert not set(text) & (set(UNSAFE) - {"\n"})
    assert not set(page) & (set(UNSAFE) - set("\n\t"))
    assert "<script>alert" not in page
    assert "<img src=//" not in page
    assert not any(line.startswith("● READY") for line in text.splitlines())
