"""Where metrics and rules announce themselves. Adding one is adding one file; there is no list to edit."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from diag.core.chain import Hop, Tap
from diag.core.results import Reading, Severity, Verdict

Pool = Literal["sum", "rate", "mean", "median", "level", "highest", "first"]
"""How the values of the stretches of a long recording become the recording's: added up; mean by length; mean, median or
mean of powers (dB) by seconds of sound; the highest; the first."""

TAKE_NEEDS = frozenset({*(tap.value for tap in Tap), "timeline", "config", "environment", "turn"})
HOP_NEEDS = frozenset({"reference", "estimated"})
TAP_NEEDS = frozenset({"clip", "voice"})
RULE_NEEDS = frozenset({"measurements", "timeline", "config", "environment", "turns"})
RUN_RULE_NEEDS = frozenset({"summary", "takes", "config", "environment"})


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A registered metric: what it is called, where it is measured, and the function that measures it."""

    name: str
    unit: str
    better: Literal["lower", "higher", "one", "zero", "none"]
    version: int
    function: Callable[..., Reading]
    needs: tuple[str, ...]
    hops: tuple[Hop, ...] = ()
    taps: tuple[Tap, ...] = ()
    tolerance: float = 0.0
    pool: Pool = "median"
    optional: tuple[str, ...] = ()


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


_metrics: dict[tuple[str, str], Metric] = {}
_rules: dict[str, Rule] = {}


def metric(
    name: str,
    *,
    unit: str,
    better: Literal["lower", "higher", "one", "zero", "none"],
    version: int = 1,
    hops: tuple[Hop, ...] = (),
    taps: tuple[Tap, ...] = (),
    tolerance: float = 0.0,
    pool: Pool = "median",
) -> Callable[[Callable[..., Reading]], Callable[..., Reading]]:
    """Register a metric function.

    The names of its parameters are its needs: `reference, estimated` for a hop metric (give `hops`), `clip` for a
    tap metric (give `taps`), else any of the taps, `timeline`, `config`, `environment`, `turn`. A parameter with a
    default is optional: it is passed where the take has it, and its absence does not keep the metric from running.
    A tap metric may ask for the profile of the voice, `voice=None`, which is passed where the user gave one.

    Parameters
    ----------
    name : str
        Metric id with its unit, as `ttfa_heard_s`.
    unit : str
        "s", "dB", "Hz", "1" and so on.
    better : {"lower", "higher", "one", "zero", "none"}
        Which way is better: nearer to one for ratios, nearer to zero for signed losses, none for explanations.
    version : int
        Raised when the method changes, so that old and new values are not compared.
    hops, taps : tuples
        Where it is measured.
    tolerance : float
        Smallest difference, in the metric's unit, that a person could care about.
    pool : Pool
        How the values of stretches become one, where a recording is too long to be measured whole.

    Raises
    ------
    TypeError
        If a parameter is none of the known needs, or a name is registered twice for the same kind of place: one
        name may stand for a hop, a tap and a take, with a function each (as `dullness_db`).
    """

    def register(function: Callable[..., Reading]) -> Callable[..., Reading]:
        allowed = HOP_NEEDS if hops else TAP_NEEDS if taps else TAKE_NEEDS
        needs = _needs_of(function, allowed, name)
        optional = tuple(need for need in needs if _has_default(function, need))
        kind = "hop" if hops else "tap" if taps else "take"
        if (name, kind) in _metrics:
            raise TypeError(f"{kind} metric {name} is registered twice")
        _metrics[name, kind] = Metric(
            name=name, unit=unit, better=better, version=version, function=function,
            needs=tuple(need for need in needs if need not in optional),
            hops=hops, taps=taps, tolerance=tolerance, pool=pool, optional=optional,
        )  # fmt: skip
        return function

    return register


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
        needs = _needs_of(function, RULE_NEEDS if scope == "take" else RUN_RULE_NEEDS, code)
        if code in _rules:
            raise TypeError(f"rule {code} is registered twice")
        _rules[code] = Rule(
            code=code, name=name, severity=Severity(severity), hop=hop, scope=scope, function=function,
            needs=needs, explained_by=explained_by,
            or_severity=None if or_severity is None else Severity(or_severity),
        )  # fmt: skip
        return function

    return register


def _needs_of(function: Callable[..., Any], allowed: frozenset[str], name: str) -> tuple[str, ...]:
    needs = tuple(inspect.signature(function).parameters)
    unknown = [need for need in needs if need not in allowed]
    if unknown:
        raise TypeError(f"{name} needs {', '.join(unknown)}; known needs here are {', '.join(sorted(allowed))}")
    return needs


def _has_default(function: Callable[..., Any], parameter: str) -> bool:
    return inspect.signature(function).parameters[parameter].default is not inspect.Parameter.empty


@cache
def all_metrics() -> tuple[Metric, ...]:
    """Every metric in `diag.measure.metrics`, in order of file and definition."""
    _import_all("diag.measure.metrics")
    return tuple(_metrics.values())


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule in `diag.judge.rules`, in order of code."""
    _import_all("diag.judge.rules")
    return tuple(_rules[code] for code in sorted(_rules))


def _import_all(package_name: str) -> None:
    package = importlib.import_module(package_name)
    for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        importlib.import_module(f"{package_name}.{module}")
