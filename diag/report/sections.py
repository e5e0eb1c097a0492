"""The documentation of rules and metrics, cut at its headings."""

from __future__ import annotations

import re
from collections.abc import Sequence


def sections(document: str, headings: Sequence[str]) -> dict[str, str]:
    """Return the text under each fixed heading of a docstring as one line; the summary has the key "".

    A heading is alone on its line, underlined or not, or starts the line ("Fix: …").
    """
    found: dict[str, list[str]] = {"": []}
    heading = ""
    pattern = re.compile(rf"\W*({'|'.join(map(re.escape, headings))})\W*?(?:[.:]\s+(.*))?")
    for line in document.splitlines():
        opens = pattern.fullmatch(line.strip())
        if opens:
            heading = opens[1]
            found[heading] = [opens[2] or ""]
        elif not re.fullmatch(r"\s*-+\s*", line):
            found[heading].append(line)
    return {name: " ".join(" ".join(lines).split()) for name, lines in found.items()}
