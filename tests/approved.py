"""Texts that a person has read and approved, in one file beside the tests, and what is written now held against them.

The words have to be the same. Numbers may differ a little, because libraries of other versions round differently. After
an intended change, `DIAG_APPROVE=1 pytest …` writes what is there now; read the difference before it is committed.
"""

import os
import re
from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path

from diag.core.results import Finding, Measurement, RuleOutcome, Status
from diag.measure.registry import all_metrics

_NUMBER = re.compile(r"(?<![\w.])[-+−]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
_SHARE = 0.02
"""Share by which a number may differ, besides one and a half of its last digit."""

_MOST_PLACES = 3
_ROUNDING, _LEAST = 1e-3, 1e-6
"""What is smaller than this share of the tolerance of its measure, or than this number, is rounding."""


def check(path: Path, name: str, text: str, *, exact: bool = False) -> None:
    """Hold a text against the approved one of this name; write it if `DIAG_APPROVE` is set.

    An exact text is one whose numbers no library computes.
    """
    sections = _read(path)
    if os.environ.get("DIAG_APPROVE"):
        sections[name] = text
        path.write_text("".join(f"### {key}\n{sections[key]}\n\n" for key in sorted(sections)), encoding="utf-8")
        return
    assert name in sections, f"{path.name} has nothing for {name}: run it with DIAG_APPROVE=1 and read what it writes"
    told = _exact_difference(sections[name], text) if exact else difference(sections[name], text)
    assert told is None, f"{name}: {told}\n\napproved:\n{sections[name]}\n\nnow:\n{text}"


def difference(approved: str, now: str) -> str | None:
    """Return what differs between two texts, or None."""
    words = [_NUMBER.sub("#", text) for text in (approved, now)]
    if words[0] != words[1]:
        return "other words"
    for before, after in zip(_NUMBER.findall(approved), _NUMBER.findall(now), strict=True):
        if abs(_value(after) - _value(before)) > max(_SHARE * abs(_value(before)), 1.5 * _last_digit(before)):
            return f"{after} in place of {before}"
    return None


def _exact_difference(approved: str, now: str) -> str | None:
    pairs = zip_longest(approved.splitlines(), now.splitlines(), fillvalue="")
    return next((f"{after!r} in place of {before!r}" for before, after in pairs if before != after), None)


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    parts = path.read_text(encoding="utf-8").split("### ")[1:]
    return {name: text.rstrip("\n") for name, _, text in (part.partition("\n") for part in parts)}


def _value(number: str) -> float:
    return float(number.replace("−", "-"))


def _last_digit(number: str) -> float:
    mantissa, _, exponent = number.partition("e")
    return 10.0 ** (-len(mantissa.partition(".")[2]) + int(exponent or 0))


def findings_in_words(findings: Iterable[Finding], outcomes: Iterable[RuleOutcome]) -> str:
    """Return all that is told of findings and of what could not be checked."""
    lines: list[str] = []
    for item in findings:
        lines += [
            f"{item.severity.value} {item.code}, confidence {item.confidence:g}: {item.title}",
            *(f"  evidence  {evidence.text}" for evidence in item.evidence),
            f"  cause     {item.likely_cause}",
            f"  fix       {item.fix}",
            *([f"  follows from {item.consequence_of}"] if item.consequence_of else []),
        ]
    reasons: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.status not in (Status.CLEAR, Status.RAISED):
            reasons.setdefault(f"{outcome.status.value}: {outcome.reason}", []).append(outcome.code)
    return "\n".join([*lines, *(f"{reason}: {' '.join(codes)}" for reason, codes in reasons.items())])


def measurements_in_words(measurements: Iterable[Measurement]) -> str:
    """Return all values and the reasons where there are none. What is within the rounding of a measure is 0."""
    tolerances = {item.name: item.tolerance for item in all_metrics()}
    lines: list[str] = []
    reasons: dict[str, list[str]] = {}
    for item in measurements:
        place = f"{item.segment.first} to {item.segment.last}" if item.segment is not None else item.tap or "take"
        if item.missing is not None:
            reasons.setdefault(f"{item.missing.code.value}: {item.missing.text}", []).append(
                f"{item.metric} of {place}"
            )
            continue
        values = item.value if isinstance(item.value, tuple) else (item.value,)
        least = max(_LEAST, _ROUNDING * tolerances[item.metric])
        value = " ".join("none" if one is None else f"{one if abs(one) > least else 0:.3g}" for one in values)
        sure = "" if item.confidence is None else f" confidence {item.confidence:.2f}"
        lines.append(f"{item.metric} of {place}, {item.unit}: {value}{sure}")
        for places in (
            [f"  {event.kind} at {event.reference_s:.3f} s and {event.estimated_s:.3f} s for {event.duration_s:.4f} s"
             for event in item.events],
            [f"  {spot.tap} {spot.start_s:.3f} to {spot.end_s:.3f} s" for spot in item.spots],
        ):  # fmt: skip
            lines += [*places[:_MOST_PLACES], *([f"  {len(places)} places"] if len(places) > _MOST_PLACES else [])]
    return "\n".join([*lines, *(f"{reason}: {', '.join(names)}" for reason, names in reasons.items())])
