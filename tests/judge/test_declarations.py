"""What is declared of each rule, and the limits that rules share, against approved lists."""

from pathlib import Path

from approved import check

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
    check(APPROVED, "rules", "\n".join(lines))


def test_the_shared_limits_are_as_approved():
    values = {name: value for name, value in vars(limits).items() if name.isupper() and isinstance(value, int | float)}
    check(APPROVED, "limits", "\n".join(f"{name} {value:.6f}" for name, value in sorted(values.items())))
