"""Handles with which a session is resumed on another connection."""

from __future__ import annotations

import time
import uuid

from diag.emulator.closing import CLOSES
from diag.emulator.profile import Profile, Remembered


class Resumption:
    """Handles of one session.

    Parameters
    ----------
    profile : Profile
        Stores the handles.
    session : int
        Number of the session.
    opened_s : float
        When the session was opened, on the `time.perf_counter` clock.
    """

    def __init__(self, profile: Profile, session: int, opened_s: float) -> None:
        self._profile = profile
        self._session = session
        self._opened_s = opened_s
        self._before_s = 0.0
        self._given: list[Remembered] = []

    @property
    def elapsed_s(self) -> float:
        """Return the age of the session over all its connections, in seconds."""
        return self._before_s + time.perf_counter() - self._opened_s

    def resume(self, handle: str, model: str) -> int:
        """Resume a session; return the number of turns it had.

        Raises
        ------
        Refused
            1008 for a handle that is unknown, too old or of another model; 1011 while its old connection is open, as
            the real service does.
        """
        state = self._profile.recall(handle)
        if state is None or state.model != model:
            raise CLOSES["not_found"].refused()
        if state.open_session is not None:
            raise CLOSES["internal"].refused()
        self._before_s = state.elapsed_s
        return state.turns

    def new_handle(self, model: str, turns: int) -> str:
        """Return a new handle for the current state of the session."""
        handle = uuid.uuid4().hex
        state = Remembered(
            model=model,
            turns=turns,
            elapsed_s=self.elapsed_s,
            open_session=self._session,
            written_s=time.perf_counter(),
        )
        self._profile.remember(handle, state)
        self._given.append(state)
        return handle

    def close(self) -> None:
        """Allow the handles to be used, because the connection has ended."""
        for state in self._given:
            state.open_session = None
        self._given.clear()
