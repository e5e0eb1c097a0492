"""Draw docs/pictures/first-minutes.svg: what the terminal shows in the first five minutes.

.venv/bin/python tools/first_minutes.py

Every command is run, and its real output is drawn. The recordings that it judges are made by its own runs.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs/pictures/first-minutes.svg"
COLUMNS = 100
MOST_LINES = 14
"""Lines of output that are drawn of each command."""
STEPS = (
    ("diag run healthy --quick", "a first look: one take with the simulated service"),
    ("diag run dull_player --quick", "a player that loses treble"),
    ("diag explain dull", "what can cause what you hear"),
    ("diag analyze runs/heard.wav --reference runs/received.wav", "two recordings of that take"),
)
"""Commands, and what they show. `runs/` is filled with two recordings of the second run."""
THEME = TerminalTheme(
    (255, 255, 255), (26, 29, 33),
    [
        (26, 29, 33), (179, 38, 30), (23, 104, 58), (133, 84, 0),
        (11, 87, 176), (107, 75, 168), (0, 106, 115), (84, 91, 102),
    ],
)  # fmt: skip


def main() -> int:
    """Run the commands and write the picture."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "runs").mkdir()
        console = Console(record=True, width=COLUMNS, file=io.StringIO())
        for command, shows in STEPS:
            console.print(Text(f"# {shows}", style="color(7)"))
            console.print(Text(f"$ {command}", style="bold"))
            lines = _output(command, folder)
            for line in lines[:MOST_LINES]:
                console.print(Text(line))
            if len(lines) > MOST_LINES:
                console.print(Text(f"… {len(lines) - MOST_LINES} more lines", style="color(7)"))
            console.print()
            _keep_recordings(folder)
        drawn = console.export_svg(title="The first five minutes", theme=THEME, unique_id="diag")
        # Its fonts would be loaded from another host; the viewer's own are as good.
        PICTURE.write_text(re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.DOTALL), "utf-8")
    return 0


def _output(command: str, folder: Path) -> list[str]:
    """Return the lines that a command prints, as on a terminal of `COLUMNS` columns."""
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command)],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": str(COLUMNS)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode not in (0, 1, 4):
        raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout.replace(str(folder), ".").splitlines()


def _keep_recordings(folder: Path) -> None:
    for tap in ("heard", "received"):
        for place in sorted(folder.glob(f"reports/runs/*dull_player*/takes/0001/{tap}.wav")):
            (folder / "runs" / place.name).write_bytes(place.read_bytes())


if __name__ == "__main__":
    sys.exit(main())
