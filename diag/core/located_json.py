"""JSON text read together with the line of each value and the keys that are given twice."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from diag.core.json_reading import read_json

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


@dataclass(frozen=True, kw_only=True)
class LocatedJson:
    """A JSON value with the places of its parts.

    Parameters
    ----------
    lines : mapping of str to int
        Line, from 1, of each value by its JSON pointer (RFC 6901); for a member of an object, the line of its key.
    repeated : tuple of str
        Pointers of the keys that an object has more than once. The value has the last one.
    """

    value: Any
    lines: Mapping[str, int] = field(default_factory=dict)
    repeated: tuple[str, ...] = ()


@dataclass
class _Open:
    """An object or array whose end has not been reached."""

    pointer: str
    array: bool
    key: str | None = None
    index: int = 0
    keys: set[str] = field(default_factory=set)

    def child(self) -> str:
        return child_pointer(self.pointer, self.index if self.array else self.key or "")


def child_pointer(pointer: str, name: str | int) -> str:
    """Return the JSON pointer of a member or item of the value at a pointer."""
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"


def read_located_json(text: str) -> LocatedJson:
    """Return the value of a JSON text with the places of its parts.

    Raises
    ------
    ValueError
        If the text is not JSON, or `read_json` refuses it; `json.JSONDecodeError` has the line and column.
    """
    value = read_json(text)
    lines: dict[str, int] = {}
    repeated: list[str] = []
    open_values: list[_Open] = []
    line, position = 1, 0
    for token in _TOKEN.finditer(text):
        line += text.count("\n", position, token.start())
        position = token.start()
        word = token.group()
        inside = open_values[-1] if open_values else None
        if word in "}]":
            open_values.pop()
        elif word == ",":
            assert inside is not None
            inside.index += 1
            inside.key = None
        elif word != ":" and inside is not None and not inside.array and inside.key is None:
            inside.key = json.loads(word)
            pointer = inside.child()
            if inside.key in inside.keys:
                repeated.append(pointer)
            inside.keys.add(str(inside.key))
            lines[pointer] = line
        elif word != ":":
            pointer = inside.child() if inside is not None else ""
            lines.setdefault(pointer, line)
            if word in "{[":
                open_values.append(_Open(pointer, array=word == "["))
    return LocatedJson(value=value, lines=lines, repeated=tuple(repeated))
