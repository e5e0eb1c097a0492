"""What is declared of each rule, the limits that rules share, and all records, against approved lists."""

import dataclasses
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest
from approved import check

import diag.judge
import diag.measure
from diag.judge import limits
from diag.judge.registry import all_rules

APPROVED = Path(__file__).with_name("approved_declarations.txt")


def test_what_is_declared_of_each_rule_is_as_approved():
    lines = []
    for rule in sorted(all_rules(), key=lambda item: item.code):
        severity = rule.severity.value + (f" or {rule.or_severity.value}" if rule.or_severity else "")
        hop = f" on the {rule.hop.value} hop" if rule.hop else ""
        lines.append(f"{rule.code} {rule.name}: {severity}, {rule.scope.value}{hop}{', hides' if rule.hides else ''}")
        lines.append(f"  needs {', '.join(rule.needs) or 'nothing'}")
        if rule.explained_by:
            lines.append(f"  explained by {', '.join(rule.explained_by)}")
        if rule.on is not None:
            lines += [*(f"  cause {cause}" for cause in rule.on.causes), f"  fix {rule.on.fix}"]
    check(APPROVED, "rules", "\n".join(lines), exact=True)


def test_the_shared_limits_are_as_approved():
    values = {name: value for name, value in vars(limits).items() if name.isupper() and isinstance(value, int | float)}
    lines = [f"{name} {value:.6f}" for name, value in sorted(values.items())]
    lines += [f"CLEARLY_WORSE {name} {factor:g} {more:g}" for name, (factor, more) in limits.CLEARLY_WORSE.items()]
    check(APPROVED, "limits", "\n".join(lines), exact=True)


MODULES = [
    importlib.import_module(found.name)
    for package in (diag.judge, diag.measure)
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]
RECORDS = [
    record
    for module in MODULES
    for _, record in inspect.getmembers(module, dataclasses.is_dataclass)
    if inspect.isclass(record) and record.__module__ == module.__name__
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__qualname__)
def test_no_record_is_changed_after_it_was_made(record):
    made = object.__new__(record)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(made, dataclasses.fields(record)[0].name, None)


def test_how_each_record_is_made_is_as_approved():
    lines = []
    for record in RECORDS:
        parameters = inspect.signature(record).parameters.values()
        plain = [item.replace(annotation=inspect.Parameter.empty) for item in parameters]
        lines.append(f"{record.__module__} {record.__qualname__}{inspect.Signature(plain)}")
    check(APPROVED, "records", "\n".join(sorted(lines)), exact=True)
