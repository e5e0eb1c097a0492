"""Every fault gives its root findings and no others; what is healthy gives none."""

import functools
from pathlib import Path

import pytest
from approved import check, findings_in_words
from builders import Story, build
from fault_cases import FAULT_CASES, HEALTHY_CASES
from segment_faults import HOPS, SEGMENT_FAULTS

from diag.core.results import Severity, Status
from diag.judge.engine import judge_take
from diag.judge.registry import all_rules

APPROVED = Path(__file__).with_name("approved_findings.txt")
CASES = {case.name: case for case in (*HEALTHY_CASES, *FAULT_CASES)}


@functools.cache
def judged(name):
    return judge_take(build(CASES[name].story))


SEEDS = {fault: (1, 2) if number % 2 else (2, 4) for number, fault in enumerate(SEGMENT_FAULTS)}
ON_HOPS = [(fault, hop, SEEDS[fault][HOPS.index(hop) % 2]) for fault in SEGMENT_FAULTS for hop in HOPS]
MORE = [(fault, hop, seed) for fault in SEGMENT_FAULTS for hop in HOPS for seed in (1, 2, 4, 5)]


def name_of(item):
    return getattr(item, "name", str(item))


def check_on_hop(fault, hop, seed):
    result = judge_take(build(fault.story(hop, seed)))
    found = [(item.code, item.title, item.consequence_of) for item in result.findings]
    roots = [item for item in result.findings if item.consequence_of is None]
    assert len(roots) == 1, found or [item for item in result.outcomes if item.code == fault.code(hop)]
    root = roots[0]
    assert root.code in fault.roots(hop), found
    assert fault.code(hop) in {item.code for item in result.findings}, found
    assert fault.words in root.title
    assert {item.code for item in result.findings if item is not root} <= fault.consequences(hop) | {fault.code(hop)}, (
        found
    )
    assert result.discarded is None
    check_words(result.findings)
    return result


@pytest.mark.parametrize(("fault", "hop", "seed"), ON_HOPS, ids=name_of)
def test_a_fault_of_segments_is_found_on_its_hop_and_nowhere_else(fault, hop, seed):
    result = check_on_hop(fault, hop, seed)
    check(APPROVED, f"segment: {fault.name} on {hop.value}", findings_in_words(result.findings, ()))


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "hop", "seed"), MORE, ids=name_of)
def test_a_fault_of_segments_is_found_whatever_the_voice(fault, hop, seed):
    check_on_hop(fault, hop, seed)


def text_of(finding):
    return " ".join([finding.title, finding.likely_cause, finding.fix, *(item.text for item in finding.evidence)])


@pytest.mark.parametrize("name", CASES)
def test_exactly_its_root_findings(name):
    case, result = CASES[name], judged(name)
    crashed = [(item.code, item.reason) for item in result.outcomes if item.status is Status.CRASHED]
    assert not crashed
    found = [(item.code, item.title, item.consequence_of) for item in result.findings]
    assert tuple(sorted(item.code for item in result.findings if item.consequence_of is None)) == case.roots, found
    beside = {item.code for item in result.findings if item.consequence_of is not None}
    assert beside - set(case.possible) == set(case.consequences) - set(case.possible), found
    assert (result.discarded is not None) == case.discarded
    check(APPROVED, f"take: {name}", findings_in_words(result.findings, result.outcomes))


@pytest.mark.parametrize("name", [case.name for case in FAULT_CASES])
def test_its_words_name_the_fault_and_the_fix(name):
    case = CASES[name]
    found = next(item for item in judged(name).findings if item.code == case.roots[0])
    for word in case.words:
        assert word in text_of(found)
    severity = max(item.severity.rank for item in judged(name).findings if item.consequence_of is None)
    assert severity == {"error": 2, "warning": 1, "info": 0}[case.severity]


DOCUMENTATION = {rule.code: " ".join(rule.documentation.split()) for rule in all_rules()}
SEVERITIES = {rule.code: (rule.severity, rule.or_severity) for rule in all_rules()}


@pytest.mark.parametrize("name", [case.name for case in FAULT_CASES])
def test_every_finding_reads_well(name):
    check_words(judged(name).findings)


def check_words(findings):
    for found in findings:
        assert found.severity in SEVERITIES[found.code] or (
            found.severity is Severity.INFO and "information only" in DOCUMENTATION[found.code]
        )
        assert found.evidence
        assert found.fix
        assert found.likely_cause
        assert not found.title.endswith(".")
        assert len(found.title) < 160
        for text in (found.title, found.fix, found.likely_cause, *(item.text for item in found.evidence)):
            assert "None" not in text
            assert "  " not in text
            assert "{" not in text


@pytest.mark.parametrize("seed", range(20, 26))
def test_healthy_whatever_the_voice(seed):
    story = Story(seed=seed, prompt_s=1.0 + 0.3 * (seed % 4), reply_s=1.5 + 0.5 * (seed % 3))
    assert judge_take(build(story)).findings == ()
