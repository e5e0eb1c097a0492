"""The text of the terminal, word for word."""

from textwrap import dedent

from hypothesis import given
from hypothesis import strategies as st

from diag.core.errors import ExitCode
from diag.core.results import NotShown, RuleOutcome, RunNotShown, Status
from diag.judge.gate import exit_code
from diag.report.terminal import coloured, report_text
from diag.report.wrapping import wrapped


def told(report, code=ExitCode.FAILED, width=80):
    return report_text(report, code, width=width)


def test_healthy_run(make):
    text = told(make.report(make.run(), report="reports/healthy.html"), ExitCode.GOOD)
    assert text == dedent(
        """\
        ● READY  No fault found in 3 of 3 takes; every hop was compared with its input.

        healthy: Everything in order
          3 takes counted, 0 discarded
          First byte received    median 0.91 s (0.84 s to 1.23 s, n 3)
          ○ first audio heard not measured: the loopback was not calibrated
          of which               capture 21 ms + service 810 ms
          Speed                  player hop 0.667
          ● 1 check clear
          ○ not checked SPK001: no ear was open

        report reports/healthy.html
        exit code 0"""
    )


def test_faulty_run_names_finding_fix_consequence_and_discards(make):
    follows = make.finding("SVC002", name="no-reply", consequence_of="PLY001")
    text = told(make.report(make.run("playback_16k", make.finding(), follows, discarded=1)))
    assert text.startswith("▲ NOT READY  24000 Hz audio is played as 16000 Hz. Found in 3 of 3 takes.\n")
    shown = """
  3 takes counted, 1 discarded
    take 0004 discarded: our loop was 40 ms late
  ▲ error PLY001 playback-rate-mismatch
    24000 Hz audio is played as 16000 Hz
    found     in 3 of 3 takes, player hop (the client)
    evidence  speed 0.667 between received and played
    cause     the player opened its stream at 16000 Hz
    fix       set playback.sample_rate_hz = 24000, or playback.resample = true
    leads to  SVC002 no-reply (in 3 of 3 takes)
"""
    assert shown in text


def test_discarded_takes_are_all_counted_and_three_are_told(make):
    text = told(make.report(make.run("a", discarded=5)))
    assert "  3 takes counted, 5 discarded\n" in text
    assert text.count("discarded: our loop was 40 ms late") == 3
    assert "    2 more; the report lists them all\n" in text


def test_consequence_without_its_root_is_not_lost(make):
    text = told(make.report(make.run("a", make.finding("SVC002", name="no-reply", consequence_of="CFG001"))))
    assert "▲ error SVC002 no-reply" in text


def test_comparison_shows_settings_changes_and_what_is_too_thin(make):
    text = told(make.report(make.run(), make.run("b"), comparisons=(make.comparison(),)), width=100)
    assert text.startswith("▲ WORSE  playback_16k plays 24000 Hz audio as 16000 Hz.\n")
    assert "  playback.sample_rate_hz: 24000 -> 16000\n" in text
    assert '  session.response_modalities: ["AUDIO"] -> (not set)\n' in text
    assert (
        "  ▲ worse  Speed (player hop)  1 -> 0.667, change −0.333 (95 % interval: −0.334 to −0.332), 5 pairs\n" in text
    )
    assert "  ○ not decided, because fewer than 5 pairs of takes have a value: first byte received\n" in text
    assert "  ○ not measured: clock drift\n" in text
    assert "  ● 1 measure with no clear difference\n" in text


def test_bench_shows_what_was_expected_only_where_it_failed(make):
    bench = make.bench(
        {"scenario": "healthy", "takes": 5, "asked": 5},
        {"scenario": "dull", "takes": 5, "asked": 5, "discarded": 1, "expected": ("PLY002",), "found": ("PLY001",),
         "consequences": ("SVC002",), "counts": {"PLY001": (4, 5)}, "as_expected": False},
    )  # fmt: skip
    dull = make.run("dull")
    heard = make.replace(dull.summary[1], n=3, median=1.02, low=1.0, high=1.1)
    text = told(make.report(make.run(), make.replace(dull, summary=(heard,)), bench=bench))
    assert text.startswith("▲ NOT AS EXPECTED  1 of 2 scenarios")
    table = """
            scenario               found          heard after  takes
  ● passed  healthy                nothing        -            5
  ▲ failed  dull                   PLY001         1.02 s       5 (1 discarded)
    expected  PLY002
    found     PLY001 in 4 of 5
    allowed   SVC002
    look at   `diag run dull`
"""
    assert table in text


