"""A release decision for other programs: JUnit XML for CI systems, Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

from diag.core.release import Product, Reason, Release, Weight
from diag.core.results import Report
from diag.report.sentences import verdict_line

MOST_REASONS = 40
"""Reasons in a Markdown page; it stays below 60 lines."""
_MARKS = {Weight.BLOCKS: "❌", Weight.UNDECIDED: "❔", Weight.WARNS: "⚠️", Weight.NOTE: "·"}


def junit_of(report: Report) -> bytes:
    """Return a JUnit XML document: one suite per product, one case per reason that blocks, warns or is undecided.

    A reason that blocks is a failure, one that is undecided an error. A product without either has one passed case.
    """
    root = ElementTree.Element("testsuites", name="diag bench")
    release = report.release
    for product in release.products if release is not None else ():
        _suite(root, product)
    if release is not None and release.self_check is not None:
        suite = ElementTree.SubElement(root, "testsuite", name="self-check of diag")
        case = ElementTree.SubElement(suite, "testcase", classname="diag", name=release.self_check.sentence)
        if not release.self_check.passed:
            ElementTree.SubElement(case, "error", message=release.self_check.sentence)
        _count(suite)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def _suite(root: ElementTree.Element, product: Product) -> None:
    suite = ElementTree.SubElement(root, "testsuite", name=product.name)
    for reason in product.reasons:
        if reason.weight is Weight.NOTE:
            continue
        case = ElementTree.SubElement(suite, "testcase", classname=product.name, name=_case(reason))
        kind = {Weight.BLOCKS: "failure", Weight.UNDECIDED: "error"}.get(reason.weight)
        if kind is None:
            ElementTree.SubElement(case, "system-out").text = reason.text
        else:
            problem = ElementTree.SubElement(case, kind, message=reason.text)
            problem.text = f"{reason.text} Fix: {reason.fix}" if reason.fix else reason.text
    if not len(suite):
        ElementTree.SubElement(suite, "testcase", classname=product.name, name=product.decision.words)
    _count(suite)


def _case(reason: Reason) -> str:
    return reason.code or reason.metric or reason.text.partition(":")[0]


def _count(suite: ElementTree.Element) -> None:
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("errors", str(len(suite.findall("testcase/error"))))


def markdown_of(report: Report) -> str:
    """Return the decision as Markdown of at most 60 lines: verdict, table of products, reasons."""
    verdict = verdict_line(report)
    lines = [f"## {verdict.word}", "", verdict.sentence]
    lines += [f"**Fix:** {verdict.next_step}"] if verdict.next_step else []
    release = report.release
    if release is not None:
        lines += ["", "| product | decision | takes | held against |", "|---|---|---|---|"]
        for product in release.products:
            held = product.earlier.what if product.earlier else "nothing"
            lines.append(f"| {product.name} | {product.decision.words} | {product.takes} | {held} |")
        reasons = list(_reasons(release))
        lines += ["", *reasons[:MOST_REASONS]]
        lines += [f"- and {len(reasons) - MOST_REASONS} more"] if len(reasons) > MOST_REASONS else []
        if release.self_check is not None:
            lines += ["", f"Self-check of diag: {release.self_check.sentence}."]
    lines += ["", f"Report: `{report.report}`"] if report.report else []
    return "\n".join(lines) + "\n"


def _reasons(release: Release) -> Iterator[str]:
    for product in release.products:
        for reason in product.reasons:
            fix = f" Fix: {reason.fix}." if reason.fix else ""
            yield f"- {_MARKS[reason.weight]} **{product.name}**: {reason.text}{fix}"
