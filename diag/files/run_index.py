"""What the history needs of saved runs, kept in a cache. The runs are the source; the cache may be deleted."""

from __future__ import annotations

import os
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from diag import __version__
from diag.core.run_facts import RunFacts
from diag.files.run_folders import LARGEST_JSON_BYTES, RESULT_NAME
from diag.files.whole_files import read_limited, write_whole

CACHE_NAME = ".history.json"
_LAYOUT = 1
"""Raised when the content of the cache changes."""
_NUMBERS = (float, int)
"""Types of values that have a median; a Boolean has its own."""


class _Kept(msgspec.Struct, frozen=True):
    """A run in the cache: what says that it is unchanged, and what was read; None if it could not be read."""

    state: str
    facts: RunFacts | None


class _Cache(msgspec.Struct, frozen=True):
    layout: int
    tool_version: str
    runs: dict[str, _Kept]


class _Value(msgspec.Struct, frozen=True):
    """What counts of a measurement. The rest of the file is passed over, which takes a fifth of reading it all."""

    metric: str
    value: Any
    hop: str | None = None
    tap: str | None = None


class _Result(msgspec.Struct, frozen=True):
    discarded: str | None
    measurements: tuple[_Value, ...]


def read_runs_folder(folder: Path) -> tuple[list[RunFacts], list[str]]:
    """Return all runs in a folder, oldest first, and the names of folders whose run could not be read.

    Runs that have not changed since the last call come from the cache. A cache that cannot be written is no error.
    """
    cached = _cached(folder / CACHE_NAME)
    kept: dict[str, _Kept] = {}
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    for name in names:
        state, results = _state(folder / name)
        if state is not None:
            item = cached.get(name)
            if item is None or item.state != state:
                item = _Kept(state, _read(folder / name, results))
            kept[name] = item
    if kept != cached:
        with suppress(OSError):
            document = _Cache(layout=_LAYOUT, tool_version=__version__, runs=kept)
            write_whole(folder / CACHE_NAME, msgspec.json.encode(document))
    runs = [item.facts for item in kept.values() if item.facts is not None]
    unreadable = [name for name, item in kept.items() if item.facts is None]
    return sorted(runs, key=lambda run: (run.made, run.folder)), unreadable


def _cached(path: Path) -> dict[str, _Kept]:
    try:
        cache = msgspec.json.decode(path.read_bytes(), type=_Cache)
    except (OSError, ValueError):
        return {}
    return cache.runs if (cache.layout, cache.tool_version) == (_LAYOUT, __version__) else {}


def _state(folder: Path) -> tuple[str | None, list[str]]:
    """Return a text that changes whenever the run's description or a result does, and the paths of its results.

    The text is None if it is not a run folder.
    """
    try:
        described = (folder / "run.json").stat()
    except OSError:
        return None, []
    parts, results = [f"{described.st_mtime_ns} {described.st_size}"], []
    with suppress(OSError):
        for take in sorted(os.listdir(folder / "takes")):
            path = f"{folder}/takes/{take}/{RESULT_NAME}"
            with suppress(OSError):
                result = os.stat(path)
                parts.append(f"{take} {result.st_mtime_ns} {result.st_size}")
                if not take.startswith("."):
                    results.append(path)
    return ";".join(parts), results


def _read(folder: Path, results: Sequence[str]) -> RunFacts | None:
    """Return a run in short; None if it cannot be read."""
    try:
        facts = msgspec.json.decode(read_limited(folder / "run.json", LARGEST_JSON_BYTES))
        found: defaultdict[tuple[str, str | None, str | None], list[float]] = defaultdict(list)
        takes = 0
        for path in results:
            result = msgspec.json.decode(read_limited(Path(path), LARGEST_JSON_BYTES), type=_Result)
            if result.discarded is not None:
                continue
            takes += 1
            for item in result.measurements:
                if type(item.value) in _NUMBERS:
                    found[item.metric, item.hop, item.tap].append(item.value)
        return RunFacts(
            folder=folder.name, name=str(facts["name"]), made=str(facts["made"]),
            revision=str(facts.get("revision") or ""), conditions=_conditions(facts), takes=takes,
            values={
                f"{metric} {hop or '-'} {tap or '-'}": (float(statistics.median(values)), len(values))
                for (metric, hop, tap), values in found.items()
            },
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _conditions(facts: Mapping[str, Any]) -> dict[str, str]:
    environment = facts.get("environment") or {}
    session = ((facts.get("scenario") or {}).get("client") or {}).get("session") or {}
    packages = environment.get("packages") or {}
    devices = facts.get("devices") or {}
    return {
        "model": str(session.get("model") or ""),
        "SDK": f"google-genai {packages.get('google-genai', '?')}",
        "endpoint": str(facts.get("endpoint") or ""),
        "machine": str(environment.get("machine") or environment.get("platform") or ""),
        "audio": str(facts.get("audio") or ""),
        "devices": ", ".join(f"{port} {name}" for port, name in sorted(devices.items())),
        "diag": str(facts.get("tool_version") or ""),
    }
