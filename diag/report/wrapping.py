"""Wrapping of lines for the terminal."""

from __future__ import annotations

import re


def wrapped(text: str, width: int, *, later: str | None = None) -> list[str]:
    """Return lines of at most `width` columns; later ones start with `later` or are indented two more."""
    indent = text[: len(text) - len(text.lstrip())]
    words = re.split(r"( +)", text.strip())
    lines, line = [], indent
    for gap, word in zip(["", *words[1::2]], words[::2], strict=True):
        if line.strip() and len(line) + len(gap) + len(word) > max(width, 40):
            lines.append(line)
            line = (f"{indent}  " if later is None else later) + word
        else:
            line += gap + word
    return [*lines, line]
