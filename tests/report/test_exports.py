"""Exports of a report: each format is read back by a reader of its own, and says no more than the report."""

import csv
import importlib.util
import io
import itertools
import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from builders import Story, build
from prometheus_client.parser import text_string_to_metric_families
from report_samples import comparison, run_result

from diag.core.errors import BadInputError, ExitCode
from diag.core.release import Decision, Product, Reason, Release, Weight
from diag.core.results import Change, Report
from diag.judge.engine import judge_run, judge_take
from diag.judge.gate import exit_code
from diag.report.exports import format_named, format_names, write_export
from diag.report.sentences import verdict_of

SLOW = Story(service_delay_s=6.0, reply_s=1.0)


@pytest.fixture(scope="module")
def takes():
    return [build(Story(take_id="0001")), build(replace(SLOW, take_id="0002"))]


@pytest.fixture(scope="module")
def report(takes):
    judged = [judge_take(take) for take in takes]
    made = judge_run("my app | <b>", "", judged, takes[0].config, {"endpoint": "emulator"}, folder="runs/a")
    return Report(runs=(made,), verdict=verdict_of(Report(runs=(made,))))


@pytest.fixture
def export(report, takes, tmp_path):
    def made(name, of=None, **given):
        given = {"takes": {"runs/a": takes}, "link": "release 1.html", **given}
        return write_export(name, of or report, tmp_path / "out" / "release.1", **given).read_bytes()

    return made


def test_a_format_is_found_by_the_name_of_its_file(tmp_path, report):
    assert {"junit", "markdown", "csv", "parquet", "perfetto", "prometheus"} <= set(format_names())
    without_pyarrow = importlib.util.find_spec("pyarrow") is None
    for name in format_names():
        if name == "parquet" and without_pyarrow:
            with pytest.raises(BadInputError, match="pyarrow is not installed"):
                format_named(name)
            continue
        chosen = format_named(name)
        assert chosen.suffix.startswith(".")
        assert chosen.summary
    with pytest.raises(BadInputError, match=r"no such format.*junit"):
        write_export("word", report, tmp_path / "a", takes={}, link="")


# --- JUnit XML


def test_junit_counts_are_those_of_its_cases_and_the_verdict_follows_the_exit_code(export, report):
    root = ET.fromstring(export("junit"))
    for suite in root:
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(attribute)) == len(suite.findall(f"testcase/{tag}"))
        assert int(suite.get("tests")) == len(suite.findall("testcase"))
        assert len({case.get("name") for case in suite}) == len(suite), "names are unique, or CI systems merge them"
    assert int(root.get("tests")) == len(root.findall("testsuite/testcase"))
    assert exit_code(report) is not ExitCode.GOOD
    assert root.find("testsuite/testcase[@name='verdict']")[0].tag in ("failure", "error")


def test_junit_fails_for_findings_from_the_severity_that_fails(export, report):
    severities = {item.finding.code: item.finding.severity.value for item in report.runs[0].findings}
    assert {"error", "warning"} & set(severities.values())

    def failed(fail_on):
        root = ET.fromstring(export("junit", fail_on=fail_on))
        return {case.get("name").split()[0] for case in root[1] if case.find("failure") is not None}

    assert failed("error") == {code for code, severity in severities.items() if severity == "error"}
    assert failed("warning") == {code for code, severity in severities.items() if severity in ("error", "warning")}


def test_junit_shows_checks_that_were_not_made_as_skipped(export, report):
    root = ET.fromstring(export("junit"))
    skipped = {case.get("name").split()[0] for case in root[1] if case.find("skipped") is not None}
    assert skipped == {item.code for item in report.runs[0].outcomes if item.status == "not_checked"}


def test_junit_of_a_regression_fails_the_measure(export):
    worse = Report(runs=(run_result(), run_result()), comparisons=(comparison(),))
    root = ET.fromstring(export("junit", worse))
    failed = root[-1].findall("testcase/failure")
    assert len(failed) == sum(item.verdict is Change.WORSE for item in worse.comparisons[0].comparisons) > 0


def test_characters_that_xml_forbids_are_replaced(export, report):
    odd = replace(report, runs=(replace(report.runs[0], name="a\x00\x1b[1m"),))
    assert "a??[1m" in ET.fromstring(export("junit", odd))[1].get("name")


# --- Markdown


def test_markdown_is_short_and_has_the_verdict_a_table_and_the_link(export, report):
    text = export("markdown").decode()
    assert text.startswith(f"## {report.verdict.state.shape} {report.verdict.word}\n")
    assert "[Report](release%201.html)" in text
    assert r"my app \| &lt;b>" in text
    assert "<b>" not in text