def test_a_scenario_with_too_few_takes_is_neither_good_nor_wrong(make):
    bench = make.bench({"scenario": "healthy", "takes": 3, "asked": 5, "discarded": 4, "folder": "reports/runs/x"})
    report = make.report(make.run(takes=3, discarded=4), bench=bench)
    text = told(report, exit_code(report))
    assert text.startswith("○ TOO FEW TAKES  0 of 1 scenarios show the expected findings")
    assert "  ○ too few healthy " in text
    assert "3 of 5 (4 discarded)" in text
    assert (
        "too few 3 of 5 takes were counted; `diag verify --self --resume reports/runs/x` records the rest"
        in " ".join(text.split())
    )
    assert text.endswith("exit code 4")


def test_headline_never_reads_ready_without_evidence(make):
    nothing = make.report(make.run(takes=0, discarded=2))
    assert told(nothing, exit_code(nothing)).startswith("○ NOTHING MEASURED  ")
    missing = RunNotShown(item=NotShown(code="SPK001", what="x", reason="no ear"), take_ids=("0001",), counted=3)
    unsure = make.report(make.replace(make.run(), not_shown=(missing,)))
    text = told(unsure, exit_code(unsure))
    assert text.startswith("○ NOT SHOWN  No fault found in 3 of 3 takes, but not everything was shown to be")
    assert "to be right: SPK001 (no ear)." in " ".join(text.split())
    assert text.endswith("exit code 4")
    assert "READY" not in told(nothing) + text


def test_colour_adds_nothing_but_escapes(make):
    import re

    text = told(make.report(make.run("a", make.finding())))
    painted = coloured(text)
    assert painted != text
    assert re.sub("\x1b\\[[0-9;]*m", "", painted) == text


def outcomes(*reasons, status=Status.NOT_CHECKED):
    return tuple(
        RuleOutcome(code=f"XXX{number:03}", name="x", status=status, reason=reason)
        for number, reason in enumerate(reasons)
    )


def checks_told(make, *made):
    run = make.run()
    take = make.replace(run.takes[0], outcomes=made)
    return told(make.report(make.replace(run, takes=(take,))), ExitCode.GOOD, width=100)


def test_checks_that_lack_the_same_thing_are_told_together(make):
    text = checks_told(make, *outcomes("rate_ratio: nothing came", "dullness_db: nothing came", "no ear"))
    assert "  ○ not checked XXX000, XXX001: nothing came\n  ○ not checked XXX002: no ear\n" in text


def test_three_codes_in_a_row_are_written_as_a_range(make):
    text = checks_told(make, *outcomes("no page", "no page", "no page", "no ear", "no page"))
    assert "  ○ not checked XXX000 to XXX002, XXX004: no page\n" in text


def test_many_reasons_are_counted(make):
    text = checks_told(make, *outcomes(*(f"reason {number}" for number in range(9))))
    assert text.count("○ not checked") == 5
    assert "  ○ 4 more checks not made; the report lists them all\n" in text


def test_a_check_of_ours_that_broke_is_told_first(make):
    broken = RuleOutcome(code="PLY001", name="x", status=Status.CRASHED, reason="ZeroDivisionError")
    text = checks_told(make, *outcomes("a", "a"), broken)
    assert text.index("○ crashed PLY001") < text.index("○ not checked")


@given(st.lists(st.text(alphabet="abc한é", min_size=1, max_size=30), max_size=30), st.integers(40, 120))
def test_wrapping_loses_no_word_and_keeps_to_the_width(words, width):
    lines = wrapped("  " + " ".join(words), width)
    assert " ".join(lines).split() == words
    assert all(len(line) <= width for line in lines)


def test_whole_report_fits_eighty_columns(make):
    report = make.report(make.run(), make.run("b", make.finding()), comparisons=(make.comparison(),))
    assert all(len(line) <= 80 for line in told(report).splitlines())
