"""Every limit that decides a finding has one home."""

import ast
from pathlib import Path

import pytest

import diag
from diag.judge import limits
from diag.judge.registry import all_rules

ROOT = Path(diag.__file__).parent
UNITS = ("S", "MS", "HZ", "DB", "DBFS", "PPM")
JUDGING = [path for folder in ("judge/rules", "report", "measure") for path in sorted((ROOT / folder).rglob("*.py"))]


def constants(path):
    """Yield the numbers that a module defines by name: name, value."""
    for node in ast.parse(path.read_text()).body:
        if not isinstance(node, ast.Assign):
            continue
        targets = node.targets[0].elts if isinstance(node.targets[0], ast.Tuple) else node.targets
        values = node.value.elts if isinstance(node.value, ast.Tuple) and len(targets) > 1 else [node.value]
        for target, value in zip(targets, values, strict=False):
            try:
                number = ast.literal_eval(value)
            except ValueError:
                continue
            if isinstance(target, ast.Name) and isinstance(number, int | float) and not isinstance(number, bool):
                yield target.id, float(number)


LIMITS = dict(constants(Path(limits.__file__)))


def words_of(name):
    """Return what a name speaks of, without its unit and the words that all limits share."""
    return set(name.split("_")) - {*UNITS, "", "LIMIT", "LEAST", "WARNING", "WARN", "ERROR", "FAIL"}


def test_limits_are_read():
    assert len(LIMITS) > 20
    assert LIMITS["SILENT_DBFS"] == limits.SILENT_DBFS


def test_no_name_of_a_limit_is_defined_twice():
    for path in ROOT.rglob("*.py"):
        if path != Path(limits.__file__):
            twice = {name for name, _ in constants(path)} & set(LIMITS)
            assert not twice, f"{path} defines {twice} again"


@pytest.mark.parametrize("path", JUDGING, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_threshold_repeats_a_limit_of_its_subject(path):
    for name, value in constants(path):
        same = [limit for limit, other in LIMITS.items() if other == value and words_of(limit) & words_of(name)]
        assert not same, f"{name} = {value} repeats {' and '.join(same)} of diag.judge.limits"


@pytest.mark.parametrize("path", sorted((ROOT / "judge" / "rules").glob("*.py")), ids=lambda path: path.stem)
def test_rules_compare_with_named_limits(path):
    """A bare number other than 0, 1 and 2 beside a comparison sign would be a limit without a home."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Compare):
            bare = [
                part.value
                for part in (node.left, *node.comparators)
                if isinstance(part, ast.Constant) and isinstance(part.value, int | float)
                and not isinstance(part.value, bool) and abs(part.value) not in (0, 1, 2)
            ]  # fmt: skip
            assert not bare, f"line {node.lineno} compares with {bare}"


def test_a_limit_of_a_segment_rule_is_the_same_on_every_hop():
    detectors = {}
    for rule in all_rules():
        if rule.on is not None:
            detectors.setdefault(rule.function, set()).add(rule.hop)
    assert all(len(hops) == 4 for hops in detectors.values())
