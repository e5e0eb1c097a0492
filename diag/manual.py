"""The manual of findings: what each rule's documentation says."""

from __future__ import annotations

import difflib
import inspect

from diag.errors import BadInputError
from diag.registry import Rule, all_rules
from diag.report.sentences import state_of
from diag.terminal import wrapped


def explain(code: str) -> str:
    """All that is known of a finding.

    Parameters
    ----------
    code : str
        As "PLY001", in any case; a rule's name, as "playback-rate-mismatch", serves too.

    Raises
    ------
    BadInputError
        If there is no such finding; the nearest one is named.
    """
    rules = {rule.code: rule for rule in all_rules()}
    names = {rule.name: rule.code for rule in rules.values()}
    wanted = names.get(code.lower(), code.upper())
    if wanted not in rules:
        close = difflib.get_close_matches(wanted, rules, n=1, cutoff=0.5)
        close = close or [names[name] for name in difflib.get_close_matches(code.lower(), names, n=1)]
        raise BadInputError(
            f"Could not explain {code}",
            seen="no finding has that code or name",
            allowed="a code such as PLY001; `diag explain` lists all",
            next_step=f"did you mean `diag explain {close[0]}`?" if close else "see `diag explain`",
        )
    return _told(rules[wanted])


def _told(rule: Rule) -> str:
    hop = f"on the {rule.hop.value} hop ({rule.hop.owner})" if rule.hop else "not bound to one hop"
    head = f"{state_of(rule.severity).shape} {rule.code} {rule.name}  {rule.severity.value}, {hop}"
    cause = (
        f"\n\nTold as a consequence where {' or '.join(rule.explained_by)} is found too." if rule.explained_by else ""
    )
    return f"{head}\n\n{inspect.getdoc(rule.function) or ''}{cause}"


def overview(width: int = 80) -> str:
    """Every finding in one line: code, name and what it shows."""
    lines: list[str] = []
    for rule in all_rules():
        summary = (inspect.getdoc(rule.function) or "").split("\n", 1)[0]
        lines += wrapped(
            f"{state_of(rule.severity).shape} {rule.code}  {rule.name:<26} {summary}", width, later=" " * 10
        )
    return "\n".join([*lines, "", "More of one: `diag explain CODE`"])
