"""States that a check, a hop or a measure can be shown in, and the checks that `diag doctor` makes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a thing is shown. Four states, each with a shape, a word and a colour."""

    FAILS = "fails"
    WATCH = "watch"
    GOOD = "good"
    UNKNOWN = "unknown"

    @property
    def shape(self) -> str:
        """A mark that needs no colour to be told from the others."""
        return {"fails": "▲", "watch": "■", "good": "●", "unknown": "○"}[self.value]

    @property
    def word(self) -> str:
        """The word beside the mark."""
        return "not measured" if self is State.UNKNOWN else self.value

    @property
    def rank(self) -> int:
        """3 for the worst; not measured stands above good, for it may hide anything."""
        return {"fails": 3, "watch": 2, "unknown": 1, "good": 0}[self.value]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    name : str
        What was looked at, in a word or two.
    state : State
        GOOD, WATCH (works, but read on), FAILS, or UNKNOWN (not looked at; `seen` says why).
    seen : str
        What was seen.
    mend : str
        The exact command or change that mends it; empty where there is nothing to mend.
    about : {"machine", "configuration"}
        Whose fault a failure is: the machine cannot measure, or the configuration cannot work.
    """

    name: str
    state: State
    seen: str
    mend: str = ""
    about: str = "machine"

    def to_json(self) -> dict[str, str]:
        """One JSON object."""
        return {
            "name": self.name,
            "state": self.state.value,
            "seen": self.seen,
            "mend": self.mend,
            "about": self.about,
        }
