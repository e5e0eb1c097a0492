"""List every text that a user of diag can see, each with its file and line, so that the wording can be read in one go.

.venv/bin/python tools/list_texts.py [WORD…]

With words, only texts that contain one of them are listed. A text is a string of two words or more in the code of
`diag/`, or a line of a page template. In an f-string, each inserted value is shown as `{…}`. Docstrings are listed only
where a user reads them: those of commands, findings and measures.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHOWN_DOCSTRINGS = ("diag/cli/", "diag/judge/rules/", "diag/measure/metrics/")
"""Folders whose functions show their docstrings: as `--help`, or in `diag explain` and the reference pages."""

WORDS = re.compile(r"[A-Za-z]{2,}[,.:;]? [A-Za-z`({]")


def main() -> int:
    """Print the texts, one a line."""
    wanted = sys.argv[1:]
    for place, line, text in texts():
        if not wanted or any(word in text for word in wanted):
            print(f"{place}:{line}: {' '.join(text.split())}")
    return 0


def texts() -> Iterator[tuple[str, int, str]]:
    """Yield file, line and text of everything that a user can see."""
    for path in sorted((ROOT / "diag").rglob("*.py")):
        place = str(path.relative_to(ROOT))
        code = path.read_text(encoding="utf-8")
        for line, text in sorted(texts_of_code(code, shown=place.startswith(SHOWN_DOCSTRINGS))):
            yield place, line, text
    for path in sorted((ROOT / "diag/report/templates").glob("*.j2")):
        for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            shown = re.sub(r'{{\s*_\("([^"]*)".*?}}', r" \1 ", text)  # what is translated
            words = re.sub(r"<[^>]*>|{[{%].*?[%}]}", " ", shown)
            if WORDS.search(words):
                yield str(path.relative_to(ROOT)), line, words


def texts_of_code(code: str, *, shown: bool) -> Iterator[tuple[int, str]]:
    """Yield line and text of the strings of one module, with the docstrings of its functions if they are `shown`."""
    tree = ast.parse(code)
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    descriptions = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    if shown:
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        first = [node.body[0] for node in functions if not node.name.startswith("_")]
        descriptions -= {id(statement.value) for statement in first if isinstance(statement, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{…}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside | descriptions:
            text = node.value
        else:
            continue
        if WORDS.search(text):
            yield node.lineno, text


if __name__ == "__main__":
    sys.exit(main())
