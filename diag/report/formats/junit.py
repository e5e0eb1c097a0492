"""JUnit XML, which CI systems show as test results."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

from diag.core.errors import ExitCode
from diag.core.release import Decision, Product, Weight
from diag.core.results import BenchRow, Change, Report, RunComparison, RunFinding, RunResult, Status
from diag.judge.gate import exit_code, least_rank
from diag.report.exports import export_format
from diag.report.sentences import figure, label, place, signed, times_found, verdict_line

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow, section 2.2."""

_TAGS = {Weight.BLOCKS: "failure", Weight.UNDECIDED: "error"}


@export_format(suffix=".junit.xml", summary="test results for CI systems")
def junit(report: Report, link: str, fail_on: str) -> bytes:
    """Return one suite for the verdict, one per run, and one per comparison.

    A suite of a run has one case per check: it fails if a finding at or above `fail_on` was raised, and is skipped if
    the check was not made. The case "verdict" is passed only if the exit code of the command is 0, so a release that
    was not measured, or shown to be good, is never green.
    """
    root = ET.Element("testsuites", name="diag")
    suites = [_suite("diag", [_verdict(report, link, fail_on)])]
    products = report.release.products if report.release is not None else ()
    suites += [_suite(f"diag.release.{product.name}", list(_reasons(product))) for product in products]
    planted = report.bench.rows if report.bench is not None else ()
    places = {row.folder for row in planted}
    suites += [_suite("diag.self-check", [_row(row) for row in planted])] if planted else []
    suites += [
        _suite(f"diag.{run.name}", list(_checks(run, fail_on))) for run in report.runs if run.folder not in places
    ]
    suites += [_suite(f"diag.{item.a} to {item.b}", list(_compared(item))) for item in report.comparisons]
    root.extend(suites)
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _suite(name: str, cases: list[ET.Element]) -> ET.Element:
    suite = ET.Element("testsuite", name=_text(name), tests=str(len(cases)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    for case in cases:
        case.set("classname", _text(name))
    suite.extend(cases)
    return suite


def _case(name: str, tag: str = "", message: str = "", text: str = "") -> ET.Element:
    case = ET.Element("testcase", name=_text(name))
    if tag == "system-out":
        ET.SubElement(case, tag).text = _text(text or message)
    elif tag:
        ET.SubElement(case, tag, message=_text(message)).text = _text(text)
    return case


def _verdict(report: Report, link: str, fail_on: str) -> ET.Element:
    verdict, code = verdict_line(report), exit_code(report, fail_on)
    text = f"{verdict.text}\n{verdict.next_step}\nreport: {link}"
    tag = {ExitCode.GOOD: "system-out", ExitCode.FAILED: "failure"}.get(code, "error")
    return _case("verdict", tag, verdict.text, text)


def _reasons(product: Product) -> Iterator[ET.Element]:
    if product.decision is Decision.SHIP:
        yield _case("decision", "system-out", product.decision.words)
    else:
        tag = "failure" if product.decision is Decision.DO_NOT_SHIP else "error"
        yield _case("decision", tag, product.decision.words)
    for number, reason in enumerate(product.reasons, 1):
        name = f"{number} {reason.code or reason.metric or 'evidence'}"
        yield _case(name, _TAGS.get(reason.weight, "system-out"), reason.text, f"{reason.text}\n{reason.fix}")


def _row(row: BenchRow) -> ET.Element:
    if row.passed:
        return _case(row.scenario)
    found, expected = (", ".join(codes) or "no finding" for codes in (row.found, row.expected))
    if row.too_short:
        return _case(row.scenario, "error", f"{row.takes} of {row.asked} takes count")
    return _case(row.scenario, "failure", f"{found} instead of {expected}")


def _checks(run: RunResult, fail_on: str) -> Iterator[ET.Element]:
    if not run.counted:
        yield _case("takes", "error", f"none of {len(run.takes)} takes counts")
    findings = {item.finding.code: item for item in run.findings}
    for outcome in run.outcomes:
        name = f"{outcome.code} {outcome.name}"
        found = findings.pop(outcome.code, None)
        if found is not None:
            yield _finding(name, found, fail_on)
        elif outcome.status is Status.CRASHED:
            yield _case(name, "error", outcome.reason or "the check itself failed")
        elif outcome.status is Status.NOT_CHECKED:
            yield _case(name, "skipped", outcome.reason or "not checked")
        else:
            yield _case(name)
    for found in findings.values():
        yield _finding(f"{found.finding.code} {found.finding.name}", found, fail_on)


def _finding(name: str, found: RunFinding, fail_on: str) -> ET.Element:
    finding = found.finding
    evidence = "\n".join(item.text for item in finding.evidence)
    text = f"{finding.title}\n{times_found(found)}\n{evidence}\ncause: {finding.likely_cause}\nfix: {finding.fix}"
    fails = finding.severity.rank >= least_rank(fail_on)
    return _case(name, "failure" if fails else "system-out", finding.title, text)


def _compared(comparison: RunComparison) -> Iterator[ET.Element]:
    for item in comparison.comparisons:
        where = place(item.segment, item.tap)
        name = label(item.metric) + (f", {where}" if where else "")
        words = f"{figure(item.a, item.unit)} to {figure(item.b, item.unit)}, {signed(item.difference, item.unit)}"
        if item.verdict is Change.WORSE:
            yield _case(name, "failure", words)
        elif item.verdict is Change.TOO_FEW:
            yield _case(name, "skipped", item.reason or "too few takes to tell")
        else:
            yield _case(name, "system-out", words)


def _text(text: str) -> str:
    return _NOT_XML.sub("?", text)
