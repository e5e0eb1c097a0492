"""Handles by which a session is taken up again on another connection."""

from __future__ import annotations

import time
import uuid

from diag.emulator.closing import CLOSES
from diag.emulator.profile import Profile, Remembered


class Resumption:
    """The handles of one session.

    Parameters
    ----------
    session : int
        Its number.
    opened_s : float
        When it was opened, on the clock of the truth.
    """

    def __init__(self, profile: Profile, session: int, opened_s: float) -> None:
        self._profile = profile
        self._session = session
        self._opened_s = opened_s
        self._before_s = 0.0
        self._given: list[Remembered] = []

    @property
    def elapsed_s(self) -> float:
        """Age of the session over all its connections."""
        return self._before_s + time.perf_counter() - self._opened_s

    def resume(self, handle: str, model: str) -> int:
        """Take a session up; gives the number of turns it had.

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
        """A handle for the session as it stands now."""
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
        """The connection is gone: its handles may be used."""
        for state in self._given:
            state.open_session = None
        self._given.clear()
