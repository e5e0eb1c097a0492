"""Registry of rules. A rule is one file in `diag.judge.rules`; there is no list to edit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from diag.core.chain import Hop
from diag.core.plugins import import_all, needs_of
from diag.core.results import Severity, Verdict

RULE_NEEDS = frozenset({"measurements", "timeline", "config", "environment", "turns"})
RUN_RULE_NEEDS = frozenset({"summary", "takes", "config", "environment"})


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A registered rule: its code, how bad it is, whose hop, and the function that judges."""

    code: str
    name: str
    severity: Severity
    hop: Hop | None
    scope: Literal["take", "run"]
    function: Callable[..., Verdict]
    needs: tuple[str, ...]
    explained_by: tuple[str, ...] = ()
    or_severity: Severity | None = None


_rules: dict[str, Rule] = {}


def rule(
    code: str,
    *,
    name: str,
    severity: Severity | str,
    hop: Hop | None = None,
    scope: Literal["take", "run"] = "take",
    explained_by: tuple[str, ...] = (),
    or_severity: Severity | str | None = None,
) -> Callable[[Callable[..., Verdict]], Callable[..., Verdict]]:
    """Register a rule function.

    The names of its parameters are its needs: `measurements`, `timeline`, `config`, `environment`, `turns` for a
    rule on one take; `summary`, `takes`, `config`, `environment` for a rule on a run.

    Parameters
    ----------
    code : str
        As in the fault catalogue; permanent.
    name : str
        Short name in words, as `missing-audio-modality`.
    severity : Severity or str
        "error", "warning" or "info".
    hop : Hop or None
        The stretch whose owner can mend it.
    scope : {"take", "run"}
        What it judges.
    explained_by : tuple of str
        Codes of root causes: where one of them is raised too, this finding is told as its consequence.
    or_severity : Severity or str, optional
        The severity that the evidence gives it in other cases.

    Raises
    ------
    TypeError
        If a parameter is none of the known needs, or a code is registered twice.
    """

    def register(function: Callable[..., Verdict]) -> Callable[..., Verdict]:
        needs = needs_of(function, RULE_NEEDS if scope == "take" else RUN_RULE_NEEDS, code)
        if code in _rules:
            raise TypeError(f"rule {code} is registered twice")
        _rules[code] = Rule(
            code=code, name=name, severity=Severity(severity), hop=hop, scope=scope, function=function,
            needs=needs, explained_by=explained_by,
            or_severity=None if or_severity is None else Severity(or_severity),
        )  # fmt: skip
        return function

    return register


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule in `diag.judge.rules`, in order of code."""
    import_all("diag.judge.rules")
    return tuple(_rules[code] for code in sorted(_rules))
