"""Every fault gives its root findings and no others; what is healthy gives none."""

import functools

import pytest
from builders import Story, build
from fault_cases import FAULT_CASES, HEALTHY_CASES

from diag.core.results import Status
from diag.judge.engine import judge_take
from diag.judge.registry import all_rules

CASES = {case.name: case for case in (*HEALTHY_CASES, *FAULT_CASES)}


@functools.cache
def judged(name):
    return judge_take(build(CASES[name].story))


def text_of(finding):
    return " ".join([finding.title, finding.likely_cause, finding.fix, *(item.text for item in finding.evidence)])


@pytest.mark.parametrize("name", CASES)
def test_exactly_its_root_findings(name):
    case, result = CASES[name], judged(name)
    crashed = [(item.code, item.reason) for item in result.outcomes if item.status is Status.CRASHED]
    assert not crashed
    told = [(item.code, item.title, item.consequence_of) for item in result.findings]
    assert tuple(sorted(item.code for item in result.findings if item.consequence_of is None)) == case.roots, told
    beside = {item.code for item in result.findings if item.consequence_of is not None}
    assert beside - set(case.possible) == set(case.consequences), told
    assert (result.discarded is not None) == case.discarded


@pytest.mark.parametrize("name", [case.name for case in FAULT_CASES])
def test_its_words_name_the_fault_and_the_fix(name):
    case = CASES[name]
    found = next(item for item in judged(name).findings if item.code == case.roots[0])
    for word in case.words:
        assert word in text_of(found)
    severity = max(item.severity.rank for item in judged(name).findings if item.consequence_of is None)
    assert severity == {"error": 2, "warning": 1, "info": 0}[case.severity]


SEVERITIES = {rule.code: (rule.severity, rule.or_severity) for rule in all_rules()}


@pytest.mark.parametrize("name", [case.name for case in FAULT_CASES])
def test_every_finding_reads_well(name):
    for found in judged(name).findings:
        assert found.severity in SEVERITIES[found.code]
        assert found.evidence
        assert found.fix
        assert found.likely_cause
        assert not found.title.endswith(".")
        assert len(found.title) < 160
        for text in (found.title, found.fix, found.likely_cause, *(item.text for item in found.evidence)):
            assert "None" not in text
            assert "  " not in text
            assert "{" not in text


def test_every_rule_on_takes_is_provoked_by_a_case():
    provoked = {code for case in FAULT_CASES for code in case.roots}
    assert {rule.code for rule in all_rules() if rule.scope == "take"} == provoked


@pytest.mark.parametrize("seed", range(20, 26))
def test_healthy_whatever_the_voice(seed):
    story = Story(seed=seed, prompt_s=1.0 + 0.3 * (seed % 4), reply_s=1.5 + 0.5 * (seed % 3))
    assert judge_take(build(story)).findings == ()
