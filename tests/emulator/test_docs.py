"""The tables of docs/emulator.md name every fault, every option of a fault, every setting and every known close."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from diag.emulator.closing import CLOSES
from diag.emulator.faults import Fault
from diag.emulator.settings import EmulatorSettings

PAGE = (Path(__file__).parents[2] / "docs" / "emulator.md").read_text(encoding="utf-8")
SETTINGS, FAULTS = PAGE.split("## Faults")
KINDS = {model.model_fields["kind"].annotation.__args__[0]: model for model in get_args(get_args(Fault)[0])}
COMMON = {"kind", "sessions", "turns", "probability", "when", "at_s", "chunk"}


def row(name: str, part: str) -> str:
    rows = [line for line in part.splitlines() if line.startswith("|")]
    return next((line for line in rows if f"`{name}`" in line.split("|")[1]), "")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_faults(kind: str) -> None:
    placed = "when" in KINDS[kind].model_fields
    options = set(KINDS[kind].model_fields) - (COMMON if placed else COMMON - {"at_s", "chunk"})
    told = row(kind, FAULTS)
    assert told
    assert [name for name in options if f"`{name}`" not in told] == []
    assert ("placed" in told) == placed


@pytest.mark.parametrize("name", sorted(EmulatorSettings.model_fields))
def test_settings(name: str) -> None:
    assert row(name, SETTINGS)


def test_closes_with_their_codes() -> None:
    told = {
        name: int(code)
        for names, code in re.findall(r"\| ((?:`\w+`(?:, )?)+) \| (\d{4}) ", PAGE)
        for name in re.findall(r"`(\w+)`", names)
    }
    assert {name: ending.code for name, ending in CLOSES.items()} == told
