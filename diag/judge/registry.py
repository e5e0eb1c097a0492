"""Registry of rules. A rule is one file in `diag.judge.rules`; there is no list to edit.

There are two decorators. `@rule` registers a rule on a take, a run or a lone recording under one code. `@segment_rule`
registers one detector for every hop on which its fault can occur, under a code for each hop.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache, reduce

from diag.core.chain import Hop, Segment
from diag.core.messages import msg
from diag.core.plugins import import_all, needs_of
from diag.core.results import Severity, Verdict

_DOCSTRING_WIDTH = 116
HEADINGS = ("What it shows", "Why it matters", "Evidence", "Likely causes", "Fix", "Does not prove")
"""Headings of a rule's documentation, in this order."""


class Scope(StrEnum):
    """What a rule is applied to."""

    TAKE = "take"
    SEGMENT = "segment"
    RECORDING = "recording"
    RUN = "run"


NEEDS = {
    Scope.TAKE: frozenset({"measurements", "timeline", "observed", "environment", "turns", "voice"}),
    Scope.SEGMENT: frozenset({"place", "measurements", "timeline", "observed", "environment", "turns"}),
    Scope.RECORDING: frozenset({"measurements", "recording"}),
    Scope.RUN: frozenset({"summary", "takes", "environment"}),
}
"""Parameters that a rule function of each scope may have."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A registered rule: its code, severity, hop, and the function that judges.

    Parameters
    ----------
    documentation : str
        Summary and text under each of `HEADINGS`.
    on : OnHop or None
        The code and texts of a segment rule for this hop.
    hides : bool
        Whether this finding suppresses all others on the same segment or recording, because the sound itself is
        garbage.
    """

    code: str
    name: str
    severity: Severity
    hop: Hop | None
    scope: Scope
    function: Callable[..., Verdict]
    needs: tuple[str, ...]
    documentation: str
    explained_by: tuple[str, ...] = ()
    or_severity: Severity | None = None
    on: OnHop | None = None
    hides: bool = False


@dataclass(frozen=True)
class OnHop:
    """A segment fault on one hop: its code, and the texts that differ from hop to hop.

    Parameters
    ----------
    causes : tuple of str
        Likely causes, the most likely first.
    fix : str
        What to do: a sentence that starts with a lower-case letter and has no full stop.
    why : str
        Replaces the detector's own "Why it matters".
    severity, or_severity : str or None
        Replace those of the detector.
    """

    code: str
    name: str
    hop: Hop
    causes: tuple[str, ...] = field(kw_only=True)
    fix: str = field(kw_only=True)
    why: str = field(default="", kw_only=True)
    severity: str | None = field(default=None, kw_only=True)
    or_severity: str | None = field(default=None, kw_only=True)
    explained_by: tuple[str, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True)
class Place:
    """Where a segment rule is applied: a segment, the texts of its hop, and the names of both ends.

    Parameters
    ----------
    input, output : str
        Names of what goes in and what comes out, for example "`received`" or a file name.
    input_rate_hz, output_rate_hz : int or None
        Sample rates of the two recordings.
    """

    segment: Segment
    on: OnHop
    input: str
    output: str
    input_rate_hz: int | None = None
    output_rate_hz: int | None = None

    @property
    def hop(self) -> Hop:
        """The hop that is responsible."""
        return self.on.hop

    @property
    def who(self) -> str:
        """Who changed the sound: "player", or "player or loudspeaker" where hops were merged."""
        hops = self.segment.hops if self.segment.merged else (self.on.hop,)
        first, *others = (_WHO[hop] for hop in hops)
        return reduce(lambda names, other: msg("{names} or {other}", names=names, other=other), others, first)


_WHO = {
    Hop.MICROPHONE: msg("microphone"),
    Hop.SENDER: msg("sender"),
    Hop.PLAYER: msg("player"),
    Hop.SPEAKER: msg("loudspeaker"),
}

_rules: dict[str, Rule] = {}


