"""Read JSON that may come from anywhere: what is not plain data of a usual size raises `ValueError` with the reason."""

from __future__ import annotations

import json
import math
import re
from typing import Any

DEEPEST = 64
"""Deepest nesting. The documents of diag have less than ten levels; functions that follow each level need a limit."""
LONGEST_NUMBER = 40
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{\]}]')


def read_json(data: str | bytes) -> Any:  # noqa: ANN401 (a JSON value)
    """Return the value of a JSON text.

    Raises
    ------
    ValueError
        If it is not JSON in UTF-8, is nested deeper than `DEEPEST`, or has a number that is not finite or has more than
        `LONGEST_NUMBER` digits, or half of a character (a lone surrogate).
    """
    try:
        text = data if isinstance(data, str) else data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not text in UTF-8") from None
    _check_depth(text)
    value = json.loads(text, parse_int=_whole, parse_float=_finite, parse_constant=_no_number)
    if "\\ud" in text or "\\uD" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("it has half of a character (a lone surrogate)") from None
    return value


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    depth = 0
    for token in _TOKEN.finditer(text):
        mark = token.group()
        depth += (mark in "[{") - (mark in "]}")
        if depth > DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST} levels")


def _whole(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(f"it has a number of {len(digits)} digits")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits[:LONGEST_NUMBER]} is too large for a number")
    return value


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not a number in JSON")
