"""`diag serve`: the emulator as a server for any client, whose sessions are judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from diag.api.options import Options

if TYPE_CHECKING:
    from diag.core.results import Report


def serve(
    *,
    scenario: str | None,
    as_of: str | None,
    tell: Callable[[str], object],
    output: Options | None = None,
    **options: Any,
) -> Report | None:
    """Serve the emulator until it is interrupted, then judge the sessions of its clients and write a report.

    Parameters
    ----------
    scenario : str or None
        Configuration whose `[emulator]` table says how the service behaves.
    as_of : str or None
        Date whose models are served, as "2025-09-19".
    tell : callable
        Called with each text to show: how to connect, and a line for each turn.
    output : Options, optional
        `out` and `embed` are used.
    **options
        As in `diag.emulator.serving.serve`.

    Returns
    -------
    Report or None
        None if no client opened a session.

    Raises
    ------
    BadInputError
        If the configuration or an option cannot be used.
    """
    from diag.api.watched_sessions import WatchedSessions
    from diag.emulator import serving
    from diag.files.scenarios import find_scenario

    settings = dict(find_scenario(scenario).emulator) if scenario else {}
    if as_of is not None:
        settings["as_of"] = as_of
    sessions = WatchedSessions(
        name="serve",
        title="Sessions of clients at the emulator",
        endpoint="emulator",
        options=output or Options(),
        tell=tell,
    )
    serving.serve(settings=settings, on_listening=tell, watch=sessions.watch_target, **options)
    return sessions.report()