def rule(
    code: str,
    *,
    name: str,
    severity: Severity | str,
    hop: Hop | None = None,
    scope: Scope | str = Scope.TAKE,
    explained_by: tuple[str, ...] = (),
    or_severity: Severity | str | None = None,
    hides: bool = False,
) -> Callable[[Callable[..., Verdict]], Callable[..., Verdict]]:
    """Register a rule function under one code.

    The names of its parameters say what it needs (see `NEEDS`).

    Parameters
    ----------
    code : str
        Code of the finding, such as "PLY001". It never changes.
    name : str
        Short name in words, such as `missing-audio-modality`.
    severity : Severity or str
        "error", "warning" or "info".
    hop : Hop or None
        The hop whose owner can fix it.
    scope : Scope or str
        What it judges: "take", "run" or "recording".
    explained_by : tuple of str
        Codes of root causes. If one of them is found too, this finding is reported as its consequence.
    or_severity : Severity or str, optional
        A second severity that the rule may give instead, depending on the evidence.
    hides : bool
        As in `Rule`.

    Raises
    ------
    TypeError
        If a parameter is not in `NEEDS`, or a code is registered twice.
    """

    def register(function: Callable[..., Verdict]) -> Callable[..., Verdict]:
        _add(
            Rule(
                code=code, name=name, severity=Severity(severity), hop=hop, scope=Scope(scope), function=function,
                needs=needs_of(function, NEEDS[Scope(scope)], code), documentation=inspect.getdoc(function) or "",
                explained_by=explained_by, hides=hides,
                or_severity=None if or_severity is None else Severity(or_severity),
            )
        )  # fmt: skip
        return function

    return register


def segment_rule(
    *places: OnHop,
    severity: str | None = None,
    or_severity: str | None = None,
    explained_by: tuple[str, ...] = (),
    hides: bool = False,
) -> Callable[[Callable[..., Verdict]], Callable[..., Verdict]]:
    """Register one detector under a code for each hop on which its fault can occur.

    Its docstring is the documentation of every code. `{who}`, `{input}` and `{output}` in it are replaced by the
    names for each hop. It leaves out "Likely causes" and "Fix", which come from each `OnHop`.

    Parameters
    ----------
    severity, or_severity : str, optional
        As in `rule`; for hops whose `OnHop` has none of its own.
    explained_by : tuple of str
        Names of the detectors whose findings on the same hop can cause this one. `OnHop.explained_by` adds codes of
        other causes.

    Raises
    ------
    TypeError
        As `rule`.
    """

    def register(function: Callable[..., Verdict]) -> Callable[..., Verdict]:
        for on in places:
            other = on.or_severity or or_severity
            _add(
                Rule(
                    code=on.code, name=on.name, severity=Severity(on.severity or severity or ""), hop=on.hop,
                    scope=Scope.SEGMENT, function=function, needs=needs_of(function, NEEDS[Scope.SEGMENT], on.code),
                    documentation=_documentation(inspect.getdoc(function) or "", on), 
                    explained_by=(*on.explained_by, *explained_by),
                    or_severity=None if other is None else Severity(other), on=on, hides=hides,
                )
            )  # fmt: skip
        return function

    return register


def _documentation(template: str, on: OnHop) -> str:
    first, last = on.hop.ends
    text = template.format(who=_WHO[on.hop], input=f"`{first.value}`", output=f"`{last.value}`")
    before, heading, after = text.partition("Does not prove\n")
    if on.why:
        head, _, rest = before.partition("Why it matters\n")
        _, _, rest = rest.partition("Evidence\n")
        before = f"{head}Why it matters\n{_wrapped(on.why)}\n\nEvidence\n{rest}"
    causes = "\n".join(_wrapped(f"- {cause[0].upper()}{cause[1:]}.", later="  ") for cause in on.causes)
    fix = _wrapped(f"{on.fix[0].upper()}{on.fix[1:]}.")
    return f"{before}Likely causes\n{causes}\n\nFix\n{fix}\n\n{heading}{after}"


def _wrapped(text: str, later: str = "") -> str:
    """Return a text as indented lines of the width that docstrings have."""
    return textwrap.fill(
        text,
        _DOCSTRING_WIDTH,
        initial_indent="    ",
        subsequent_indent=f"    {later}",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _add(item: Rule) -> None:
    if item.code in _rules:
        raise TypeError(f"rule {item.code} is registered twice")
    _rules[item.code] = item


@cache
def all_rules() -> tuple[Rule, ...]:
    """Return every rule in `diag.judge.rules`, in order of code."""
    import_all("diag.judge.rules")
    detectors = {(item.function.__name__, item.hop): code for code, item in _rules.items() if item.on is not None}

    def with_codes(item: Rule) -> Rule:
        causes = tuple(detectors.get((cause, item.hop), cause) for cause in item.explained_by)
        return replace(item, explained_by=causes)

    return tuple(with_codes(_rules[code]) for code in sorted(_rules))
