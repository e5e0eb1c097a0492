"""Results of long sessions (`diag soak`) and of many sessions at once (`diag load`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class SoakTurn:
    """One turn of a long session. Times are in seconds since its start.

    Parameters
    ----------
    t_s : float
        When the prompt ended.
    connection : int
        Number of the connection, from 1.
    first_byte_s, first_played_s : float or None
        Time from the end of the prompt's speech to the first audio received, and to the first sample played, by device
        stamps. None if no reply came.
    complete : bool
        The service reported the reply as complete.
    underruns : int
        Gaps that the player inserted.
    gap_s : float
        Longest time by which a chunk came later than the audio before it lasts.
    memory_mb : float or None
        Memory of the recording process after the turn; None if the system does not tell.
    clocks : mapping of str to (seconds, frames)
        For each port a point of its clock: when a frame passed, and its number.
    late_s : float
        Longest delay of diag's own event loop in this turn.
    """

    t_s: float
    connection: int
    first_byte_s: float | None
    first_played_s: float | None
    complete: bool
    underruns: int
    gap_s: float
    memory_mb: float | None
    clocks: Mapping[str, tuple[float, int]]
    late_s: float


@dataclass(frozen=True, kw_only=True)
class SoakConnection:
    """One connection of a long session: when it was open, how it ended, and how the next one began.

    Parameters
    ----------
    ended : str
        What ended it: "client" (the end of the run), "goAway", or the close code and reason of the service.
    notice_s : float or None
        Time left that goAway announced; None without goAway.
    resumed : bool or None
        Whether the next connection resumed the session with a handle; None if there was none.
    away_s : float or None
        Time without a connection.
    """

    number: int
    start_s: float
    end_s: float
    ended: str
    notice_s: float | None = None
    resumed: bool | None = None
    away_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class SoakResult:
    """A long session: its turns and connections, and what they show."""

    name: str
    minutes: float
    audio: str
    endpoint: str
    turns: tuple[SoakTurn, ...]
    connections: tuple[SoakConnection, ...]
    rates_hz: Mapping[str, int]
    stopped: str | None = None
    """Why it ended before its time."""

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-ready data."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class LoadSession:
    """One session among others.

    Parameters
    ----------
    first_byte_s : float or None
        Time from the end of the prompt's speech to the first audio received.
    failed : str or None
        Why no reply came: the close code and reason, or what was waited for.
    late_s : float
        Longest delay with which diag sent a batch; its own, not the service's.
    """

    first_byte_s: float | None
    failed: str | None
    late_s: float


@dataclass(frozen=True, kw_only=True)
class LoadStep:
    """All sessions that ran side by side in one step."""

    sessions: int
    results: tuple[LoadSession, ...]


@dataclass(frozen=True, kw_only=True)
class LoadResult:
    """Steps of growing load."""

    name: str
    endpoint: str
    steps: tuple[LoadStep, ...] = field(default_factory=tuple)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-ready data."""
        return asdict(self)
