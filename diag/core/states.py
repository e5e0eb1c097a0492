"""Display states of checks, hops and measures, and the result of a `diag doctor` check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a result is displayed. Each of the four states has a shape, a word and a colour."""

    FAILS = "fails"
    WATCH = "watch"
    GOOD = "good"
    UNKNOWN = "unknown"

    @property
    def shape(self) -> str:
        """A symbol that differs from the others by its shape, not only by its colour."""
        return {"fails": "▲", "watch": "■", "good": "●", "unknown": "○"}[self.value]

    @property
    def word(self) -> str:
        """The word beside the symbol."""
        return {"fails": "error", "watch": "warning", "good": "good", "unknown": "not measured"}[self.value]

    @property
    def rank(self) -> int:
        """Severity, 3 for the worst. UNKNOWN ranks above GOOD, because what was not measured may be faulty."""
        return {"fails": 3, "watch": 2, "unknown": 1, "good": 0}[self.value]


@dataclass(frozen=True, kw_only=True)
class Check:
    """The result of one check.

    Parameters
    ----------
    name : str
        What was checked, in one or two words.
    state : State
        GOOD, WATCH (works, but `seen` has a warning), FAILS, or UNKNOWN (not checked; `seen` says why).
    seen : str
        What was found.
    fix : str
        The exact command or change that fixes it; empty if there is nothing to fix.
    about : {"machine", "configuration"}
        What a failure means: "machine" cannot measure, or "configuration" cannot work.
    """

    name: str
    state: State
    seen: str
    fix: str = ""
    about: str = "machine"

    def to_json(self) -> dict[str, str]:
        """Return one JSON object."""
        return {
            "name": self.name,
            "state": self.state.value,
            "seen": self.seen,
            "fix": self.fix,
            "about": self.about,
        }
