"""Errors that are shown to the user as one sentence, and the exit codes of the command line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum
from typing import ClassVar

from diag.core.plain_text import quotable

LONGEST_PART = 1500
LONGEST_SEEN = 600
"""Longer parts of an error's sentence are cut: a path or a value may be as long as a file."""


class ExitCode(IntEnum):
    """Exit codes of the command line."""

    GOOD = 0
    FAILED = 1
    USAGE = 2
    CANNOT_MEASURE = 3
    TOO_LITTLE_EVIDENCE = 4
    BUG = 70
    STOPPED = 130


class DiagError(Exception):
    """A problem that the user can act on. It is shown as one sentence, without a traceback.

    Parameters
    ----------
    attempted : str
        What failed, for example "Could not read the prompt my.wav".
    seen : str
        What was found instead.
    allowed : str
        What would have been accepted; may be empty if that is obvious.
    next_step : str
        What to do now, with the command if there is one.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.BUG

    def __init__(self, attempted: str, *, seen: str, allowed: str = "", next_step: str) -> None:
        attempted, seen = quotable(attempted, LONGEST_SEEN), quotable(seen, LONGEST_SEEN)
        next_step = quotable(next_step, LONGEST_PART)
        self.attempted = attempted
        self.seen = seen
        self.allowed = allowed
        self.next_step = next_step
        parts = (seen, f"allowed: {allowed}" if allowed.strip() else "", next_step)
        sentence = "; ".join(part.strip().rstrip(".;") for part in parts if part.strip())
        end = "" if sentence.endswith("?") else "."
        super().__init__(f"{attempted.strip().rstrip('.:')}: {sentence}{end}")

    def __reduce__(self) -> tuple[object, ...]:
        """Support pickling with all fields: a worker process raises the error, and its parent prints it."""
        return _rebuild, (type(self), self.attempted, self.seen, self.allowed, self.next_step)


def _rebuild(kind: type[DiagError], attempted: str, seen: str, allowed: str, next_step: str) -> DiagError:
    return kind(attempted, seen=seen, allowed=allowed, next_step=next_step)


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """Return the question whether the known name that is most like a wrong one was meant, or another next step."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean `{close[0]}`?" if close else otherwise


class BadInputError(DiagError):
    """A file, a name or an option that cannot be used."""

    exit_code = ExitCode.USAGE


class CannotMeasureError(DiagError):
    """No device, no connection or no key: nothing was measured."""

    exit_code = ExitCode.CANNOT_MEASURE
