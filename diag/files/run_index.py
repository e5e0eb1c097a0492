"""What the history needs of saved runs, kept in a cache. The runs are the source; the cache may be deleted."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from diag import __version__
from diag.core.run_facts import RunFacts
from diag.files.run_folders import LARGEST_JSON_BYTES, RESULT_NAME
from diag.files.whole_files import write_whole

CACHE_NAME = ".history.json"
_LAYOUT = 1
"""Raised when the content of the cache changes."""


def read_runs_folder(folder: Path) -> tuple[list[RunFacts], list[str]]:
    """Return all runs in a folder, oldest first, and the names of folders whose run could not be read.

    Runs that have not changed since the last call come from the cache. A cache that cannot be written is no error.
    """
    cached = _cached(folder / CACHE_NAME)
    kept: dict[str, Any] = {}
    runs, unreadable = [], []
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    for name in names:
        state = _state(folder / name)
        if state is None:
            continue
        item = cached.get(name)
        if item is None or item["state"] != state:
            facts = _read(folder / name)
            item = {"state": state, "facts": None if facts is None else asdict(facts)}
        kept[name] = item
        if item["facts"] is None:
            unreadable.append(name)
        else:
            runs.append(RunFacts(**item["facts"]))
    if kept != cached:
        with suppress(OSError):
            document = {"layout": _LAYOUT, "tool_version": __version__, "runs": kept}
            write_whole(folder / CACHE_NAME, json.dumps(document, separators=(",", ":")).encode())
    return sorted(runs, key=lambda run: (run.made, run.folder)), unreadable


def _cached(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
        right = (document["layout"], document["tool_version"]) == (_LAYOUT, __version__)
        return dict(document["runs"]) if right else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _state(folder: Path) -> str | None:
    """Return a text that changes whenever the run's description or a result does; None if it is not a run folder."""
    try:
        described = (folder / "run.json").stat()
    except OSError:
        return None
    parts = [f"{described.st_mtime_ns} {described.st_size}"]
    with suppress(OSError):
        for take in sorted(os.listdir(folder / "takes")):
            with suppress(OSError):
                result = os.stat(f"{folder}/takes/{take}/{RESULT_NAME}")
                parts.append(f"{take} {result.st_mtime_ns} {result.st_size}")
    return ";".join(parts)


def _read(folder: Path) -> RunFacts | None:
    """Return a run in short; None if it cannot be read."""
    try:
        facts = _json(folder / "run.json")
        found: dict[str, list[float]] = {}
        takes = 0
        for path in sorted(folder.glob(f"takes/[!.]*/{RESULT_NAME}")):
            result = _json(path)
            if result["discarded"] is not None:
                continue
            takes += 1
            for item in result["measurements"]:
                value = item["value"]
                if isinstance(value, int | float) and not isinstance(value, bool):
                    place = f"{item['metric']} {item.get('hop') or '-'} {item.get('tap') or '-'}"
                    found.setdefault(place, []).append(float(value))
        return RunFacts(
            folder=folder.name, name=str(facts["name"]), made=str(facts["made"]),
            revision=str(facts.get("revision") or ""), conditions=_conditions(facts), takes=takes,
            values={place: (statistics.median(values), len(values)) for place, values in found.items()},
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _json(path: Path) -> Any:
    if path.stat().st_size > LARGEST_JSON_BYTES:
        raise ValueError("too large")
    return json.loads(path.read_bytes())


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
