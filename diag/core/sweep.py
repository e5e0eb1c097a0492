"""Result of a sweep over settings of a client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

Value = float | str | bool


@dataclass(frozen=True, kw_only=True)
class SweepRow:
    """One combination of settings.

    Parameters
    ----------
    settings : mapping of str to value
        The varied settings, such as {"playback.prebuffer_ms": 60.0}.
    takes : int
        Number of takes that it was recorded or forecast with.
    heard_s : float or None
        Median time from the end of the prompt to the first sound heard; None if it was not measured in every take.
    underruns : int
        Number of underruns in all takes.
    takes_with_underruns : int
    forecast : bool
        Whether it was forecast from the arrival times of takes with another buffer.
    folder : str or None
        The run that the takes are of.
    """

    settings: Mapping[str, Value]
    takes: int
    heard_s: float | None
    underruns: int
    takes_with_underruns: int
    forecast: bool
    folder: str | None

    @property
    def sound(self) -> bool:
        """Whether no take has an underrun and every take has a latency."""
        return self.takes > 0 and self.underruns == 0 and self.heard_s is not None


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """All combinations, the best one, and the takes that were recorded to check it.

    `rows` are in order of the varied values. `best` has the least heard latency of those without underruns, None if
    there is none. `check` is what takes with the best settings showed, None if none were recorded.
    """

    name: str
    rows: tuple[SweepRow, ...]
    best: SweepRow | None
    check: SweepRow | None = None

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object."""
        return asdict(self)
