"""Text from elsewhere (servers, files, names, transcripts) made safe to show: controls visible, length limited.

A terminal obeys escape sequences in what it prints, and characters for writing direction reorder what is read.
"""

from __future__ import annotations

import re

LONGEST_QUOTED = 240
"""Longest text of others that is shown within a sentence, in characters: two lines of a terminal."""
_UNSAFE = (
    "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f"  # C0 without tab and line feed, DEL, C1
    "\\u061c\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff\\ufff9-\\ufffb"  # invisible, direction
    "\\ud800-\\udfff\\U000e0000-\\U000e007f"  # halves of characters, tags
)
_UNSAFE_IN_TEXT = re.compile(f"[{_UNSAFE}]")
_UNSAFE_IN_LINE = re.compile(f"[{_UNSAFE}\\n\\t]")


def visible(text: str) -> str:
    r"""Return text with control characters and marks of writing direction written as `\x1b` or `\u202e`.

    Line feeds and tabs stay.
    """
    return _UNSAFE_IN_TEXT.sub(_escaped, text)


def on_one_line(text: str) -> str:
    r"""Return text as `visible` does, and with line feeds and tabs written as `\n` and `\t`."""
    return _UNSAFE_IN_LINE.sub(_escaped, text)


def quotable(text: str, most: int = LONGEST_QUOTED) -> str:
    """Return text of others for use within a sentence: on one line, and cut after `most` characters."""
    cut = text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"
    shown = on_one_line(cut)
    # The same object where nothing changed: a `Message` keeps its template.
    return text if shown == text else shown


def json_safe(text: str) -> str:
    r"""Return the text of a JSON document with unsafe characters as `\u` escapes; its meaning stays the same."""
    return _UNSAFE_IN_TEXT.sub(_json_escape, text)


def _escaped(found: re.Match[str]) -> str:
    character = found.group()
    named = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(character)
    if named is not None:
        return named
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
