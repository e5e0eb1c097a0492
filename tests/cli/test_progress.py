"""The live line, on a terminal of cardboard."""

import os
import pty
import subprocess
import sys

import pytest

SCRIPT = """
from diag.cli.progress import TerminalProgress
with TerminalProgress() as progress:
    progress.started(title="healthy", takes=2, about_s=None)
    progress.take_done(run="healthy", take="0001", line="yes: answered", discarded=None)
    progress.take_done(run="healthy", take="0002", line="yes: answered", discarded="our loop was late")
    progress.take_done(run="healthy", take="0003", line="[bold]yes[/bold]: answered", discarded=None)
    progress.take_done(run="healthy", take="0004", line="several words " * 9, discarded="our loop was late again " * 6)
    progress.note("kept in " + "x" * 100)
"""


def seen_on_a_terminal(**environment):
    """All that a terminal of 80 columns gets."""
    try:
        ours, theirs = pty.openpty()
    except OSError:
        pytest.skip("this machine has no pseudo-terminals")
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT], stderr=theirs, stdout=theirs,
            env={**os.environ, "COLUMNS": "80", "TERM": "xterm-256color", **environment},
        )  # fmt: skip
        os.close(theirs)
        parts = []
        while part := _read(ours):
            parts.append(part)
        assert process.wait(timeout=10) == 0
    finally:
        os.close(ours)
    return b"".join(parts).decode()


def _read(handle):
    try:
        return os.read(handle, 65536)
    except OSError:
        return b""


@pytest.fixture(scope="module")
def screen():
    """What was written, with escapes."""
    return seen_on_a_terminal()


def test_every_take_stays_as_a_line(screen):
    assert "healthy take 0001  yes: answered" in screen
    assert "healthy take 0002  discarded: our loop was late" in screen


def test_words_of_others_are_no_markup(screen):
    assert "[bold]yes[/bold]: answered" in screen


def test_live_line_counts_what_counts_and_goes_away(screen):
    assert "2/2" in screen
    assert "3/2" not in screen
    assert "\x1b[2K" in screen.split("2/2")[-1]
    assert screen.endswith("\x1b[?25h") or "\x1b[?25h" in screen


def test_long_lines_are_folded_between_words(screen):
    assert "our loop was late again our loop was late again\r\n    our loop" in screen.replace("\x1b[K", "")


def test_paths_are_not_broken(screen):
    assert "x" * 100 in screen


def test_no_color():
    screen = seen_on_a_terminal(NO_COLOR="1")
    assert "2/2" in screen
    assert "\x1b[3" not in screen


def test_dumb_terminal_gets_plain_lines():
    assert "\x1b" not in seen_on_a_terminal(TERM="dumb")
