"""The documents of the project, and the commands in them."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def command_lines(path):
    """Lines of the code blocks for a shell, without a prompt and without the path of the virtual environment."""
    for block in re.findall(r"```(?:sh|console)\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL):
        for line in block.splitlines():
            yield line.strip().removeprefix("$ ").removeprefix(".venv/bin/")
