"""Parsing of faults and settings from the command line.

Examples of faults: `close,named=quota,turns=2`, `slow_first_audio,delay_s=uniform:1:4`. Examples of settings:
`think_s=1.5`, `down=tls`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from diag.core.errors import BadInputError, did_you_mean
from diag.emulator.faults import FAULT_KINDS, Fault
from diag.files.toml_text import read_toml

_FAULTS: TypeAdapter[Any] = TypeAdapter(Fault)
_LISTS = ("turns", "sessions")
_DISTRIBUTIONS = ("uniform", "lognormal")


def read_faults(specs: Iterable[str]) -> list[dict[str, Any]]:
    """Return fault tables for `faults` in the settings.

    Parameters
    ----------
    specs : iterable of str
        Faults in the form `KIND,name=value,…`. Several numbers are written `turns=1+3`. A random delay is written
        `delay_s=lognormal:1.5:3` (median and 95th percentile) or `delay_s=uniform:1:4`. A value with a comma is put in
        double quotes.

    Raises
    ------
    BadInputError
        If a kind or a name is unknown, or a value is not allowed.
    """
    return [_fault(spec) for spec in specs]


def read_assignments(texts: Iterable[str]) -> dict[str, Any]:
    """Return the settings in texts of the form `name=value`.

    A value is TOML, text without quotes, or a random delay in the form that faults use.

    Raises
    ------
    BadInputError
        If a text has no value. Names and values are checked later, by `read_settings`.
    """
    settings = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise BadInputError(
                f"Could not read the setting `{text}`",
                seen="no value",
                allowed="name=value, for example think_s=1.5",
                next_step="see the table in docs/emulator.md",
            )
        settings[name.strip()] = _value(name.strip(), value.strip())
    return settings


def with_faults(settings: Mapping[str, Any], specs: Iterable[str]) -> dict[str, Any]:
    """Return settings with further faults added after their own."""
    return {**settings, "faults": [*settings.get("faults", ()), *read_faults(specs)]}


def _fault(spec: str) -> dict[str, Any]:
    kind, *parts = _split(spec)
    if kind not in FAULT_KINDS:
        raise _bad(spec, f"unknown kind `{kind}`", ", ".join(FAULT_KINDS), did_you_mean(kind, FAULT_KINDS, ""))
    table: dict[str, Any] = {"kind": kind}
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals:
            raise _bad(spec, f"`{part}` without a value", "name=value, separated by commas")
        table[name.strip()] = _value(name.strip(), value.strip())
    try:
        _FAULTS.validate_python(table)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise _bad(spec, f"{place}: {first['msg']}", "") from None
    return table


def _split(spec: str) -> list[str]:
    parts, quoted = [""], False
    for letter in spec:
        if letter == '"':
            quoted = not quoted
        if letter == "," and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _value(name: str, text: str) -> Any:
    if name in _LISTS:
        return [int(part) if part.isdigit() else part for part in text.split("+")]
    distribution, _, bounds = text.partition(":")
    if distribution in _DISTRIBUTIONS and bounds:
        low, _, high = bounds.partition(":")
        return {"distribution": distribution, "low_s": low, "high_s": high}
    try:
        return read_toml(f"value = {text}")["value"]
    except ValueError:
        return text


def _bad(spec: str, seen: str, allowed: str, next_step: str = "") -> BadInputError:
    return BadInputError(
        f"Could not read the fault `{spec}`",
        seen=seen,
        allowed=allowed,
        next_step=next_step or "see the table in docs/emulator.md",
    )
