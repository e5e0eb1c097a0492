"""Read TOML that may come from anywhere: whatever is wrong with it is a `ValueError` with the reason."""

from __future__ import annotations

import tomllib
from typing import Any

DEEPEST = 32
"""Deepest nesting of tables and lists. Configurations need about six levels."""
LARGEST_NUMBER = 2**63


def read_toml(text: str) -> dict[str, Any]:
    """Return the tables of a TOML text.

    Raises
    ------
    ValueError
        If it is not TOML, is nested deeper than `DEEPEST`, or has a whole number of more than 64 bits.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"not valid TOML: {error}") from None
    except RecursionError:
        raise ValueError(f"it is nested deeper than {DEEPEST} levels") from None
    except ValueError:
        # Python refuses to read a number of more than 4300 digits, which may take very long.
        raise ValueError("it has a number of more than 64 bits") from None
    _check(tables)
    return tables


def _check(tables: dict[str, Any]) -> None:
    waiting: list[tuple[Any, int]] = [(tables, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST} levels")
        if isinstance(value, dict | list):
            members = value.values() if isinstance(value, dict) else value
            waiting.extend((member, depth + 1) for member in members)
        elif isinstance(value, int) and not -LARGEST_NUMBER <= value < LARGEST_NUMBER:
            raise ValueError("it has a number of more than 64 bits")
