"""Registry of metrics. A metric is one file in `diag.measure.metrics`; there is no list to edit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from diag.core.chain import Hop, Tap
from diag.core.plugins import has_default, import_all, needs_of
from diag.core.results import Reading

Pool = Literal["sum", "rate", "mean", "median", "level", "highest", "first"]
"""How the values of the stretches of a long recording become the recording's: added up; mean by length; mean, median or
mean of powers (dB) by seconds of sound; the highest; the first."""

TAKE_NEEDS = frozenset({*(tap.value for tap in Tap), "timeline", "config", "environment", "turn"})
HOP_NEEDS = frozenset({"reference", "estimated"})
TAP_NEEDS = frozenset({"clip", "voice"})


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


_metrics: dict[tuple[str, str], Metric] = {}


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
        needs = needs_of(function, allowed, name)
        optional = tuple(need for need in needs if has_default(function, need))
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


@cache
def all_metrics() -> tuple[Metric, ...]:
    """Every metric in `diag.measure.metrics`, in order of file and definition."""
    import_all("diag.measure.metrics")
    return tuple(_metrics.values())