def test_markdown_of_any_report_has_at_most_60_lines_and_says_what_it_left_out(export, release):
    many = Report(runs=(run_result(),) * 50, comparisons=(comparison(),) * 3, release=release.release)
    lines = export("markdown", many).decode().splitlines()
    assert len(lines) <= 60
    assert any(line.endswith("more in the report.") for line in lines)


# --- tables


def test_csv_has_a_row_per_measurement(export, report):
    rows = list(csv.DictReader(io.StringIO(export("csv").decode())))
    values = [item for take in report.runs[0].takes for item in take.measurements]
    assert len(rows) == len(values)
    for row, item in zip(rows, values, strict=True):
        assert row["metric"] == item.metric
        if isinstance(item.value, float):
            assert float(row["value"]) == item.value
        assert (row["reason"] != "") == (item.reason is not None)


def test_parquet_has_the_same_rows(export, report):
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(io.BytesIO(export("parquet")))
    values = [item for take in report.runs[0].takes for item in take.measurements]
    assert table.column("metric").to_pylist() == [item.metric for item in values]
    bands = [list(item.value) if isinstance(item.value, tuple) else None for item in values]
    assert table.column("values").to_pylist() == bands


# --- Prometheus


def test_prometheus_reads_the_medians(export, report):
    families = {family.name: family for family in text_string_to_metric_families(export("prometheus").decode())}
    heard = next(row for row in report.runs[0].summary if row.metric == "ttfa_heard_s" and row.turn is None)
    samples = {sample.labels["statistic"]: sample for sample in families["diag_ttfa_heard_seconds"].samples}
    assert samples["median"].value == heard.median
    assert samples["median"].labels["run"] == "my app | <b>"
    assert "p95" not in samples, "there is none below 20 takes"
    assert families["diag_exit_code"].samples[0].value == int(exit_code(report))
    assert all(family.type == "gauge" for family in families.values())


def test_every_sample_of_prometheus_is_told_apart_by_its_labels(export):
    text = export("prometheus").decode()
    series = [line.rsplit(" ", 1)[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(series) == len(set(series))


# --- Perfetto


def test_a_trace_has_a_process_per_take_and_slices_that_nest(export, takes):
    events = json.loads(export("perfetto"))["traceEvents"]
    names = [event["args"]["name"] for event in events if event["name"] == "process_name"]
    assert names == ["my app | <b> 0001", "my app | <b> 0002"]
    tracks = {}
    for event in events:
        if event["ph"] == "X":
            tracks.setdefault((event["pid"], event["tid"]), []).append((event["ts"], event["ts"] + event["dur"]))
    for spans in tracks.values():
        spans.sort()
        assert all(later[0] >= earlier[1] - 1 for earlier, later in itertools.pairwise(spans))
    told = {(event["pid"], event["name"]) for event in events if event["ph"] == "i"}
    assert told == {
        (pid, event.name) for pid, take in enumerate(takes, 1) for event in take.timeline if event.name != "stamps"
    }


def test_the_stages_of_a_trace_end_when_the_reply_is_heard(export, report, takes):
    events = json.loads(export("perfetto"))["traceEvents"]
    end_us = max(
        event["ts"] + event["dur"] for event in events if event.get("cat") == "stages of the wait" and event["pid"] == 1
    )
    heard_s = report.runs[0].takes[0].measurements.value("ttfa_heard_s")
    assert end_us / 1e6 == pytest.approx(takes[0].turns[0].speech_end_s + heard_s, abs=0.02)


# --- a release


@pytest.fixture
def release(report):
    blocks = Reason(
        weight=Weight.BLOCKS, text="First audio heard is 100 ms later", fix="shorten it", metric="ttfa_heard_s"
    )
    warns = Reason(weight=Weight.WARNS, text="The reply is dull", code="PLY002")
    product = Product(
        name="app",
        title="",
        decision=Decision.DO_NOT_SHIP,
        reasons=(blocks, warns),
        takes=20,
        asked=20,
        folder="runs/a",
    )
    return replace(report, release=Release(products=(product,)))


def test_the_reasons_of_a_release_are_in_junit_and_markdown(export, release):
    root = ET.fromstring(export("junit", release))
    suite = next(suite for suite in root if suite.get("name") == "diag.release.app")
    shown = {case.get("name"): case[0].tag for case in suite}
    assert shown == {"decision": "failure", "1 ttfa_heard_s": "failure", "2 PLY002": "system-out"}
    text = export("markdown", release).decode()
    assert "| DO NOT SHIP | app | blocks | First audio heard is 100 ms later | shorten it |" in text
    assert len(text.splitlines()) <= 60
