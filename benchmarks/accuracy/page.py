"""The accuracy table as a page of the documentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from .voices import DEVELOPMENT, HALVES, HELD_OUT, Voice

TIERS = {
    "waveform": "Against an input (tier *waveform*)",
    "profile": "Against other recordings of the same voice (tier *profile*)",
    "blind": "Alone (tier *blind*)",
}


def written(rows: Sequence[Mapping[str, Any]], every: Sequence[Voice]) -> str:
    """The page, in Markdown."""
    lines = [
        "# How right the measures are",
        "",
        "`make ears` writes this page. Do not edit it. Faults are made with a fixed seed.",
        "",
        "The voices are divided by speaker. Thresholds were chosen on the development half. The held-out half was used",
        "for reports only. There are two exceptions: the limit of clicks that a hop adds, and a limit of the blind",
        "speed, were changed once after rows of both halves had been seen.",
        "",
        "| half | speakers | recordings | real or neural | minutes |",
        "|---|---|---|---|---|",
    ]
    for half in HALVES:
        mine = [voice for voice in every if voice.half == half]
        speakers = len({voice.speaker for voice in mine})
        minutes = sum(voice.duration_s for voice in mine) / 60
        lines.append(f"| {half} | {speakers} | {len(mine)} | {sum(v.real for v in mine)} | {minutes:.1f} |")
    for tier, title in TIERS.items():
        mine_rows = [row for row in rows if row["tier"] == tier]
        if mine_rows:
            lines += ["", f"## {title}", "", *_table(mine_rows)]
    lines += [
        "",
        "[mos.md](mos.md) shows which of these faults opinion scores (DNSMOS, PESQ, ViSQOL) show.",
    ]
    missed = [row for row in rows if row["reached"] is False]
    if missed:
        lines += ["", "## Goals that were missed", ""]
        for row in missed:
            names = f" Among them: {', '.join(row['outside'])}." if row["outside"] else ""
            lines.append(
                f"- `{row['measure']}`, {row['condition']}, {row['half']}: {row['found']}; goal {row['goal']}.{names}"
            )
    return "\n".join(lines) + "\n"


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line a condition, the halves side by side."""
    lines = ["| measure | condition | goal | development | held-out | |", "|---|---|---|---|---|---|"]
    ordered = sorted(rows, key=lambda row: row["measure"])
    for measure, group in groupby(ordered, key=lambda row: row["measure"]):
        conditions: dict[str, dict[str, Mapping[str, Any]]] = {}
        for row in group:
            conditions.setdefault(row["condition"], {})[row["half"]] = row
        for place, (condition, by_half) in enumerate(conditions.items()):
            some = next(iter(by_half.values()))
            cells = [_cell(by_half.get(half)) for half in (DEVELOPMENT, HELD_OUT)]
            judged = [row["reached"] for row in by_half.values() if row["reached"] is not None]
            state = "" if not judged else "reached" if all(judged) else "**missed**"
            name = f"`{measure}`" if place == 0 else ""
            lines.append(f"| {name} | {condition} | {some['goal'] or '–'} | {' | '.join(cells)} | {state} |")
    return lines


def _cell(row: Mapping[str, Any] | None) -> str:
    return "–" if row is None else f"{row['found']}, n = {row['trials']}"
