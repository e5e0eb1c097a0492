"""Wrapping of lines for the terminal."""

from __future__ import annotations

import re
from unicodedata import east_asian_width


def wrapped(text: str, width: int, *, later: str | None = None) -> list[str]:
    """Return lines of at most `width` columns; later ones start with `later` or are indented two more."""
    indent = text[: len(text) - len(text.lstrip())]
    words = re.split(r"( +)", text.strip())
    lines, line = [], indent
    for gap, word in zip(["", *words[1::2]], words[::2], strict=True):
        if line.strip() and columns(line) + len(gap) + columns(word) > max(width, 40):
            lines.append(line)
            line = (f"{indent}  " if later is None else later) + word
        else:
            line += gap + word
    return [*lines, line]


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes: two for each character of Korean, Chinese and Japanese."""
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def padded(text: str, width: int) -> str:
    """Return a text with spaces at its end, at least `width` columns wide."""
    return text + " " * (width - columns(text))


def to_the_right(text: str, width: int) -> str:
    """Return a text with spaces before it, at least `width` columns wide."""
    return " " * (width - columns(text)) + text
