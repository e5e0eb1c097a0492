"""Baselines: the takes of an accepted release, with which later ones are compared.

A baseline is a JSON file with one line per measure, so that a version control system shows what changed. It holds the
values of every take, not only their medians, and the facts about the machine and the service that they depend on.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diag.core.chain import Hop, Segment, Tap
from diag.core.errors import BadInputError, CannotMeasureError
from diag.core.json_reading import read_json
from diag.core.keys import without_keys
from diag.core.missing import Missing, MissingCode
from diag.core.results import (
    Finding,
    Measurement,
    Measurements,
    RunFinding,
    RunResult,
    Severity,
    TakeResult,
    Tier,
)  # fmt: skip
from diag.files.whole_files import read_limited, write_whole

SCHEMA_VERSION = 2
"""Version 1 held medians only; it cannot be compared with takes."""
LARGEST_BYTES = 10_000_000
DIGITS = 6
"""Values are rounded to so many significant digits."""
_FIX = "restore the file, or keep a new baseline with `diag bench --update-baseline`"

Place = tuple[str, Segment | None, Tap | None, int | None]


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """A baseline as it was read.

    Parameters
    ----------
    run : RunResult
        Its takes with their measurements and findings; without recordings.
    made : str
        When the takes were recorded, in ISO format (UTC).
    surroundings : mapping of str to str
        Facts that figures depend on, by name, for example "prompt en_hours" or "machine".
    versions : mapping of str to int
        Version of each metric.
    """

    run: RunResult
    made: str
    surroundings: Mapping[str, str]
    versions: Mapping[str, int]


def write_baseline(path: Path, baseline: Baseline, *, metrics: Collection[str]) -> None:
    """Write a baseline. An earlier file is replaced.

    Parameters
    ----------
    path : Path
    baseline : Baseline
        Discarded takes are left out.
    metrics : collection of str
        Names of the metrics to keep.

    Raises
    ------
    CannotMeasureError
        If the file cannot be written.
    """
    run = baseline.run
    head = {
        "schema_version": SCHEMA_VERSION,
        "name": run.name,
        "title": run.title,
        "made": baseline.made,
        "tool_version": run.tool_version,
        "surroundings": dict(sorted(baseline.surroundings.items())),
        "config": run.config,
        "environment": {name: value for name, value in run.environment.items() if name != "audio_server"},
        "takes": [[take.id, list(take.prompt_names)] for take in run.counted],
        "findings": [_finding_to_json(item) for item in run.findings],
    }
    lines = [f" {_json(name)}: {_json(value)}" for name, value in head.items()]
    rows = [f"  {_json(row)}" for row in _rows(baseline, metrics)]
    measures = ' "measures": [\n' + ",\n".join(rows) + "\n ]"
    text = "{\n" + ",\n".join([*lines, measures]) + "\n}\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, without_keys(text).encode())
    except OSError as error:
        raise CannotMeasureError(
            f"Could not save the baseline {path}",
            seen=error.strerror or str(error),
            next_step="check the folder and its permissions",
        ) from None


def read_baseline(path: Path) -> Baseline | None:
    """Read a baseline; return None if the file does not exist.

    Raises
    ------
    BadInputError
        If the file is damaged, or was written by an older version that kept no takes or by a newer version of diag.
    """
    if not path.is_file():
        return None
    attempted = f"Could not read the baseline {path}"
    try:
        document = read_json(read_limited(path, LARGEST_BYTES))
        version = int(document["schema_version"])
        if version == SCHEMA_VERSION:
            return _baseline(document)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise BadInputError(
            attempted, seen=f"it is damaged ({error})", allowed="JSON as `diag bench --update-baseline` writes",
            next_step=_FIX,
        ) from None  # fmt: skip
    raise BadInputError(
        attempted,
        seen=f"schema version {version}",
        allowed=f"version {SCHEMA_VERSION}",
        next_step="update diag" if version > SCHEMA_VERSION else "keep a new one with `diag bench --update-baseline`",
    )


def _rows(baseline: Baseline, metrics: Collection[str]) -> Iterator[dict[str, Any]]:
    takes = baseline.run.counted
    found: dict[Place, list[Measurement | None]] = {}
    for index, take in enumerate(takes):
        for item in take.measurements:
            if item.metric in metrics and not isinstance(item.value, tuple):
                place = (item.metric, item.segment, item.tap, item.turn)
                found.setdefault(place, [None] * len(takes))[index] = item
    for (metric, segment, tap, turn), items in sorted(found.items(), key=lambda pair: _order(pair[0])):
        missing = next((item.missing for item in items if item is not None and item.missing is not None), None)
        first = next(item for item in items if item is not None)
        yield {
            "metric": metric,
            "version": baseline.versions.get(metric, 1),
            "unit": first.unit,
            "segment": None if segment is None else [segment.first.value, segment.last.value],
            "tap": None if tap is None else tap.value,
            "turn": turn,
            "missing": None if missing is None else [missing.code.value, missing.text],
            "values": [None if item is None else _rounded(item.value) for item in items],
        }


def _order(place: Place) -> tuple[str, str, str, int]:
    metric, segment, tap, turn = place
    return metric, str(segment or ""), str(tap or ""), -1 if turn is None else turn


def _rounded(value: object) -> float | None:
    return float(f"{float(value):.{DIGITS}g}") if isinstance(value, float | int) else None


def _finding_to_json(item: RunFinding) -> dict[str, Any]:
    found = item.finding
    return {
        "code": found.code,
        "name": found.name,
        "severity": found.severity.value,
        "hop": None if found.hop is None else found.hop.value,
        "title": found.title,
        "fix": found.fix,
        "consequence_of": found.consequence_of,
        "takes": list(item.take_ids),
        "counted": item.counted,
    }


def _baseline(document: Mapping[str, Any]) -> Baseline:
    ids = [(str(take_id), tuple(map(str, prompts))) for take_id, prompts in document["takes"]]
    measured: list[list[Measurement]] = [[] for _ in ids]
    versions: dict[str, int] = {}
    for row in document["measures"]:
        versions[str(row["metric"])] = int(row["version"])
        if len(row["values"]) != len(ids):
            raise ValueError(f"{row['metric']} has {len(row['values'])} values for {len(ids)} takes")
        for items, value in zip(measured, row["values"], strict=True):
            items.append(_measurement(row, value))
    takes = tuple(
        TakeResult(id=take_id, prompt_names=prompts, measurements=Measurements(tuple(items)), findings=(), outcomes=())
        for (take_id, prompts), items in zip(ids, measured, strict=True)
    )
    run = RunResult(
        name=str(document["name"]),
        title=str(document["title"]),
        config=dict(document["config"]),
        environment=dict(document["environment"]),
        takes=takes,
        summary=(),
        findings=tuple(map(_finding, document["findings"])),
        tool_version=str(document["tool_version"]),
    )
    surroundings = {str(name): str(value) for name, value in document["surroundings"].items()}
    return Baseline(run=run, made=str(document["made"]), surroundings=surroundings, versions=versions)


def _measurement(row: Mapping[str, Any], value: object) -> Measurement:
    missing = None
    if value is None:
        code, text = row["missing"] or (MissingCode.NO_TURN, "not measured")
        missing = Missing(MissingCode(code), str(text))
    ends = row["segment"]
    if ends is not None and len(ends) != 2:
        raise ValueError(f"a segment has {len(ends)} ends")
    return Measurement(
        metric=str(row["metric"]),
        unit=str(row["unit"]),
        value=None if value is None else float(value),  # type: ignore[arg-type]
        missing=missing,
        tier=Tier.EVENTS,
        turn=row["turn"],
        segment=None if ends is None else Segment(Tap(ends[0]), Tap(ends[1])),
        tap=None if row["tap"] is None else Tap(row["tap"]),
    )


def _finding(item: Mapping[str, Any]) -> RunFinding:
    finding = Finding(
        code=str(item["code"]), name=str(item["name"]), severity=Severity(item["severity"]),
        hop=None if item["hop"] is None else Hop(item["hop"]), title=str(item["title"]), evidence=(), likely_cause="",
        fix=str(item["fix"]), confidence=1.0, consequence_of=item["consequence_of"],
    )  # fmt: skip
    return RunFinding(finding=finding, take_ids=tuple(item["takes"]), counted=int(item["counted"]))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=str)
