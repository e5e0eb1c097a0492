"""The release gate: limits, what a release was held against, and the decision on each product.

All types are frozen, and `to_json` returns what `json.dumps` accepts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal

from diag.core.messages import Message, msg

Statistic = Literal["median", "p95", "mean", "worst"]


class Decision(StrEnum):
    """Whether a release should go out."""

    SHIP = "ship"
    DO_NOT_SHIP = "do_not_ship"
    TOO_LITTLE_EVIDENCE = "too_little_evidence"

    @property
    def words(self) -> str:
        """The decision as it is printed, for example "DO NOT SHIP"."""
        return self.value.replace("_", " ").upper()


class Weight(StrEnum):
    """What a reason does to the decision."""

    BLOCKS = "blocks"
    UNDECIDED = "undecided"
    WARNS = "warns"
    NOTE = "note"


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One reason for a decision, in a sentence, with the fix if there is one.

    `code` is that of a finding, `metric` the name of a measure; empty if the reason is about neither.
    """

    weight: Weight
    text: str
    fix: str = ""
    code: str = ""
    metric: str = ""

    def to_json(self) -> dict[str, str]:
        """Return one JSON object."""
        return {**asdict(self), "weight": self.weight.value}


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What a metric of a product may be at most or at least.

    Parameters
    ----------
    metric : str
        Name of the metric.
    at_most, at_least : float or None
        Limits of the value, in the metric's unit.
    rise_at_most : float or None
        Limit of the change for the worse since the earlier release, in the metric's unit.
    rise_at_most_percent : float or None
        The same, in percent of the value of the earlier release.
    statistic : {"median", "p95", "mean", "worst"}
        What the takes are summarised by. "worst" is the value of the worst take.
    hop, tap : str or None
        Place; None for every place where the metric is measured.
    configuration : str or None
        Name of the product; None for all.
    blocks : bool
        Whether a value beyond the limit prevents the release. Otherwise it is a warning.
    """

    metric: str
    at_most: float | None = None
    at_least: float | None = None
    rise_at_most: float | None = None
    rise_at_most_percent: float | None = None
    statistic: Statistic = "median"
    hop: str | None = None
    tap: str | None = None
    configuration: str | None = None
    blocks: bool = True


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """The earlier release that a product was held against.

    Parameters
    ----------
    what : str
        How it is called in sentences, for example "the baseline of 2026-11-20" or "v1.2 (recorded now)".
    takes : int
        Number of its takes that count.
    tool_version : str
        Version of diag that recorded it.
    refused : tuple of (name, then, now)
        Differences of the environment that make a comparison meaningless. If there is one, nothing is compared.
    flagged : tuple of (name, then, now)
        Differences of the environment that may explain a change.
    """

    what: str
    takes: int = 0
    tool_version: str = ""
    refused: tuple[tuple[str, str, str], ...] = ()
    flagged: tuple[tuple[str, str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Product:
    """The decision on one product, with its reasons, most important first."""

    name: str
    title: str
    decision: Decision
    reasons: tuple[Reason, ...]
    takes: int
    asked: int
    earlier: Earlier | None = None
    folder: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object."""
        return {
            "name": self.name,
            "title": self.title,
            "decision": self.decision.value,
            "reasons": [item.to_json() for item in self.reasons],
            "takes": self.takes,
            "asked": self.asked,
            "earlier": None if self.earlier is None else self.earlier.to_json(),
            "folder": self.folder,
        }


@dataclass(frozen=True, kw_only=True)
class KnownAnswer:
    """One built-in fault: the finding that it must give, and the findings that it gave.

    Without `expected`, it is a faultless recording, in which nothing may be found.
    """

    name: str
    title: str
    expected: tuple[str, ...]
    found: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the expected findings were found, and, in a faultless recording, no others."""
        return set(self.expected) <= set(self.found) if self.expected else not self.found

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object."""
        return {
            "name": self.name,
            "title": self.title,
            "expected": list(self.expected),
            "found": list(self.found),
            "passed": self.passed,
        }


@dataclass(frozen=True, kw_only=True)
class SelfCheck:
    """Whether diag's detectors find the built-in faults, and nothing in faultless recordings."""

    answers: tuple[KnownAnswer, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every answer is right; False without any."""
        return bool(self.answers) and all(item.passed for item in self.answers)

    @property
    def sentence(self) -> Message:
        """The result in one sentence."""
        faults = [item for item in self.answers if item.expected]
        false = [item.name for item in self.answers if not item.expected and not item.passed]
        missed = [item.name for item in faults if not item.passed]
        faultless = len(self.answers) - len(faults)
        detected = msg("all {faults} built-in faults detected", faults=len(faults))
        if missed:
            detected = msg("{found} of {faults} built-in faults detected; missed: {missed}",
                           found=len(faults) - len(missed), faults=len(faults), missed=", ".join(missed))  # fmt: skip
        if false:
            return msg("{detected}; false alarm in {false}", detected=detected, false=", ".join(false))
        return msg("{detected}; no false alarm in {faultless} recordings", detected=detected, faultless=faultless)

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object."""
        return {
            "passed": self.passed,
            "sentence": self.sentence,
            "seconds": self.seconds,
            "answers": [item.to_json() for item in self.answers],
        }


@dataclass(frozen=True, kw_only=True)
class Release:
    """Result of a release bench.

    Parameters
    ----------
    products : tuple of Product
    stand_in : bool
        Whether the product is diag's own client, because none was named.
    self_check : SelfCheck or None
        None if it was left out.
    seconds : float
        Duration of all of it.
    stages_s : mapping of str to float
        Duration of each part.
    command : str
        The command that repeats it.
    """

    products: tuple[Product, ...]
    stand_in: bool = False
    self_check: SelfCheck | None = None
    seconds: float = 0.0
    stages_s: Mapping[str, float] | None = None
    command: str = "diag bench"

    @property
    def decision(self) -> Decision:
        """The decision on all products together: that of the worst, and no SHIP by detectors that failed."""
        decisions = {item.decision for item in self.products}
        if Decision.DO_NOT_SHIP in decisions:
            return Decision.DO_NOT_SHIP
        unsure = self.self_check is not None and not self.self_check.passed
        if unsure or not decisions or Decision.TOO_LITTLE_EVIDENCE in decisions:
            return Decision.TOO_LITTLE_EVIDENCE
        return Decision.SHIP

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object."""
        return {
            "decision": self.decision.value,
            "stand_in": self.stand_in,
            "products": [item.to_json() for item in self.products],
            "self_check": None if self.self_check is None else self.self_check.to_json(),
            "seconds": self.seconds,
            "stages_s": dict(self.stages_s or {}),
            "command": self.command,
        }
